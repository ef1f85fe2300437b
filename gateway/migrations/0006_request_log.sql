-- The request log in partitions of a week, rollups for charts (minute, hour, day), and the bodies that a project keeps.

-- ---------------------------------------------------------------------------------------------------------------------
-- Time as ids and names

-- Ids of requests sort by time as text: every id made at `at` or later is at least this (protocol/src/ids.ts).
CREATE FUNCTION request_id_at(at timestamptz) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT 'req_' || string_agg(
    substr('0123456789abcdefghjkmnpqrstvwxyz', 1 + ((ms >> (5 * n)) & 31)::int, 1), '' ORDER BY n DESC)
  FROM (SELECT floor(extract(epoch FROM at) * 1000)::bigint AS ms) t, generate_series(0, 9) n
$$;

-- Whole half minutes since 1970.
CREATE FUNCTION half_minute(at timestamptz) RETURNS int LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT floor(extract(epoch FROM at) / 30)::int
$$;

-- The bucket of a latency, as gateway/src/store/latency-histogram.ts has it: how many of its 52 bounds are below it.
CREATE FUNCTION latency_bucket(ms double precision) RETURNS int LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT 52 - width_bucket(-ms, ARRAY(SELECT -power(2::float8, i / 3.0::float8) FROM generate_series(51, 0, -1) i))
$$;

-- ---------------------------------------------------------------------------------------------------------------------
-- The log

ALTER TABLE requests RENAME TO requests_unpartitioned;
ALTER TABLE requests_unpartitioned RENAME CONSTRAINT requests_pkey TO requests_unpartitioned_pkey;

-- Partitioned by id, because ids are times: what leads to a row by id, by time or page by page touches few partitions,
-- and an id is unique in its project without time as a part of the key.
CREATE TABLE requests (
  project_id uuid NOT NULL,
  id text COLLATE "C" NOT NULL,
  -- When its headers came: the time within the id.
  created_at timestamptz NOT NULL,
  -- By the database's clock: who follows the log goes by it, whichever gateway settled.
  settled_at timestamptz NOT NULL,
  -- Nano-dollars.
  cost bigint NOT NULL,
  -- Null for a refused call without a key that is known here.
  key_id uuid,
  input_tokens int NOT NULL,
  output_tokens int NOT NULL,
  queue_ms real,
  network_ms real,
  model_ms real,
  total_ms real NOT NULL,
  -- total_ms in whole milliseconds, for indexes: entries of equal whole numbers are kept once, those of floats never.
  latency_ms int NOT NULL,
  -- created_at in whole half minutes since 1970. Indexes of filters end in it and not in the id: thousands of rows then
  -- share an entry, which takes 10 to 20 bytes a row where an id of its own takes 75, and order is kept up to a sort of
  -- half a minute's rows (0010_log_queries.sql).
  half_minute int NOT NULL,
  -- The HTTP status answered; 499 when the caller went away.
  status smallint NOT NULL,
  attempts smallint,
  streamed boolean NOT NULL,
  -- Answered by an upstream after nodes were tried or missing.
  fallback boolean,
  -- Sent to a second target before the first had answered.
  hedged boolean NOT NULL,
  -- A line of a batch.
  half_price boolean NOT NULL,
  gateway_id text NOT NULL,
  endpoint text NOT NULL,
  -- As the caller spelled it; null when the body could not be read.
  requested_model text,
  served_model text,
  error_code text,
  finish_reason text,
  route_kind text,
  route_target text,
  -- Whose machine answered: the operator's pool (edge), the caller's organization (own), the operator's fallback nodes
  -- (cloud), another server (upstream).
  route_class text CHECK (route_class IN ('edge', 'own', 'cloud', 'upstream')),
  -- Where it was answered; null until nodes tell their place.
  region text,
  -- An answer given again under its Idempotency-Key, free of charge: the request that was charged.
  replay_of text,
  PRIMARY KEY (project_id, id)
) PARTITION BY RANGE (id);

-- For ids that fit no week, and for weeks whose partition could not be made in time.
CREATE TABLE requests_default PARTITION OF requests DEFAULT;

-- ---------------------------------------------------------------------------------------------------------------------
-- Rollups

ALTER TABLE usage_rollups RENAME TO usage_rollups_by_class;
ALTER TABLE usage_rollups_by_class RENAME CONSTRAINT usage_rollups_pkey TO usage_rollups_by_class_pkey;

-- Counters for charts and facets. A request is counted in the minute and the hour of its created_at, in the transaction
-- that logs it; days are made of hours that are over. Minutes and hours are keyed by gateway too, so that two gateways
-- never write one row; in a day gateway_id is empty.
--
-- Which rows make up a time: usage_segments, below.
CREATE TABLE usage_rollups (
  project_id uuid NOT NULL,
  resolution text NOT NULL,
  bucket timestamptz NOT NULL,
  -- Nil (all zeros) for a refused call without a known key.
  key_id uuid NOT NULL,
  -- The model that ran, else the one asked for; empty when it is none of the catalogue, so that names made up by a
  -- caller cannot grow this table.
  model text NOT NULL,
  endpoint text NOT NULL,
  status smallint NOT NULL,
  -- As in `requests`; empty when nobody answered.
  route_class text NOT NULL,
  gateway_id text NOT NULL,
  requests bigint NOT NULL,
  input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  cost bigint NOT NULL,
  latency_ms_sum double precision NOT NULL,
  -- All counts of the latency histogram in one number: bucket n counts in units of 10^(12 n). So sum() adds whole
  -- histograms in C: 0.3 µs a row, where a loop over an array in PL/pgSQL took 27. Twelve digits hold any
  -- count of requests; digits that are zero at either end take no room. Read by gateway/src/store/latency-histogram.ts.
  latency_histogram numeric NOT NULL,
  PRIMARY KEY (project_id, resolution, bucket, key_id, model, endpoint, status, route_class, gateway_id)
) PARTITION BY LIST (resolution);

-- Minutes go with the log; hours and days stay, because they are few.
CREATE TABLE usage_minutes PARTITION OF usage_rollups FOR VALUES IN ('minute') PARTITION BY RANGE (bucket);
CREATE TABLE usage_minutes_default PARTITION OF usage_minutes DEFAULT WITH (fillfactor = 50);
-- The current hour's row is rewritten by every group: free room in the page keeps those updates in place.
CREATE TABLE usage_hours PARTITION OF usage_rollups FOR VALUES IN ('hour') WITH (fillfactor = 50);
CREATE TABLE usage_days PARTITION OF usage_rollups FOR VALUES IN ('day');
-- For roll_up_days, which reads one day of all projects.
CREATE INDEX usage_hours_by_bucket ON usage_hours USING brin (bucket) WITH (autosummarize = on);

-- One row: before `until`, days are made. No row: none is.
CREATE TABLE usage_rolled (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  until timestamptz NOT NULL
);

-- The rollups that together hold exactly the requests from `lower` to before `upper` (both whole minutes): days where
-- there are days, hours up to them, minutes at the ends. Join each segment to usage_rollups by resolution and bucket.
CREATE FUNCTION usage_segments(from_time timestamptz, to_time timestamptz)
RETURNS TABLE (resolution text, lower timestamptz, upper timestamptz) LANGUAGE plpgsql STABLE ROWS 5 AS $$
DECLARE
  rolled timestamptz := (SELECT until FROM usage_rolled);
  hours_from timestamptz := date_trunc('hour', from_time + interval '59 minutes 59.999999 seconds', 'UTC');
  hours_to timestamptz := date_trunc('hour', to_time, 'UTC');
  days_from timestamptz := date_trunc('day', from_time + interval '23:59:59.999999', 'UTC');
  days_to timestamptz := date_trunc('day', least(to_time, coalesce(rolled, '-infinity')), 'UTC');
BEGIN
  IF hours_from >= hours_to THEN
    RETURN QUERY SELECT 'minute', from_time, to_time;
    RETURN;
  END IF;
  IF from_time < hours_from THEN RETURN QUERY SELECT 'minute', from_time, hours_from; END IF;
  IF days_from < days_to THEN
    IF hours_from < days_from THEN RETURN QUERY SELECT 'hour', hours_from, days_from; END IF;
    RETURN QUERY SELECT 'day', days_from, days_to;
    IF days_to < hours_to THEN RETURN QUERY SELECT 'hour', days_to, hours_to; END IF;
  ELSE
    RETURN QUERY SELECT 'hour', hours_from, hours_to;
  END IF;
  IF hours_to < to_time THEN RETURN QUERY SELECT 'minute', hours_to, to_time; END IF;
END $$;

-- Makes the days that ended at least two hours ago, at most `most` of them; returns how many. A settlement of a request
-- that came more than an hour ago looks whether its day is made already, and waits for this (settle_requests).
CREATE FUNCTION roll_up_days(most int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  day timestamptz;
  made int := 0;
BEGIN
  PERFORM pg_advisory_xact_lock(7301884622);
  day := coalesce((SELECT until FROM usage_rolled), date_trunc('day', (SELECT min(bucket) FROM usage_hours), 'UTC'));
  WHILE made < most AND day + interval '26 hours' <= now() LOOP
    INSERT INTO usage_rollups
    SELECT project_id, 'day', day, key_id, model, endpoint, status, route_class, '', sum(requests), sum(input_tokens),
      sum(output_tokens), sum(cost), sum(latency_ms_sum), sum(latency_histogram)
    FROM usage_hours WHERE resolution = 'hour' AND bucket >= day AND bucket < day + interval '24 hours'
    GROUP BY project_id, key_id, model, endpoint, status, route_class
    ORDER BY project_id, key_id, model, endpoint, status, route_class;
    day := day + interval '24 hours';
    made := made + 1;
    INSERT INTO usage_rolled (until) VALUES (day) ON CONFLICT (only_one) DO UPDATE SET until = excluded.until;
  END LOOP;
  RETURN made;
END $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- Partitions. A week begins on Monday, UTC; a partition is named by its first day, such as requests_20261116.

-- Makes one partition, and moves what waits for it in the default one. The lock on the default partition is brief:
-- it is empty or nearly so.
CREATE FUNCTION make_log_partition(parent text, week timestamptz, lower text, upper text, by_column text, fill int)
RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  name text := parent || '_' || to_char(week AT TIME ZONE 'UTC', 'YYYYMMDD');
  rest text := parent || '_default';
BEGIN
  IF to_regclass(name) IS NOT NULL THEN RETURN 0; END IF;
  EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS) WITH (fillfactor = %s)', name, parent, fill);
  EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', rest);
  EXECUTE format('WITH moved AS (DELETE FROM %1$I WHERE %2$I >= %3$L AND %2$I < %4$L RETURNING *) INSERT INTO %5$I SELECT * FROM moved',
    rest, by_column, lower, upper, name);
  EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, name, lower, upper);
  RETURN 1;
END $$;

-- Makes what is missing of the partitions from one time to another; returns how many. Of several gateways at once one
-- does it. It rather gives up than make a request wait: what has no partition goes to the default one until the next
-- round. Half a second, because PostgreSQL looks for deadlocks after one.
CREATE FUNCTION ensure_log_partitions(from_time timestamptz, to_time timestamptz) RETURNS int LANGUAGE plpgsql
SET lock_timeout = '500ms' AS $$
DECLARE
  week timestamptz := date_trunc('week', from_time, 'UTC');
  next_week timestamptz;
  made int := 0;
BEGIN
  IF NOT pg_try_advisory_xact_lock(7301884621) THEN RETURN 0; END IF;
  WHILE week <= to_time LOOP
    next_week := week + interval '168 hours';
    made := made
      + make_log_partition('requests', week, request_id_at(week), request_id_at(next_week), 'id', 100)
      + make_log_partition('usage_minutes', week, week::text, next_week::text, 'bucket', 50);
    week := next_week;
  END LOOP;
  RETURN made;
END $$;

-- Drops the oldest partition whose whole week lies before a time, and the like of the default ones (at most 10,000
-- rows); returns its name, or null when nothing is left. Dropping locks the log for a moment: it gives up after a tenth
-- of a second, so that no settlement waits longer for it, and the next round tries again.
CREATE FUNCTION drop_oldest_log_partition(before timestamptz) RETURNS text LANGUAGE plpgsql
SET lock_timeout = '100ms' AS $$
DECLARE
  oldest text;
BEGIN
  DELETE FROM requests_default WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM requests_default WHERE created_at < before LIMIT 10000));
  DELETE FROM usage_minutes_default WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM usage_minutes_default WHERE bucket < before LIMIT 10000));
  SELECT c.relname INTO oldest FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
  WHERE i.inhparent IN ('requests'::regclass, 'usage_minutes'::regclass) AND c.relname ~ '_[0-9]{8}$'
    AND to_date(right(c.relname, 8), 'YYYYMMDD')::timestamp AT TIME ZONE 'UTC' + interval '168 hours' <= before
  ORDER BY right(c.relname, 8), c.relname LIMIT 1;
  IF oldest IS NOT NULL THEN EXECUTE format('DROP TABLE %I', oldest); END IF;
  RETURN oldest;
END $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- What was logged before moves

SELECT ensure_log_partitions(
  coalesce((SELECT min(created_at) FROM requests_unpartitioned), now()), now() + interval '28 days');

INSERT INTO requests (
  project_id, id, created_at, settled_at, cost, key_id, input_tokens, output_tokens, queue_ms, network_ms, model_ms,
  total_ms, latency_ms, half_minute, status, attempts, streamed, fallback, hedged, half_price, gateway_id, endpoint, requested_model,
  served_model, error_code, finish_reason, route_kind, route_target, route_class)
SELECT
  r.project_id, r.id, r.created_at, r.created_at + r.total_ms * interval '1 millisecond', r.cost, r.key_id,
  r.input_tokens, r.output_tokens, r.queue_ms, r.network_ms, r.model_ms, r.total_ms, round(r.total_ms)::int, half_minute(r.created_at), r.status, r.attempts, r.streamed,
  r.fallback, false, false, r.gateway_id, r.endpoint, r.requested_model, r.served_model, r.error_code, r.finish_reason,
  r.route_kind, r.route_target,
  CASE
    WHEN r.route_kind = 'upstream' THEN 'upstream'
    WHEN n.organization_id = p.organization_id THEN 'own'
    WHEN r.route_kind = 'node' THEN 'edge'
  END
FROM requests_unpartitioned r
LEFT JOIN projects p ON p.id = r.project_id
LEFT JOIN nodes n ON n.id = r.route_target AND r.route_kind = 'node';

-- The log held every request that was counted, so the new rollups are counted from it.
INSERT INTO usage_rollups
SELECT
  project_id, resolution, date_trunc(resolution, created_at, 'UTC'), key_id,
  CASE
    WHEN served_model IS NOT NULL THEN served_model
    WHEN requested_model IN (SELECT model FROM usage_rollups_by_class) THEN requested_model
    ELSE ''
  END,
  endpoint, status, coalesce(route_class, ''), gateway_id, count(*), sum(input_tokens), sum(output_tokens), sum(cost),
  sum(total_ms::double precision), sum(power(10::numeric, 12 * latency_bucket(total_ms)))
FROM requests, (VALUES ('minute'), ('hour')) AS r (resolution)
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9;

DROP FUNCTION settle_requests(json, timestamptz, int, boolean);
DROP FUNCTION histogram_add(int[], int[]);
DROP FUNCTION histogram_sum(int[], int[]);
DROP TYPE settlement;
DROP TABLE requests_unpartitioned, usage_rollups_by_class;

-- ---------------------------------------------------------------------------------------------------------------------
-- Settlement

-- One request as the gateway hands it over.
CREATE TYPE settlement AS (
  project_id uuid, id text, created_at timestamptz, key_id uuid, gateway_id text, endpoint text,
  requested_model text, served_model text, known_model text, status smallint, error_code text, finish_reason text,
  streamed boolean, half_price boolean, replay_of text,
  input_tokens int, output_tokens int, cost bigint,
  route_kind text, route_target text, route_class text, region text, attempts smallint, fallback boolean,
  hedged boolean, queue_ms real, network_ms real, model_ms real, total_ms real,
  held boolean,
  -- One request in the bucket of its latency: 10^(12 bucket), written as 1e24.
  latency_histogram numeric,
  idempotency_key text, answer text, answer_expires_at timestamptz
);

-- Settles many requests in one statement, one transaction: charge or release, log row, rollups, stored answer.
-- Each id at most once per call. Returns one word per item, in order: settled | already_settled | hold_lost. An item
-- that is not `settled` leaves nothing behind, so a request id settles once however often it is tried.
--
-- `repeats` says whether some may have been settled before. Without it such a one is a unique violation and undoes
-- the whole call; the caller then calls again with it. Looking first, or ON CONFLICT, would cost every request what
-- only one after a crash needs. One plan, by index: see the ledger's functions.
CREATE FUNCTION settle_requests(batch json, happened_at timestamptz, repeats boolean)
RETURNS text[]
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
  -- All that was handed over; and of it, what is new and not lost.
  asked settlement[] := ARRAY(SELECT s FROM json_populate_recordset(NULL::settlement, batch) s);
  good settlement[] := asked;
  charged text[];
  costs bigint[];
  outcomes text[];
  lost text[] := '{}';
  rolled timestamptz;
BEGIN
  IF repeats THEN
    good := ARRAY(
      SELECT i FROM unnest(asked) i
      WHERE NOT EXISTS (SELECT 1 FROM requests r WHERE r.project_id = i.project_id AND r.id = i.id));
  END IF;

  SELECT array_agg(id), array_agg(cost) INTO charged, costs FROM unnest(good) WHERE held;
  IF charged IS NOT NULL THEN
    outcomes := ledger.settle_holds(charged, costs, happened_at);
    IF 'hold_lost' = ANY (outcomes) THEN
      lost := ARRAY(SELECT id FROM unnest(charged, outcomes) AS o (id, outcome) WHERE outcome = 'hold_lost');
      good := ARRAY(SELECT i FROM unnest(good) i WHERE i.id <> ALL (lost));
    END IF;
  END IF;

  INSERT INTO requests (
    project_id, id, created_at, settled_at, cost, key_id, input_tokens, output_tokens, queue_ms, network_ms, model_ms,
    total_ms, latency_ms, half_minute, status, attempts, streamed, fallback, hedged, half_price, gateway_id, endpoint, requested_model,
    served_model, error_code, finish_reason, route_kind, route_target, route_class, region, replay_of)
  SELECT
    project_id, id, created_at, now(), cost, key_id, input_tokens, output_tokens, queue_ms, network_ms, model_ms,
    total_ms, round(total_ms)::int, half_minute(created_at), status, attempts, streamed, fallback, hedged, half_price, gateway_id, endpoint, requested_model,
    served_model, error_code, finish_reason, route_kind, route_target, route_class, region, replay_of
  FROM unnest(good);

  -- Days are made two hours after they end, by the same clock. What comes later than that counts itself into its day.
  IF EXISTS (SELECT 1 FROM unnest(good) WHERE created_at < now() - interval '1 hour') THEN
    PERFORM pg_advisory_xact_lock_shared(7301884622);
    SELECT until INTO rolled FROM usage_rolled;
  END IF;

  -- In the order of the key, so that two settlements never wait for each other in a circle.
  INSERT INTO usage_rollups AS u (
    project_id, resolution, bucket, key_id, model, endpoint, status, route_class, gateway_id,
    requests, input_tokens, output_tokens, cost, latency_ms_sum, latency_histogram)
  SELECT
    project_id, resolution, date_trunc(resolution, created_at, 'UTC'),
    coalesce(key_id, '00000000-0000-0000-0000-000000000000'), coalesce(known_model, ''), endpoint, status,
    coalesce(route_class, ''), CASE resolution WHEN 'day' THEN '' ELSE gateway_id END,
    count(*), sum(input_tokens), sum(output_tokens), sum(cost)::bigint, sum(total_ms::double precision),
    sum(latency_histogram)
  FROM unnest(good), (VALUES ('minute'), ('hour'), ('day')) AS r (resolution)
  WHERE resolution <> 'day' OR created_at < rolled
  GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
  ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9
  ON CONFLICT (project_id, resolution, bucket, key_id, model, endpoint, status, route_class, gateway_id) DO UPDATE SET
    requests = u.requests + excluded.requests,
    input_tokens = u.input_tokens + excluded.input_tokens,
    output_tokens = u.output_tokens + excluded.output_tokens,
    cost = u.cost + excluded.cost,
    latency_ms_sum = u.latency_ms_sum + excluded.latency_ms_sum,
    latency_histogram = u.latency_histogram + excluded.latency_histogram;

  IF EXISTS (SELECT 1 FROM unnest(good) WHERE idempotency_key IS NOT NULL) THEN
    UPDATE idempotency_keys k
    SET state = 'done', answer = decode(i.answer, 'base64'), expires_at = i.answer_expires_at
    FROM unnest(good) i
    WHERE k.project_id = i.project_id AND k.key = i.idempotency_key AND k.request_id = i.id AND k.state = 'running';
  END IF;

  IF cardinality(good) = cardinality(asked) THEN
    RETURN array_fill('settled'::text, ARRAY[cardinality(asked)]);
  END IF;
  RETURN ARRAY(
    SELECT CASE
      WHEN i.id = ANY (lost) THEN 'hold_lost'
      WHEN EXISTS (SELECT 1 FROM unnest(good) g WHERE g.id = i.id) THEN 'settled'
      ELSE 'already_settled'
    END
    FROM unnest(asked) WITH ORDINALITY i ORDER BY ordinality);
END $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- Bodies, by the project's policy. Encrypted for their project and request (gateway/src/store/payloads.ts).

CREATE TABLE request_payloads (
  project_id uuid NOT NULL,
  request_id text COLLATE "C" NOT NULL,
  expires_at timestamptz NOT NULL,
  -- Null when there was none: a body that was never read, an answer that never came.
  request bytea,
  answer bytea,
  -- Only the first 64 KB are kept.
  request_truncated boolean NOT NULL,
  answer_truncated boolean NOT NULL,
  PRIMARY KEY (project_id, request_id)
);
-- What is encrypted does not get smaller.
ALTER TABLE request_payloads ALTER COLUMN request SET STORAGE EXTERNAL, ALTER COLUMN answer SET STORAGE EXTERNAL;
CREATE INDEX request_payloads_by_expiry ON request_payloads (expires_at);

-- ---------------------------------------------------------------------------------------------------------------------
-- The second fence

GRANT SELECT ON requests, usage_rollups, request_payloads, usage_rolled TO zerogpu_tenant;

-- Within (SELECT …) the setting is read once a statement, not once a row.
ALTER TABLE requests ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON requests TO zerogpu_tenant USING (project_id = (SELECT tenant_project()));
ALTER TABLE usage_rollups ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON usage_rollups TO zerogpu_tenant USING (project_id = (SELECT tenant_project()));
ALTER TABLE request_payloads ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON request_payloads TO zerogpu_tenant USING (project_id = (SELECT tenant_project()));
