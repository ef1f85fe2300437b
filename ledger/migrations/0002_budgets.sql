-- Budgets: how much a spender (an organization, a project or a key) may spend in a calendar month, UTC. And refunds.
-- A spender pays from one wallet, so the lock on that wallet's row, which every hold and every settlement takes before
-- anything else, also guards the budgets of all its spenders: there is no second order of locks to keep.

-- Whether any spender of the account has a budget. Requests lock the account's row anyway, so that where there are no
-- budgets they are not looked for.
ALTER TABLE ledger.accounts ADD COLUMN budgeted boolean NOT NULL DEFAULT false;

-- Null only on holds from before there were budgets.
ALTER TABLE ledger.holds ADD COLUMN project_id uuid, ADD COLUMN key_id uuid;

CREATE TABLE ledger.budgets (
  -- For an organization the owner of the account.
  spender_id uuid PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('organization', 'project', 'key')),
  -- The wallet that pays.
  account_id uuid NOT NULL REFERENCES ledger.accounts,
  monthly_limit bigint NOT NULL CHECK (monthly_limit >= 0),
  -- The first day of the month that `spent` belongs to. A later month begins with nothing spent; the row learns of it
  -- when it is next written.
  month date NOT NULL,
  spent bigint NOT NULL CHECK (spent >= 0),
  -- Sum of the spender's holds. They count in whichever month they settle.
  held bigint NOT NULL CHECK (held >= 0)
)
-- Rewritten by every group of settlements, as accounts are.
WITH (fillfactor = 20);
CREATE INDEX budgets_by_account ON ledger.budgets (account_id);

CREATE FUNCTION ledger.month_of(at timestamptz) RETURNS date LANGUAGE sql IMMUTABLE AS
  $$ SELECT date_trunc('month', at AT TIME ZONE 'UTC')::date $$;

-- What one hold or its end does to the budgets of its spenders.
CREATE TYPE ledger.budget_move AS (account_id uuid, project_id uuid, key_id uuid, promised bigint, charge bigint);

-- Adds to what is held and spent in every budget of the spenders named. The accounts are locked.
CREATE FUNCTION ledger.move_budgets(moves ledger.budget_move[], at timestamptz) RETURNS void LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
  this_month date := ledger.month_of(at);
BEGIN
  UPDATE ledger.budgets b SET
    held = b.held + d.promised,
    spent = CASE WHEN b.month < this_month THEN 0 ELSE b.spent END + d.charge,
    -- Never back: the clock of another gateway may be a little behind.
    month = greatest(b.month, this_month)
  FROM (
    SELECT a.id AS account_id, s.spender_id, sum(r.promised)::bigint AS promised, sum(r.charge)::bigint AS charge
    FROM unnest(moves) r
    JOIN ledger.accounts a ON a.id = r.account_id AND a.budgeted
    CROSS JOIN LATERAL (VALUES (a.owner_id), (r.project_id), (r.key_id)) AS s (spender_id)
    GROUP BY a.id, s.spender_id
  ) d
  WHERE b.spender_id = d.spender_id AND b.account_id = d.account_id;
END $$;

-- Holds money for many requests at once. Each request in the order given is granted exactly when what is then left of
-- its account, and of every budget of its organization, project and key, covers it. A request that holds already is
-- granted again without holding more. `at` says which month it is.
-- Returns one word per request, in order: held, or what did not cover it:
--   balance | organization_budget | project_budget | key_budget
DROP FUNCTION ledger.take_holds(text[], uuid[], bigint[], timestamptz[]);
CREATE FUNCTION ledger.take_holds(
  request_ids text[], account_ids uuid[], project_ids uuid[], key_ids uuid[], amounts bigint[],
  expiries timestamptz[], at timestamptz)
RETURNS text[] LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
  many int := coalesce(cardinality(request_ids), 0);
  results text[] := array_fill('held'::text, ARRAY[many]);
  any_budget boolean := false;
  taken text[];
  short record;
  -- What does not cover all that is asked of it: its word, the id by which a request names it, what is left of it.
  words text[] := '{}';
  names uuid[] := '{}';
  rooms bigint[] := '{}';
  -- Which of them a request draws on.
  drawn int[];
  first int;
BEGIN
  PERFORM 1 FROM ledger.accounts WHERE id = ANY (account_ids) ORDER BY id FOR NO KEY UPDATE;

  taken := ARRAY(SELECT h.request_id FROM ledger.holds h WHERE h.request_id = ANY (request_ids));
  IF cardinality(taken) > 0 AND EXISTS (
    SELECT 1 FROM unnest(request_ids, account_ids) AS r (request_id, account_id)
    JOIN ledger.holds h ON h.request_id = r.request_id AND h.account_id <> r.account_id
  ) THEN
    RAISE EXCEPTION 'Cannot hold: a request id is held by another account' USING ERRCODE = 'check_violation';
  END IF;

  -- Only what does not cover all that is asked of it needs a look at each request; usually there is none. The same
  -- look finds out whether there are budgets: a statement of its own for that was measured at a tenth of the whole.
  FOR short IN
    SELECT asked.id, asked.total, CASE WHEN a.kind = 'wallet' THEN a.balance - a.held END AS room, a.budgeted
    FROM (SELECT id, sum(amount) AS total FROM unnest(account_ids, amounts) AS r (id, amount) GROUP BY id) asked
    LEFT JOIN ledger.accounts a ON a.id = asked.id
    WHERE a.id IS NULL OR a.kind <> 'wallet' OR a.balance - a.held < asked.total OR a.budgeted
  LOOP
    any_budget := any_budget OR coalesce(short.budgeted, false);
    CONTINUE WHEN short.room >= short.total;
    words := words || 'balance'::text;
    names := names || short.id;
    rooms := rooms || short.room;
  END LOOP;
  IF any_budget THEN
    FOR short IN
      SELECT b.kind, CASE b.kind WHEN 'organization' THEN b.account_id ELSE b.spender_id END AS id, left_of.room
      FROM (
        SELECT a.id AS account_id, s.spender_id, sum(r.amount) AS total
        FROM unnest(account_ids, project_ids, key_ids, amounts) AS r (account_id, project_id, key_id, amount)
        JOIN ledger.accounts a ON a.id = r.account_id AND a.budgeted
        CROSS JOIN LATERAL (VALUES (a.owner_id), (r.project_id), (r.key_id)) AS s (spender_id)
        GROUP BY a.id, s.spender_id
      ) asked
      JOIN ledger.budgets b ON b.spender_id = asked.spender_id AND b.account_id = asked.account_id
      CROSS JOIN LATERAL (SELECT
        b.monthly_limit - b.held - CASE WHEN b.month < ledger.month_of(at) THEN 0 ELSE b.spent END AS room
      ) left_of
      WHERE left_of.room < asked.total
      -- The widest is named first to whom several refuse.
      ORDER BY array_position(ARRAY['organization', 'project', 'key'], b.kind)
    LOOP
      words := words || (short.kind || '_budget');
      names := names || short.id;
      rooms := rooms || short.room;
    END LOOP;
  END IF;
  IF cardinality(words) > 0 THEN
    FOR i IN 1 .. many LOOP
      CONTINUE WHEN request_ids[i] = ANY (taken);
      -- The same request twice in one call: the second has the answer of the first.
      first := array_position(request_ids, request_ids[i]);
      IF first < i THEN
        results[i] := results[first];
        CONTINUE;
      END IF;
      drawn := '{}';
      FOR j IN 1 .. cardinality(words) LOOP
        CONTINUE WHEN names[j] IS DISTINCT FROM CASE words[j]
          WHEN 'project_budget' THEN project_ids[i] WHEN 'key_budget' THEN key_ids[i] ELSE account_ids[i] END;
        drawn := drawn || j;
        IF results[i] = 'held' AND NOT coalesce(amounts[i] <= rooms[j], false) THEN results[i] := words[j]; END IF;
      END LOOP;
      CONTINUE WHEN results[i] <> 'held';
      FOR d IN 1 .. cardinality(drawn) LOOP
        rooms[drawn[d]] := rooms[drawn[d]] - amounts[i];
      END LOOP;
    END LOOP;
  END IF;

  -- No ON CONFLICT, which would cost as much again as the insert: what is held already was seen above, under the lock.
  WITH added AS (
    INSERT INTO ledger.holds (request_id, account_id, amount, expires_at, project_id, key_id)
      SELECT DISTINCT ON (r.request_id) r.request_id, r.account_id, r.amount, r.expires_at, r.project_id, r.key_id
      FROM unnest(request_ids, account_ids, amounts, expiries, project_ids, key_ids, results) WITH ORDINALITY
        AS r (request_id, account_id, amount, expires_at, project_id, key_id, result, n)
      WHERE r.result = 'held' AND r.request_id <> ALL (taken) ORDER BY r.request_id, r.n
      RETURNING account_id, amount
  )
  UPDATE ledger.accounts a SET held = a.held + d.amount
  FROM (SELECT account_id, sum(amount)::bigint AS amount FROM added GROUP BY account_id) d
  WHERE a.id = d.account_id AND d.amount > 0;

  IF any_budget THEN
    PERFORM ledger.move_budgets(ARRAY(
      SELECT ROW(h.account_id, h.project_id, h.key_id, h.amount, 0)::ledger.budget_move
      FROM ledger.holds h WHERE h.request_id = ANY (request_ids) AND h.request_id <> ALL (taken)), at);
  END IF;

  RETURN results;
END $$;

-- As in 0001_ledger.sql, and moves what was held to what was spent in the budgets of organization, project and key.
CREATE OR REPLACE FUNCTION ledger.settle_holds(request_ids text[], charges bigint[], happened_at timestamptz)
RETURNS text[] LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
  many int := coalesce(cardinality(request_ids), 0);
  freed_count int;
  freed_places bigint[];
  too_much text;
  -- Of the holds that are gone now; null where there are no budgets.
  moves ledger.budget_move[];
BEGIN
  PERFORM 1 FROM ledger.accounts WHERE id IN (
    SELECT unnest(ARRAY[w.id, w.earnings_id]) FROM ledger.accounts w WHERE w.id IN (
      SELECT h.account_id FROM ledger.holds h WHERE h.request_id = ANY (request_ids))
  ) ORDER BY id FOR NO KEY UPDATE;

  WITH freed AS (
    DELETE FROM ledger.holds h USING unnest(request_ids, charges) WITH ORDINALITY AS i (request_id, charge, n)
    WHERE h.request_id = i.request_id
    RETURNING h.request_id, h.account_id, h.amount, i.charge, i.n, h.project_id, h.key_id
  ), posted AS (
    INSERT INTO ledger.postings (created_at, kind, from_account, to_account, amount, request_id)
      SELECT happened_at, 'charge', f.account_id, w.earnings_id, f.charge, f.request_id
      FROM freed f JOIN ledger.accounts w ON w.id = f.account_id
      WHERE f.charge <> 0
  ), spent AS (
    SELECT account_id, sum(charge)::bigint AS charge, sum(amount)::bigint AS amount FROM freed GROUP BY account_id
  ), moved AS (
    UPDATE ledger.accounts a SET balance = a.balance + d.balance, held = a.held + d.held
    FROM (
      SELECT account_id AS id, -charge AS balance, -amount AS held FROM spent
      UNION ALL
      SELECT w.earnings_id, s.charge, 0 FROM spent s JOIN ledger.accounts w ON w.id = s.account_id
    ) d WHERE a.id = d.id AND (d.balance <> 0 OR d.held <> 0)
    RETURNING a.budgeted
  )
  SELECT count(*), array_agg(n), min(request_id) FILTER (WHERE charge > amount),
    array_agg(ROW(account_id, project_id, key_id, -amount, charge)::ledger.budget_move)
      FILTER (WHERE (SELECT bool_or(budgeted) FROM moved))
  INTO freed_count, freed_places, too_much, moves
  FROM freed;

  IF too_much IS NOT NULL THEN
    RAISE EXCEPTION 'Cannot charge request %: the charge is above its hold', too_much
      USING ERRCODE = 'check_violation';
  END IF;
  IF moves IS NOT NULL THEN PERFORM ledger.move_budgets(moves, happened_at); END IF;
  -- The usual case: every request had its hold.
  IF freed_count = many THEN
    RETURN array_fill('settled'::text, ARRAY[many]);
  END IF;
  IF many > (SELECT count(DISTINCT r.request_id) FROM unnest(request_ids) AS r (request_id)) THEN
    RAISE EXCEPTION 'Cannot settle: a request id is there twice' USING ERRCODE = 'unique_violation';
  END IF;
  RETURN ARRAY(
    SELECT CASE
      WHEN r.n = ANY (freed_places) THEN 'settled'
      WHEN EXISTS (SELECT 1 FROM ledger.postings p WHERE p.kind = 'charge' AND p.request_id = r.request_id)
        THEN 'already_settled'
      WHEN r.charge = 0 THEN 'settled'
      ELSE 'hold_lost'
    END
    FROM unnest(request_ids, charges) WITH ORDINALITY AS r (request_id, charge, n) ORDER BY r.n);
END $$;

-- Gives back at most `most` holds that expired before `at`, in budgets too; returns how many.
CREATE OR REPLACE FUNCTION ledger.release_expired(at timestamptz, most int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  overdue text[];
  released int;
  moves ledger.budget_move[];
BEGIN
  overdue := ARRAY(SELECT request_id FROM ledger.holds WHERE expires_at <= at LIMIT most);
  PERFORM 1 FROM ledger.accounts WHERE id IN (
    SELECT account_id FROM ledger.holds WHERE request_id = ANY (overdue)
  ) ORDER BY id FOR NO KEY UPDATE;
  WITH freed AS (
    DELETE FROM ledger.holds WHERE request_id = ANY (overdue) AND expires_at <= at
    RETURNING account_id, project_id, key_id, amount
  ), moved AS (
    UPDATE ledger.accounts a SET held = a.held - d.amount
    FROM (SELECT account_id, sum(amount)::bigint AS amount FROM freed GROUP BY account_id) d
    WHERE a.id = d.account_id
  )
  SELECT count(*), array_agg(ROW(account_id, project_id, key_id, -amount, 0)::ledger.budget_move)
  INTO released, moves FROM freed;
  IF released > 0 THEN PERFORM ledger.move_budgets(moves, at); END IF;
  RETURN released;
END $$;

-- From here to the end of the transaction nothing is held, settled or given back for any spender of this wallet: what
-- is read now of their spending stays true until a budget is set by it.
CREATE FUNCTION ledger.lock_spenders(wallet uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM ledger.accounts WHERE id = wallet AND kind = 'wallet' FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'Cannot find the spenders of account %: there is no such wallet', wallet
      USING ERRCODE = 'no_data_found';
  END IF;
END $$;

-- Gives a spender a budget, or changes its limit. `spent_before`: what it has spent this month, read after
-- `lock_spenders` in the same transaction; a spender that has a budget already keeps what was counted.
CREATE FUNCTION ledger.set_budget(
  wallet uuid, of_kind text, spender uuid, new_limit bigint, spent_before bigint, at timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM ledger.lock_spenders(wallet);
  IF of_kind = 'organization' AND NOT EXISTS (
    SELECT 1 FROM ledger.accounts WHERE id = wallet AND owner_id = spender
  ) THEN
    RAISE EXCEPTION 'Cannot set a budget: the organization does not own the wallet' USING ERRCODE = 'check_violation';
  END IF;
  INSERT INTO ledger.budgets AS b (spender_id, kind, account_id, monthly_limit, month, spent, held)
    SELECT spender, of_kind, wallet, new_limit, ledger.month_of(at), spent_before, coalesce(sum(h.amount), 0)
    FROM ledger.holds h
    WHERE h.account_id = wallet
      AND (of_kind = 'organization' OR spender = CASE of_kind WHEN 'project' THEN h.project_id ELSE h.key_id END)
    ON CONFLICT (spender_id) DO UPDATE SET monthly_limit = excluded.monthly_limit
    WHERE b.account_id = excluded.account_id AND b.kind = excluded.kind;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'Cannot set a budget: the spender pays from another wallet' USING ERRCODE = 'check_violation';
  END IF;
  UPDATE ledger.accounts SET budgeted = true WHERE id = wallet AND NOT budgeted;
END $$;

-- Returns false when the spender has no budget.
CREATE FUNCTION ledger.remove_budget(wallet uuid, spender uuid) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  removed boolean;
BEGIN
  PERFORM ledger.lock_spenders(wallet);
  DELETE FROM ledger.budgets WHERE account_id = wallet AND spender_id = spender;
  removed := FOUND;
  UPDATE ledger.accounts SET budgeted = false
    WHERE id = wallet AND budgeted AND NOT EXISTS (SELECT 1 FROM ledger.budgets WHERE account_id = wallet);
  RETURN removed;
END $$;

CREATE UNIQUE INDEX postings_one_refund ON ledger.postings (request_id) WHERE kind = 'refund';

-- Moves money that is not held out of a wallet, back to its owner's funding account; at most once per reference.
-- Returns refunded, repeated (this reference was refunded before), or insufficient.
CREATE FUNCTION ledger.refund(wallet uuid, refunded bigint, reference text, reason text, happened_at timestamptz)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  funding uuid;
  available bigint;
BEGIN
  SELECT funding_id INTO funding FROM ledger.accounts WHERE id = wallet AND kind = 'wallet';
  IF funding IS NULL THEN
    RAISE EXCEPTION 'Cannot refund account %: there is no such wallet', wallet USING ERRCODE = 'no_data_found';
  END IF;
  PERFORM 1 FROM ledger.accounts WHERE id IN (wallet, funding) ORDER BY id FOR NO KEY UPDATE;
  IF EXISTS (SELECT 1 FROM ledger.postings WHERE kind = 'refund' AND request_id = reference) THEN
    RETURN 'repeated';
  END IF;
  SELECT balance - held INTO available FROM ledger.accounts WHERE id = wallet;
  IF available < refunded THEN RETURN 'insufficient'; END IF;
  INSERT INTO ledger.postings (created_at, kind, from_account, to_account, amount, request_id, description)
    VALUES (happened_at, 'refund', wallet, funding, refunded, reference, reason)
    ON CONFLICT (request_id) WHERE kind = 'refund' DO NOTHING;
  IF NOT FOUND THEN RETURN 'repeated'; END IF;
  UPDATE ledger.accounts SET balance = balance + CASE WHEN id = wallet THEN -refunded ELSE refunded END
    WHERE id IN (wallet, funding);
  RETURN 'refunded';
END $$;
