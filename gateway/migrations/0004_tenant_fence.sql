-- The second fence between tenants: what administrators read and write goes through the role `zerogpu_tenant`, which
-- row-level security binds to the organization and project that the transaction names. The first fence is the
-- predicate in every statement. The request's way and the sweepers keep the role that owns the tables.

-- Roles belong to the whole server: another database of it may have made this one, perhaps at this moment.
DO $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'zerogpu_tenant') THEN
    BEGIN
      CREATE ROLE zerogpu_tenant NOLOGIN;
    EXCEPTION
      WHEN duplicate_object OR unique_violation THEN NULL;
      WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'This database user may not create the role "zerogpu_tenant". Let an administrator run: CREATE ROLE zerogpu_tenant NOLOGIN; GRANT zerogpu_tenant TO %', quote_ident(current_user)
          USING ERRCODE = 'insufficient_privilege';
    END;
  END IF;
  IF NOT pg_has_role(current_user, 'zerogpu_tenant', 'MEMBER') THEN
    EXECUTE format('GRANT zerogpu_tenant TO %I', current_user);
  END IF;
END $$;

CREATE FUNCTION tenant_organization() RETURNS uuid LANGUAGE sql STABLE AS
  $$ SELECT nullif(current_setting('zerogpu.organization_id', true), '')::uuid $$;
-- Null when the transaction concerns the organization as a whole.
CREATE FUNCTION tenant_project() RETURNS uuid LANGUAGE sql STABLE AS
  $$ SELECT nullif(current_setting('zerogpu.project_id', true), '')::uuid $$;

-- What a project may set. Null is no limit.
ALTER TABLE projects
  ADD COLUMN requests_per_minute int CHECK (requests_per_minute > 0),
  ADD COLUMN tokens_per_minute int CHECK (tokens_per_minute > 0),
  -- Which requests' bodies are kept, and for how long.
  ADD COLUMN payload_policy text NOT NULL DEFAULT 'errors' CHECK (payload_policy IN ('none', 'errors', 'all')),
  ADD COLUMN payload_days int NOT NULL DEFAULT 30 CHECK (payload_days BETWEEN 1 AND 365);

-- What a key may be narrowed to. Null allows what its project allows.
ALTER TABLE api_keys
  ADD COLUMN allowed_models text[],
  ADD COLUMN requests_per_minute int CHECK (requests_per_minute > 0),
  ADD COLUMN tokens_per_minute int CHECK (tokens_per_minute > 0);

-- Who did what, for good: rows are only ever added.
CREATE TABLE audit_log (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id uuid NOT NULL REFERENCES organizations,
  project_id uuid REFERENCES projects,
  at timestamptz NOT NULL DEFAULT now(),
  -- Null when the platform itself acted, such as an automatic recharge.
  person_id uuid REFERENCES people,
  -- Such as `key.created`; as in the declaration of the route.
  action text NOT NULL,
  object_kind text NOT NULL,
  object_id text NOT NULL,
  -- What changed, without secrets.
  details jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_log_by_organization ON audit_log (organization_id, id);

GRANT USAGE ON SCHEMA public TO zerogpu_tenant;
GRANT SELECT, UPDATE ON organizations TO zerogpu_tenant;
GRANT SELECT, INSERT, UPDATE ON projects, api_keys TO zerogpu_tenant;
GRANT SELECT, INSERT, UPDATE, DELETE ON members TO zerogpu_tenant;
GRANT SELECT, INSERT ON audit_log TO zerogpu_tenant;

ALTER TABLE organizations ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON organizations TO zerogpu_tenant USING (id = tenant_organization());
ALTER TABLE projects ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON projects TO zerogpu_tenant USING (
  organization_id = tenant_organization() AND id = coalesce(tenant_project(), id));
ALTER TABLE members ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON members TO zerogpu_tenant USING (organization_id = tenant_organization());
ALTER TABLE api_keys ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON api_keys TO zerogpu_tenant USING (project_id = tenant_project());
ALTER TABLE audit_log ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON audit_log TO zerogpu_tenant USING (
  organization_id = tenant_organization() AND (tenant_project() IS NULL OR project_id = tenant_project()));
