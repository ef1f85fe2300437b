-- Admission in one round trip: rate limits, shared by all gateways, then holds. And tenants' way to their budgets.

-- One number for each limit that was drawn on: when its allowance will be whole again (generic cell rate algorithm,
-- ITU-T I.371): nothing to reset, no burst at the turn of a minute. Unlogged, because a crash of the database may
-- forget it: that gives everybody one fresh allowance and saves each request its share of the write-ahead log.
CREATE UNLOGGED TABLE rate_limits (
  -- A key or a project.
  scope_id uuid NOT NULL,
  what text NOT NULL CHECK (what IN ('requests', 'tokens')),
  -- Nanoseconds since 1970: exact for a limit of a billion a minute.
  whole_at bigint NOT NULL,
  PRIMARY KEY (scope_id, what)
)
-- Rewritten by every group of requests: free room in the page keeps those updates in place.
WITH (fillfactor = 20);

-- Takes what requests ask of the rate limits of their key and project: each request in the order given everything that
-- it asks, or nothing where one limit has no room. A request that holds money already was counted when it took it.
--
-- limited: [{"n": place in the arrays, from 1, "tokens": …, and where there is a limit, per minute: "key_requests",
--   "key_tokens", "project_requests", "project_tokens"}]
-- Returns [{"n": …, "requests" and "tokens": the state of the tighter of key and project, or null:
--   {"limit", "remaining", "resetMs"}, "refused": null or {"scope": key | project, "what", "limit",
--   "retryMs": null when it is more than the limit gives in any minute}}], in the order of `limited`.
-- clock: nanoseconds since 1970, for tests; else it is the database's.
CREATE FUNCTION take_rate_limits(
  limited json, request_ids text[], project_ids uuid[], key_ids uuid[], clock bigint DEFAULT NULL)
RETURNS json LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
  minute constant bigint := 60000000000;
  -- One element for each limit of each request: which request, which row of the table, what it costs there.
  n_of int[];
  scope_of text[];
  what_of text[];
  scope_ids uuid[];
  limit_of bigint[];
  row_of int[];
  -- Nanoseconds by which the allowance will be whole later; null when it is more than the whole allowance.
  cost_of bigint[];
  -- Of the rows, by `row_of`.
  wholes bigint[];
  held text[];
  now_ns bigint;
  used bigint;
  last int;
  first int := 1;
  refused jsonb;
  wait bigint;
  longest bigint;
  state jsonb;
  states jsonb;
  answer jsonb[] := '{}';
BEGIN
  SELECT array_agg(l.n ORDER BY l.n, s.scope, s.what), array_agg(s.scope ORDER BY l.n, s.scope, s.what),
    array_agg(s.what ORDER BY l.n, s.scope, s.what), array_agg(s.scope_id ORDER BY l.n, s.scope, s.what),
    array_agg(s.per_minute ORDER BY l.n, s.scope, s.what),
    array_agg(CASE WHEN s.amount <= s.per_minute THEN div(s.amount::numeric * minute, s.per_minute)::bigint END
      ORDER BY l.n, s.scope, s.what)
  INTO n_of, scope_of, what_of, scope_ids, limit_of, cost_of
  FROM json_to_recordset(limited) AS l (
    n int, tokens bigint, key_requests bigint, key_tokens bigint, project_requests bigint, project_tokens bigint)
  CROSS JOIN LATERAL (VALUES
    ('key', 'requests', key_ids[l.n], 1, l.key_requests),
    ('key', 'tokens', key_ids[l.n], greatest(1, l.tokens), l.key_tokens),
    ('project', 'requests', project_ids[l.n], 1, l.project_requests),
    ('project', 'tokens', project_ids[l.n], greatest(1, l.tokens), l.project_tokens)
  ) AS s (scope, what, scope_id, amount, per_minute)
  WHERE s.per_minute IS NOT NULL;
  row_of := ARRAY(
    SELECT dense_rank() OVER (ORDER BY scope_id, what) FROM unnest(scope_ids, what_of) WITH ORDINALITY
      AS r (scope_id, what, place) ORDER BY place);

  -- Makes the rows or locks them, one after the other in one order, and writes none that is there.
  INSERT INTO rate_limits AS r (scope_id, what, whole_at)
    SELECT DISTINCT w.scope_id, w.what, 0 FROM unnest(scope_ids, what_of) AS w (scope_id, what) ORDER BY 1, 2
    ON CONFLICT (scope_id, what) DO UPDATE SET whole_at = r.whole_at WHERE false;
  -- The database's clock, so that gateways with different ones are treated alike; read under the lock, so that it does
  -- not go back between two who waited for each other.
  now_ns := coalesce(clock, (extract(epoch FROM clock_timestamp()) * 1000000000)::bigint);
  -- Never more than a minute away, should the clock have been set back.
  wholes := ARRAY(
    SELECT greatest(now_ns, least(r.whole_at, now_ns + minute))
    FROM (SELECT DISTINCT scope_id, what FROM unnest(scope_ids, what_of) AS w (scope_id, what)) w
    JOIN rate_limits r USING (scope_id, what) ORDER BY scope_id, what);
  held := ARRAY(SELECT h.request_id FROM ledger.holds h WHERE h.request_id = ANY (request_ids));

  WHILE first <= cardinality(n_of) LOOP
    last := first;
    WHILE n_of[last + 1] = n_of[first] LOOP last := last + 1; END LOOP;
    refused := NULL;
    longest := 0;
    IF request_ids[n_of[first]] <> ALL (held) THEN
      FOR i IN first .. last LOOP
        wait := wholes[row_of[i]] + cost_of[i] - now_ns - minute;
        CONTINUE WHEN wait <= 0;
        -- Of several the one that takes longest is told: before it no other helps.
        CONTINUE WHEN wait <= longest;
        longest := coalesce(wait, 9223372036854775807);
        refused := jsonb_build_object(
          'scope', scope_of[i], 'what', what_of[i], 'limit', limit_of[i], 'retryMs', wait::float8 / 1000000);
      END LOOP;
      IF refused IS NULL THEN
        FOR i IN first .. last LOOP
          wholes[row_of[i]] := wholes[row_of[i]] + cost_of[i];
        END LOOP;
      END IF;
    END IF;
    states := '{}';
    FOR i IN first .. last LOOP
      used := wholes[row_of[i]] - now_ns;
      state := jsonb_build_object('limit', limit_of[i], 'resetMs', used::float8 / 1000000, 'remaining',
        floor(limit_of[i] - used::numeric * limit_of[i] / minute));
      IF states -> what_of[i] IS NULL
        OR (state ->> 'remaining')::numeric < (states -> what_of[i] ->> 'remaining')::numeric THEN
        states := states || jsonb_build_object(what_of[i], state);
      END IF;
    END LOOP;
    answer := answer || (states || jsonb_build_object('n', n_of[first], 'refused', refused));
    first := last + 1;
  END LOOP;

  UPDATE rate_limits r SET whole_at = w.whole_at
  FROM (
    SELECT DISTINCT ON (scope_id, what) scope_id, what, wholes[row_number] AS whole_at
    FROM unnest(scope_ids, what_of, row_of) AS u (scope_id, what, row_number)
  ) w WHERE r.scope_id = w.scope_id AND r.what = w.what AND r.whole_at <> w.whole_at;
  RETURN array_to_json(answer);
END $$;

-- Admits many requests in the order given: their rate limits first, then their money. A request that a limit refuses
-- holds nothing; one that the money does not cover was a request all the same, and its limits count it.
--
-- limited: as for take_rate_limits; null where no request has a limit.
-- results: held, rate_limited, or a word of ledger.take_holds.
-- details: null, or {"limits": what take_rate_limits gave or null, "budgets": null or the budgets that refused:
--   [{"n", "limit", "spent", "held"}], money as text}
CREATE FUNCTION admit_requests(
  request_ids text[], account_ids uuid[], project_ids uuid[], key_ids uuid[], amounts bigint[],
  expiries timestamptz[], at timestamptz, limited json, OUT results text[], OUT details json)
LANGUAGE plpgsql AS $$
DECLARE
  limits json;
  passing int[];
  words text[];
BEGIN
  IF limited IS NULL THEN
    results := ledger.take_holds(request_ids, account_ids, project_ids, key_ids, amounts, expiries, at);
    -- The usual case.
    IF 'held' = ALL (results) THEN RETURN; END IF;
  ELSE
    limits := take_rate_limits(limited, request_ids, project_ids, key_ids);
    passing := ARRAY(
      SELECT n FROM generate_series(1, cardinality(request_ids)) n WHERE n NOT IN (
        SELECT l.n FROM json_to_recordset(limits) AS l (n int, refused json) WHERE l.refused ->> 'scope' IS NOT NULL)
      ORDER BY n);
    words := ledger.take_holds(
      ARRAY(SELECT request_ids[n] FROM unnest(passing) WITH ORDINALITY AS p (n, place) ORDER BY place),
      ARRAY(SELECT account_ids[n] FROM unnest(passing) WITH ORDINALITY AS p (n, place) ORDER BY place),
      ARRAY(SELECT project_ids[n] FROM unnest(passing) WITH ORDINALITY AS p (n, place) ORDER BY place),
      ARRAY(SELECT key_ids[n] FROM unnest(passing) WITH ORDINALITY AS p (n, place) ORDER BY place),
      ARRAY(SELECT amounts[n] FROM unnest(passing) WITH ORDINALITY AS p (n, place) ORDER BY place),
      ARRAY(SELECT expiries[n] FROM unnest(passing) WITH ORDINALITY AS p (n, place) ORDER BY place), at);
    results := array_fill('rate_limited'::text, ARRAY[cardinality(request_ids)]);
    FOR i IN 1 .. cardinality(passing) LOOP
      results[passing[i]] := words[i];
    END LOOP;
  END IF;
  details := json_build_object('limits', limits, 'budgets', (
    SELECT json_agg(json_build_object('n', r.n, 'limit', b.monthly_limit::text, 'held', b.held::text,
      'spent', (CASE WHEN b.month < ledger.month_of(at) THEN 0 ELSE b.spent END)::text))
    FROM unnest(results, account_ids, project_ids, key_ids) WITH ORDINALITY
      AS r (result, account_id, project_id, key_id, n)
    JOIN ledger.accounts a ON a.id = r.account_id
    JOIN ledger.budgets b ON b.account_id = a.id AND b.spender_id = CASE r.result
      WHEN 'organization_budget' THEN a.owner_id WHEN 'project_budget' THEN r.project_id
      WHEN 'key_budget' THEN r.key_id END));
END $$;

-- Tenants read their own budgets, and change them only by the functions below, which see to it that a budget begins
-- with what was really spent.
GRANT USAGE ON SCHEMA ledger TO zerogpu_tenant;
GRANT SELECT ON ledger.budgets TO zerogpu_tenant;
ALTER TABLE ledger.budgets ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON ledger.budgets FOR SELECT TO zerogpu_tenant USING (
  account_id = (SELECT o.wallet_id FROM organizations o WHERE o.id = tenant_organization())
  AND (tenant_project() IS NULL OR spender_id = tenant_project()
    OR spender_id IN (SELECT k.id FROM api_keys k WHERE k.project_id = tenant_project())));

-- The wallet from which a spender pays; null when it is none of the tenant's. Works with the owner's rights, as do the
-- next two, because tenants may not write to the ledger.
CREATE FUNCTION tenant_wallet(of_kind text, spender uuid) RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT o.wallet_id FROM organizations o WHERE o.id = tenant_organization() AND CASE of_kind
    WHEN 'organization' THEN o.id = spender AND tenant_project() IS NULL
    WHEN 'project' THEN spender = tenant_project()
      AND EXISTS (SELECT 1 FROM projects p WHERE p.id = spender AND p.organization_id = o.id)
    WHEN 'key' THEN EXISTS (
      SELECT 1 FROM api_keys k JOIN projects p ON p.id = k.project_id
      WHERE k.id = spender AND p.id = tenant_project() AND p.organization_id = o.id)
    ELSE false END
$$;

-- Sets a budget of the tenant's in the middle of a month, exact to the request: under the lock that every settlement
-- takes, it begins with what the rollups say was spent and with what is held now. False: there is no such spender.
CREATE FUNCTION set_tenant_budget(of_kind text, spender uuid, monthly_limit bigint, at timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  wallet uuid := tenant_wallet(of_kind, spender);
  of_projects uuid[];
  spent bigint;
BEGIN
  IF wallet IS NULL THEN RETURN false; END IF;
  PERFORM ledger.lock_spenders(wallet);
  -- Rollups are found by their projects.
  of_projects := CASE of_kind WHEN 'organization' THEN ARRAY(SELECT p.id FROM projects p WHERE p.organization_id = spender)
    ELSE ARRAY[tenant_project()] END;
  SELECT coalesce(sum(u.cost), 0) INTO spent FROM usage_rollups u
  WHERE u.project_id = ANY (of_projects) AND u.resolution = 'hour' AND u.bucket >= date_trunc('month', at, 'UTC')
    AND (of_kind <> 'key' OR u.key_id = spender);
  PERFORM ledger.set_budget(wallet, of_kind, spender, monthly_limit, spent, at);
  RETURN true;
END $$;

-- False: there is no such spender, or it has no budget.
CREATE FUNCTION remove_tenant_budget(of_kind text, spender uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  wallet uuid := tenant_wallet(of_kind, spender);
BEGIN
  RETURN wallet IS NOT NULL AND ledger.remove_budget(wallet, spender);
END $$;
