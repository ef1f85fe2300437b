-- Answers of creating calls that are no inference, kept for their Idempotency-Key: with those of inferences, because a
-- key that was used for one is used for the other. What is made and the answer are written in one transaction, which
-- runs as the tenant (0004_tenant_fence.sql). Claims are made by the gateway itself.

GRANT SELECT (project_id, key, request_id, state), UPDATE (state, answer, expires_at) ON idempotency_keys TO zerogpu_tenant;
ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON idempotency_keys TO zerogpu_tenant USING (
  project_id = tenant_project()
  AND EXISTS (SELECT 1 FROM projects p WHERE p.id = project_id AND p.organization_id = tenant_organization()));
