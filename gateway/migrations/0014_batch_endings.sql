-- How the files of a batch are read out of the database, and how its lines go afterwards.

-- Lines and results of a batch come in one moment and are gone in another, so that what the planner knows of them is
-- always old: left to itself it read every line of every batch for each page (measured). Both ways lead by primary keys.

-- One page of a batch's output file (wanted: true) or error file, in the order of lines, behind the line `after`: at most
-- `most_rows`, and no further row once there are `most_bytes`. Rows of the other file come without text, as they only
-- move the page on. Sizes are known without reading what they are the sizes of.
CREATE FUNCTION batch_output_page(batch text, after int, wanted boolean, most_rows int, most_bytes int)
RETURNS TABLE (number int, custom_id text, request_id text, body text, succeeded boolean) LANGUAGE sql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET max_parallel_workers_per_gather = 0
AS $$
  SELECT p.number, p.custom_id, p.request_id, p.body, p.succeeded FROM (
    SELECT l.number, r.request_id, r.succeeded,
      CASE WHEN asked THEN l.custom_id END AS custom_id, CASE WHEN asked THEN r.body END AS body,
      sum(size) OVER (ORDER BY l.number) - size AS before
    FROM (
      SELECT b.number, b.custom_id FROM batch_lines b WHERE b.batch_id = batch AND b.number > after
      ORDER BY b.batch_id, b.number LIMIT most_rows) l
    LEFT JOIN LATERAL (
      SELECT * FROM batch_results b WHERE b.batch_id = batch AND b.number = l.number OFFSET 0) r ON true
    CROSS JOIN LATERAL (SELECT coalesce(r.succeeded, false) = wanted AS asked) a
    CROSS JOIN LATERAL (
      SELECT CASE WHEN asked THEN octet_length(l.custom_id) + coalesce(octet_length(r.body), 0) ELSE 0 END AS size) s
  ) p WHERE p.before < most_bytes ORDER BY p.number
$$;

-- Deletes the next lines behind `after`, and their results. Returns the last one's number, null where there was none.
CREATE FUNCTION delete_batch_lines(batch text, after int, most int) RETURNS int LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
  upto int := (SELECT max(l.number) FROM (
    SELECT b.number FROM batch_lines b WHERE b.batch_id = batch AND b.number > after
    ORDER BY b.batch_id, b.number LIMIT most) l);
BEGIN
  DELETE FROM batch_results r WHERE r.batch_id = batch AND r.number > after AND r.number <= upto;
  DELETE FROM batch_lines l WHERE l.batch_id = batch AND l.number > after AND l.number <= upto;
  RETURN upto;
END $$;
