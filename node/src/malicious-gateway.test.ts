/** A gateway that wants to harm its nodes: they stay healthy, bounded and on their own ground. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MAX_FRAME_BYTES, NODE_MODELS_PATH } from '@zerogpu/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { EdgeNode } from './edge-node.ts';
import { DiskModelStore } from './node-platform/disk-model-store.ts';
import { type Behaviour, END, echo, Gate, makeNode } from './testing/in-test-runtime.ts';
import { type NodeSocket, ScriptedGateway } from './testing/scripted-gateway.ts';
import { catalogueOf, fetching, giving, manifestOf, weightsRuntime } from './testing/weights-runtime.ts';

let gateway: ScriptedGateway;
let home: string;
const nodes: EdgeNode[] = [];

beforeEach(async () => {
  gateway = await ScriptedGateway.start();
  home = await mkdtemp(join(tmpdir(), 'zerogpu-malicious-'));
});

afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.drain(0)));
  await gateway.stop();
  await rm(home, { recursive: true });
});

async function started(...given: Parameters<typeof makeNode>): Promise<EdgeNode> {
  const node = await makeNode(...given);
  nodes.push(node);
  void node.start();
  return node;
}

async function connected(models: Record<string, Behaviour>): Promise<[EdgeNode, NodeSocket]> {
  const node = await started(gateway.url, models);
  return [node, await gateway.welcome()];
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(2);
}

/** The node does what it is for. */
async function serves(socket: NodeSocket, model = 'echo'): Promise<void> {
  socket.run('to see', { model, text: 'are you well' });
  await socket.next('done', 'to see');
}

test('a frame over the limit ends the connection, not the node', async () => {
  const [, socket] = await connected({ echo });
  socket.sendRaw('x'.repeat(MAX_FRAME_BYTES + 1));
  await socket.closed;
  await serves(await gateway.welcome());
});

test('frames of the largest size that mean nothing, or nest without end, are ignored', async () => {
  const [node, socket] = await connected({ echo });
  socket.sendRaw('['.repeat(1_000_000));
  socket.sendRaw(`${'['.repeat(100_000)}${']'.repeat(100_000)}`);
  socket.sendRaw(`{"a":`.repeat(100_000));
  socket.sendRaw(JSON.stringify({ type: 'notice', kind: 'x', message: 'x'.repeat(4_000_000) }));
  await serves(socket);
  expect(node.counts.ignoredFrames).toBe(4);
});

test('a gateway that sends nothing but rubbish is left', async () => {
  const [, socket] = await connected({ echo });
  for (let i = 0; i < 10_000; i++) socket.sendRaw('{}');
  await socket.closed;
  await serves(await gateway.welcome());
});

test('a flood of runs beyond the slots is refused one by one, and what runs ends well', async () => {
  const gate = new Gate();
  const [node, socket] = await connected({ gate: gate.behaviour, echo });
  for (let id = 0; id < 5_000; id++) socket.run(String(id), { model: 'gate' });
  await socket.next('failed', '4999');
  expect(node.status.runs.inFlight).toBe(4);
  gate.open();
  for (let id = 0; id < 4; id++) await socket.next('done', String(id));
  await serves(socket);
});

test('runs with the largest texts in all slots are not all kept', async () => {
  const gate = new Gate();
  const models = Object.fromEntries([...'abcdef'].map((id) => [id, gate.behaviour]));
  const [node, socket] = await connected({ ...models, echo });
  // It stands in the frame twice: as the text, and as a message.
  const text = 'x'.repeat(1_900_000);
  for (const id of 'abcdef') for (const slot of '1234') socket.run(id + slot, { model: id, text });
  await until(() => socket.frames.filter(({ type }) => type === 'failed').length >= 16);
  expect(node.status.runs.inFlight).toBe(8);
  gate.open();
  await until(() => node.status.runs.inFlight === 0);
  await serves(socket);
});

test('a gateway that asks and does not read is left, with what was waiting for it', async () => {
  const long: Behaviour = async function* () {
    yield { kind: 'text', text: 'x'.repeat(3_900_000) };
    return END;
  };
  const [node, socket] = await connected({ long, echo });
  await until(() => node.status.connection.state === 'connected');
  socket.deaf();
  const lost = () => node.status.connection.state !== 'connected';
  for (let id = 0; id < 50 && !lost(); id++) {
    socket.run(String(id), { model: 'long' });
    await until(() => node.status.runs.done > id || lost());
  }
  expect(lost()).toBe(true);
  await serves(await gateway.welcome());
});

test.each([
  '__proto__',
  'constructor',
  'toString',
  '../../etc/passwd',
  'echo\u0000',
  'ECHO',
  '',
  'e'.repeat(100_000),
])('there is no model %.20j', async (model) => {
  const [, socket] = await connected({ echo });
  socket.run('1', { model });
  expect(await socket.next('failed', '1')).toMatchObject({ code: 'model_unavailable' });
  await serves(socket);
});

test('prototype keys in frames and in options stay keys', async () => {
  const [, socket] = await connected({ echo });
  socket.sendRaw('{"type":"run","__proto__":{"id":"1"},"constructor":{"prototype":{"polluted":true}}}');
  socket.sendRaw(
    '{"type":"run","id":"1","deadlineMs":60000,"inference":{"model":"echo","messages":[],"text":"hi","texts":null,"instructions":null,"metadata":{"__proto__":{"polluted":true}},"maxOutputTokens":null,"stream":false}}',
  );
  await socket.next('done', '1');
  expect(Object(null).polluted).toBeUndefined();
});

test('a welcome or a challenge that is said again changes nothing, nor does a refusal of a kind that is not known', async () => {
  const [node, socket] = await connected({ echo });
  socket.send({ type: 'welcome', nodeId: 'another', heartbeatMs: 100 });
  socket.send({ type: 'challenge', nonce: 'x'.repeat(64) });
  socket.sendAny({ type: 'refused', code: 'for_fun', message: 'go' });
  await serves(socket);
  expect(node.counts).toEqual({ connections: 1, ignoredFrames: 3 });
  expect(node.status.connection).toMatchObject({ nodeId: 'node_test' });
  expect(socket.frames.filter(({ type }) => type === 'hello')).toEqual([]);
});

test('a welcome before anything was asked, and runs before it, are ignored', async () => {
  const node = await started(gateway.url, { echo });
  const socket = await gateway.accept();
  socket.send({ type: 'welcome', nodeId: 'n', heartbeatMs: 100 });
  socket.run('1', { model: 'echo' });
  await socket.greet();
  socket.run('2', { model: 'echo' });
  socket.send({ type: 'welcome', nodeId: 'n', heartbeatMs: 60_000 });
  await serves(socket);
  expect(socket.frames.filter(({ type }) => type === 'done' || type === 'failed')).toEqual([]);
  expect(node.counts.ignoredFrames).toBe(3);
});

const own = manifestOf('echo', '1', 'own weights');

/** A node with its store on disk, with the weights that its software knows already there. */
async function onDisk(): Promise<{ node: EdgeNode; store: DiskModelStore; lines: string[] }> {
  const { runtime } = weightsRuntime();
  const store = new DiskModelStore(join(home, 'models'));
  const lines: string[] = [];
  const options = fetching(gateway.url, [own], runtime, { store, capBytes: 100_000 });
  return {
    node: await started(gateway.url, {}, { ...options, log: (line) => lines.push(line) }),
    store,
    lines,
  };
}

test.each<[string, ReturnType<typeof giving>]>([
  ['gives other bytes than those of the hash', (_request, response) => response.end('own weightz')],
  [
    'never stops giving',
    (_request, response) => {
      const timer = setInterval(() => response.write('x'.repeat(10_000)), 1);
      response.on('close', () => clearInterval(timer));
    },
  ],
  [
    'gives a part that was not asked for',
    (_request, response) => response.writeHead(206, { 'content-range': 'bytes 5-9/11' }).end('x'),
  ],
  [
    'sends the node to another host',
    (_request, response) => response.writeHead(302, { location: 'http://127.0.0.2:1/' }).end(),
  ],
  ['says there is nothing', (_request, response) => response.writeHead(404).end('<script>')],
])('a model’s file: a gateway that %s gets no model loaded, and nothing is kept', async (_name, answer) => {
  gateway.answer = answer;
  const { node, store } = await onDisk();
  const socket = await gateway.welcome();
  await until(() => node.status.models[0]?.state === 'failed');
  expect(await store.list()).toEqual([]);
  socket.run('1', { model: 'echo' });
  expect(await socket.next('failed', '1')).toMatchObject({ code: 'model_unavailable' });
  expect(node.status.models[0]?.problem).not.toBeNull();
});

test('manifests with other paths, absurd sizes or programs bring nothing onto the device', async () => {
  const asked: string[] = [];
  const good = giving('own weights');
  gateway.answer = (request, response) => {
    asked.push(request.url ?? '');
    good(request, response);
  };
  const { node, store } = await onDisk();
  const [truth] = catalogueOf([own]);
  const file = own.files[0]!;
  const evil = [
    { ...truth, version: '2', files: [{ ...file, path: '../../../evil' }] },
    { ...truth, version: '2', files: [{ ...file, sha256: '../../evil' }] },
    { ...truth, version: '2', files: [{ ...file, bytes: 2 ** 40 }] },
    { ...truth, version: '../2' },
    { ...truth, id: '__proto__', version: '2' },
    { ...truth, version: '2', runtime: 'javascript' },
    { ...truth, version: '2', files: Array.from({ length: 1000 }, () => file) },
  ];
  for (const model of evil) {
    const socket = await gateway.welcome(60_000, { models: [model] });
    await until(() => node.status.models[0]?.state === 'ready');
    await serves(socket);
    socket.close();
  }
  expect(asked).toEqual([`${NODE_MODELS_PATH}/${file.sha256}`]);
  expect(await readdir(home)).toEqual(['models']);
  expect((await store.list()).map(({ sha256 }) => sha256)).toEqual([file.sha256]);
});

test('a file larger than the room for models is not even begun, and the model serves on', async () => {
  const asked: string[] = [];
  const good = giving('own weights');
  gateway.answer = (request, response) => {
    asked.push(request.url ?? '');
    good(request, response);
  };
  const { node } = await onDisk();
  const first = await gateway.welcome();
  await until(() => node.status.models[0]?.state === 'ready');
  first.close();
  const large = { ...manifestOf('echo', '2', 'x'), memoryBytes: 0 };
  const models = catalogueOf([large]).map((model) => ({
    ...model,
    files: [{ ...model.files[0]!, bytes: 100_001 }],
  }));
  const socket = await gateway.welcome(60_000, { models });
  await until(() => node.status.notices.length > 0);
  expect(node.status.notices[0]?.message).toContain('not possible');
  expect(asked).toHaveLength(1);
  await serves(socket);
});

test('welcomes that name other versions again and again are followed one at a time', async () => {
  let underWay = 0;
  let most = 0;
  const good = giving('own weights', 'x');
  gateway.answer = (request, response) => {
    most = Math.max(most, ++underWay);
    response.on('close', () => underWay--);
    setTimeout(() => good(request, response), 2);
  };
  const { node } = await onDisk();
  for (let version = 2; version < 12; version++) {
    const socket = await gateway.welcome(60_000, {
      models: catalogueOf([manifestOf('echo', String(version), 'x')]),
    });
    socket.close();
  }
  const last = await gateway.welcome(60_000, { models: catalogueOf([manifestOf('echo', '12', 'x')]) });
  await until(() => node.status.models[0]?.version === '12');
  expect(most).toBe(1);
  await serves(last);
});

test('a gateway that says nothing and goes does not hold the node', async () => {
  await started(gateway.url, { echo });
  const silent = await gateway.accept();
  silent.close();
  await serves(await gateway.welcome());
});
