-- The fleet: whose nodes are where, what their owners and the operator want of them, and how far projects let their
-- texts go.

-- Whose machines a token admits to: the operator's own (operator, cloud) and an organization's are vouched for by whoever
-- gave the token; machines of strangers (public) earn trust (0019_trust.sql).
ALTER TABLE join_tokens
  ADD COLUMN pool text NOT NULL DEFAULT 'operator' CHECK (pool IN ('organization', 'operator', 'public', 'cloud')),
  ADD COLUMN masked text NOT NULL DEFAULT '',
  ADD COLUMN created_by uuid REFERENCES people;
UPDATE join_tokens SET pool = 'organization' WHERE organization_id IS NOT NULL;
ALTER TABLE join_tokens ADD CONSTRAINT join_tokens_pool_owner CHECK ((pool = 'organization') = (organization_id IS NOT NULL));
CREATE INDEX join_tokens_by_organization ON join_tokens (organization_id, created_at);

ALTER TABLE nodes
  ADD COLUMN pool text NOT NULL DEFAULT 'operator' CHECK (pool IN ('organization', 'operator', 'public', 'cloud')),
  ADD COLUMN device_class text NOT NULL DEFAULT 'server' CHECK (device_class IN ('server', 'desktop', 'phone', 'browser')),
  -- Given by people and kept when the node calls itself something else; null is the node's own name.
  ADD COLUMN given_name text CHECK (length(given_name) BETWEEN 1 AND 100),
  -- Set by people; null is what the gateway finds out (gateway/src/places).
  ADD COLUMN given_latitude real CHECK (given_latitude BETWEEN -90 AND 90),
  ADD COLUMN given_longitude real CHECK (given_longitude BETWEEN -180 AND 180),
  ADD COLUMN given_region text CHECK (given_region ~ '^[A-Z]{2}$'),
  -- Where it was last, and how that is known.
  ADD COLUMN latitude real CHECK (latitude BETWEEN -90 AND 90),
  ADD COLUMN longitude real CHECK (longitude BETWEEN -180 AND 180),
  -- ISO 3166-1 country code.
  ADD COLUMN region text CHECK (region ~ '^[A-Z]{2}$'),
  ADD COLUMN place_source text CHECK (place_source IN ('given', 'device', 'address', 'time_zone', 'gateway')),
  -- Gets no new runs, stays connected.
  ADD COLUMN draining_at timestamptz,
  -- It gave a wrong answer, and gets no runs until an operator lets it out.
  ADD COLUMN quarantined_at timestamptz,
  ADD COLUMN quarantined_because text CHECK (length(quarantined_because) <= 500),
  -- The gateway that holds its socket; null when none does. While that gateway says that it lives (table gateways), the
  -- node is connected: no node has to be written for being there.
  ADD COLUMN gateway_id uuid,
  ADD COLUMN connected_at timestamptz,
  -- How often it connected: what is written of a socket that ended does not touch the one that followed.
  ADD COLUMN sessions bigint NOT NULL DEFAULT 0,
  -- Of all sockets that ended.
  ADD COLUMN connected_ms bigint NOT NULL DEFAULT 0,
  ADD COLUMN rtt_ms real,
  -- What it announced last, and how it gets on: [{id, version, slots, resident, in_flight, service_ms, speed}].
  ADD COLUMN models jsonb NOT NULL DEFAULT '[]',
  ADD COLUMN runs_done bigint NOT NULL DEFAULT 0,
  ADD COLUMN runs_failed bigint NOT NULL DEFAULT 0,
  -- Of the day (UTC) on which there was a run last.
  ADD COLUMN runs_day date,
  ADD COLUMN day_done bigint NOT NULL DEFAULT 0,
  ADD COLUMN day_failed bigint NOT NULL DEFAULT 0,
  -- When people, or what checks answers, last changed what gateways must know: each looks for what is new twice a second.
  ADD COLUMN changed_at timestamptz,
  -- When people were told of it by an event; null is not yet, since it joined or came back.
  ADD COLUMN joined_told_at timestamptz,
  ADD COLUMN away_told_at timestamptz,
  ADD COLUMN quarantine_told_at timestamptz;
-- Whoever was here before has joined long ago.
UPDATE nodes SET joined_told_at = now(), away_told_at = now();
CREATE INDEX nodes_by_change ON nodes (changed_at) WHERE changed_at IS NOT NULL;
CREATE INDEX nodes_to_tell ON nodes (created_at) WHERE joined_told_at IS NULL;
CREATE INDEX nodes_by_pool ON nodes (pool, created_at);
CREATE INDEX nodes_by_token ON nodes (join_token_id);
UPDATE nodes SET pool = 'organization' WHERE organization_id IS NOT NULL;
ALTER TABLE nodes ADD CONSTRAINT nodes_pool_owner CHECK ((pool = 'organization') = (organization_id IS NOT NULL));

-- How far a project's texts may go: to any admitted node, to the organization's and the operator's, to cloud nodes only.
ALTER TABLE projects
  ADD COLUMN privacy text NOT NULL DEFAULT 'own' CHECK (privacy IN ('public', 'own', 'cloud')),
  -- Whether upstreams that the operator does not vouch for may be given them.
  ADD COLUMN upstreams boolean NOT NULL DEFAULT false;

-- People who run this installation: they see and change the operator's nodes.
CREATE TABLE operators (
  person_id uuid PRIMARY KEY REFERENCES people,
  created_at timestamptz NOT NULL DEFAULT now()
);
-- Of an installation that is older: the owner of an organization whose account is the oldest.
INSERT INTO operators (person_id)
SELECT m.person_id FROM members m JOIN people p ON p.id = m.person_id
WHERE m.role = 'owner' ORDER BY p.created_at, p.id LIMIT 1;
-- What operators do to the installation stands in the audit log of no organization.
ALTER TABLE audit_log ALTER COLUMN organization_id DROP NOT NULL;
CREATE INDEX audit_log_of_operators ON audit_log (id) WHERE organization_id IS NULL;

-- Runs that nodes did, by minute: of an organization's own nodes together, and of each of the operator's pools. Kept two
-- days, for what the fleet does now; how single nodes do stands in their rows, what is charged in the log.
CREATE TABLE fleet_minutes (
  pool text NOT NULL CHECK (pool IN ('organization', 'operator', 'public', 'cloud')),
  organization_id uuid REFERENCES organizations,
  minute timestamptz NOT NULL,
  done bigint NOT NULL DEFAULT 0,
  failed bigint NOT NULL DEFAULT 0,
  UNIQUE NULLS NOT DISTINCT (pool, organization_id, minute),
  CHECK ((pool = 'organization') = (organization_id IS NOT NULL))
);
CREATE INDEX fleet_minutes_by_time ON fleet_minutes (minute);

-- Tenants: their own nodes and join tokens. The hash of a token is nobody's to read. (The policy on nodes is
-- that of 0010_log_queries.sql.)
GRANT SELECT (id, organization_id, name, masked, pool, uses_left, created_by, created_at, expires_at, revoked_at),
  INSERT (hash, organization_id, name, masked, pool, uses_left, created_by, expires_at), UPDATE (revoked_at)
  ON join_tokens TO zerogpu_tenant;
GRANT SELECT, UPDATE (given_name, given_latitude, given_longitude, given_region, latitude, longitude, region, place_source,
  draining_at, revoked_at, changed_at) ON nodes TO zerogpu_tenant;
GRANT SELECT ON fleet_minutes TO zerogpu_tenant;
ALTER TABLE join_tokens ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON join_tokens TO zerogpu_tenant USING (organization_id = tenant_organization());
ALTER TABLE fleet_minutes ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON fleet_minutes TO zerogpu_tenant USING (organization_id = tenant_organization());
