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
  -- Where it was last, and how that is known.
  ADD COLUMN latitude real CHECK (latitude BETWEEN -90 AND 90),
  ADD COLUMN longitude real CHECK (longitude BETWEEN -180 AND 180),
  -- ISO 3166-1 country code.
  ADD COLUMN region text CHECK (region ~ '^[A-Z]{2}$'),
  ADD COLUMN place_source text CHECK (place_source IN ('owner', 'device', 'geoip', 'time_zone')),
  -- Gets no new runs, stays connected.
  ADD COLUMN draining_at timestamptz;
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
