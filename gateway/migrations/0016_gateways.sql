-- Gateways that run now, and where workers beside them reach their nodes: each has one row from when it listens until it
-- ends, and moves `alive_until` on while it lives.
CREATE TABLE gateways (
  id uuid PRIMARY KEY,
  url text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now(),
  alive_until timestamptz NOT NULL
);
