-- How batches end, and what is left behind when a worker dies.

ALTER TABLE batches
  -- Written once, when a worker first takes the batch to end it. From then on nothing becomes of its lines any more and
  -- no line of it is handed out, so that its files are the same bytes whoever makes them, however often.
  ADD COLUMN ending text CHECK (ending IN ('completed', 'cancelled', 'expired')),
  -- The files that are being made. Chosen with `ending`: whoever begins anew puts them where the one before did, and
  -- nothing lies in the storage twice.
  ADD COLUMN coming_output_id text,
  ADD COLUMN coming_error_id text,
  -- It has ended, and rows of its lines or results are still to be deleted: slice by slice, after the transaction of the
  -- end, which would hold its locks for long with fifty thousand of them.
  ADD COLUMN leaves_lines boolean NOT NULL DEFAULT false;

CREATE INDEX batches_leaving_lines ON batches (id) WHERE leaves_lines;
