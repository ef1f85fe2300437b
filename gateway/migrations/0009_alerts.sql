-- What the platform tells people of by itself: the feed of events, the rules by which it watches money, and webhooks.
-- Also what administrators see of keys beyond their own table.

CREATE TABLE events (
  -- Sorts by time, as every id of ours; "C" because texts of another collation sort elsewhere than in JavaScript.
  id text COLLATE "C" PRIMARY KEY,
  organization_id uuid NOT NULL REFERENCES organizations,
  -- Null when it concerns the organization as a whole.
  project_id uuid REFERENCES projects,
  kind text NOT NULL,
  severity text NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
  title text NOT NULL CHECK (length(title) BETWEEN 1 AND 500),
  details jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL,
  -- Ids of two transactions may be committed in another order than they were made. Who follows the feed asks for what
  -- was not visible the last time, and so misses nothing.
  transaction xid8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX events_by_organization ON events (organization_id, id);
CREATE INDEX events_by_transaction ON events (transaction, id);
CREATE INDEX events_by_time ON events (created_at);

-- How far each person has read an organization's feed.
CREATE TABLE event_marks (
  organization_id uuid NOT NULL REFERENCES organizations,
  person_id uuid NOT NULL REFERENCES people ON DELETE CASCADE,
  read_up_to text COLLATE "C" NOT NULL,
  PRIMARY KEY (organization_id, person_id)
);

-- When an organization is told; without a row the defaults of gateway/src/alerts/rules.ts hold.
CREATE TABLE alert_rules (
  organization_id uuid PRIMARY KEY REFERENCES organizations,
  -- Shares of each budget.
  budget_percents int[] NOT NULL,
  -- Nano-dollars; null is never.
  low_balance bigint CHECK (low_balance >= 0),
  runway_days int CHECK (runway_days > 0)
);
CREATE TABLE project_alert_rules (
  project_id uuid PRIMARY KEY REFERENCES projects,
  budget_percents int[] NOT NULL
);

-- What was told already, until it recovers. The primary key is what makes several gateways tell it once.
CREATE TABLE alerts_told (
  organization_id uuid NOT NULL REFERENCES organizations,
  -- `budget:80`, `balance.low`, `balance.runway_short`
  rule text NOT NULL,
  -- The organization, project or key.
  subject_id uuid NOT NULL,
  -- The month of a budget; empty for what has none.
  episode text NOT NULL,
  told_at timestamptz NOT NULL,
  PRIMARY KEY (organization_id, rule, subject_id, episode)
);

-- Which gateway looks next: one row per kind of look, taken by whoever finds its time come.
CREATE TABLE alert_rounds (
  name text PRIMARY KEY,
  next_at timestamptz NOT NULL
);

CREATE TABLE webhooks (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id uuid NOT NULL REFERENCES organizations,
  url text NOT NULL CHECK (length(url) <= 2048),
  description text NOT NULL DEFAULT '' CHECK (length(description) <= 200),
  -- Null is all.
  kinds text[],
  enabled boolean NOT NULL DEFAULT true,
  switched_off_because text,
  -- Encrypted with a key derived from the server secret, bound to the webhook's id.
  secret bytea NOT NULL,
  -- The one before the last change signs too, until then.
  old_secret bytea,
  old_secret_until timestamptz,
  last_success_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  CHECK ((old_secret IS NULL) = (old_secret_until IS NULL))
);
CREATE INDEX webhooks_by_organization ON webhooks (organization_id, created_at);

-- The outbox: written with its event, sent by whichever gateway claims it.
CREATE TABLE webhook_deliveries (
  id text COLLATE "C" PRIMARY KEY,
  organization_id uuid NOT NULL REFERENCES organizations,
  webhook_id uuid NOT NULL REFERENCES webhooks ON DELETE CASCADE,
  -- Of the event, or of a test: the receiver's means to drop repeats.
  message_id text NOT NULL,
  type text NOT NULL,
  -- As it is signed and sent: text, so that every attempt sends the same bytes.
  body text NOT NULL,
  status text NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'delivered', 'failed')),
  -- How often it was tried since it was last asked for.
  tries int NOT NULL DEFAULT 0,
  -- When it is due. A claim moves it ahead, so that another gateway takes over from one that died.
  next_at timestamptz NOT NULL,
  -- Of each attempt: when, how long, what came of it. At most twenty, the last ones.
  attempts jsonb NOT NULL DEFAULT '[]',
  created_at timestamptz NOT NULL
);
CREATE INDEX webhook_deliveries_by_webhook ON webhook_deliveries (organization_id, webhook_id, id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, next_at) WHERE status = 'waiting';
CREATE INDEX webhook_deliveries_by_time ON webhook_deliveries (created_at);

-- The name of a member of the organization that the transaction names, or of somebody who was one; null for others.
CREATE FUNCTION member_name(of_person uuid) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
  SELECT p.name FROM people p JOIN members m ON m.person_id = p.id
  WHERE p.id = of_person AND m.organization_id = tenant_organization()
  UNION ALL
  SELECT f.name FROM former_members f
  WHERE f.person_id = of_person AND f.organization_id = tenant_organization()
  LIMIT 1
$$;

-- What the balance of an organization is set against. Rollups and the ledger are closed to tenants; through this they
-- see the sums of their own organization only. Outside a tenant's transaction it answers for any.
CREATE FUNCTION organization_funds(
  of_organization uuid, since timestamptz,
  OUT balance bigint, OUT held bigint, OUT spent bigint, OUT created_at timestamptz
) RETURNS SETOF record LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
BEGIN
  RETURN QUERY
  SELECT w.balance, w.held, coalesce((
      SELECT sum(u.cost) FROM projects p JOIN usage_rollups u ON u.project_id = p.id
      WHERE p.organization_id = o.id AND u.resolution = 'hour' AND u.bucket >= since), 0)::bigint, o.created_at
  FROM organizations o JOIN ledger.accounts w ON w.id = o.wallet_id
  WHERE o.id = of_organization AND o.id = coalesce(tenant_organization(), o.id);
END $$;

GRANT SELECT, INSERT ON events TO zerogpu_tenant;
GRANT SELECT, INSERT, UPDATE ON event_marks, alert_rules, project_alert_rules TO zerogpu_tenant;
GRANT DELETE ON project_alert_rules TO zerogpu_tenant;
GRANT SELECT, INSERT, UPDATE, DELETE ON webhooks TO zerogpu_tenant;
GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_deliveries TO zerogpu_tenant;

ALTER TABLE events ENABLE ROW LEVEL SECURITY;
-- What is done for a project may concern the organization: it may be written, though not read, from there.
CREATE POLICY tenant ON events TO zerogpu_tenant
  USING (organization_id = tenant_organization()
    AND (tenant_project() IS NULL OR project_id = tenant_project()))
  WITH CHECK (organization_id = tenant_organization());
ALTER TABLE event_marks ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON event_marks TO zerogpu_tenant USING (organization_id = tenant_organization());
ALTER TABLE alert_rules ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON alert_rules TO zerogpu_tenant USING (organization_id = tenant_organization());
ALTER TABLE project_alert_rules ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON project_alert_rules TO zerogpu_tenant USING (project_id = tenant_project());
ALTER TABLE alerts_told ENABLE ROW LEVEL SECURITY;
ALTER TABLE alert_rounds ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhooks ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON webhooks TO zerogpu_tenant USING (organization_id = tenant_organization());
ALTER TABLE webhook_deliveries ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON webhook_deliveries TO zerogpu_tenant USING (organization_id = tenant_organization());
