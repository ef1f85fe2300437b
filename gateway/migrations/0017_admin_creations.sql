-- Answers of the admin API's calls that make or charge something, kept for their Idempotency-Key. Apart from
-- `idempotency_keys`, whose scope is a project and whoever has one of its keys: here an answer may hold what is shown
-- once, such as a new key's text, and so is its person's alone. What is made and the answer are written in one
-- transaction where the database alone makes it; that one runs as the tenant (0004_tenant_fence.sql), claims do not.

CREATE TABLE admin_creations (
  -- The attempt that runs or that was answered: its request's id.
  attempt text PRIMARY KEY,
  -- Null for what belongs to no organization yet.
  organization_id uuid,
  person_id uuid NOT NULL,
  state text NOT NULL CHECK (state IN ('running', 'done')),
  -- HMACs with a key derived from the server secret: of the Idempotency-Key, and of what was asked, which may hold
  -- secrets that can be guessed.
  key_hash bytea NOT NULL CHECK (length(key_hash) = 32),
  asked_hash bytea NOT NULL CHECK (length(asked_hash) = 32),
  -- Encrypted with a key derived from the server secret, and bound to organization, person and key.
  answer bytea,
  -- When another attempt may take over from one that died.
  locked_until timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  CHECK ((state = 'done') = (answer IS NOT NULL))
);
-- Ids of people are none of organizations.
CREATE UNIQUE INDEX admin_creations_by_key
  ON admin_creations (coalesce(organization_id, person_id), person_id, key_hash);
CREATE INDEX admin_creations_by_expiry ON admin_creations (expires_at);

-- One attempt's claim on a key, which is free when it is new, expired, or when the attempt that ran has passed its lock.
-- As `claim_idempotency_keys` (0002_requests.sql): claimed | replay | conflict | running.
CREATE FUNCTION claim_admin_creation(
  organization uuid, person uuid, hash bytea, asked bytea, by_attempt text, until timestamptz, expiry timestamptz,
  at timestamptz, OUT kind text, OUT kept bytea)
LANGUAGE plpgsql AS $$
DECLARE
  found_row admin_creations;
BEGIN
  INSERT INTO admin_creations AS c
    (attempt, organization_id, person_id, state, key_hash, asked_hash, locked_until, expires_at)
  VALUES (by_attempt, organization, person, 'running', hash, asked, until, expiry)
  ON CONFLICT (coalesce(organization_id, person_id), person_id, key_hash) DO UPDATE SET
    attempt = excluded.attempt, state = 'running', asked_hash = excluded.asked_hash, answer = NULL,
    locked_until = excluded.locked_until, expires_at = excluded.expires_at
  WHERE c.expires_at <= at
    OR (c.state = 'running' AND c.locked_until <= at AND c.asked_hash = excluded.asked_hash);

  SELECT * INTO found_row FROM admin_creations c
  WHERE coalesce(c.organization_id, c.person_id) = coalesce(organization, person) AND c.person_id = person
    AND c.key_hash = hash;
  kind := CASE
    -- Released at this moment: it is free when it is asked for again.
    WHEN NOT FOUND THEN 'running'
    WHEN found_row.attempt = by_attempt AND found_row.state = 'running' THEN 'claimed'
    WHEN found_row.asked_hash <> asked THEN 'conflict'
    WHEN found_row.state = 'done' THEN 'replay'
    ELSE 'running'
  END;
  IF kind = 'replay' THEN kept := found_row.answer; END IF;
END $$;

GRANT SELECT (attempt, organization_id, person_id, state), UPDATE (state, answer, expires_at) ON admin_creations
  TO zerogpu_tenant;
ALTER TABLE admin_creations ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON admin_creations TO zerogpu_tenant USING (organization_id = tenant_organization());
