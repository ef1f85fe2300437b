-- Who may do what: organizations, their projects, people, keys and nodes. Every table of a project is read by
-- project_id first, and its index leads with it.

CREATE TABLE organizations (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  -- The ledger account that pays.
  wallet_id uuid NOT NULL REFERENCES ledger.accounts,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE projects (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id uuid NOT NULL REFERENCES organizations,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  environment text NOT NULL DEFAULT 'development' CHECK (environment IN ('development', 'staging', 'production')),
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'archived')),
  -- Null allows every model of the catalogue.
  allowed_models text[],
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX projects_by_organization ON projects (organization_id, created_at);

CREATE TABLE people (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  email text NOT NULL UNIQUE CHECK (email = lower(email)),
  name text NOT NULL,
  -- scrypt as `saltHex:keyHex` (N=16384, r=16, p=1, 64 bytes; the salt is its hexadecimal text).
  password_hash text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE members (
  organization_id uuid NOT NULL REFERENCES organizations,
  person_id uuid NOT NULL REFERENCES people,
  role text NOT NULL CHECK (role IN ('owner', 'admin', 'developer', 'viewer')),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, person_id)
);
CREATE INDEX members_by_person ON members (person_id);

CREATE TABLE api_keys (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  project_id uuid NOT NULL REFERENCES projects,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  -- HMAC-SHA256 of the key's text with the server secret; the text is shown once and kept nowhere.
  hash bytea NOT NULL UNIQUE CHECK (length(hash) = 32),
  masked text NOT NULL,
  created_by uuid REFERENCES people,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  -- To the minute: written lazily.
  last_used_at timestamptz
);
CREATE INDEX api_keys_by_project ON api_keys (project_id, created_at);

CREATE TABLE join_tokens (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  hash bytea NOT NULL UNIQUE CHECK (length(hash) = 32),
  -- Null admits to the operator's pool, else to this organization's fleet.
  organization_id uuid REFERENCES organizations,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  -- Null is any number.
  uses_left int CHECK (uses_left >= 0),
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz,
  revoked_at timestamptz
);

CREATE TABLE nodes (
  id text PRIMARY KEY,
  -- Ed25519, made on the device.
  public_key bytea NOT NULL UNIQUE CHECK (length(public_key) = 32),
  -- Null is the operator's pool.
  organization_id uuid REFERENCES organizations,
  join_token_id uuid REFERENCES join_tokens,
  name text NOT NULL,
  agent text NOT NULL,
  capabilities jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  last_seen_at timestamptz NOT NULL DEFAULT now(),
  revoked_at timestamptz
);
CREATE INDEX nodes_by_organization ON nodes (organization_id, created_at);

-- One row: which server secret the hashes and the encrypted answers of this database were made with.
CREATE TABLE server_identity (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  secret_fingerprint bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
