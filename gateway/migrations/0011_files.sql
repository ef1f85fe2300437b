-- Files of projects: what was uploaded for batches, and what batches put out. The bytes lie in a storage (a folder or
-- S3) under `<project>/<id>`; here is what is known of them.

CREATE TABLE files (
  -- Sorts by time, as every id of ours; "C" because texts of another collation sort elsewhere than in JavaScript.
  id text COLLATE "C" PRIMARY KEY,
  project_id uuid NOT NULL REFERENCES projects,
  -- `storing` while its bytes are on the way: nobody sees it, and what stays so was left by a gateway that ended.
  state text NOT NULL CHECK (state IN ('storing', 'stored')),
  purpose text NOT NULL CHECK (purpose IN ('batch', 'batch_output')),
  filename text NOT NULL,
  bytes bigint NOT NULL CHECK (bytes >= 0),
  -- SHA-256 of each block of 256 KiB, one after the other (gateway/src/storage/blocks.ts): whatever part is read is
  -- checked before a byte of it is given away.
  block_hashes bytea NOT NULL,
  -- The lines of a batch that failed.
  is_error boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  -- From then on it is not there for callers; its bytes stay while a batch still reads them.
  deleted_at timestamptz,
  -- When its bytes were removed from the storage.
  removed_at timestamptz,
  -- Until then somebody is at its bytes, who moves it on: the gateway that stores them, or that removes them. Null is
  -- nobody: then its bytes go when it is deleted or has expired.
  held_until timestamptz
);
CREATE INDEX files_by_project ON files (project_id, id) WHERE state = 'stored' AND deleted_at IS NULL;
-- For the sweeper (gateway/src/files/sweep-files.ts), in the order in which they go: bytes, then rows.
CREATE INDEX files_to_sweep ON files (coalesce(held_until, least(deleted_at, expires_at))) WHERE removed_at IS NULL;
-- What an organization has stored is added up from it (gateway/src/storage/file-room.ts).
CREATE INDEX files_kept ON files (project_id) INCLUDE (bytes) WHERE removed_at IS NULL;
CREATE INDEX files_removed ON files (removed_at) WHERE removed_at IS NOT NULL;

-- Callers and administrators reach files as this role (0004_tenant_fence.sql).
GRANT SELECT, INSERT, UPDATE ON files TO zerogpu_tenant;
ALTER TABLE files ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON files TO zerogpu_tenant USING (
  project_id = tenant_project()
  AND EXISTS (SELECT 1 FROM projects p WHERE p.id = project_id AND p.organization_id = tenant_organization()));
