/** The log of a project as its people read it, the whole way: lists, details, the live tail, exports. */
import { API_KEY_PREFIX, newId } from '@zerogpu/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestPerson } from './support/people.ts';
import { announced, SUMMARY, wordsOf } from './support/scripted-node.ts';
import { type Project, TestGateway } from './support/test-gateway.ts';

let gateway: TestGateway;
let project: Project;
let developer: TestPerson;
let viewer: TestPerson;
let stranger: TestPerson;
const asked: string[] = [];

const of = ({ projectId }: Project, rest = '') => `/api/projects/${projectId}/requests${rest}`;
const list = (query: string, who = viewer) => gateway.admin(who, of(project, query));
const ids = (data: readonly { readonly id: string }[]) => data.map((row) => row.id);

beforeAll(async () => {
  gateway = await TestGateway.start();
  await gateway.join({ models: [announced(SUMMARY, 50)] });
  project = await gateway.newProject();
  const { rows } = await gateway.pool.query<{ organization_id: string }>(
    "UPDATE projects SET payload_policy = 'all' WHERE id = $1 RETURNING organization_id",
    [project.projectId],
  );
  const organizationId = rows[0]?.organization_id ?? '';
  developer = await gateway.newMember(organizationId, 'developer');
  viewer = await gateway.newMember(organizationId, 'viewer');
  stranger = await gateway.newMember(null);
  for (let i = 0; i < 6; i++) {
    const body = { model: SUMMARY, input: `secret words ${i}`, ...(i % 3 === 2 ? { temperature: 9 } : {}) };
    const { requestId } = await gateway.call('/v1/responses', body, { key: project.apiKey });
    asked.push(requestId);
  }
});
afterAll(() => gateway.stop());

test('the list has every request, newest first, with what became of it', async () => {
  const { status, json } = await list('');
  expect(status).toBe(200);
  expect(ids(json.data)).toEqual([...asked].sort().reverse());
  const good = json.data.find((row: { id: string }) => row.id === asked[0]);
  expect(good).toMatchObject({
    endpoint: 'responses',
    model: SUMMARY,
    status: 200,
    error_code: null,
    key: { id: project.keyId, name: 'test', masked: expect.stringContaining(API_KEY_PREFIX) },
    route: { class: 'edge', region: null, attempts: 1, hedged: false, fallback: false },
    latency: { total_ms: expect.any(Number), queue_ms: expect.any(Number), model_ms: expect.any(Number) },
  });
  expect(good.output_tokens).toBeGreaterThan(0);
  expect(Number(good.cost)).toBeGreaterThan(0);
  const bad = json.data.find((row: { id: string }) => row.id === asked[2]);
  expect(bad).toMatchObject({ status: 400, error_code: 'invalid_value', cost: '0.00', route: null });
});

test('filters, orders and pages', async () => {
  expect(ids((await list('?status=4xx')).json.data)).toEqual([asked[5], asked[2]]);
  expect(
    ids((await list(`?status=200&key_id=${project.keyId}&route=edge&model=${SUMMARY}`)).json.data),
  ).toHaveLength(4);
  expect((await list('?model=other')).json.data).toEqual([]);
  expect(ids((await list(`?id=${asked[3]?.slice(16, 26)}`)).json.data)).toEqual([asked[3]]);
  const slowest = (await list('?sort=latency')).json.data.map(
    (row: { latency: { total_ms: number } }) => row.latency.total_ms,
  );
  expect(slowest).toEqual(slowest.toSorted((a: number, b: number) => b - a));
  const first = await list('?limit=4&order=asc');
  const second = await list(`?limit=4&order=asc&after=${first.json.next}`);
  expect([...ids(first.json.data), ...ids(second.json.data)]).toEqual([...asked].sort());
  expect(second.json.next).toBeNull();
});

test('wrong questions are told what is wrong', async () => {
  for (const [query, param] of [
    ['?status=4x', 'status'],
    ['?from=yesterday', 'from'],
    ['?from=2026-13-01T00:00:00Z', 'from'],
    ['?from=2026-11-02T00:00:00Z&to=2026-11-01T00:00:00Z', 'to'],
    ['?latency_min=9&latency_max=1', 'latency_max'],
    ['?after=nonsense', 'after'],
    ["?id=';DROP", 'id'],
    ['?sort=latency&id=abcdef', 'sort'],
  ] as const) {
    const { status, json } = await list(query);
    expect([status, json.error.code, json.error.param], query).toEqual([400, 'invalid_value', param]);
  }
});

test('bodies are for developers; a viewer sees that there are some', async () => {
  const [id = ''] = asked;
  await gateway.eventually('the bodies', async () => {
    const { json } = await gateway.admin(developer, of(project, `/${id}`));
    return json.payload.stored ? json : null;
  });
  const forDeveloper = await gateway.admin(developer, of(project, `/${id}`));
  expect(forDeveloper.json.payload).toEqual({
    stored: true,
    request: expect.stringContaining('secret words 0'),
    answer: expect.stringContaining(wordsOf('secret words 0')),
    request_truncated: false,
    answer_truncated: false,
  });
  // The operator's node is nobody's business.
  expect(forDeveloper.json.node).toBeNull();
  expect(forDeveloper.text).not.toContain('node_');
  const forViewer = await gateway.admin(viewer, of(project, `/${id}`));
  expect(forViewer.json.payload).toMatchObject({ stored: true, request: null, answer: null });
  expect(forViewer.text).not.toContain('secret words');
  const failed = await gateway.admin(viewer, of(project, `/${asked[2]}`));
  expect(failed.json.error).toEqual({ code: 'invalid_value', message: expect.any(String) });
});

test('what is missing and what is foreign give the same bytes', async () => {
  const [id = ''] = asked;
  const missing = await gateway.admin(developer, of(project, `/${newId('request')}`));
  const nonsense = await gateway.admin(developer, of(project, '/nonsense'));
  expect([missing.status, missing.text]).toEqual([404, nonsense.text]);
  for (const rest of ['', `/${id}`, '/tail', '/export']) {
    const foreign = await gateway.admin(stranger, of(project, rest));
    const nowhere = await gateway.admin(stranger, `/api/projects/${crypto.randomUUID()}/requests${rest}`);
    expect([foreign.status, foreign.text], rest).toEqual([404, nowhere.text]);
    expect((await gateway.admin(null, of(project, rest))).status).toBe(401);
  }
});

test('exports are CSV and JSON lines, under the same filters', async () => {
  const csv = await gateway.send(of(project, '/export?status=4xx'), undefined, {
    key: null,
    headers: viewer.headers,
  });
  expect(csv.headers.get('content-type')).toBe('text/csv; charset=utf-8');
  expect(csv.headers.get('content-disposition')).toBe('attachment; filename="requests.csv"');
  const lines = (await csv.text()).trimEnd().split('\r\n');
  expect(lines).toHaveLength(3);
  expect(lines[1]?.startsWith(`${asked[5]},`)).toBe(true);
  const jsonl = await gateway.send(of(project, '/export?format=jsonl&rows=5'), undefined, {
    key: null,
    headers: viewer.headers,
  });
  const rows = (await jsonl.text())
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(ids(rows)).toEqual([...asked].sort().reverse().slice(0, 5));
});

test('the live tail tells of requests as they settle, and ends with the membership', async () => {
  const watcher = await gateway.newMember(await organizationOf(project), 'viewer');
  const leaving = new AbortController();
  const response = await gateway.send(of(project, '/tail?status=200'), undefined, {
    key: null,
    headers: watcher.headers,
    signal: leaving.signal,
  });
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  const events = eventsOf(response);
  expect((await events.next()).value).toContain('retry');
  // Whether the first look is over is not seen from here: asks until it tells.
  let told: string | undefined;
  const reading = events.next().then(({ value }) => {
    told = value;
  });
  const sent: string[] = [];
  while (told === undefined) {
    const { requestId } = await gateway.call(
      '/v1/responses',
      { model: SUMMARY, input: 'while somebody watches' },
      { key: project.apiKey },
    );
    sent.push(requestId);
    await Promise.race([reading, new Promise((resolve) => setTimeout(resolve, 300))]);
  }
  expect(told).toMatch(/^id: \d+-req_\w+\nevent: request\ndata: \{/);
  expect(sent).toContain(JSON.parse(/^data: (.*)$/m.exec(told)?.[1] ?? '{}').id);
  await gateway.pool.query('DELETE FROM members WHERE person_id = $1', [watcher.id]);
  let last = '';
  for await (const event of events) last = event;
  expect(last).toBe('event: end\ndata: {}');
  leaving.abort();
});

test('every answer was as the OpenAPI document says', () => {
  expect(gateway.strayings).toEqual([]);
});

async function organizationOf({ projectId }: Project): Promise<string> {
  const text = 'SELECT organization_id AS id FROM projects WHERE id = $1';
  const { rows } = await gateway.pool.query<{ id: string }>(text, [projectId]);
  return rows[0]?.id ?? '';
}

async function* eventsOf(response: Response): AsyncGenerator<string> {
  let rest = '';
  for await (const piece of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    rest += piece;
    for (let end = rest.indexOf('\n\n'); end >= 0; end = rest.indexOf('\n\n')) {
      yield rest.slice(0, end);
      rest = rest.slice(end + 2);
    }
  }
}
