/** Analytics the whole way: real requests of a real gateway, and what the dashboard then reads of them. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestPerson } from './support/people.ts';
import { announced, IAB, SUMMARY } from './support/scripted-node.ts';
import { type Project, TestGateway } from './support/test-gateway.ts';

let gateway: TestGateway;
let project: Project;
let organizationId: string;
let viewer: TestPerson;

const read = (what: string, query = '', who = viewer) =>
  gateway.admin(who, `/api/projects/${project.projectId}/analytics/${what}${query}`);

beforeAll(async () => {
  gateway = await TestGateway.start();
  await gateway.join({ models: [announced(SUMMARY, 50), announced(IAB, 50)] });
  project = await gateway.newProject();
  const { rows } = await gateway.pool.query<{ id: string }>(
    'SELECT organization_id AS id FROM projects WHERE id = $1',
    [project.projectId],
  );
  organizationId = rows[0]?.id ?? '';
  viewer = await gateway.newMember(organizationId, 'viewer');
  const ask = (model: string, more = {}) =>
    gateway.call('/v1/responses', { model, input: 'some words to read', ...more }, { key: project.apiKey });
  for (let i = 0; i < 3; i++) await ask(SUMMARY);
  await ask(IAB);
  await ask(SUMMARY, { temperature: 9 });
  await ask('no-such-model');
});
afterAll(() => gateway.stop());

interface Row {
  readonly status: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cost: bigint;
  readonly total_ms: number;
}

async function log(): Promise<readonly Row[]> {
  const text = 'SELECT * FROM requests WHERE project_id = $1';
  return (await gateway.pool.query<Row>(text, [project.projectId])).rows;
}

test('totals are the sums of the log', async () => {
  const rows = await log();
  const sum = (of: (row: Row) => number) => rows.reduce((total, row) => total + of(row), 0);
  const { status, json } = await read('totals');
  expect(status).toBe(200);
  expect(json.totals).toMatchObject({
    requests: 6,
    errors: 2,
    error_rate: 2 / 6,
    input_tokens: sum((row) => row.input_tokens),
    output_tokens: sum((row) => row.output_tokens),
  });
  const cost = rows.reduce((total, row) => total + row.cost, 0n);
  expect(Math.round(Number(json.totals.cost) * 1e9)).toBe(Number(cost));
  expect(json.totals.latency.average_ms).toBeCloseTo(sum((row) => row.total_ms) / 6, 6);
  expect(json.groups).toEqual([]);
});

test('groups, by one dimension and by two', async () => {
  const models = (await read('totals', '?group_by=model')).json;
  expect(models.groups).toMatchObject([
    { group: { model: SUMMARY }, figures: { requests: 3, errors: 0 } },
    // A body that is refused has no model yet; a name that is in no catalogue is none.
    { group: { model: null }, figures: { requests: 2, errors: 2 } },
    { group: { model: IAB }, figures: { requests: 1, errors: 0 } },
  ]);
  const both = (await read('totals', '?group_by=key,status&range=7d')).json;
  expect(both.groups[0]).toMatchObject({
    group: { key: { id: project.keyId, name: 'test' }, status: 200 },
    figures: { requests: 4 },
  });
  expect((await read('totals', '?status=4xx&group_by=status')).json.totals.requests).toBe(2);
});

test('series in minutes, hours and days hold the same requests', async () => {
  const from = new Date(Date.now() - 3_600_000).toISOString();
  for (const bucket of ['minute', 'hour', 'day']) {
    const { json } = await read('series', `?from=${from}&bucket=${bucket}&group_by=route`);
    const points = json.series.flatMap((line: { points: object[] }) => line.points);
    const total = points.reduce(
      (sum: number, point: { figures: { requests: number } }) => sum + point.figures.requests,
      0,
    );
    expect(total, bucket).toBe(6);
  }
  expect((await read('series', '?range=30d&bucket=minute')).json.error.param).toBe('bucket');
});

test('facets, the export, and the usage of the organization', async () => {
  const facets = (await read('facets')).json;
  expect(facets.statuses[0]).toEqual({ value: 200, requests: 4 });
  expect(facets.keys).toEqual([
    { value: { id: project.keyId, name: 'test', masked: expect.any(String) }, requests: 6 },
  ]);
  const csv = (await read('export', '?group_by=model')).text.trimEnd().split('\r\n');
  expect(csv[0]?.startsWith('at,model,')).toBe(true);
  expect(csv.length).toBeGreaterThan(3);
  const usage = await gateway.admin(viewer, `/api/organizations/${organizationId}/usage?range=30d`);
  expect(usage.json.totals.requests).toBe(6);
  expect(usage.json.data).toMatchObject([{ project: { id: project.projectId }, figures: { requests: 6 } }]);
});

test('nobody else sees any of it', async () => {
  const stranger = await gateway.newMember(null);
  for (const what of ['totals', 'series', 'facets', 'export']) {
    expect((await read(what, '', stranger)).status).toBe(404);
  }
  expect((await gateway.admin(stranger, `/api/organizations/${organizationId}/usage`)).status).toBe(404);
});

test('every answer was as the OpenAPI document says', () => {
  expect(gateway.strayings).toEqual([]);
});
