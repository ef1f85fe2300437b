/** The whole way on a PostgreSQL server by `DATABASE_URL`, with two gateways that share it. */
import { randomBytes } from 'node:crypto';
import { copyFile, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeOnServer, makeDatabase, type ScratchDatabase } from './support/database-server.ts';
import { TestGateway } from './support/test-gateway.ts';

const MODEL = 'zlm-v1-summary-cloud';

describeOnServer('two gateways on one PostgreSQL server', () => {
  const secret = randomBytes(32).toString('hex');
  let database: ScratchDatabase;
  let one: TestGateway;
  let two: TestGateway;

  beforeAll(async () => {
    database = await makeDatabase();
    const env = { DATABASE_URL: database.url, ZEROGPU_SECRET: secret };
    one = await TestGateway.start({ ...env, ZEROGPU_GATEWAY_NAME: 'one' });
    // The second finds a filled database and makes nothing; its operator brings the credentials along.
    const folder = await mkdtemp(path.join(tmpdir(), 'zerogpu-test-'));
    await copyFile(one.gateway.credentialsFile, path.join(folder, 'credentials.env'));
    two = await TestGateway.open(folder, { ...env, ZEROGPU_GATEWAY_NAME: 'two' });
    await Promise.all([one.spawnNode(), two.spawnNode()]);
  });

  afterAll(async () => {
    await Promise.all([one?.stop(), two?.stop()]);
    await database?.drop();
  });

  const ask = (gateway: TestGateway, input: string, headers: Record<string, string> = {}) =>
    gateway.call('/v1/responses', { model: MODEL, input }, { key: one.first.apiKey, headers });

  test('the second one makes no second organization', async () => {
    expect(two.gateway.firstBoot).toBeNull();
    const { rows } = await one.pool.query<{ count: bigint }>('SELECT count(*) FROM organizations');
    expect(rows[0]?.count).toBe(1n);
  });

  test('both answer the same, and one ledger adds up', async () => {
    const before = await one.balance();
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) => ask(i % 2 ? one : two, 'The bridge is closed. Take the tunnel.')),
    );
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([200]));
    expect(new Set(answers.map((answer) => answer.json.output[0].content[0].text)).size).toBe(1);
    const costs = await Promise.all(answers.map((answer) => one.charged(answer.requestId)));
    const spent = costs.reduce((sum, cost) => sum + cost, 0n);
    expect(spent).toBeGreaterThan(0n);
    expect((await two.balance(one.first))?.balance).toBe((before?.balance ?? 0n) - spent);
    expect(await one.holds()).toBe(0);
    expect(await one.violations()).toEqual([]);
    const { rows } = await one.pool.query('SELECT DISTINCT gateway_id FROM usage_rollups ORDER BY 1');
    expect(rows).toEqual([{ gateway_id: 'one' }, { gateway_id: 'two' }]);
  });

  test('a wallet that covers one request gives one of many at once, whichever gateway they reach', async () => {
    const input = 'One sentence is enough.';
    const probe = await ask(one, input);
    const admitted = BigInt(probe.json.usage.input_tokens) * 20n + 1024n * 50n;
    const project = await one.newProject({ balance: admitted });
    const tries = await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        (i % 2 ? one : two).call('/v1/responses', { model: MODEL, input }, { key: project.apiKey }),
      ),
    );
    const statuses = tries.map((answer) => answer.status).sort();
    // At least one is served; the rest find the money held, or too little left for the most it could cost.
    expect(statuses[0]).toBe(200);
    expect(statuses.filter((status) => status !== 200 && status !== 420)).toEqual([]);
    const costs = await Promise.all(tries.map((answer) => one.charged(answer.requestId)));
    const left = (await one.balance(project))?.balance ?? -1n;
    expect(left).toBe(admitted - costs.reduce((sum, cost) => sum + cost, 0n));
    expect(left).toBeGreaterThanOrEqual(0n);
    expect(await one.violations()).toEqual([]);
  });

  test('a key revoked on one is refused by the other', async () => {
    const project = await one.newProject();
    const call = () => two.call('/v1/models', undefined, { key: project.apiKey });
    expect((await call()).status).toBe(200);
    await one.pool.query('UPDATE api_keys SET revoked_at = now() WHERE id = $1', [project.keyId]);
    await one.eventually('the refusal', async () => ((await call()).status === 401 ? true : null));
  });

  test('an Idempotency-Key answered by one is replayed by the other', async () => {
    const headers = { 'idempotency-key': 'the same on both' };
    const first = await ask(one, 'Rain is expected. Take a coat.', headers);
    const second = await ask(two, 'Rain is expected. Take a coat.', headers);
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    expect(second.text).toBe(first.text);
    expect(await one.charged(second.requestId)).toBe(0n);
  });
});
