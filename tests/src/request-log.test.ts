/** What a project finds in its log, on the whole way: bodies by its policy, refused calls, retries. */
import { randomUUID } from 'node:crypto';
import { checkRollups, readPayload } from '@zerogpu/gateway';
import { API_KEY_PREFIX, makeSecret } from '@zerogpu/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { poolToken } from './support/pools.ts';
import { announced, IAB, SUMMARY, wordsOf } from './support/scripted-node.ts';
import { type Project, TestGateway } from './support/test-gateway.ts';

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start();
  await gateway.join({ models: [announced(SUMMARY, 200)] });
});
afterAll(() => gateway.stop());

const kept = ({ projectId }: Project, requestId: string) =>
  readPayload(gateway.pool, gateway.gateway.secrets, projectId, requestId);

/** A project that keeps what it says. */
async function projectThatKeeps(policy: string, days = 30): Promise<Project> {
  const project = await gateway.newProject();
  const values = [project.projectId, policy, days];
  await gateway.pool.query(
    'UPDATE projects SET payload_policy = $2, payload_days = $3 WHERE id = $1',
    values,
  );
  return project;
}

/** An answered request and a refused one. */
async function both({ apiKey: key }: Project, words: string) {
  const good = await gateway.call('/v1/responses', { model: SUMMARY, input: words }, { key });
  const bad = await gateway.call('/v1/responses', { model: SUMMARY, input: words, temperature: 9 }, { key });
  expect([good.status, bad.status]).toEqual([200, 400]);
  return { good, bad };
}

test('bodies are kept as the project says, and are gone when it says', async () => {
  const all = await projectThatKeeps('all', 1);
  const errors = await projectThatKeeps('errors');
  const none = await projectThatKeeps('none');
  const [ofAll, ofErrors, ofNone] = await Promise.all([
    both(all, 'planted-words of all'),
    both(errors, 'planted-words of errors'),
    both(none, 'planted-words of none'),
  ]);
  const there = (project: Project, id: string) =>
    gateway.eventually('the bodies of a request', () => kept(project, id));
  const good = await there(all, ofAll.good.requestId);
  expect(JSON.parse(good.request ?? '')).toEqual({ model: SUMMARY, input: 'planted-words of all' });
  expect(good.answer).toBe(wordsOf('planted-words of all'));
  expect((await there(all, ofAll.bad.requestId)).answer).toBe(ofAll.bad.text);
  expect((await there(errors, ofErrors.bad.requestId)).answer).toBe(ofErrors.bad.text);
  for (const [project, { requestId }] of [
    [errors, ofErrors.good],
    [none, ofNone.good],
    [none, ofNone.bad],
    [none, ofAll.good],
  ] as const) {
    expect(await kept(project, requestId)).toBeNull();
  }
  const { rows } = await gateway.pool.query<{ all: string; expires_at: Date }>(
    "SELECT encode(request, 'escape') || encode(answer, 'escape') AS all FROM request_payloads",
  );
  expect(rows).toHaveLength(3);
  expect(rows.map((row) => row.all).join()).not.toContain('planted');
  const days = (good.expiresAt.getTime() - Date.now()) / 86_400_000;
  expect(Math.ceil(days)).toBe(1);
});

test('a change of the policy is in force within a second', async () => {
  const project = await projectThatKeeps('all');
  const before = await both(project, 'before');
  await gateway.eventually('the bodies of a request', () => kept(project, before.good.requestId));
  await gateway.pool.query("UPDATE projects SET payload_policy = 'none' WHERE id = $1", [project.projectId]);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const after = await both(project, 'after');
  const last = await projectThatKeeps('all');
  const { good } = await both(last, 'last');
  await gateway.eventually('what came after', () => kept(last, good.requestId));
  expect(await kept(project, after.good.requestId)).toBeNull();
});

interface Refused {
  readonly id: string;
  readonly status: number;
  readonly error_code: string;
  readonly key_id: string | null;
}

async function refusedOf({ projectId }: Project): Promise<Refused[]> {
  const text = `SELECT id, status, error_code, key_id FROM requests
    WHERE project_id = $1 AND status IN (401, 403) ORDER BY id`;
  return (await gateway.pool.query<Refused>(text, [projectId])).rows;
}

test('refused calls stand in the log of the project that they name, at most sixty a minute', async () => {
  const project = await gateway.newProject();
  const archived = await gateway.newProject({ status: 'archived' });
  const ask = (key: string | null, named?: string) =>
    gateway.call(
      '/v1/responses',
      { model: SUMMARY, input: 'x' },
      { key, headers: named ? { 'x-project-id': named } : {} },
    );
  const stranger = makeSecret(API_KEY_PREFIX);
  const first = await ask(null, project.projectId);
  const second = await ask(archived.apiKey, archived.projectId);
  const foreign = await ask(gateway.first.apiKey, project.projectId);
  expect([first.status, second.status, foreign.status]).toEqual([401, 403, 403]);
  const rows = await gateway.eventually('the refused calls', async () => {
    const found = await refusedOf(project);
    return found.length === 2 ? found : null;
  });
  expect(rows).toEqual([
    { id: first.requestId, status: 401, error_code: 'invalid_api_key', key_id: null },
    { id: foreign.requestId, status: 403, error_code: 'invalid_project', key_id: null },
  ]);
  expect(await refusedOf(archived)).toEqual([
    { id: second.requestId, status: 403, error_code: 'invalid_project', key_id: archived.keyId },
  ]);

  const flood = await Promise.all(
    Array.from({ length: 300 }, (_, i) => ask(stranger, i % 3 === 0 ? project.projectId : randomUUID())),
  );
  expect(new Set(flood.map(({ status }) => status))).toEqual(new Set([401]));
  const marker = await gateway.newProject();
  await ask(null, marker.projectId);
  await gateway.eventually('what came after', async () =>
    (await refusedOf(marker)).length === 1 ? true : null,
  );
  const logged = (await refusedOf(project)).length;
  // The minute may have turned in between.
  expect(logged).toBeGreaterThanOrEqual(60);
  expect(logged).toBeLessThanOrEqual(102);
  const { rows: others } = await gateway.pool.query(
    'SELECT 1 FROM requests r WHERE NOT EXISTS (SELECT 1 FROM projects p WHERE p.id = r.project_id)',
  );
  expect(others).toEqual([]);
  expect(await checkRollups(gateway.pool)).toEqual([]);
});

test('a node of the caller’s organization is its own, to everybody else it is the edge', async () => {
  const project = await gateway.newProject();
  const joinToken = await poolToken(gateway.gateway, 'organization', project.organizationId);
  await gateway.join({ models: [announced(IAB, 200)], joinToken });
  const routeOf = async ({ apiKey: key }: Project, model: string) => {
    const { status, requestId } = await gateway.call('/v1/responses', { model, input: 'x' }, { key });
    expect(status).toBe(200);
    const { rows } = await gateway.pool.query('SELECT route_class FROM requests WHERE id = $1', [requestId]);
    return rows[0]?.route_class;
  };
  expect(await routeOf(project, IAB)).toBe('own');
  expect(await routeOf(project, SUMMARY)).toBe('edge');
  await gateway.join({ models: [announced(IAB, 200)] });
  expect(await routeOf(gateway.first, IAB)).toBe('edge');
});
