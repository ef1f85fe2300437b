-- Why a request went where it went: the candidates of the router and their scores, in a few hundred bytes of JSON.
ALTER TABLE requests ADD COLUMN why text CHECK (length(why) <= 600);

ALTER TYPE settlement ADD ATTRIBUTE why text;

-- As in 0006_request_log.sql, with `why` in the log's row.
CREATE OR REPLACE FUNCTION settle_requests(batch json, happened_at timestamptz, repeats boolean)
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
    served_model, error_code, finish_reason, route_kind, route_target, route_class, region, why, replay_of)
  SELECT
    project_id, id, created_at, now(), cost, key_id, input_tokens, output_tokens, queue_ms, network_ms, model_ms,
    total_ms, round(total_ms)::int, half_minute(created_at), status, attempts, streamed, fallback, hedged, half_price, gateway_id, endpoint, requested_model,
    served_model, error_code, finish_reason, route_kind, route_target, route_class, region, why, replay_of
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
