/** Streams as bytes on the wire: when each event comes, and what happens when either end goes away. */
import { tokenizerOf } from '@zerogpu/catalogue';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { chunkStrayings } from './support/conformance.ts';
import { RawConnection } from './support/raw-http.ts';
import { announced, type ScriptedNode, SUMMARY } from './support/scripted-node.ts';
import { type Project, TestGateway } from './support/test-gateway.ts';

const TEXT = 'The answer to everything is 😀 forty-two. It took seven and a half million years to find.';
const ASK = { model: SUMMARY, input: 'What is the answer?', stream: true };
const CHAT_ASK = { model: SUMMARY, messages: [{ role: 'user', content: ASK.input }], stream: true };

let gateway: TestGateway;
const nodes: ScriptedNode[] = [];

beforeAll(async () => {
  gateway = await TestGateway.start();
});
afterAll(() => gateway.stop());
afterEach(async () => {
  for (const node of nodes.splice(0)) await node.leave();
});

/** A node that answers nothing by itself; the test speaks for it. */
async function join(): Promise<ScriptedNode> {
  const node = await gateway.join({ models: [announced(SUMMARY)], behaviour: () => undefined });
  nodes.push(node);
  return node;
}

async function ask(project: Project, body: object, route = 'responses'): Promise<RawConnection> {
  const text = JSON.stringify(body);
  const connection = await RawConnection.open(gateway.url);
  const head = [
    `POST /v1/${route} HTTP/1.1`,
    'host: a',
    `x-api-key: ${project.apiKey}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(text)}`,
    '',
    '',
  ];
  await connection.write(head.join('\r\n') + text);
  return connection;
}

/** The `data:` of every event, parsed; `[DONE]` as it is. */
// biome-ignore lint/suspicious/noExplicitAny: events as a client sees them, whose fields a test goes on to check
function eventsOf(body: string): any[] {
  const data = [...body.matchAll(/^data: (.*)$/gm)].map(([, line]) => line ?? '');
  return data.map((line) => (line === '[DONE]' ? line : JSON.parse(line)));
}

/** What a settled request of the project says; null when nothing is written yet. */
async function settled(project: Project) {
  const { rows } = await gateway.pool.query<{
    id: string;
    status: number;
    cost: bigint;
    output_tokens: number;
    streamed: boolean;
  }>('SELECT id, status, cost, output_tokens, streamed FROM requests WHERE project_id = $1', [
    project.projectId,
  ]);
  return rows[0] ?? null;
}

describe('the final event', () => {
  test.for([
    ['responses', ASK, 'event: response.completed'],
    ['chat/completions', CHAT_ASK, '"finish_reason":"stop"'],
  ] as const)('of /v1/%s comes after the settlement is in the database', async ([route, body, final]) => {
    const project = await gateway.newProject();
    const node = await join();
    const connection = await ask(project, body, route);
    const { id } = await node.ran(1);
    node.piece(id, TEXT.slice(0, 20));
    const begun = await connection.until('The answer');
    expect(begun).not.toContain(final);
    expect(await settled(project)).toBeNull();
    // Money cannot be posted while somebody else holds the wallet's row: the stream has to wait for it.
    const lock = await gateway.pool.connect();
    try {
      await lock.query('BEGIN');
      await lock.query('SELECT 1 FROM ledger.accounts WHERE id = $1 FOR UPDATE', [project.walletId]);
      node.piece(id, TEXT.slice(20));
      node.done(id, TEXT);
      const waiting = await connection.until('to find.');
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(waiting).not.toContain(final);
      expect(await connection.until('to find.')).not.toContain(final);
      await lock.query('COMMIT');
    } finally {
      lock.release();
    }
    await connection.until(final);
    const row = await settled(project);
    expect(row).toMatchObject({ status: 200, streamed: true });
    expect(await gateway.charged(row?.id ?? '')).toBe(row?.cost);
    expect(row?.cost).toBeGreaterThan(0n);
    const answer = await connection.answer();
    expect(answer?.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    connection.destroy();
  });

  test('chat chunks are as the OpenAPI document says, and [DONE] is the last line', async () => {
    const node = await join();
    const connection = await ask(
      gateway.first,
      { ...CHAT_ASK, stream_options: { include_usage: true } },
      'chat/completions',
    );
    const { id } = await node.ran(1);
    node.done(id, TEXT);
    const answer = await connection.answer();
    const events = eventsOf(answer?.body ?? '');
    expect(events.at(-1)).toBe('[DONE]');
    const chunks = events.slice(0, -1);
    expect(chunks.flatMap(chunkStrayings)).toEqual([]);
    expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')).toBe(TEXT);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: expect.any(Number) } });
    connection.destroy();
  });
});

describe('a caller who hangs up', () => {
  test('in the middle of a stream: the run is cancelled, and what was produced is paid', async () => {
    const project = await gateway.newProject();
    const node = await join();
    const connection = await ask(project, ASK);
    const { id } = await node.ran(1);
    node.piece(id, TEXT);
    await connection.until('to find.');
    connection.destroy();
    await node.cancels(id);
    node.failed(id, 'cancelled');
    const row = await gateway.eventually('the settlement', () => settled(project));
    const tokenizer = tokenizerOf('zlm');
    const input = BigInt(tokenizer.count(ASK.input));
    const output = BigInt(tokenizer.count(TEXT));
    expect(row).toMatchObject({
      status: 499,
      output_tokens: Number(output),
      cost: input * 20n + output * 50n,
    });
    expect(await gateway.charged(row.id)).toBe(row.cost);
    expect((await gateway.balance(project))?.held).toBe(0n);
  });

  test('before the first piece: the run is cancelled, and nothing is paid', async () => {
    const project = await gateway.newProject();
    const node = await join();
    const connection = await ask(project, ASK);
    const { id } = await node.ran(1);
    connection.destroy();
    await node.cancels(id);
    node.failed(id, 'cancelled');
    expect(await gateway.eventually('the settlement', () => settled(project))).toMatchObject({
      status: 499,
      cost: 0n,
    });
    expect((await gateway.balance(project))?.held).toBe(0n);
  });

  test('a slot that was cancelled is free again when the node says so', async () => {
    const node = await gateway.join({ models: [announced(SUMMARY, 1)], behaviour: () => undefined });
    nodes.push(node);
    const first = await ask(gateway.first, ASK);
    const run = await node.ran(1);
    first.destroy();
    await node.cancels(run.id);
    const second = await ask(gateway.first, ASK);
    node.failed(run.id, 'cancelled');
    const { id } = await node.ran(2);
    node.done(id, TEXT);
    const answer = await second.answer();
    expect(answer?.body).toContain('event: response.completed');
    second.destroy();
  });
});

describe('a node that dies in the middle of a stream', () => {
  /** The node that was given the run, and the other. */
  async function chosen(all: readonly ScriptedNode[]): Promise<[ScriptedNode, ScriptedNode]> {
    const [a, b] = all;
    if (!a || !b) throw new Error('Two nodes');
    await Promise.race([a.ran(1), b.ran(1)]);
    return a.runs.length > 0 ? [a, b] : [b, a];
  }

  // In the middle of the emoji, too: no half of a character may reach the caller.
  test.for([1, 30, TEXT.indexOf('😀') + 1, TEXT.length])(
    'after %i characters: another one goes on with the same bytes',
    async (at) => {
      const project = await gateway.newProject();
      const all = [await join(), await join()];
      const connection = await ask(project, ASK);
      const [dying, heir] = await chosen(all);
      const run = dying.runs[0]!;
      dying.piece(run.id, TEXT.slice(0, at));
      if (at < TEXT.indexOf('😀')) await connection.until(`"delta":${JSON.stringify(TEXT.slice(0, at))}`);
      await dying.leave();
      const { id } = await heir.ran(1);
      for (const character of TEXT.match(/[\s\S]{1,7}/g) ?? []) heir.piece(id, character);
      heir.done(id, TEXT);
      const answer = await connection.answer();
      const events = eventsOf(answer?.body ?? '');
      const deltas = events
        .filter(({ type }) => type === 'response.output_text.delta')
        .map(({ delta }) => delta);
      expect(deltas.join('')).toBe(TEXT);
      expect(deltas.every((delta: string) => delta.isWellFormed())).toBe(true);
      expect(events.at(-1)).toMatchObject({
        type: 'response.completed',
        response: { output: [{ content: [{ text: TEXT }] }] },
      });
      const { rows } = await gateway.pool.query(
        'SELECT status, attempts FROM requests WHERE project_id = $1',
        [project.projectId],
      );
      expect(rows).toEqual([{ status: 200, attempts: 2 }]);
      connection.destroy();
    },
  );

  test('and another one that says something else: the stream ends with an error, and nothing is paid', async () => {
    const project = await gateway.newProject();
    const all = [await join(), await join()];
    const connection = await ask(project, ASK);
    const [dying, heir] = await chosen(all);
    dying.piece(dying.runs[0]!.id, TEXT.slice(0, 30));
    await connection.until(TEXT.slice(0, 30));
    await dying.leave();
    const { id } = await heir.ran(1);
    heir.piece(id, 'Something else altogether, and just as long.');
    await heir.cancels(id);
    const answer = await connection.answer();
    expect(eventsOf(answer?.body ?? '').at(-1)).toMatchObject({ type: 'error' });
    expect(await gateway.eventually('the settlement', () => settled(project))).toMatchObject({
      status: 500,
      cost: 0n,
    });
    connection.destroy();
  });

  test('with no other: the stream ends with an error, and nothing is paid', async () => {
    const project = await gateway.newProject();
    const node = await join();
    const connection = await ask(project, CHAT_ASK, 'chat/completions');
    const { id } = await node.ran(1);
    node.piece(id, TEXT.slice(0, 30));
    await connection.until(TEXT.slice(0, 30));
    await node.leave();
    const answer = await connection.answer();
    expect(eventsOf(answer?.body ?? '').at(-1)).toMatchObject({ error: { code: 'model_unavailable' } });
    expect(await gateway.eventually('the settlement', () => settled(project))).toMatchObject({
      status: 503,
      cost: 0n,
    });
    expect((await gateway.balance(project))?.held).toBe(0n);
    connection.destroy();
  });
});

test('the books are right, and no money is held', async () => {
  expect(await gateway.violations()).toEqual([]);
  expect(await gateway.holds()).toBe(0);
});
