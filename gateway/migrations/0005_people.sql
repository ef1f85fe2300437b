-- People's passwords and sessions, invitations, and who was a member once. What proves who somebody is (passwords,
-- sessions, links) is here only as a hash that needs the server secret, or scrypt: a copy of the database opens nothing.

-- Apart from `people`, so that a statement that lists members cannot fetch a hash by accident.
CREATE TABLE credentials (
  person_id uuid PRIMARY KEY REFERENCES people ON DELETE CASCADE,
  -- scrypt as `saltHex:keyHex` (N=16384, r=16, p=1, 64 bytes; the salt is its hexadecimal text).
  password_hash text NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO credentials (person_id, password_hash) SELECT id, password_hash FROM people;
ALTER TABLE people DROP COLUMN password_hash;

CREATE TABLE sessions (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  person_id uuid NOT NULL REFERENCES people ON DELETE CASCADE,
  -- HMAC-SHA256 of the session's token with a key of the server secret.
  hash bytea NOT NULL UNIQUE CHECK (length(hash) = 32),
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  -- To five minutes: written lazily.
  last_seen_at timestamptz NOT NULL DEFAULT now(),
  -- What the browser or program called itself, so that its owner knows it again.
  agent text NOT NULL DEFAULT '' CHECK (length(agent) <= 200)
);
CREATE INDEX sessions_by_person ON sessions (person_id, created_at);

CREATE TABLE password_resets (
  hash bytea PRIMARY KEY CHECK (length(hash) = 32),
  person_id uuid NOT NULL REFERENCES people ON DELETE CASCADE,
  expires_at timestamptz NOT NULL
);
CREATE INDEX password_resets_by_person ON password_resets (person_id);

CREATE TABLE invitations (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id uuid NOT NULL REFERENCES organizations,
  role text NOT NULL CHECK (role IN ('owner', 'admin', 'developer', 'viewer')),
  -- Null is for whoever has the link.
  email text CHECK (email = lower(email)),
  hash bytea NOT NULL UNIQUE CHECK (length(hash) = 32),
  invited_by uuid NOT NULL REFERENCES people,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  accepted_at timestamptz,
  accepted_by uuid REFERENCES people,
  revoked_at timestamptz
);
CREATE INDEX invitations_by_organization ON invitations (organization_id, created_at);

-- Names as they were when somebody left: an audit log that has forgotten who is none, and what they call themselves
-- later is no business of the organization.
CREATE TABLE former_members (
  organization_id uuid NOT NULL REFERENCES organizations,
  person_id uuid NOT NULL REFERENCES people,
  email text NOT NULL,
  name text NOT NULL,
  left_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, person_id)
);

-- The audit log by project, by what was done and by whom, newest first.
CREATE INDEX audit_log_by_project ON audit_log (organization_id, project_id, id);
CREATE INDEX audit_log_by_action ON audit_log (organization_id, action, id);
CREATE INDEX audit_log_by_person ON audit_log (organization_id, person_id, id);

-- Nothing of credentials, sessions and password_resets: no tenant's statement has any business there.
GRANT SELECT ON people TO zerogpu_tenant;
GRANT SELECT, INSERT, UPDATE ON invitations, former_members TO zerogpu_tenant;

ALTER TABLE people ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON people FOR SELECT TO zerogpu_tenant USING (
  EXISTS (SELECT 1 FROM members m WHERE m.organization_id = tenant_organization() AND m.person_id = people.id));
ALTER TABLE invitations ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON invitations TO zerogpu_tenant USING (organization_id = tenant_organization());
ALTER TABLE former_members ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON former_members TO zerogpu_tenant USING (organization_id = tenant_organization());
