-- How lines of batches are handed out and settled.
--
-- The order of locks, so that nobody waits in a circle: accounts (ledger), rollups, batches by id. Lines are locked only
-- by who does not wait for them (SKIP LOCKED). Whoever changes a batch's status does so under the lock on its row, which
-- is also held while its lines are handed out or settled: under it `pending` and `running` stay as they are seen.

-- A line as it is handed out, with what asking it takes.
CREATE TYPE claimed_line AS (
  batch_id text, number int, attempt smallint, start bigint, length int,
  project_id uuid, key_id uuid, endpoint text, input_file_id text);

-- Hands out at most `most` lines to a worker that lives: of the organization that waited longest, in it of the project and
-- the batches that did; those that come back first, then in their order, so that lines which are worked on together lie
-- together in the file. Each is an attempt.
-- At most eight batches at once: of more with next to nothing in each, the rest comes with the next call.
-- Nor more than a line beyond 256 KB of text: a megabyte takes as long to read as hundreds of usual lines, and who has such
-- lines has his turn for one of them.
-- others_than: batches of which nothing is wanted now.
CREATE FUNCTION claim_lines(worker text, most int, at timestamptz, others_than text[] DEFAULT '{}')
RETURNS SETOF claimed_line LANGUAGE plpgsql
-- Lines come by the thousand and nobody has counted them yet: left to itself the planner would gather all that are left
-- of a batch and sort them, each time that it hands out some.
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
  candidates text[] := '{}';
  taken text[] := '{}';
  of_project uuid;
  b batches;
  again int[];
  fresh int[];
  room int := most;
  bytes_left bigint := 262144;
BEGIN
  IF NOT EXISTS (SELECT 1 FROM batch_workers w WHERE w.id = worker AND w.alive_until > now()) THEN RETURN; END IF;
  -- From one project that has open batches to the next, past all the batches between.
  FOR of_project IN
    WITH RECURSIVE found AS (
      (SELECT o.project_id FROM batches o WHERE o.status IN ('validating', 'in_progress', 'finalizing', 'cancelling')
        ORDER BY o.project_id LIMIT 1)
      UNION ALL
      SELECT (SELECT o.project_id FROM batches o
        WHERE o.status IN ('validating', 'in_progress', 'finalizing', 'cancelling') AND o.project_id > f.project_id
        ORDER BY o.project_id LIMIT 1)
      FROM found f WHERE f.project_id IS NOT NULL)
    SELECT p.id FROM found f JOIN projects p ON p.id = f.project_id
    LEFT JOIN batch_turns t ON t.id = p.organization_id LEFT JOIN batch_turns u ON u.id = p.id
    ORDER BY t.claimed_at NULLS FIRST, u.claimed_at NULLS FIRST
  LOOP
    candidates := candidates || ARRAY(
      SELECT o.id FROM batches o
      WHERE o.project_id = of_project AND o.status = 'in_progress' AND o.ending IS NULL AND o.expires_at > at
        AND (o.paused_until IS NULL OR o.paused_until <= at) AND o.id <> ALL (others_than)
        AND (EXISTS (SELECT 1 FROM batch_lines l
            WHERE l.batch_id = o.id AND l.state = 'pending' AND l.not_before IS NOT NULL AND l.not_before <= at)
          OR EXISTS (SELECT 1 FROM batch_lines l WHERE l.batch_id = o.id AND l.number > o.claimed_to))
      ORDER BY o.claimed_at LIMIT 8 - cardinality(candidates));
    EXIT WHEN cardinality(candidates) >= 8;
  END LOOP;
  IF cardinality(candidates) = 0 THEN RETURN; END IF;
  -- Who waited for another that hands out of them sees what is left, because each statement looks anew.
  PERFORM 1 FROM batches WHERE id = ANY (candidates) ORDER BY id FOR NO KEY UPDATE;
  FOR b IN
    SELECT * FROM batches o
    WHERE o.id = ANY (candidates) AND o.status = 'in_progress' AND (o.paused_until IS NULL OR o.paused_until <= at)
      -- Expired meanwhile by another's clock, it is in the hands of who makes its files (0014_batch_endings.sql).
      AND o.ending IS NULL
    ORDER BY array_position(candidates, o.id)
  LOOP
    EXIT WHEN room <= 0 OR bytes_left <= 0;
    SELECT coalesce(array_agg(n.number), '{}'), bytes_left - coalesce(sum(n.length), 0) INTO again, bytes_left FROM (
      SELECT l.number, l.length, sum(l.length) OVER (ORDER BY l.not_before, l.number) - l.length AS before FROM (
        SELECT * FROM batch_lines l
        WHERE l.batch_id = b.id AND l.state = 'pending' AND l.not_before IS NOT NULL AND l.not_before <= at
        ORDER BY l.not_before LIMIT room FOR UPDATE SKIP LOCKED) l) n
    WHERE n.before < bytes_left;
    room := room - cardinality(again);
    SELECT coalesce(array_agg(n.number ORDER BY n.number), '{}'), bytes_left - coalesce(sum(n.length), 0)
    INTO fresh, bytes_left FROM (
      SELECT l.number, l.length, sum(l.length) OVER (ORDER BY l.number) - l.length AS before FROM (
        SELECT * FROM batch_lines l WHERE l.batch_id = b.id AND l.number > b.claimed_to AND l.state = 'pending'
        ORDER BY l.number LIMIT room) l) n
    WHERE n.before < bytes_left;
    room := room - cardinality(fresh);
    CONTINUE WHEN cardinality(again) + cardinality(fresh) = 0;
    UPDATE batches SET claimed_at = at, claimed_to = greatest(claimed_to, fresh[cardinality(fresh)]) WHERE id = b.id;
    taken := taken || b.id;
    RETURN QUERY
      WITH handed AS (
        UPDATE batch_lines l SET state = 'running', worker_id = worker, attempts = l.attempts + 1, not_before = NULL
        WHERE l.batch_id = b.id AND l.number = ANY (again || fresh)
        RETURNING l.number, l.attempts, l.start, l.length)
      SELECT b.id, t.number, t.attempts, t.start, t.length, b.project_id, b.key_id, b.endpoint, b.input_file_id
      FROM handed t ORDER BY t.number;
  END LOOP;
  -- Last and in one order, because others wait for these rows. By the database's clock: workers' may differ.
  INSERT INTO batch_turns AS u (id, claimed_at)
    SELECT DISTINCT o.id, now() FROM batches t JOIN projects p ON p.id = t.project_id,
      unnest(ARRAY[p.organization_id, p.id]) AS o (id)
    WHERE t.id = ANY (taken) ORDER BY 1
    ON CONFLICT (id) DO UPDATE SET claimed_at = excluded.claimed_at;
END $$;

-- What became of a line, as the worker hands it over.
--   outcome: done; again (it is tried once more, after `wait_ms`); back (this was no attempt: it comes back after
--     `wait_ms`, for which its batch pauses).
--   logged: whether the request is settled; otherwise what it holds is given back, and no log tells of it.
CREATE TYPE line_outcome AS (
  batch_id text, number int, attempt smallint, outcome text, logged boolean, succeeded boolean, body text, wait_ms int,
  project_id uuid, id text, held boolean);

-- Writes what became of lines, with the settlements of their requests, as one transaction: of each line all of it or
-- nothing. Only who has a line may (it is running, with this worker, for this attempt): whoever slept while others took
-- over is not charged, and what it held is given back.
--
-- words: one for each, in order:
--   settled
--   already_settled: by an earlier call whose answer was lost on the way
--   hold_lost: the money went back before the request finished: nothing is written, the line is still this worker's
--   line_lost: another has the line
-- over: batches of which no line is left to be handed out or answered, or which hand out none any more.
-- items: a list of line_outcome.
-- settlements: as for settle_requests, in the same order; null where the item is not `logged`.
-- repeats: as for settle_requests.
CREATE FUNCTION settle_lines(
  worker text, items json, settlements json, happened_at timestamptz, repeats boolean,
  OUT words text[], OUT over text[])
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
  asked line_outcome[] := ARRAY(SELECT l FROM json_populate_recordset(NULL::line_outcome, items) l);
  many int := cardinality(asked);
  -- Places in `asked`.
  mine int[];
  logged int[];
  freed text[];
  outcomes text[];
BEGIN
  -- All accounts in one order, before settle_requests takes some of them and the rest is given back.
  PERFORM 1 FROM ledger.accounts WHERE id IN (
    SELECT unnest(ARRAY[w.id, w.earnings_id]) FROM ledger.accounts w WHERE w.id IN (
      SELECT h.account_id FROM ledger.holds h WHERE h.request_id IN (SELECT a.id FROM unnest(asked) a WHERE a.held))
  ) ORDER BY id FOR NO KEY UPDATE;
  -- Only a line that is running has a worker. Asked so that it is found by its number: the index of those that run leads
  -- past all that this worker had before, until they are vacuumed, which took 20 times as long.
  mine := ARRAY(
    SELECT a.n FROM unnest(asked) WITH ORDINALITY AS a (
      batch_id, number, attempt, outcome, logged, succeeded, body, wait_ms, project_id, id, held, n)
    JOIN batch_lines l ON l.batch_id = a.batch_id AND l.number = a.number
    WHERE l.worker_id IS NOT DISTINCT FROM worker AND l.attempts = a.attempt
    FOR UPDATE OF l SKIP LOCKED);
  words := ARRAY(SELECT CASE WHEN n = ANY (mine) THEN 'settled' ELSE 'line_lost' END FROM generate_series(1, many) n);
  logged := ARRAY(SELECT n FROM unnest(mine) n WHERE (asked[n]).logged ORDER BY n);

  IF cardinality(logged) > 0 THEN
    outcomes := settle_requests(
      CASE WHEN cardinality(logged) = many THEN settlements ELSE (
        SELECT json_agg(e.item ORDER BY e.n) FROM json_array_elements(settlements) WITH ORDINALITY AS e (item, n)
        WHERE e.n = ANY (logged)) END, happened_at, repeats);
    IF 'hold_lost' = ANY (outcomes) THEN
      FOR i IN 1 .. cardinality(logged) LOOP
        CONTINUE WHEN outcomes[i] <> 'hold_lost';
        words[logged[i]] := 'hold_lost';
        mine := array_remove(mine, logged[i]);
      END LOOP;
    END IF;
  END IF;

  IF cardinality(mine) < many AND repeats THEN
    words := ARRAY(
      SELECT CASE WHEN w.word = 'line_lost' AND (
          EXISTS (SELECT 1 FROM requests r WHERE r.project_id = a.project_id AND r.id = a.id)
          OR EXISTS (SELECT 1 FROM batch_results r
            WHERE r.batch_id = a.batch_id AND r.number = a.number AND r.request_id = a.id))
        THEN 'already_settled' ELSE w.word END
      FROM unnest(words) WITH ORDINALITY AS w (word, n), LATERAL (SELECT (asked[w.n]).*) a ORDER BY w.n);
  END IF;
  freed := ARRAY(
    SELECT a.id FROM unnest(asked) WITH ORDINALITY AS a (
      batch_id, number, attempt, outcome, logged, succeeded, body, wait_ms, project_id, id, held, n)
    WHERE a.held AND (words[a.n] = 'line_lost' OR NOT a.logged));
  IF cardinality(freed) > 0 THEN
    PERFORM ledger.settle_holds(freed, array_fill(0::bigint, ARRAY[cardinality(freed)]), happened_at);
  END IF;

  over := write_line_outcomes(ARRAY(SELECT asked[n] FROM unnest(mine) n), happened_at);
END $$;

-- The rest of it: results, lines, batches. The lines are locked. Returns `over`, as above.
CREATE FUNCTION write_line_outcomes(outcomes line_outcome[], at timestamptz) RETURNS text[] LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
  touched text[] := ARRAY(SELECT DISTINCT o.batch_id FROM unnest(outcomes) o);
  over text[];
BEGIN
  IF cardinality(touched) = 0 THEN RETURN '{}'; END IF;
  INSERT INTO batch_results (batch_id, number, succeeded, request_id, body)
    SELECT o.batch_id, o.number, o.succeeded, o.id, o.body FROM unnest(outcomes) o WHERE o.outcome = 'done';
  UPDATE batch_lines l SET
    state = CASE o.outcome WHEN 'done' THEN 'done' ELSE 'pending' END,
    attempts = l.attempts - CASE o.outcome WHEN 'back' THEN 1 ELSE 0 END,
    not_before = CASE WHEN o.outcome <> 'done' THEN at + o.wait_ms * interval '1 millisecond' END,
    worker_id = NULL
  FROM unnest(outcomes) o WHERE l.batch_id = o.batch_id AND l.number = o.number;
  -- Last, because others wait for these rows.
  PERFORM 1 FROM batches WHERE id = ANY (touched) ORDER BY id FOR NO KEY UPDATE;
  WITH counted AS (
    UPDATE batches b SET
      completed = b.completed + d.completed,
      failed = b.failed + d.failed,
      paused_until = greatest(b.paused_until, d.paused_until)
    FROM (
      SELECT o.batch_id, count(*) FILTER (WHERE o.outcome = 'done' AND o.succeeded) AS completed,
        count(*) FILTER (WHERE o.outcome = 'done' AND NOT o.succeeded) AS failed,
        max(at + o.wait_ms * interval '1 millisecond') FILTER (WHERE o.outcome = 'back' AND o.wait_ms > 0)
          AS paused_until
      FROM unnest(outcomes) o GROUP BY o.batch_id
    ) d
    WHERE b.id = d.batch_id
    RETURNING b.id, b.completed + b.failed >= b.total OR b.status <> 'in_progress' AS is_over)
  SELECT coalesce(array_agg(id), '{}') INTO over FROM counted WHERE is_over;
  RETURN over;
END $$;

-- Takes back what workers have that live no more; returns how many lines. Those times count as attempts, and a line
-- whose worker died once more than there are `waits` is not handed out again: it may be what they died of. For the same
-- reason they come back at different times.
-- rescuer: lives, as it asks; what it has is its own also where the database knows no better.
-- waits: milliseconds after the first, second, … attempt; up to twice as much.
-- failure: JSON, the error that is written as its result.
CREATE FUNCTION take_back_lines(
  rescuer text, most int, waits int[], failure text, at timestamptz, OUT taken int, OUT over text[])
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
  outcomes line_outcome[];
BEGIN
  outcomes := ARRAY(
    SELECT ROW(l.batch_id, l.number, l.attempts, CASE WHEN l.attempts > cardinality(waits) THEN 'done' ELSE 'again' END,
      false, false, failure, waits[greatest(l.attempts, 1)] * (1 + random()), NULL, NULL, false)::line_outcome
    FROM batch_lines l
    WHERE l.state = 'running' AND l.worker_id <> rescuer AND NOT EXISTS (
      SELECT 1 FROM batch_workers w WHERE w.id = l.worker_id AND w.alive_until > now())
    LIMIT most FOR UPDATE OF l SKIP LOCKED);
  taken := cardinality(outcomes);
  over := write_line_outcomes(outcomes, at);
END $$;

-- Gives back, uncounted, what a worker has and knows nothing of: a call that handed it out was answered into a
-- connection that had broken. `known_batches` and `known_numbers` name the lines that it does work on.
CREATE FUNCTION give_back_unknown_lines(worker text, known_batches text[], known_numbers int[], at timestamptz)
RETURNS int LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
  outcomes line_outcome[];
BEGIN
  outcomes := ARRAY(
    SELECT ROW(l.batch_id, l.number, l.attempts, 'back', false, false, NULL, 0, NULL, NULL, false)::line_outcome
    FROM batch_lines l
    WHERE l.state = 'running' AND l.worker_id = worker AND NOT EXISTS (
      SELECT 1 FROM unnest(known_batches, known_numbers) AS k (batch_id, number)
      WHERE k.batch_id = l.batch_id AND k.number = l.number)
    FOR UPDATE OF l SKIP LOCKED);
  PERFORM write_line_outcomes(outcomes, at);
  RETURN cardinality(outcomes);
END $$;
