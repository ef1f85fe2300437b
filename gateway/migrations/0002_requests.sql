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
  -- Served model, else the requested one; empty when neither is known.
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
  requested_model text, served_model text, status smallint, error_code text, finish_reason text, streamed boolean,
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

-- Settles many requests in one statement, one transaction: charge or release, log row, rollups, stored answer.
-- Returns one word per item, in order: settled | already_settled | hold_lost. An item that is not `settled` leaves
-- nothing behind, so a request id settles once however often it is tried.
CREATE FUNCTION settle_requests(batch json, happened_at timestamptz, histogram_size int)
RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  items settlement[] := ARRAY(SELECT s FROM json_populate_recordset(NULL::settlement, batch) s);
  fresh text[];
  charged text[];
  outcomes text[];
  lost text[];
BEGIN
  WITH logged AS (
    INSERT INTO requests (
      project_id, id, created_at, key_id, gateway_id, endpoint, requested_model, served_model, status, error_code,
      finish_reason, streamed, input_tokens, output_tokens, cost, route_kind, route_target, attempts, fallback,
      queue_ms, network_ms, model_ms, total_ms)
    SELECT
      project_id, id, created_at, key_id, gateway_id, endpoint, requested_model, served_model, status, error_code,
      finish_reason, streamed, input_tokens, output_tokens, cost, route_kind, route_target, attempts, fallback,
      queue_ms, network_ms, model_ms, total_ms
    FROM unnest(items)
    ON CONFLICT (project_id, id) DO NOTHING
    RETURNING id
  )
  SELECT array_agg(id) INTO fresh FROM logged;

  -- Only what is new here is charged; the charges go last but for the rollups, because they lock the wallets.
  charged := ARRAY(SELECT id FROM unnest(items) WITH ORDINALITY i WHERE held AND id = ANY (fresh) ORDER BY ordinality);
  outcomes := ledger.settle_holds(
    charged,
    ARRAY(SELECT cost FROM unnest(items) WITH ORDINALITY i WHERE held AND id = ANY (fresh) ORDER BY ordinality),
    happened_at);
  lost := ARRAY(SELECT id FROM unnest(charged, outcomes) AS o (id, outcome) WHERE outcome = 'hold_lost');
  IF cardinality(lost) > 0 THEN
    DELETE FROM requests r USING unnest(items) i
      WHERE r.project_id = i.project_id AND r.id = i.id AND i.id = ANY (lost);
    fresh := ARRAY(SELECT id FROM unnest(fresh) AS f (id) WHERE id <> ALL (lost));
  END IF;

  INSERT INTO usage_rollups AS u (
    project_id, resolution, bucket, gateway_id, key_id, model, endpoint, status_class,
    requests, input_tokens, output_tokens, cost, latency_ms_sum, latency_histogram)
  SELECT
    project_id, resolution, date_trunc(resolution, created_at, 'UTC') AS bucket, gateway_id, key_id,
    coalesce(served_model, requested_model, '') AS model, endpoint, (status / 100)::smallint AS status_class,
    count(*), sum(input_tokens), sum(output_tokens), sum(cost)::bigint, sum(total_ms),
    histogram_add(array_fill(0, ARRAY[histogram_size]), array_agg(latency_bucket))
  FROM unnest(items), (VALUES ('minute'), ('hour')) AS r (resolution)
  WHERE id = ANY (fresh)
  GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
  ORDER BY 1, 2, 3, 4, 5, 6, 7, 8
  ON CONFLICT (project_id, resolution, bucket, gateway_id, key_id, model, endpoint, status_class) DO UPDATE SET
    requests = u.requests + excluded.requests,
    input_tokens = u.input_tokens + excluded.input_tokens,
    output_tokens = u.output_tokens + excluded.output_tokens,
    cost = u.cost + excluded.cost,
    latency_ms_sum = u.latency_ms_sum + excluded.latency_ms_sum,
    latency_histogram = histogram_sum(u.latency_histogram, excluded.latency_histogram);

  UPDATE idempotency_keys k SET state = 'done', answer = decode(i.answer, 'base64'), expires_at = i.answer_expires_at
  FROM unnest(items) i
  WHERE i.idempotency_key IS NOT NULL AND i.id = ANY (fresh)
    AND k.project_id = i.project_id AND k.key = i.idempotency_key AND k.request_id = i.id AND k.state = 'running';

  RETURN ARRAY(
    SELECT CASE WHEN id = ANY (lost) THEN 'hold_lost' WHEN id = ANY (fresh) THEN 'settled' ELSE 'already_settled' END
    FROM unnest(items) WITH ORDINALITY i ORDER BY ordinality);
END $$;
