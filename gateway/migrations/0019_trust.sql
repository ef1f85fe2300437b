-- What nodes that nobody vouches for have shown so far, by model, and which of their answers were wrong.

CREATE TABLE node_trust (
  node_id text NOT NULL REFERENCES nodes ON DELETE CASCADE,
  model text NOT NULL,
  version text NOT NULL,
  runtime text NOT NULL,
  -- Checked and right, in a row.
  right_in_row int NOT NULL DEFAULT 0 CHECK (right_in_row >= 0),
  right_total bigint NOT NULL DEFAULT 0,
  wrong_total bigint NOT NULL DEFAULT 0,
  -- Answers that left without being checked: what a wrong one found later may have been among.
  unchecked_total bigint NOT NULL DEFAULT 0,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (node_id, model, version, runtime)
);

-- Why a node is in quarantine, for its owner's appeal. No word of what was asked or answered: a hash of each answer.
CREATE TABLE wrong_answers (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  node_id text NOT NULL REFERENCES nodes ON DELETE CASCADE,
  model text NOT NULL,
  version text NOT NULL,
  runtime text NOT NULL,
  found_at timestamptz NOT NULL,
  -- Before it left, afterwards, or in answer to what was known already.
  found_by text NOT NULL CHECK (found_by IN ('release', 'recheck', 'known_answer')),
  -- SHA-256.
  expected bytea NOT NULL CHECK (length(expected) = 32),
  given bytea NOT NULL CHECK (length(given) = 32)
);
CREATE INDEX wrong_answers_by_node ON wrong_answers (node_id, found_at);
