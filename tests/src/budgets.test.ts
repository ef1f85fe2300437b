/** Budgets and rate limits the whole way, with two gateways over one database. */
import { randomBytes } from 'node:crypto';
import { copyFile, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { credit } from '@zerogpu/ledger';
import { formatDollars, NANOS_PER_DOLLAR } from '@zerogpu/protocol';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { describeOnServer, makeDatabase, type ScratchDatabase } from './support/database-server.ts';
import { newMember, type TestPerson } from './support/people.ts';
import { type CallAnswer, type Project, TestGateway } from './support/test-gateway.ts';

const MODEL = 'zlm-v1-summary-cloud';
const INPUT = 'The bridge is closed. Take the tunnel.';

describeOnServer('two gateways share budgets and limits', () => {
  const secret = randomBytes(32).toString('hex');
  let database: ScratchDatabase;
  let one: TestGateway;
  let two: TestGateway;
  /** The most that a request with INPUT can cost, which is what it holds; and what it does cost. */
  let most = 0n;
  let cost = 0n;
  let project: Project & { readonly organizationId: string };
  let admin: TestPerson;

  beforeAll(async () => {
    database = await makeDatabase();
    const env = { DATABASE_URL: database.url, ZEROGPU_SECRET: secret };
    one = await TestGateway.start({ ...env, ZEROGPU_GATEWAY_NAME: 'one' });
    const folder = await mkdtemp(path.join(tmpdir(), 'zerogpu-test-'));
    await copyFile(one.gateway.credentialsFile, path.join(folder, 'credentials.env'));
    two = await TestGateway.open(folder, { ...env, ZEROGPU_GATEWAY_NAME: 'two' });
    await Promise.all([one.spawnNode(), two.spawnNode()]);
    const probe = await one.call('/v1/responses', { model: MODEL, input: INPUT });
    most = BigInt(probe.json.usage.input_tokens) * 20n + 1024n * 50n;
    cost = await one.charged(probe.requestId);
  });

  afterAll(async () => {
    await Promise.all([one?.stop(), two?.stop()]);
    await database?.drop();
  });

  beforeEach(async () => {
    const made = await one.newProject();
    const { rows } = await one.pool.query<{ organization_id: string }>(
      'SELECT organization_id FROM projects WHERE id = $1',
      [made.projectId],
    );
    project = { ...made, organizationId: rows[0]!.organization_id };
    admin = await newMember(one.gateway, project.organizationId, 'admin');
  });

  const ask = (gateway: TestGateway, key = project.apiKey) =>
    gateway.call('/v1/responses', { model: MODEL, input: INPUT }, { key });

  /** Every other on the other gateway, all at once. */
  const askMany = (count: number) =>
    Promise.all(Array.from({ length: count }, (_, i) => ask(i % 2 ? one : two)));

  const api = (method: string, route: string, body?: unknown, person = admin) =>
    one.call(route, body, { method, key: null, headers: person.headers });

  const budgetOf = {
    organization: () => `/api/organizations/${project.organizationId}/budget`,
    project: () => `/api/projects/${project.projectId}/budget`,
    key: () => `/api/projects/${project.projectId}/keys/${project.keyId}/budget`,
  };
  const dollars = (nanos: bigint) => formatDollars(nanos).replace('$', '');
  const setBudget = async (spender: keyof typeof budgetOf, limit: bigint) => {
    const answer = await api('PUT', budgetOf[spender](), { monthly_limit: dollars(limit) });
    expect(answer.status).toBe(200);
    return answer.json;
  };
  const statuses = (answers: readonly CallAnswer[]) => new Set(answers.map(({ status }) => status));

  test.each(['organization', 'project', 'key'] as const)(
    'a budget of the %s holds to the nano-dollar while both gateways work',
    async (spender) => {
      // Set in the middle of a month: it begins with what was spent before.
      expect((await ask(two)).status).toBe(200);
      const limit = cost + 3n * most;
      expect(await setBudget(spender, limit)).toMatchObject({
        ...{ spender, monthly_limit: dollars(limit), spent: dollars(cost), held: '0.00' },
        remaining: dollars(3n * most),
      });
      const answers = await askMany(24);
      const served = answers.filter(({ status }) => status === 200);
      expect(served.length).toBeGreaterThanOrEqual(3);
      expect([...statuses(answers)].filter((status) => status !== 200 && status !== 420)).toEqual([]);
      const spent = cost * BigInt(served.length + 1);
      expect(spent).toBeLessThanOrEqual(limit);
      expect((await api('GET', budgetOf[spender]())).json).toMatchObject({
        spent: dollars(spent),
        held: '0.00',
      });

      await setBudget(spender, spent + most - 1n);
      const refused = await ask(one);
      expect(refused.status).toBe(420);
      expect(refused.json.error).toMatchObject({ type: 'insufficient_quota', code: 'insufficient_quota' });
      expect(refused.json.error.message).toContain(
        `monthly budget of the ${spender === 'key' ? 'API key' : spender} does not cover this request: ` +
          `${formatDollars(spent)} of ${formatDollars(spent + most - 1n)} spent`,
      );
      await setBudget(spender, spent + most);
      expect((await ask(two)).status).toBe(200);
      expect((await ask(one)).status).toBe(420);

      expect((await api('DELETE', budgetOf[spender]())).status).toBe(204);
      expect(statuses(await askMany(2))).toEqual(new Set([200]));
      expect((await api('GET', budgetOf[spender]())).status).toBe(404);
      expect(await one.violations()).toEqual([]);
    },
  );

  test('an empty balance is told apart from a budget, and credit lets requests through again', async () => {
    const poor = await one.newProject({ balance: most - 1n });
    const refused = await ask(one, poor.apiKey);
    expect([refused.status, refused.json.error.message]).toEqual([420, expect.stringContaining('balance')]);
    const given = { walletId: poor.walletId, reference: null, description: 'test', at: Date.now() };
    await credit(one.pool, { ...given, amount: 1n });
    expect((await ask(two, poor.apiKey)).status).toBe(200);
  });

  test('budgets are listed, and nobody else has them', async () => {
    await setBudget('organization', 5n * NANOS_PER_DOLLAR);
    await setBudget('key', 0n);
    const all = await api('GET', `/api/organizations/${project.organizationId}/budgets`);
    expect(all.json.data).toMatchObject([
      { spender: 'organization', id: project.organizationId, monthly_limit: '5.00', share: 0 },
      { spender: 'key', id: project.keyId, monthly_limit: '0.00', share: 1, remaining: '0.00' },
    ]);
    const ours = await api('GET', `/api/projects/${project.projectId}/budgets`);
    expect(ours.json.data.map((budget: { spender: string }) => budget.spender)).toEqual(['key']);

    const foreign = await one.newProject();
    const missing = await api('GET', `/api/projects/${project.projectId}/keys/${foreign.projectId}/budget`);
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const body = method === 'PUT' ? { monthly_limit: '1.00' } : undefined;
      const route = `/api/projects/${project.projectId}/keys/${foreign.keyId}/budget`;
      const answer = await api(method, route, body);
      expect([answer.status, answer.text]).toEqual([404, missing.text]);
    }
    const viewer = await newMember(one.gateway, project.organizationId, 'viewer');
    expect((await api('GET', budgetOf.organization(), undefined, viewer)).status).toBe(200);
    expect((await api('PUT', budgetOf.organization(), { monthly_limit: '1.00' }, viewer)).status).toBe(403);
    expect((await api('PUT', budgetOf.project(), { monthly_limit: '-1.00' })).status).toBe(400);
    const { rows } = await one.pool.query('SELECT action FROM audit_log WHERE organization_id = $1', [
      project.organizationId,
    ]);
    expect(rows).toEqual([{ action: 'budget.set' }, { action: 'budget.set' }]);
  });

  test.each([
    ['key', 'UPDATE api_keys SET requests_per_minute = 5, tokens_per_minute = 100000 WHERE project_id = $1'],
    ['project', 'UPDATE projects SET requests_per_minute = 5, tokens_per_minute = 100000 WHERE id = $1'],
  ])('a limit of the %s is one limit for both gateways, and its state is told', async (scope, update) => {
    await one.pool.query(update, [project.projectId]);
    const started = performance.now();
    const answers = await askMany(20);
    const served = answers.filter(({ status }) => status === 200);
    expect(statuses(answers)).toEqual(new Set([200, 429]));
    expect(served.length).toBeGreaterThanOrEqual(5);
    // One more for each twelve seconds that this took.
    expect(served.length).toBeLessThanOrEqual(5 + Math.floor((performance.now() - started) / 12_000));
    for (const { status, headers, json } of answers) {
      expect(headers.get('x-ratelimit-limit-requests')).toBe('5');
      expect(headers.get('x-ratelimit-limit-tokens')).toBe('100000');
      expect(headers.get('x-ratelimit-remaining-requests')).toMatch(/^[0-4]$/);
      expect(headers.get('x-ratelimit-reset-requests')).toMatch(/^\d+s$/);
      expect(headers.get('retry-after')).toEqual(status === 429 ? expect.stringMatching(/^\d+$/) : null);
      if (status === 429) expect(json.error.message).toContain(`The ${scope} may use 5 requests a minute`);
    }
  });

  test('a revoked key is refused by both within a second', async () => {
    expect(statuses(await askMany(2))).toEqual(new Set([200]));
    await one.pool.query('UPDATE api_keys SET revoked_at = now() WHERE id = $1', [project.keyId]);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(statuses(await askMany(2))).toEqual(new Set([401]));
  });

  test('a model must be allowed to the project and to the key', async () => {
    await one.pool.query("UPDATE api_keys SET allowed_models = '{zlm-v1-embed-edge}' WHERE id = $1", [
      project.keyId,
    ]);
    const refused = await ask(one);
    expect([refused.status, refused.json.error.code]).toEqual([403, 'model_not_allowed']);
  });

  test('no answer strayed from the document', () => {
    expect([...one.strayings, ...two.strayings]).toEqual([]);
  });
});
