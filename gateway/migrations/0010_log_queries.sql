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

-- By latency, what succeeded apart from what did not. Together, 400,000 refusals that took 0 to 2 ms stood before the
-- quickest answers of ten million requests, and every read that wanted answers went through them. A row is in one half
-- only, so a settlement writes no more entries than for undivided indexes; a list without a status merges both. With
-- half_minute where many thousand requests take the same number of milliseconds, and for a range of time and a later
-- page, which are then found in the index. Model and key each by themselves: under a filter that goes together with
-- latency (a model is slow), the slowest of all are no way to the slowest of these.
CREATE INDEX requests_by_latency ON requests (project_id, latency_ms, half_minute) WHERE status = 200;
CREATE INDEX requests_by_key_latency ON requests (project_id, key_id, latency_ms) WHERE status = 200;
CREATE INDEX requests_by_model_latency ON requests (project_id, (CASE WHEN served_model IS NULL THEN requested_model ELSE served_model END), latency_ms) WHERE status = 200;
-- Some percent of all rows. They end in route_class, because most refusals have none.
CREATE INDEX requests_by_error_latency ON requests (project_id, latency_ms, half_minute, route_class) WHERE status <> 200;
CREATE INDEX requests_by_error_status_latency ON requests (project_id, status, latency_ms, half_minute) WHERE status <> 200;
CREATE INDEX requests_by_error_key_latency ON requests (project_id, key_id, latency_ms, route_class) WHERE status <> 200;
CREATE INDEX requests_by_error_model_latency ON requests (project_id, (CASE WHEN served_model IS NULL THEN requested_model ELSE served_model END), latency_ms, route_class) WHERE status <> 200;

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
