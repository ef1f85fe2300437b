-- Why a request went where it went: the candidates of the router and their scores, in a few hundred bytes of JSON.
ALTER TABLE requests ADD COLUMN why text CHECK (length(why) <= 600);
