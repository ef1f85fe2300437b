-- The money. Double entry in nano-dollars (1e-9 USD): one posting moves one positive amount between two accounts,
-- so that every row is balanced by construction and all balances together are always zero.
-- Rows are written only by the functions below; each locks the accounts that it touches in the order of their ids,
-- before anything else, so that concurrent gateways wait for one another and never deadlock.

CREATE SCHEMA ledger;

CREATE TABLE ledger.accounts (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  -- Whose: an organization, as far as the ledger needs to know. Earnings and funding are per owner too, so that no
  -- row is written by every customer's requests.
  owner_id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ('wallet', 'earnings', 'funding')),
  -- Sum of postings in minus postings out, kept in the transaction that posts.
  balance bigint NOT NULL DEFAULT 0,
  -- Sum of the account's holds.
  held bigint NOT NULL DEFAULT 0 CHECK (held >= 0),
  -- Where charges of a wallet go, and where its credit comes from; null on the other kinds.
  earnings_id uuid REFERENCES ledger.accounts,
  funding_id uuid REFERENCES ledger.accounts,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (owner_id, kind),
  CHECK (kind <> 'wallet' OR (balance >= 0 AND balance - held >= 0)),
  CHECK (kind = 'wallet' OR held = 0),
  CHECK ((kind = 'wallet') = (earnings_id IS NOT NULL AND funding_id IS NOT NULL))
)
-- Balances are rewritten by every group of settlements: free room in the page keeps those updates in place.
WITH (fillfactor = 20);

-- Money promised to a request that is under way. Small: rows live as long as their request.
CREATE TABLE ledger.holds (
  request_id text PRIMARY KEY CHECK (length(request_id) BETWEEN 1 AND 128),
  -- Accounts are never deleted (trigger below) and `take_holds` reads the account that it writes here, so a foreign key
  -- would only look it up again for every request. The same holds for postings.
  account_id uuid NOT NULL,
  amount bigint NOT NULL CHECK (amount >= 0),
  -- No index: the sweeper reads this small table whole, and an index would cost every request.
  expires_at timestamptz NOT NULL
)
-- Every request inserts one row and deletes it again, so cleaning by a share of the table would come too rarely at
-- first and too late under load.
WITH (autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_scale_factor = 0);

CREATE TABLE ledger.postings (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  created_at timestamptz NOT NULL,
  kind text NOT NULL CHECK (kind IN ('charge', 'credit', 'refund', 'adjustment')),
  -- Without a foreign key, as above; the invariant checker looks for postings without an account.
  from_account uuid NOT NULL,
  to_account uuid NOT NULL,
  amount bigint NOT NULL CHECK (amount > 0),
  request_id text,
  description text,
  CHECK (from_account <> to_account),
  CHECK (kind <> 'charge' OR request_id IS NOT NULL)
);
-- One charge per request, whoever tries it how often.
CREATE UNIQUE INDEX postings_one_charge ON ledger.postings (request_id) WHERE kind = 'charge';
-- A credit that is given again under the same reference (a webhook that is delivered twice) is given once.
CREATE UNIQUE INDEX postings_one_credit ON ledger.postings (request_id) WHERE kind = 'credit';

CREATE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '%.% is append-only: % is refused; post a correction instead', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER postings_append_only BEFORE UPDATE OR DELETE ON ledger.postings
  FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER postings_no_truncate BEFORE TRUNCATE ON ledger.postings
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER accounts_never_deleted BEFORE DELETE ON ledger.accounts
  FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER accounts_no_truncate BEFORE TRUNCATE ON ledger.accounts
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

-- Opens the three accounts of an owner, or finds them; returns the wallet.
CREATE FUNCTION ledger.open_wallet(of_owner uuid) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
  wallet uuid;
BEGIN
  INSERT INTO ledger.accounts (owner_id, kind) VALUES (of_owner, 'earnings'), (of_owner, 'funding')
    ON CONFLICT (owner_id, kind) DO NOTHING;
  INSERT INTO ledger.accounts (owner_id, kind, earnings_id, funding_id)
    SELECT of_owner, 'wallet', e.id, f.id FROM ledger.accounts e, ledger.accounts f
    WHERE e.owner_id = of_owner AND e.kind = 'earnings' AND f.owner_id = of_owner AND f.kind = 'funding'
    ON CONFLICT (owner_id, kind) DO NOTHING;
  SELECT id INTO STRICT wallet FROM ledger.accounts WHERE owner_id = of_owner AND kind = 'wallet';
  RETURN wallet;
END $$;

-- The functions of the request's way keep one plan, and it looks rows up by index. Left to itself the planner reads
-- small tables whole, which is right until a table grows or fills with dead rows between two looks at its size.

-- Holds money for many requests at once. Each request in the order given is granted exactly when what is then left of
-- its account covers it. A request that holds already is granted again without holding more.
-- Returns one boolean per request, in order: true when held.
CREATE FUNCTION ledger.take_holds(request_ids text[], account_ids uuid[], amounts bigint[], expiries timestamptz[])
RETURNS boolean[] LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
  many int := coalesce(cardinality(request_ids), 0);
  granted boolean[] := array_fill(true, ARRAY[many]);
  taken text[];
  short record;
  available bigint;
  doubtful boolean := false;
BEGIN
  PERFORM 1 FROM ledger.accounts WHERE id = ANY (account_ids) ORDER BY id FOR NO KEY UPDATE;

  taken := ARRAY(SELECT h.request_id FROM ledger.holds h WHERE h.request_id = ANY (request_ids));
  IF cardinality(taken) > 0 AND EXISTS (
    SELECT 1 FROM unnest(request_ids, account_ids) AS r (request_id, account_id)
    JOIN ledger.holds h ON h.request_id = r.request_id AND h.account_id <> r.account_id
  ) THEN
    RAISE EXCEPTION 'Cannot hold: a request id is held by another account' USING ERRCODE = 'check_violation';
  END IF;

  -- Only accounts that do not cover all that is asked of them need a look at each request; usually there are none.
  FOR short IN
    SELECT asked.id, CASE WHEN a.kind = 'wallet' THEN a.balance - a.held END AS available
    FROM (SELECT id, sum(amount) AS total FROM unnest(account_ids, amounts) AS r (id, amount) GROUP BY id) asked
    LEFT JOIN ledger.accounts a ON a.id = asked.id
    WHERE a.id IS NULL OR a.kind <> 'wallet' OR a.balance - a.held < asked.total
  LOOP
    doubtful := true;
    available := short.available;
    FOR i IN 1 .. many LOOP
      CONTINUE WHEN account_ids[i] <> short.id;
      CONTINUE WHEN request_ids[i] = ANY (taken) OR request_ids[i] = ANY (request_ids[:i - 1]);
      granted[i] := coalesce(amounts[i] <= available, false);
      IF granted[i] THEN available := available - amounts[i]; END IF;
    END LOOP;
  END LOOP;
  IF doubtful THEN
    -- The same request twice in one call: the second has the answer of the first.
    FOR i IN 1 .. many LOOP
      granted[i] := granted[array_position(request_ids, request_ids[i])];
    END LOOP;
  END IF;

  -- No ON CONFLICT, which would cost as much again as the insert: what is held already was seen above, under the lock.
  WITH added AS (
    INSERT INTO ledger.holds (request_id, account_id, amount, expires_at)
      SELECT DISTINCT ON (r.request_id) r.request_id, r.account_id, r.amount, r.expires_at
      FROM unnest(request_ids, account_ids, amounts, expiries, granted) WITH ORDINALITY
        AS r (request_id, account_id, amount, expires_at, ok, n)
      WHERE r.ok AND r.request_id <> ALL (taken) ORDER BY r.request_id, r.n
      RETURNING account_id, amount
  )
  UPDATE ledger.accounts a SET held = a.held + d.amount
  FROM (SELECT account_id, sum(amount)::bigint AS amount FROM added GROUP BY account_id) d
  WHERE a.id = d.account_id AND d.amount > 0;

  RETURN granted;
END $$;

-- Charges many requests at once and gives the rest of their holds back. Returns one word per request, in order:
--   settled          charged (or, with a charge of zero, only released)
--   already_settled  charged before, so its hold is gone: nothing is charged again
--   hold_lost        the hold expired and was returned, so nothing is charged
-- An error, which undoes the whole call: a charge above its hold, an id twice in one call, an id that was charged
-- before and holds again.
CREATE FUNCTION ledger.settle_holds(request_ids text[], charges bigint[], happened_at timestamptz)
RETURNS text[] LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
  many int := coalesce(cardinality(request_ids), 0);
  freed_count int;
  freed_places bigint[];
  too_much text;
BEGIN
  PERFORM 1 FROM ledger.accounts WHERE id IN (
    SELECT unnest(ARRAY[w.id, w.earnings_id]) FROM ledger.accounts w WHERE w.id IN (
      SELECT h.account_id FROM ledger.holds h WHERE h.request_id = ANY (request_ids))
  ) ORDER BY id FOR NO KEY UPDATE;

  WITH freed AS (
    DELETE FROM ledger.holds h USING unnest(request_ids, charges) WITH ORDINALITY AS i (request_id, charge, n)
    WHERE h.request_id = i.request_id
    RETURNING h.request_id, h.account_id, h.amount, i.charge, i.n
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
  )
  SELECT count(*), array_agg(n), min(request_id) FILTER (WHERE charge > amount)
  INTO freed_count, freed_places, too_much FROM freed;

  IF too_much IS NOT NULL THEN
    RAISE EXCEPTION 'Cannot charge request %: the charge is above its hold', too_much
      USING ERRCODE = 'check_violation';
  END IF;
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

-- Gives back at most `most` holds that expired before `at`; returns how many.
CREATE FUNCTION ledger.release_expired(at timestamptz, most int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  overdue text[];
  released int;
BEGIN
  overdue := ARRAY(SELECT request_id FROM ledger.holds WHERE expires_at <= at LIMIT most);
  PERFORM 1 FROM ledger.accounts WHERE id IN (
    SELECT account_id FROM ledger.holds WHERE request_id = ANY (overdue)
  ) ORDER BY id FOR NO KEY UPDATE;
  WITH freed AS (
    DELETE FROM ledger.holds WHERE request_id = ANY (overdue) AND expires_at <= at RETURNING account_id, amount
  ), moved AS (
    UPDATE ledger.accounts a SET held = a.held - d.amount
    FROM (SELECT account_id, sum(amount)::bigint AS amount FROM freed GROUP BY account_id) d
    WHERE a.id = d.account_id
  )
  SELECT count(*) INTO released FROM freed;
  RETURN released;
END $$;

-- Moves money into a wallet from its owner's funding account. With a reference, at most once per reference.
-- Returns false when that reference was credited before.
CREATE FUNCTION ledger.credit(wallet uuid, credited bigint, reference text, reason text, happened_at timestamptz)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  funding uuid;
BEGIN
  SELECT funding_id INTO funding FROM ledger.accounts WHERE id = wallet AND kind = 'wallet';
  IF funding IS NULL THEN
    RAISE EXCEPTION 'Cannot credit account %: there is no such wallet', wallet USING ERRCODE = 'no_data_found';
  END IF;
  PERFORM 1 FROM ledger.accounts WHERE id IN (wallet, funding) ORDER BY id FOR NO KEY UPDATE;
  INSERT INTO ledger.postings (created_at, kind, from_account, to_account, amount, request_id, description)
    VALUES (happened_at, 'credit', funding, wallet, credited, reference, reason)
    ON CONFLICT (request_id) WHERE kind = 'credit' DO NOTHING;
  IF NOT FOUND THEN RETURN false; END IF;
  UPDATE ledger.accounts SET balance = balance + CASE WHEN id = wallet THEN credited ELSE -credited END
    WHERE id IN (wallet, funding);
  RETURN true;
END $$;
