import type { Static } from '@sinclair/typebox';
import type { AnalyticsSeries, analyticsRoutes } from '@zerogpu/protocol';
import { boundedRead } from '../admin/bounded-read.ts';
import { csvLine } from '../admin/csv.ts';
import type { Handlers } from '../admin/handler.ts';
import { readFacets, readSeries, readTotals, readUsage } from './read-rollups.ts';

export const analyticsHandlers: Handlers<keyof typeof analyticsRoutes> = {
  getTotals: ({ projectId, query, now, tenant }) =>
    boundedRead(tenant, (db) => readTotals(db, projectId, query, now)),

  getSeries: ({ projectId, query, now, tenant }) =>
    boundedRead(tenant, (db) => readSeries(db, projectId, query, now)),

  getFacets: ({ projectId, query, now, tenant }) =>
    boundedRead(tenant, (db) => readFacets(db, projectId, query, now)),

  async exportSeries({ projectId, query, now, tenant }) {
    const found = await boundedRead(tenant, (db) => readSeries(db, projectId, query, now));
    return { content: 'text/csv', filename: 'analytics.csv', text: csvOf(found) };
  },

  getUsage: ({ organizationId, query, now, tenant }) =>
    boundedRead(tenant, (db) => readUsage(db, organizationId, query, now)),
};

const HEADER =
  'at,model,key_id,key_name,status,route,endpoint,requests,errors,input_tokens,output_tokens,cost,average_ms,p50_ms,p95_ms,p99_ms';

/** Empty where it was not grouped by. */
function* csvOf({ series }: Static<typeof AnalyticsSeries>): Generator<string> {
  yield csvLine(HEADER.split(','));
  for (const { group, points } of series) {
    const { model = null, key, status = null, route = null, endpoint = null } = group;
    const of = [model, key?.id ?? null, key?.name ?? null, status, route, endpoint];
    for (const { at, figures } of points) {
      const { requests, errors, input_tokens, output_tokens, cost, latency } = figures;
      const sums = [requests, errors, input_tokens, output_tokens, cost];
      yield csvLine([at, ...of, ...sums, latency.average_ms, latency.p50_ms, latency.p95_ms, latency.p99_ms]);
    }
  }
}
