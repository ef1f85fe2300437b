import { setImmediate as nextRound } from 'node:timers/promises';
import { MAX_FRAME_BYTES } from '@zerogpu/protocol';
import { ModelInputError } from '@zerogpu/runtimes';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { EdgeNode, EdgeNodeOptions } from './edge-node.ts';
import { type Behaviour, END, echo, Gate, hang, makeNode, noFiles } from './testing/in-test-runtime.ts';
import { type NodeSocket, ScriptedGateway } from './testing/scripted-gateway.ts';

let gateway: ScriptedGateway;
const nodes: EdgeNode[] = [];

beforeEach(async () => {
  gateway = await ScriptedGateway.start();
});

afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.drain(0)));
  await gateway.stop();
});

async function started(...given: Parameters<typeof makeNode>): Promise<EdgeNode> {
  const node = await makeNode(...given);
  nodes.push(node);
  node.start();
  return node;
}

async function connected(models: Record<string, Behaviour>): Promise<[EdgeNode, NodeSocket]> {
  const node = await started(gateway.url, models);
  return [node, await gateway.welcome()];
}

const failing = (error: unknown): Behaviour =>
  // biome-ignore lint/correctness/useYield: it fails before its first piece
  async function* () {
    throw error;
  };

test('joins: subprotocol, signed hello with its token, models and machine', async () => {
  await started(gateway.url, { echo });
  const socket = await gateway.accept();
  expect(socket.subprotocol).toBe('zerogpu.node.v1');
  const hello = await socket.greet();
  expect(hello).toMatchObject({
    name: 'test node',
    joinToken: 'a join token',
    capabilities: { timeZone: 'UTC' },
  });
  expect(hello.models).toMatchObject([{ id: 'echo', version: '1', slots: 4 }]);
});

test('loads its models at the start, says so, and is ready then', async () => {
  const node = await makeNode(gateway.url, { echo });
  nodes.push(node);
  const ready = node.start();
  const socket = await gateway.welcome();
  expect(await ready).toEqual(['echo']);
  let load = await socket.next('load');
  while (!load.models[0]?.resident) load = await socket.next('load');
  expect(load).toEqual({
    type: 'load',
    models: [{ id: 'echo', version: '1', slots: 4, resident: true }],
    residentBytes: 100,
  });
});

test('warms its models up before it is ready, and survives one that cannot be', async () => {
  const texts: string[] = [];
  const listening: Behaviour = (inference) => {
    texts.push(inference.text);
    return echo(inference);
  };
  const models = { broken: failing(new Error('no')), listening };
  const node = await makeNode(gateway.url, models, { warmUpRuns: 3 });
  nodes.push(node);
  const ready = node.start();
  const socket = await gateway.welcome();
  expect(await ready).toEqual(['broken', 'listening']);
  expect(texts).toHaveLength(3);
  expect(socket.frames.filter((frame) => frame.type === 'done' || frame.type === 'failed')).toEqual([]);
});

test('a model that hangs while it is warmed up does not keep the node from draining', async () => {
  const node = await makeNode(gateway.url, { hang }, { warmUpRuns: 1 });
  nodes.push(node);
  const ready = node.start();
  await gateway.welcome();
  await node.drain(0);
  expect(await ready).toBeNull();
});

test('answers a run with one frame, and a stream with its pieces before', async () => {
  const [, socket] = await connected({ echo });
  socket.run('1', { model: 'echo', text: 'one two' });
  const done = await socket.next('done', '1');
  expect(done).toMatchObject({
    text: 'one two',
    reasoning: null,
    finishReason: 'stop',
    inputTokens: 3,
    outputTokens: 2,
  });
  expect(socket.frames.filter((frame) => frame.type === 'piece')).toEqual([]);

  socket.run('2', { model: 'echo', text: 'one two', stream: true });
  expect((await socket.next('done', '2')).text).toBe('one two');
  const pieces = socket.frames.filter((frame) => frame.type === 'piece');
  expect(pieces).toEqual([
    { type: 'piece', id: '2', kind: 'text', text: 'one ' },
    { type: 'piece', id: '2', kind: 'text', text: 'two' },
  ]);
});

test.each([
  [
    'a request that does not fit the model',
    new ModelInputError('no labels', 'labels'),
    { code: 'input', message: 'no labels', param: 'labels' },
  ],
  [
    'a model that breaks, without quoting it',
    new TypeError('secret prompt'),
    { code: 'internal', message: 'The model failed: TypeError', param: null },
  ],
])('says why a run failed: %s', async (_name, error, expected) => {
  const [, socket] = await connected({ broken: failing(error) });
  socket.run('1', { model: 'broken' });
  expect(await socket.next('failed', '1')).toMatchObject(expected);
});

test('refuses a model that it does not have', async () => {
  const [, socket] = await connected({ echo });
  socket.run('1', { model: 'another' });
  expect(await socket.next('failed', '1')).toMatchObject({ code: 'model_unavailable' });
});

test('runs no more at once than its slots, and more again when one is free', async () => {
  const gate = new Gate();
  const [, socket] = await connected({ gate: gate.behaviour });
  for (const id of ['1', '2', '3', '4', '5']) socket.run(id, { model: 'gate' });
  expect(await socket.next('failed')).toMatchObject({ id: '5', code: 'busy' });
  socket.send({ type: 'cancel', id: '1' });
  expect(await socket.next('failed')).toMatchObject({ id: '1', code: 'cancelled' });
  socket.run('6', { model: 'gate' });
  gate.open();
  expect((await socket.next('done', '6')).text).toBe('after the gate');
});

test('runs of batches have their turn when no other run waits for one', async () => {
  const held = new Gate();
  let open = false;
  const pause = () => (open ? nextRound() : held.opened);
  await started(gateway.url, { echo }, { pause });
  const socket = await gateway.welcome();
  for (const id of ['1', '2', '3']) socket.run(id, { model: 'echo' }, 60_000, 'batch');
  socket.run('4', { model: 'echo' });
  // Refused at once: by then the others have come.
  socket.run('5', { model: 'nobody has it' });
  await socket.next('failed', '5');
  open = true;
  held.open();
  for (const id of ['4', '1', '2', '3']) expect((await socket.next('done')).id).toBe(id);
});

test('a model that hangs is given up at the deadline and on cancel, and its slot comes free', async () => {
  const [, socket] = await connected({ hang, echo });
  for (const id of ['1', '2', '3', '4']) socket.run(id, { model: 'hang' }, 20);
  for (const id of ['1', '2', '3', '4']) {
    expect(await socket.next('failed', id)).toMatchObject({
      code: 'cancelled',
      message: 'The deadline passed',
    });
  }
  socket.run('5', { model: 'hang' });
  socket.send({ type: 'cancel', id: '5' });
  expect(await socket.next('failed', '5')).toMatchObject({ code: 'cancelled' });
  socket.run('6', { model: 'echo' });
  await socket.next('done', '6');
});

test('a model that hangs again and again gets no more work, others do', async () => {
  const [, socket] = await connected({ hang, echo });
  for (let id = 1; id <= 16; id++) {
    socket.run(String(id), { model: 'hang' }, 0);
    expect(await socket.next('failed', String(id))).toMatchObject({ code: 'cancelled' });
  }
  socket.run('17', { model: 'hang' });
  expect(await socket.next('failed', '17')).toMatchObject({ code: 'busy' });
  socket.run('18', { model: 'echo' });
  await socket.next('done', '18');
});

test('a model that never stops talking is stopped', async () => {
  const endless: Behaviour = async function* () {
    for (;;) yield { kind: 'text', text: 'x'.repeat(1000) };
  };
  const [, socket] = await connected({ endless });
  socket.run('1', { model: 'endless' });
  expect(await socket.next('failed', '1')).toMatchObject({
    code: 'internal',
    message: 'The model failed: RangeError',
  });
});

test.each([
  ['a letter', 'x', 4_100_000],
  ['a quote, written as two', '"', 2_050_000],
  ['three bytes', '漢', 1_360_000],
  ['a control character, written as six', '\u0001', 680_000],
])('an answer may be as long as its frame: %s', async (_name, character, length) => {
  const long: Behaviour = async function* () {
    for (let i = 0; i < 100; i++) yield { kind: 'text', text: character.repeat(length / 100) };
    return END;
  };
  const [, socket] = await connected({ long });
  socket.run('1', { model: 'long' });
  const done = await socket.next('done', '1');
  expect(done.text).toBe(character.repeat(length));
  expect(Buffer.byteLength(JSON.stringify(done))).toBeLessThanOrEqual(MAX_FRAME_BYTES);
});

test('a model that computes without end between pieces holds up neither cancel nor others', async () => {
  const busy: Behaviour = async function* () {
    for (;;) {
      const until = performance.now() + 5;
      while (performance.now() < until);
      yield { kind: 'text', text: '' };
    }
  };
  const [, socket] = await connected({ busy, echo });
  socket.run('1', { model: 'busy' });
  socket.run('2', { model: 'echo' });
  await socket.next('done', '2');
  socket.send({ type: 'cancel', id: '1' });
  expect(await socket.next('failed', '1')).toMatchObject({ code: 'cancelled' });
});

test('connects again when the connection is lost, with nothing left over from before', async () => {
  const gate = new Gate();
  const [node, first] = await connected({ gate: gate.behaviour, echo });
  first.run('1', { model: 'gate' });
  while (gate.started === 0) await first.next('load');
  first.close();
  const second = await gateway.welcome();
  // The same id on a new connection is another run.
  second.run('1', { model: 'echo', text: 'again' });
  expect((await second.next('done', '1')).text).toBe('again');
  expect(second.frames.filter((frame) => frame.type === 'failed')).toEqual([]);
  expect(node.counts.connections).toBe(2);
});

test('finds the gateway again after it was away', async () => {
  await connected({ echo });
  const { port } = gateway;
  await gateway.stop();
  gateway = await ScriptedGateway.start(port);
  const socket = await gateway.welcome();
  socket.run('1', { model: 'echo' });
  await socket.next('done', '1');
});

test('leaves a gateway that went silent, and stays with one that pings', async () => {
  const node = await started(gateway.url, { echo });
  const silent = await gateway.welcome(100);
  const second = await gateway.welcome(100);
  await silent.closed;
  const pings = setInterval(() => second.ping(), 50);
  for (let beat = 0; beat < 6; beat++) await second.next('load');
  clearInterval(pings);
  expect(node.counts.connections).toBe(2);
});

test.each(['token_invalid', 'revoked', 'version_unsupported'] as const)(
  'ends when it is refused for good: %s',
  async (code) => {
    const node = await started(gateway.url, { echo });
    const socket = await gateway.accept();
    await socket.greet();
    socket.send({ type: 'refused', code, message: 'because' });
    expect(await node.ended).toEqual({ kind: 'refused', code, message: 'because' });
  },
);

test('fetches nothing more for a gateway that refused it', async () => {
  let gave: AbortSignal | undefined;
  const files: EdgeNodeOptions['files'] = (_manifest, { signal }) => {
    gave = signal;
    return noFiles();
  };
  const node = await started(gateway.url, { echo, hang }, { files });
  const socket = await gateway.accept();
  await socket.greet();
  expect(gave?.aborted).toBe(false);
  socket.send({ type: 'refused', code: 'token_invalid', message: 'because' });
  await node.ended;
  expect(gave?.aborted).toBe(true);
});

test('comes back after any other refusal', async () => {
  await started(gateway.url, { echo });
  const socket = await gateway.accept();
  await socket.greet();
  socket.send({ type: 'refused', code: 'signature_invalid', message: 'because' });
  await gateway.welcome();
});

test('ignores and counts what is no frame, or none for the moment', async () => {
  const [node, socket] = await connected({ echo });
  const garbage = [
    '',
    '{',
    'null',
    '[]',
    '{"type":"run"}',
    '{"type":"run","id":"1","deadlineMs":-1}',
    '{"type":"dance"}',
  ];
  for (const text of garbage) socket.sendRaw(text);
  socket.sendRaw(Buffer.from([1, 2, 3]));
  socket.send({ type: 'challenge', nonce: 'x'.repeat(32) });
  socket.send({ type: 'cancel', id: 'nobody knows' });
  socket.run('1', { model: 'echo' });
  await socket.next('done', '1');
  expect(node.counts).toEqual({ connections: 1, ignoredFrames: garbage.length + 2 });
});

test('drains: says so, finishes what it has, takes nothing new, closes', async () => {
  const gate = new Gate();
  const [node, socket] = await connected({ gate: gate.behaviour });
  socket.run('1', { model: 'gate' });
  while (gate.started === 0) await socket.next('load');
  const drained = node.drain(60_000);
  await socket.next('draining');
  socket.run('2', { model: 'gate' });
  expect(await socket.next('failed', '2')).toMatchObject({ code: 'busy' });
  gate.open();
  await socket.next('done', '1');
  await drained;
  expect(await socket.closed).toBe(1000);
  expect(await node.ended).toEqual({ kind: 'drained' });
});

test('draining does not wait for ever', async () => {
  const [node, socket] = await connected({ hang });
  socket.run('1', { model: 'hang' });
  await socket.next('load');
  await node.drain(50);
  expect(await socket.next('failed', '1')).toMatchObject({
    code: 'cancelled',
    message: 'The node is shutting down',
  });
});
