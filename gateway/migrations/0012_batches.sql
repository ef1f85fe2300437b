-- Batches: a file of requests that are answered within a day. Each line is one row here until the batch has ended; its
-- text stays in the input file, where `start` and `length` find it.

CREATE TABLE batches (
  id text COLLATE "C" PRIMARY KEY,
  project_id uuid NOT NULL REFERENCES projects,
  -- Its lines are asked with this key, as long as it may.
  key_id uuid NOT NULL REFERENCES api_keys,
  endpoint text NOT NULL,
  input_file_id text NOT NULL,
  status text NOT NULL CHECK (status IN (
    'validating', 'failed', 'in_progress', 'finalizing', 'completed', 'cancelling', 'cancelled', 'expired')),
  -- JSON as text, here and below: what callers write may hold what jsonb cannot.
  metadata text NOT NULL DEFAULT '{}',
  -- JSON: [{code, message, line, param}]; null but for `failed`.
  errors text,
  -- Null until it has ended, and where there are no such lines.
  output_file_id text,
  error_file_id text,
  -- Kept in the transaction of each line's result. At the end they equal the lines of the files.
  total int NOT NULL DEFAULT 0,
  completed int NOT NULL DEFAULT 0,
  failed int NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  in_progress_at timestamptz,
  finalizing_at timestamptz,
  completed_at timestamptz,
  failed_at timestamptz,
  expired_at timestamptz,
  cancelling_at timestamptz,
  cancelled_at timestamptz,
  -- No line is handed out before, because a rate limit or the lack of capacity said so; null is at once.
  paused_until timestamptz,
  -- When lines of it were last handed out: whoever waited longest comes next.
  claimed_at timestamptz NOT NULL DEFAULT '-infinity',
  -- Up to here lines were handed out for the first time; those behind are untouched. Without it each look for the next
  -- lines would begin at the first, and pass by all that were handed out before.
  claimed_to int NOT NULL DEFAULT 0,
  -- Who validates it or makes its files, as long as that worker lives (batch_workers).
  worker_id text,
  -- Written once, when a worker first takes the batch to end it. From then on nothing becomes of its lines any more and
  -- no line of it is handed out, so that its files are the same bytes whoever makes them, however often.
  ending text CHECK (ending IN ('completed', 'cancelled', 'expired')),
  -- The files that are being made. Chosen with `ending`: whoever begins anew puts them where the one before did, and
  -- nothing lies in the storage twice.
  coming_output_id text,
  coming_error_id text,
  -- It has ended, and rows of its lines or results are still to be deleted: slice by slice, after the transaction of the
  -- end, which would hold its locks for long with fifty thousand of them.
  leaves_lines boolean NOT NULL DEFAULT false
) WITH (
  -- Counters are rewritten by every group of lines: free room in the page keeps those updates in place.
  fillfactor = 50
);
CREATE INDEX batches_by_project ON batches (project_id, id);
CREATE INDEX batches_open ON batches (project_id, claimed_at)
  WHERE status IN ('validating', 'in_progress', 'finalizing', 'cancelling');
CREATE INDEX batches_by_input ON batches (input_file_id)
  WHERE status IN ('validating', 'in_progress', 'finalizing', 'cancelling');
CREATE INDEX batches_leaving_lines ON batches (id) WHERE leaves_lines;

-- When lines were last handed out of an organization, and of a project: whoever waited longest comes next. Who cuts its
-- work into many batches, or makes many projects, has no more turns than others.
CREATE TABLE batch_turns (
  -- An organization's or a project's.
  id uuid PRIMARY KEY,
  claimed_at timestamptz NOT NULL
) WITH (fillfactor = 50);

-- Who works on batches: a gateway, or a worker beside it. Whatever a worker has taken is its own until `alive_until`,
-- which it moves on while it lives; what a dead one had is handed out again.
CREATE TABLE batch_workers (
  id text PRIMARY KEY,
  started_at timestamptz NOT NULL DEFAULT now(),
  alive_until timestamptz NOT NULL
);

-- Without foreign keys: 50,000 are written at once, and go with their batch (gateway/src/batches/endings/).
CREATE TABLE batch_lines (
  batch_id text COLLATE "C" NOT NULL,
  -- In the file, from 1; blank lines count.
  number int NOT NULL,
  -- As a JSON string, quotes and all: what it means may hold what text cannot.
  custom_id text NOT NULL,
  -- Bytes in the input file.
  start bigint NOT NULL,
  length int NOT NULL,
  state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'running', 'done')),
  -- How often it was handed out, without those times that did not count.
  attempts smallint NOT NULL DEFAULT 0,
  -- A line that failed and is tried again, not before; null is at once.
  not_before timestamptz,
  worker_id text,
  PRIMARY KEY (batch_id, number)
);
-- What was handed out and came back: it has a `not_before`, and none of it is behind `claimed_to`.
CREATE INDEX batch_lines_again ON batch_lines (batch_id, not_before) WHERE state = 'pending' AND not_before IS NOT NULL;
CREATE INDEX batch_lines_running ON batch_lines (worker_id) WHERE state = 'running';

-- What became of a line, written once, in the transaction that charges for it.
CREATE TABLE batch_results (
  batch_id text COLLATE "C" NOT NULL,
  number int NOT NULL,
  succeeded boolean NOT NULL,
  -- Of the run that answered or failed for good; null where none was.
  request_id text,
  -- JSON: the answer's body, or {code, message, param}.
  body text NOT NULL,
  PRIMARY KEY (batch_id, number)
);

-- Callers and administrators see and end their batches; lines and results are the workers' alone.
GRANT SELECT, INSERT, UPDATE ON batches TO zerogpu_tenant;
ALTER TABLE batches ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON batches TO zerogpu_tenant USING (
  project_id = tenant_project()
  AND EXISTS (SELECT 1 FROM projects p WHERE p.id = project_id AND p.organization_id = tenant_organization()));
