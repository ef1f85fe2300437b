-- Indexes of the log for the dashboard's lists, and what else its reads need. What each costs and gives is measured by
-- `npm run bench:logs` (bench/results/log-queries.md).

-- Newest first under a filter. They end in half_minute and not in id (see `requests`), so a list under a filter is
-- ordered by (half_minute, id): the index gives half minutes in order, and only their rows are sorted. Plain
-- columns or CASE, because row-level security keeps what is not known to be leakproof (even coalesce) out of index
-- conditions.
CREATE INDEX requests_by_status ON requests (project_id, status, half_minute);
CREATE INDEX requests_by_key ON requests (project_id, key_id, half_minute);
CREATE INDEX requests_by_model ON requests (project_id, (CASE WHEN served_model IS NULL THEN requested_model ELSE served_model END), half_minute);
CREATE INDEX requests_by_route ON requests (project_id, route_class, half_minute);
CREATE INDEX requests_by_endpoint ON requests (project_id, endpoint, half_minute);

-- By latency. With half_minute, because many thousand requests of a week take the same number of milliseconds, and
-- because a range of time is then checked in the index.
CREATE INDEX requests_by_latency ON requests (project_id, latency_ms, half_minute);
-- Under a filter that goes together with latency (a model is slow, a refusal is quick), the slowest of all are no way to
-- the slowest of these. Errors only: of what succeeded the index above finds some soon.
CREATE INDEX requests_by_status_latency ON requests (project_id, status, latency_ms) WHERE status <> 200;
CREATE INDEX requests_by_key_latency ON requests (project_id, key_id, latency_ms);
CREATE INDEX requests_by_model_latency ON requests (project_id, (CASE WHEN served_model IS NULL THEN requested_model ELSE served_model END), latency_ms);

-- For who follows the log: rows lie on the disk in the order in which they settled, so one entry for 32 pages does.
CREATE INDEX requests_by_settlement ON requests USING brin (settled_at) WITH (pages_per_range = 32, autosummarize = on);

-- An organization as a whole sees its projects' usage together. A policy beside that of one project and not one for both:
-- the planner then still knows how many rows a project has.
CREATE POLICY organization ON usage_rollups TO zerogpu_tenant USING (
  (SELECT tenant_project()) IS NULL AND project_id IN (SELECT id FROM projects));

-- Its own nodes it sees by name.
GRANT SELECT (id, name, organization_id) ON nodes TO zerogpu_tenant;
ALTER TABLE nodes ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON nodes TO zerogpu_tenant USING (organization_id = tenant_organization());
