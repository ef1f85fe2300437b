-- Billing: who is known to which payment provider, with which cards; payments and refunds as they go; auto recharge.
-- `provider` says also whether the money is real: 'sandbox' and 'stripe-test' are test money. Rows of another provider
-- than the one in use stay, and are left alone.
-- States of payments, refunds and auto recharge are changed by the gateway's own role only; those who act for a tenant
-- may begin things.

CREATE TABLE billing_customers (
  organization_id uuid NOT NULL REFERENCES organizations,
  provider text NOT NULL CHECK (provider IN ('sandbox', 'stripe-test', 'stripe-live')),
  customer text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, provider)
);

CREATE TABLE payment_methods (
  organization_id uuid NOT NULL REFERENCES organizations,
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  provider text NOT NULL CHECK (provider IN ('sandbox', 'stripe-test', 'stripe-live')),
  -- The provider's name for the card. The card's number is nowhere.
  token text NOT NULL CHECK (length(token) <= 255),
  brand text NOT NULL CHECK (length(brand) <= 50),
  last_four text NOT NULL CHECK (last_four ~ '^\d{4}$'),
  exp_month smallint NOT NULL,
  exp_year smallint NOT NULL,
  country text CHECK (length(country) <= 2),
  is_default boolean NOT NULL DEFAULT false,
  created_by uuid REFERENCES people,
  created_at timestamptz NOT NULL,
  removed_at timestamptz,
  -- When the provider forgot it, too.
  detached_at timestamptz,
  PRIMARY KEY (organization_id, id),
  UNIQUE (provider, token)
);
CREATE UNIQUE INDEX payment_methods_one_default ON payment_methods (organization_id, provider)
  WHERE is_default AND removed_at IS NULL;
CREATE INDEX payment_methods_to_detach ON payment_methods (removed_at)
  WHERE removed_at IS NOT NULL AND detached_at IS NULL;

-- A card that is being added.
CREATE TABLE payment_setups (
  organization_id uuid NOT NULL REFERENCES organizations,
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  provider text NOT NULL CHECK (provider IN ('sandbox', 'stripe-test', 'stripe-live')),
  -- The provider's name for it.
  provider_setup text,
  -- The card that came of it.
  method_id uuid,
  created_by uuid REFERENCES people,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (organization_id, id)
);
CREATE INDEX payment_setups_by_time ON payment_setups (organization_id, created_at);

CREATE TABLE payments (
  organization_id uuid NOT NULL REFERENCES organizations,
  -- Also the idempotency key at the provider and the reference of the credit.
  id uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
  provider text NOT NULL CHECK (provider IN ('sandbox', 'stripe-test', 'stripe-live')),
  source text NOT NULL CHECK (source IN ('manual', 'auto_recharge')),
  method_id uuid NOT NULL,
  -- As on the receipt, whatever becomes of the card.
  brand text NOT NULL,
  last_four text NOT NULL,
  -- Nano-dollars, whole cents.
  amount bigint NOT NULL CHECK (amount > 0 AND amount % 10000000 = 0),
  -- What was given back or is being given back.
  refunded bigint NOT NULL DEFAULT 0 CHECK (refunded BETWEEN 0 AND amount),
  state text NOT NULL DEFAULT 'pending'
    CHECK (state IN ('pending', 'requires_action', 'succeeded', 'failed', 'canceled')),
  -- The provider's name for it; written before any money can move there.
  provider_payment text,
  failure_code text,
  -- The caller's Idempotency-Key.
  request_key text CHECK (length(request_key) <= 255),
  person_id uuid REFERENCES people,
  created_at timestamptz NOT NULL,
  settled_at timestamptz,
  -- When the reconciler looks at it next, while it is not finished.
  look_after timestamptz NOT NULL,
  looks int NOT NULL DEFAULT 0,
  PRIMARY KEY (organization_id, id),
  FOREIGN KEY (organization_id, method_id) REFERENCES payment_methods (organization_id, id),
  UNIQUE (provider, provider_payment),
  CHECK (refunded = 0 OR state = 'succeeded')
);
CREATE UNIQUE INDEX payments_one_per_request ON payments (organization_id, request_key);
-- Of several gateways only one recharges, whatever they believe.
CREATE UNIQUE INDEX payments_one_open_recharge ON payments (organization_id)
  WHERE source = 'auto_recharge' AND state IN ('pending', 'requires_action');
CREATE INDEX payments_by_time ON payments (organization_id, created_at, id);
CREATE INDEX payments_to_look_at ON payments (look_after) WHERE state IN ('pending', 'requires_action');

CREATE TABLE refunds (
  organization_id uuid NOT NULL REFERENCES organizations,
  -- Also the idempotency key at the provider and the reference of the ledger's posting.
  id uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
  payment_id uuid NOT NULL,
  amount bigint NOT NULL CHECK (amount > 0 AND amount % 10000000 = 0),
  state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'succeeded', 'failed')),
  provider_refund text,
  failure_code text,
  person_id uuid REFERENCES people,
  created_at timestamptz NOT NULL,
  settled_at timestamptz,
  look_after timestamptz NOT NULL,
  looks int NOT NULL DEFAULT 0,
  PRIMARY KEY (organization_id, id),
  FOREIGN KEY (organization_id, payment_id) REFERENCES payments (organization_id, id)
);
CREATE INDEX refunds_by_time ON refunds (organization_id, created_at, id);
CREATE INDEX refunds_by_payment ON refunds (payment_id);
CREATE INDEX refunds_to_look_at ON refunds (look_after) WHERE state = 'pending';

CREATE TABLE auto_recharges (
  organization_id uuid PRIMARY KEY REFERENCES organizations,
  enabled boolean NOT NULL,
  -- Nano-dollars.
  threshold bigint NOT NULL CHECK (threshold >= 0),
  amount bigint NOT NULL CHECK (amount > 0 AND amount % 10000000 = 0),
  monthly_cap bigint NOT NULL CHECK (monthly_cap >= amount),
  state text NOT NULL CHECK (state IN ('on', 'off', 'retrying', 'capped', 'stopped')),
  reason text,
  -- In a row.
  failures int NOT NULL DEFAULT 0,
  check_after timestamptz NOT NULL,
  CHECK (enabled = (state IN ('on', 'retrying', 'capped')))
);
CREATE INDEX auto_recharges_due ON auto_recharges (check_after) WHERE enabled;

-- What the sandbox remembers, as a provider of its own would: never read by anything but the sandbox.
CREATE TABLE sandbox_objects (
  id text PRIMARY KEY,
  body jsonb NOT NULL
);

-- The few credits among very many charges, for the billing history; charges do not touch it.
CREATE INDEX postings_credits_by_wallet ON ledger.postings (to_account, created_at) WHERE kind = 'credit';

GRANT SELECT, INSERT ON billing_customers TO zerogpu_tenant;
GRANT SELECT, INSERT, UPDATE ON payment_methods, payment_setups TO zerogpu_tenant;
GRANT SELECT, INSERT ON payments TO zerogpu_tenant;
GRANT SELECT ON refunds TO zerogpu_tenant;
GRANT SELECT, INSERT, UPDATE ON auto_recharges TO zerogpu_tenant;

ALTER TABLE billing_customers ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON billing_customers TO zerogpu_tenant USING (organization_id = tenant_organization());
ALTER TABLE payment_methods ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON payment_methods TO zerogpu_tenant USING (organization_id = tenant_organization());
ALTER TABLE payment_setups ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON payment_setups TO zerogpu_tenant USING (organization_id = tenant_organization());
ALTER TABLE payments ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON payments TO zerogpu_tenant USING (organization_id = tenant_organization())
  WITH CHECK (organization_id = tenant_organization() AND state = 'pending');
ALTER TABLE refunds ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON refunds TO zerogpu_tenant USING (organization_id = tenant_organization());
ALTER TABLE auto_recharges ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON auto_recharges TO zerogpu_tenant USING (organization_id = tenant_organization());
-- Nobody but the owner of the tables.
ALTER TABLE sandbox_objects ENABLE ROW LEVEL SECURITY;

-- What a tenant may read of the ledger: its own balance and what was credited to it otherwise than by a payment. The
-- functions run as the tables' owner and ask the fence themselves whose they may show.
CREATE FUNCTION billing_balance() RETURNS TABLE (balance bigint, held bigint, available bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, ledger AS $$
  SELECT a.balance, a.held, a.balance - a.held
  FROM public.organizations o JOIN ledger.accounts a ON a.id = o.wallet_id
  WHERE o.id = public.tenant_organization()
$$;

CREATE FUNCTION billing_other_credits() RETURNS TABLE (id bigint, at timestamptz, amount bigint, description text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, ledger AS $$
  SELECT p.id, p.created_at, p.amount, p.description
  FROM public.organizations o JOIN ledger.postings p ON p.to_account = o.wallet_id AND p.kind = 'credit'
  WHERE o.id = public.tenant_organization()
    AND coalesce(p.request_id, '') NOT LIKE 'payment:%' AND coalesce(p.request_id, '') NOT LIKE 'refund:%'
$$;

-- What was charged in each month (UTC) that began before `before`, newest first, at most `most` of them. From the days
-- and hours of the rollups, which are written in one transaction with the charges and stay when the log goes.
CREATE FUNCTION billing_usage_months(before timestamptz, most int)
RETURNS TABLE (month timestamptz, month_end timestamptz, cost bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT m.month, m.month_end, u.cost
  FROM public.organizations o
  CROSS JOIN LATERAL (
    SELECT g AT TIME ZONE 'UTC' AS month, (g + interval '1 month') AT TIME ZONE 'UTC' AS month_end
    FROM generate_series(
      date_trunc('month', o.created_at AT TIME ZONE 'UTC'), before AT TIME ZONE 'UTC', interval '1 month') g
    WHERE g AT TIME ZONE 'UTC' < before
  ) m
  CROSS JOIN LATERAL (
    SELECT sum(r.cost)::bigint AS cost
    FROM public.usage_segments(m.month, m.month_end) s
    JOIN public.projects p ON p.organization_id = o.id
    JOIN public.usage_rollups r ON r.project_id = p.id AND r.resolution = s.resolution
      AND r.bucket >= s.lower AND r.bucket < s.upper
  ) u
  WHERE o.id = public.tenant_organization() AND u.cost > 0
  ORDER BY m.month DESC LIMIT most
$$;
REVOKE ALL ON FUNCTION billing_balance(), billing_other_credits(), billing_usage_months(timestamptz, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION billing_balance(), billing_other_credits(), billing_usage_months(timestamptz, int)
  TO zerogpu_tenant;
