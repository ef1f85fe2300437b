import { MANIFESTS } from '@zerogpu/catalogue';
import type { Pool, PoolClient } from 'pg';

/** Enough to see what is wrong; all of a broken table would fill a terminal. */
const MOST_TOLD = 20;

/**
 * Counts the log again and compares: one row for each rollup that is missing, too many or different. Leaves out what is
 * older than the log's first day, because old partitions go and hours and days stay.
 */
const DIFFERENCES = `
WITH counted AS (
  SELECT
    project_id, resolution, date_trunc(resolution, created_at, 'UTC') AS bucket,
    coalesce(key_id, '00000000-0000-0000-0000-000000000000') AS key_id,
    coalesce(served_model, CASE WHEN requested_model = ANY ($1) THEN requested_model END, '') AS model,
    endpoint, status, coalesce(route_class, '') AS route_class,
    CASE resolution WHEN 'day' THEN '' ELSE gateway_id END AS gateway_id,
    count(*) AS requests, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens, sum(cost) AS cost,
    sum(total_ms::double precision) AS latency_ms_sum,
    sum(power(10::numeric, 12 * latency_bucket(total_ms))) AS latency_histogram
  FROM requests, (VALUES ('minute'), ('hour'), ('day')) AS r (resolution)
  WHERE resolution <> 'day' OR created_at < (SELECT until FROM usage_rolled)
  GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
), kept AS (
  SELECT * FROM usage_rollups
  WHERE bucket >= (SELECT coalesce(date_trunc('day', min(created_at), 'UTC'), '-infinity') FROM requests)
)
SELECT format('%s %s of project %s, key %s, model "%s", endpoint %s, status %s, route "%s", gateway "%s": the log has %s requests, cost %s; the rollup %s, cost %s',
  resolution, bucket AT TIME ZONE 'UTC', project_id, key_id, model, endpoint, status, route_class, gateway_id,
  coalesce(c.requests, 0), coalesce(c.cost, 0), coalesce(k.requests, 0), coalesce(k.cost, 0)) AS told
FROM counted c FULL JOIN kept k USING (project_id, resolution, bucket, key_id, model, endpoint, status, route_class, gateway_id)
WHERE c.requests IS DISTINCT FROM k.requests OR c.input_tokens IS DISTINCT FROM k.input_tokens
  OR c.output_tokens IS DISTINCT FROM k.output_tokens OR c.cost IS DISTINCT FROM k.cost
  OR c.latency_histogram IS DISTINCT FROM k.latency_histogram
  OR coalesce(abs(c.latency_ms_sum - k.latency_ms_sum) > 1e-6 * c.latency_ms_sum, true)
ORDER BY bucket, resolution LIMIT ${MOST_TOLD}`;

/**
 * Whether the rollups are the sum of the log, to the row. Reads the whole log: for tests and operators.
 * @returns what is wrong, in words; nothing when all is well
 */
export async function checkRollups(db: Pool | PoolClient): Promise<string[]> {
  const known = MANIFESTS.map((manifest) => manifest.id);
  const { rows } = await db.query<{ told: string }>(DIFFERENCES, [known]);
  return rows.map((row) => row.told);
}
