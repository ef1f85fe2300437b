/** After many requests of every kind at once: the ledger, the log and the rollups all tell the same. */
import { findManifest, tokenizerOf } from '@zerogpu/catalogue';
import { checkRollups } from '@zerogpu/gateway';
import { NANOS_PER_DOLLAR } from '@zerogpu/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { announced, type Behaviour, IAB, SUMMARY, wordsOf } from './support/scripted-node.ts';
import { type Project, TestGateway } from './support/test-gateway.ts';

const REQUESTS = 600;
const AT_ONCE = 32;
const SANDBOX_CREDIT = 5n * NANOS_PER_DOLLAR;

/** What becomes of a request. `broken`: the model fails; `left`: the caller goes away; `keyed`: sent twice under one key. */
const KINDS = ['whole', 'streamed', 'chat', 'iab', 'invalid', 'unknown', 'broken', 'left', 'keyed'] as const;
type Kind = (typeof KINDS)[number];

interface Ended {
  readonly kind: Kind;
  /** Null for a caller who went away. */
  readonly requestId: string | null;
  readonly status: number;
  readonly input: string;
}

let gateway: TestGateway;
let ended: readonly Ended[];

/** The text says what the node does with it. */
const scripted: Behaviour = ({ id, inference }, node) => {
  if (inference.text.startsWith('broken')) return node.failed(id, 'internal');
  const text = wordsOf(inference.text);
  if (inference.stream) node.piece(id, text);
  // A caller who leaves does so while the model is still at work.
  if (!inference.text.startsWith('left')) return node.done(id, text);
};

beforeAll(async () => {
  gateway = await TestGateway.start();
  for (let i = 0; i < 2; i++) {
    await gateway.join({ models: [announced(SUMMARY, 200), announced(IAB, 200)], behaviour: scripted });
  }
  ended = await many(gateway.first);
});
afterAll(() => gateway.stop());

async function many(project: Project): Promise<readonly Ended[]> {
  const results: Ended[] = [];
  let next = 0;
  const work = async () => {
    for (let i = next++; i < REQUESTS; i = next++)
      results.push(await one(project, KINDS[i % KINDS.length]!, i));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return results;
}

async function one(project: Project, kind: Kind, i: number): Promise<Ended> {
  const input = `${kind} ${'word '.repeat(1 + (i % 40))}number ${i}`;
  if (kind === 'left') return leave(project, input);
  const { route, body } = requestOf(kind, input);
  const headers = kind === 'keyed' ? { 'idempotency-key': `key ${i}` } : {};
  const { status, requestId } = await gateway.call(route, body, { key: project.apiKey, headers });
  if (kind === 'keyed') {
    const again = await gateway.call(route, body, { key: project.apiKey, headers });
    expect(again.headers.get('idempotent-replayed')).toBe('true');
  }
  return { kind, requestId, status, input };
}

function requestOf(kind: Kind, input: string): { route: string; body: object } {
  const responses = { route: '/v1/responses', body: { model: SUMMARY, input } };
  switch (kind) {
    case 'chat':
      return {
        route: '/v1/chat/completions',
        body: { model: SUMMARY, messages: [{ role: 'user', content: input }] },
      };
    case 'iab':
      return { route: '/v1/responses', body: { model: IAB, input } };
    case 'streamed':
      return { route: '/v1/responses', body: { ...responses.body, stream: true } };
    case 'invalid':
      return { route: '/v1/responses', body: { ...responses.body, temperature: 9 } };
    case 'unknown':
      return { route: '/v1/responses', body: { ...responses.body, model: 'gpt-4o' } };
    default:
      return responses;
  }
}

/** Reads the first piece of a stream and goes away. */
async function leave(project: Project, input: string): Promise<Ended> {
  const leaving = new AbortController();
  const body = { model: SUMMARY, input, stream: true };
  const response = await gateway.send('/v1/responses', body, { key: project.apiKey, signal: leaving.signal });
  const reader = response.body?.getReader();
  let text = '';
  while (!text.includes('output_text.delta'))
    text += Buffer.from((await reader?.read())?.value ?? []).toString();
  leaving.abort();
  return { kind: 'left', requestId: response.headers.get('x-request-id'), status: 499, input };
}

const STATUS: Readonly<Record<Kind, number>> = {
  whole: 200,
  streamed: 200,
  chat: 200,
  iab: 200,
  keyed: 200,
  invalid: 400,
  unknown: 404,
  left: 499,
  broken: 500,
};

/** What a request of this kind must cost, counted again here. */
function costOf({ kind, input }: Ended): bigint {
  if (STATUS[kind] !== 200 && kind !== 'left') return 0n;
  const price = findManifest(kind === 'iab' ? IAB : SUMMARY)?.price;
  if (!price) throw new Error('No price');
  const count = (text: string) => BigInt(tokenizerOf('zlm').count(text));
  return count(input) * price.inputPerToken + count(wordsOf(input)) * price.outputPerToken;
}

test('every request ended as it had to', () => {
  expect(ended.length).toBe(REQUESTS);
  for (const { kind, status } of ended) expect(status, kind).toBe(STATUS[kind]);
});

interface Row {
  readonly id: string;
  readonly status: number;
  readonly cost: bigint;
  readonly replay_of: string | null;
}

test('every request has one row in the log, with its true cost; a replay has one that cost nothing', async () => {
  const keyed = ended.filter(({ kind }) => kind === 'keyed');
  const logged = async () => {
    const { rows } = await gateway.pool.query<Row>('SELECT id, status, cost, replay_of FROM requests');
    return rows.length >= REQUESTS + keyed.length ? rows : null;
  };
  const rows = await gateway.eventually('all log rows', logged);
  const [first, replays] = [
    rows.filter((row) => row.replay_of === null),
    rows.filter((row) => row.replay_of !== null),
  ];
  expect(first.length).toBe(REQUESTS);
  const byId = new Map(first.map((row) => [row.id, row]));
  for (const request of ended) {
    const row = byId.get(request.requestId ?? '');
    expect(row, request.kind).toMatchObject({ status: STATUS[request.kind], cost: costOf(request) });
  }
  expect(replays.map((row) => row.replay_of).sort()).toEqual(keyed.map((one) => one.requestId).sort());
  for (const row of replays) expect(row).toMatchObject({ status: 200, cost: 0n });
});

test('the balance is what was given less what was charged, and nothing is held', async () => {
  await gateway.eventually('all holds to be given back', async () =>
    (await gateway.holds()) === 0 ? true : null,
  );
  const spent = ended.reduce((sum, request) => sum + costOf(request), 0n);
  expect(spent).toBeGreaterThan(0n);
  expect(await gateway.balance()).toEqual({
    balance: SANDBOX_CREDIT - spent,
    held: 0n,
    available: SANDBOX_CREDIT - spent,
  });
  const { rows } = await gateway.pool.query<{ charges: bigint; requests: bigint; sum: bigint }>(
    `SELECT count(*) AS charges, count(DISTINCT request_id) AS requests, sum(amount)::bigint AS sum
     FROM ledger.postings WHERE kind = 'charge'`,
  );
  const charged = ended.filter((request) => costOf(request) > 0n).length;
  expect(rows[0]).toEqual({ charges: BigInt(charged), requests: BigInt(charged), sum: spent });
});

test('the ledger is balanced', async () => {
  expect(await gateway.violations()).toEqual([]);
});

test('rollups are the sums of the log, to the row', async () => {
  const { rows } = await gateway.pool.query(
    'SELECT resolution, count(*)::int AS n FROM usage_rollups GROUP BY 1',
  );
  expect(rows.map((row) => row.resolution).sort()).toEqual(['hour', 'minute']);
  for (const { n } of rows) expect(n).toBeGreaterThan(3);
  expect(await checkRollups(gateway.pool)).toEqual([]);
});

test('a wallet that is nearly empty is never overdrawn, however many ask at once', async () => {
  const ask = { model: SUMMARY, input: 'whole one two three', max_output_tokens: 10 };
  const count = (text: string) => BigInt(tokenizerOf('zlm').count(text));
  const bound = count(ask.input) * 20n + 10n * 50n;
  const project = await gateway.newProject({ balance: bound * 3n });
  const answers = await Promise.all(
    Array.from({ length: 40 }, () => gateway.call('/v1/responses', ask, { key: project.apiKey })),
  );
  const served = answers.filter(({ status }) => status === 200).length;
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 420]));
  expect(served).toBeGreaterThanOrEqual(3);
  const cost = count(ask.input) * 20n + count(wordsOf(ask.input)) * 50n;
  expect(await gateway.balance(project)).toMatchObject({
    balance: bound * 3n - BigInt(served) * cost,
    held: 0n,
  });
  expect(await gateway.violations()).toEqual([]);
});
