-- What is written of each request, in one transaction with its charge: the log row, the rollups, and the answer for
-- an Idempotency-Key. Money never depends on these tables.

-- Ids sort by time, so the primary key also lists a project's requests in order.
CREATE TABLE requests (
  project_id uuid NOT NULL,
  id text NOT NULL,
  created_at timestamptz NOT NULL,
  key_id uuid NOT NULL,
  gateway_id text NOT NULL,
  endpoint text NOT NULL,
  -- As the caller spelled it; null when the body could not be read.
  requested_model text,
  served_model text,
  -- The HTTP status answered; 499 when the caller went away.
  status smallint NOT NULL,
  error_code text,
  finish_reason text,
  streamed boolean NOT NULL,
  input_tokens int NOT NULL,
  output_tokens int NOT NULL,
  -- Nano-dollars.
  cost bigint NOT NULL,
  route_kind text,
  route_target text,
  attempts smallint,
  fallback boolean,
  queue_ms real,
  network_ms real,
  model_ms real,
  total_ms real NOT NULL,
  PRIMARY KEY (project_id, id)
);

-- Counters per minute and per hour, for charts and facets. Keyed by gateway too: two gateways never write one row.
CREATE TABLE usage_rollups (
  project_id uuid NOT NULL,
  resolution text NOT NULL CHECK (resolution IN ('minute', 'hour')),
  bucket timestamptz NOT NULL,
  gateway_id text NOT NULL,
  key_id uuid NOT NULL,
  -- The model that ran, else the one asked for; empty when it is none of the catalogue, so that names made up by a
  -- caller cannot grow this table.
  model text NOT NULL,
  endpoint text NOT NULL,
  -- 2 is 2xx, 4 is 4xx, 5 is 5xx.
  status_class smallint NOT NULL,
  requests bigint NOT NULL,
  input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  cost bigint NOT NULL,
  latency_ms_sum double precision NOT NULL,
  -- Counts per bucket; the bounds are in gateway/src/metering/latency-histogram.ts.
  latency_histogram int[] NOT NULL,
  PRIMARY KEY (project_id, resolution, bucket, gateway_id, key_id, model, endpoint, status_class)
)
-- The current minute's row is rewritten by every group: free room in the page keeps those updates in place.
WITH (fillfactor = 50);

CREATE TABLE idempotency_keys (
  project_id uuid NOT NULL,
  key text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
  body_hash bytea NOT NULL,
  -- The attempt that runs or that was answered.
  request_id text NOT NULL,
  state text NOT NULL CHECK (state IN ('running', 'done')),
  -- Encrypted with a key derived from the server secret.
  answer bytea,
  -- When another attempt may take over from one that died.
  locked_until timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (project_id, key),
  CHECK ((state = 'done') = (answer IS NOT NULL))
);
CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at);

-- One request as the gateway hands it over.
CREATE TYPE settlement AS (
  project_id uuid, id text, created_at timestamptz, key_id uuid, gateway_id text, endpoint text,
  requested_model text, served_model text, known_model text, status smallint, error_code text, finish_reason text,
  streamed boolean,
  input_tokens int, output_tokens int, cost bigint,
  route_kind text, route_target text, attempts smallint, fallback boolean,
  queue_ms real, network_ms real, model_ms real, total_ms real,
  held boolean, latency_bucket int, idempotency_key text, answer text, answer_expires_at timestamptz
);

-- Adds one to each of the given buckets (numbered from zero); grows the array as needed.
CREATE FUNCTION histogram_add(histogram int[], buckets int[]) RETURNS int[] LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  b int;
BEGIN
  FOREACH b IN ARRAY buckets LOOP
    histogram[b + 1] := histogram[b + 1] + 1;
  END LOOP;
  RETURN histogram;
END $$;

-- Adds two histograms of the same length.
CREATE FUNCTION histogram_sum(a int[], b int[]) RETURNS int[] LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  FOR i IN 1 .. cardinality(b) LOOP
    IF b[i] <> 0 THEN a[i] := a[i] + b[i]; END IF;
  END LOOP;
  RETURN a;
END $$;

-- Settles many requests in one statement, one transaction: charge or release, log row, rollups, stored answer.
-- Each id at most once per call. Returns one word per item, in order: settled | already_settled | hold_lost. An item
-- that is not `settled` leaves nothing behind, so a request id settles once however often it is tried.
--
-- `repeats` says whether some may have been settled before. Without it such a one is a unique violation and undoes
-- the whole call; the caller then calls again with it. Looking first, or ON CONFLICT, would cost every request what
-- only one after a crash needs. One plan, by index: see the ledger's functions.
CREATE FUNCTION settle_requests(batch json, happened_at timestamptz, histogram_size int, repeats boolean)
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
    project_id, id, created_at, key_id, gateway_id, endpoint, requested_model, served_model, status, error_code,
    finish_reason, streamed, input_tokens, output_tokens, cost, route_kind, route_target, attempts, fallback,
    queue_ms, network_ms, model_ms, total_ms)
  SELECT
    project_id, id, created_at, key_id, gateway_id, endpoint, requested_model, served_model, status, error_code,
    finish_reason, streamed, input_tokens, output_tokens, cost, route_kind, route_target, attempts, fallback,
    queue_ms, network_ms, model_ms, total_ms
  FROM unnest(good);

  INSERT INTO usage_rollups AS u (
    project_id, resolution, bucket, gateway_id, key_id, model, endpoint, status_class,
    requests, input_tokens, output_tokens, cost, latency_ms_sum, latency_histogram)
  SELECT
    project_id, resolution, date_trunc(resolution, created_at, 'UTC'), gateway_id, key_id,
    coalesce(known_model, ''), endpoint, (status / 100)::smallint,
    count(*), sum(input_tokens), sum(output_tokens), sum(cost)::bigint, sum(total_ms),
    histogram_add(array_fill(0, ARRAY[histogram_size]), array_agg(latency_bucket))
  FROM unnest(good), (VALUES ('minute'), ('hour')) AS r (resolution)
  GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
  ORDER BY 1, 2, 3, 4, 5, 6, 7, 8
  ON CONFLICT (project_id, resolution, bucket, gateway_id, key_id, model, endpoint, status_class) DO UPDATE SET
    requests = u.requests + excluded.requests,
    input_tokens = u.input_tokens + excluded.input_tokens,
    output_tokens = u.output_tokens + excluded.output_tokens,
    cost = u.cost + excluded.cost,
    latency_ms_sum = u.latency_ms_sum + excluded.latency_ms_sum,
    latency_histogram = histogram_sum(u.latency_histogram, excluded.latency_histogram);

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

-- One attempt at a request with an Idempotency-Key.
CREATE TYPE idempotency_claim AS (
  project_id uuid, key text, body_hash text, request_id text, locked_until timestamptz, expires_at timestamptz
);

-- Claims many keys at once. A key is free when it is new, expired, or when the attempt that ran has passed its lock.
-- Returns one object per claim, in order: {"kind": claimed | replay | conflict | running, "answer": base64 or null}.
CREATE FUNCTION claim_idempotency_keys(batch json, at timestamptz) RETURNS json
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
  claims idempotency_claim[] := ARRAY(SELECT c FROM json_populate_recordset(NULL::idempotency_claim, batch) c);
BEGIN
  -- In the order of the keys, so that two gateways never wait for each other in a circle.
  INSERT INTO idempotency_keys AS k (project_id, key, body_hash, request_id, state, locked_until, expires_at)
  SELECT DISTINCT ON (project_id, key)
    project_id, key, decode(body_hash, 'hex'), request_id, 'running', locked_until, expires_at
  FROM unnest(claims) WITH ORDINALITY c ORDER BY project_id, key, ordinality
  ON CONFLICT (project_id, key) DO UPDATE SET
    body_hash = excluded.body_hash, request_id = excluded.request_id, state = 'running', answer = NULL,
    locked_until = excluded.locked_until, expires_at = excluded.expires_at
  WHERE k.expires_at <= at
    OR (k.state = 'running' AND k.locked_until <= at AND k.body_hash = excluded.body_hash);

  RETURN (
    SELECT json_agg(json_build_object(
      'kind', CASE
        WHEN k.request_id = c.request_id AND k.state = 'running' THEN 'claimed'
        WHEN k.body_hash <> decode(c.body_hash, 'hex') THEN 'conflict'
        WHEN k.state = 'done' THEN 'replay'
        ELSE 'running'
      END,
      'answer', CASE
        WHEN k.body_hash = decode(c.body_hash, 'hex') AND k.state = 'done' THEN encode(k.answer, 'base64')
      END) ORDER BY c.ordinality)
    FROM unnest(claims) WITH ORDINALITY c
    JOIN idempotency_keys k ON k.project_id = c.project_id AND k.key = c.key);
END $$;
