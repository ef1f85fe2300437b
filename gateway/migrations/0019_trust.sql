-- What nodes that nobody vouches for have shown so far, by model: right answers in a row, wrong ones, quarantine.

CREATE TABLE node_trust (
  node_id text NOT NULL REFERENCES nodes ON DELETE CASCADE,
  model text NOT NULL,
  version text NOT NULL,
  runtime text NOT NULL,
  -- Checked and right, in a row.
  right_in_row int NOT NULL DEFAULT 0 CHECK (right_in_row >= 0),
  right_total bigint NOT NULL DEFAULT 0,
  wrong_total bigint NOT NULL DEFAULT 0,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (node_id, model, version, runtime)
);
