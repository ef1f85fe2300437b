-- Whether built-ins may stand in for hub models that nobody serves; null leaves it to the server's ZEROGPU_STANDINS.
ALTER TABLE projects ADD COLUMN stand_ins boolean;
