/** One answer and one charge per Idempotency-Key, however often and from wherever it is asked. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Platform, startPlatform } from './support/platform.ts';
import { announced, answering, ScriptedNode, SUMMARY, silent, wordsOf } from './support/scripted-node.ts';
import { type CallAnswer, type Project, TestGateway } from './support/test-gateway.ts';

const ASK = { model: SUMMARY, input: 'The sky is blue.' };
const ANSWER = wordsOf(ASK.input);

let gateway: TestGateway;
let node: ScriptedNode;

beforeAll(async () => {
  gateway = await TestGateway.start();
  node = await gateway.join();
});
afterEach(() => {
  node.behaviour = answering;
});
afterAll(() => gateway.stop());

function ask(
  project: Project,
  key: string,
  body: object = ASK,
  route = '/v1/responses',
): Promise<CallAnswer> {
  return gateway.call(route, body, { key: project.apiKey, headers: { 'idempotency-key': key } });
}

const replayed = ({ headers }: CallAnswer): boolean => headers.get('idempotent-replayed') === 'true';

/** What the project paid so far, and how often. */
async function paid(project: Project): Promise<{ charges: number; sum: bigint }> {
  const { rows } = await gateway.pool.query<{ charges: bigint; sum: bigint }>(
    `SELECT count(*) AS charges, coalesce(sum(amount), 0)::bigint AS sum FROM ledger.postings
     WHERE kind = 'charge' AND from_account = $1`,
    [project.walletId],
  );
  return { charges: Number(rows[0]?.charges), sum: BigInt(rows[0]?.sum ?? 0) };
}

describe('the same key and body', () => {
  test('replays the same bytes and charges once', async () => {
    const project = await gateway.newProject();
    const runs = node.runs.length;
    const first = await ask(project, 'a');
    const again = await ask(project, 'a');
    expect(first.status).toBe(200);
    expect(replayed(first)).toBe(false);
    expect(again.status).toBe(200);
    expect(replayed(again)).toBe(true);
    expect(again.text).toBe(first.text);
    expect(again.requestId).not.toBe(first.requestId);
    expect(node.runs.length).toBe(runs + 1);
    const row = await gateway.logRow(first.requestId);
    expect(await paid(project)).toEqual({ charges: 1, sum: row?.cost });
    expect((await gateway.balance(project))?.held).toBe(0n);
  });

  test('replays a stream: the same ids, text and usage, as events', async () => {
    const project = await gateway.newProject();
    const first = await ask(project, 'a', { ...ASK, stream: true });
    const again = await ask(project, 'a', { ...ASK, stream: true });
    expect(first.headers.get('content-type')).toMatch(/^text\/event-stream/);
    expect(again.headers.get('content-type')).toMatch(/^text\/event-stream/);
    expect(replayed(again)).toBe(true);
    const final = (answer: CallAnswer) => {
      const data = [...answer.text.matchAll(/^data: (.*)$/gm)].map(([, line]) => JSON.parse(line ?? ''));
      const deltas = data
        .filter(({ type }) => type === 'response.output_text.delta')
        .map(({ delta }) => delta);
      expect(deltas.join('')).toBe(ANSWER);
      return data.at(-1).response;
    };
    expect(final(again)).toEqual(final(first));
    expect((await paid(project)).charges).toBe(1);
  });

  test('on both endpoints, each with answers of its own form', async () => {
    const project = await gateway.newProject();
    const body = { model: SUMMARY, messages: [{ role: 'user', content: ASK.input }] };
    const first = await ask(project, 'a', body, '/v1/chat/completions');
    const again = await ask(project, 'a', body, '/v1/chat/completions');
    expect(again.text).toBe(first.text);
    expect(again.json.object).toBe('chat.completion');
    expect((await paid(project)).charges).toBe(1);
  });

  test('twenty at once: one runs, the others wait for it', async () => {
    const project = await gateway.newProject();
    node.behaviour = silent;
    const runs = node.runs.length;
    const all = Promise.all(Array.from({ length: 20 }, () => ask(project, 'a')));
    const { id } = await node.ran(runs + 1);
    await new Promise((resolve) => setTimeout(resolve, 200));
    node.done(id, ANSWER);
    const answers = await all;
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers.filter((answer) => !replayed(answer)).length).toBe(1);
    expect(node.runs.length).toBe(runs + 1);
    expect((await paid(project)).charges).toBe(1);
  });

  test('runs again after a failure, and after a caller who went away', async () => {
    const project = await gateway.newProject();
    node.behaviour = ({ id }, broken) => broken.failed(id, 'internal');
    expect((await ask(project, 'a')).status).toBe(500);
    node.behaviour = silent;
    const runs = node.runs.length;
    const leaving = new AbortController();
    const left = gateway.send('/v1/responses', ASK, {
      key: project.apiKey,
      headers: { 'idempotency-key': 'a' },
      signal: leaving.signal,
    });
    const { id } = await node.ran(runs + 1);
    node.behaviour = answering;
    // Already waiting for the first when that goes away.
    const waiting = ask(project, 'a');
    leaving.abort();
    await expect(left).rejects.toThrow();
    await node.cancels(id);
    node.failed(id, 'cancelled');
    const answer = await waiting;
    expect(answer.status).toBe(200);
    expect(replayed(answer)).toBe(false);
    expect((await paid(project)).charges).toBe(1);
    expect(replayed(await ask(project, 'a'))).toBe(true);
  });

  test('runs again after 24 hours', async () => {
    const project = await gateway.newProject();
    await ask(project, 'a');
    const { rows } = await gateway.pool.query<{ hours: number }>(
      'SELECT extract(epoch FROM expires_at - now())::float8 / 3600 AS hours FROM idempotency_keys WHERE project_id = $1',
      [project.projectId],
    );
    expect(rows[0]?.hours).toBeCloseTo(24, 1);
    await gateway.pool.query('UPDATE idempotency_keys SET expires_at = now() WHERE project_id = $1', [
      project.projectId,
    ]);
    const later = await ask(project, 'a');
    expect(replayed(later)).toBe(false);
    expect((await paid(project)).charges).toBe(2);
  });
});

describe('the same key', () => {
  test('with another body, or on another endpoint: 409, and nothing is charged', async () => {
    const project = await gateway.newProject();
    const body = { ...ASK, messages: [{ role: 'user', content: 'a' }] };
    expect((await ask(project, 'a', body)).status).toBe(200);
    const before = await paid(project);
    const conflicts = [
      await ask(project, 'a', { ...body, input: 'Another.' }),
      await ask(project, 'a', { ...body, stream: true }),
      await ask(project, 'a', body, '/v1/chat/completions'),
    ];
    for (const { status, json } of conflicts) {
      expect(status).toBe(409);
      expect(json.error).toMatchObject({ type: 'conflict_error', code: 'idempotency_conflict' });
    }
    expect(await paid(project)).toEqual(before);
  });

  test('with another body while the first runs: 409 at once', async () => {
    const project = await gateway.newProject();
    node.behaviour = silent;
    const runs = node.runs.length;
    const first = ask(project, 'a');
    const { id } = await node.ran(runs + 1);
    expect((await ask(project, 'a', { ...ASK, input: 'Another.' })).status).toBe(409);
    node.done(id, ANSWER);
    expect((await first).status).toBe(200);
  });

  test("in another project is another project's", async () => {
    const [one, two] = [await gateway.newProject(), await gateway.newProject()];
    const answers = [await ask(one, 'a'), await ask(two, 'a', { ...ASK, input: 'Another.' })];
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(answers.some(replayed)).toBe(false);
    expect((await paid(one)).charges).toBe(1);
    expect((await paid(two)).charges).toBe(1);
  });

  test.for([
    ['k', 200],
    ['k'.repeat(255), 200],
    ['k'.repeat(256), 400],
    ['', 400],
    ['a b/c?d=e', 200],
    ['caf\u00e9', 200],
  ] as const)('%s', async ([key, status]) => {
    const project = await gateway.newProject();
    const answer = await ask(project, key);
    expect(answer.status, answer.text).toBe(status);
    if (status === 400) expect(answer.json.error.param).toBe('Idempotency-Key');
    else expect(replayed(await ask(project, key))).toBe(true);
  });
});

test('kept answers are encrypted', async () => {
  const project = await gateway.newProject();
  const secret = 'Xylophonquartett';
  const answer = await ask(project, 'a', { ...ASK, input: secret });
  expect(answer.text).toContain(secret);
  const { rows } = await gateway.pool.query<{ answer: Buffer }>(
    'SELECT answer FROM idempotency_keys WHERE project_id = $1',
    [project.projectId],
  );
  expect(rows[0]?.answer.length).toBeGreaterThan(secret.length);
  expect(rows[0]?.answer.includes(secret)).toBe(false);
});

test('the books are right, no money is held, and every answer was as the OpenAPI document says', async () => {
  expect(await gateway.violations()).toEqual([]);
  expect(await gateway.holds()).toBe(0);
  expect(gateway.strayings).toEqual([]);
});

describe('a gateway that was killed while it worked on a key', () => {
  let platform: Platform;
  let heir: TestGateway;

  beforeAll(async () => {
    platform = await startPlatform({ nodes: 0 });
  });
  afterAll(async () => {
    await heir.stop();
    await platform.stop();
  });

  test('leaves it to the next when its time is over, and the work is charged once', async () => {
    const joinToken = (await readFile(path.join(platform.dataDir, 'node-token'), 'utf8')).trim();
    const models = [announced(SUMMARY)];
    const idle = await ScriptedNode.join({ url: platform.url, joinToken, models, behaviour: silent });
    const lost = platform.fetch('/v1/responses', ASK, { 'idempotency-key': 'a' });
    const gone = expect(lost).rejects.toThrow();
    await idle.ran(1);
    await platform.gateway.killHard();
    await gone;
    await idle.closed;

    heir = await TestGateway.open(platform.dataDir);
    const worker = await heir.join();
    const headers = { 'idempotency-key': 'a' };
    // Its time is not over: the gateway could still be alive and about to charge. A retry waits.
    const { rows } = await heir.pool.query<{ left: number }>(
      'SELECT extract(epoch FROM locked_until - now())::float8 AS left FROM idempotency_keys',
    );
    expect(rows[0]?.left).toBeGreaterThan(30);
    const retry = heir.call('/v1/responses', ASK, { headers });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(worker.runs.length).toBe(0);
    await heir.pool.query('UPDATE idempotency_keys SET locked_until = now()');
    await heir.pool.query('UPDATE ledger.holds SET expires_at = now()');
    const answer = await retry;
    expect(answer.status).toBe(200);
    expect(replayed(answer)).toBe(false);
    expect(worker.runs.length).toBe(1);
    expect(replayed(await heir.call('/v1/responses', ASK, { headers }))).toBe(true);
    const charges = await heir.pool.query("SELECT request_id FROM ledger.postings WHERE kind = 'charge'");
    expect(charges.rows).toEqual([{ request_id: answer.requestId }]);
    await heir.eventually('the hold of the killed gateway to be given back', async () =>
      (await heir.holds()) === 0 ? true : null,
    );
    expect(await heir.violations()).toEqual([]);
  });
});
