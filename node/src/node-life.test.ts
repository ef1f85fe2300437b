/** What a node shows and what its owner may set, its speed, and other versions of its models. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { AnnouncedModel } from '@zerogpu/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { deferred } from './deferred.ts';
import type { EdgeNode, EdgeNodeOptions } from './edge-node.ts';
import { type Behaviour, END, echo, Gate, makeNode } from './testing/in-test-runtime.ts';
import { type NodeSocket, ScriptedGateway } from './testing/scripted-gateway.ts';
import { catalogueOf, fetching, giving, manifestOf, weightsRuntime } from './testing/weights-runtime.ts';

let gateway: ScriptedGateway;
const nodes: EdgeNode[] = [];
const lines: string[] = [];

beforeEach(async () => {
  lines.length = 0;
  gateway = await ScriptedGateway.start();
});

afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.drain(0)));
  await gateway.stop();
});

async function started(
  behaviours: Record<string, Behaviour>,
  options: Partial<EdgeNodeOptions> = {},
): Promise<EdgeNode> {
  const node = await makeNode(gateway.url, behaviours, { log: (line) => lines.push(line), ...options });
  nodes.push(node);
  void node.start();
  return node;
}

/** The next announcement that is like this. */
async function announcement(
  socket: NodeSocket,
  isIt: (models: readonly AnnouncedModel[]) => boolean,
): Promise<readonly AnnouncedModel[]> {
  for (;;) {
    const { models } = await socket.next('load');
    if (isIt(models)) return models;
  }
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(2);
}

const ready = (models: readonly AnnouncedModel[]) =>
  models.length > 0 && models.every(({ resident }) => resident);

test('a beat is answered with what it asks to be said back', async () => {
  await started({ echo });
  const socket = await gateway.welcome();
  const answer = async (beat: object) => {
    socket.send({ type: 'beat', ...beat });
    const { nonce } = await socket.next('alive');
    return nonce;
  };
  expect([await answer({ nonce: 'x1' }), await answer({}), await answer({ nonce: 'x2' })]).toEqual([
    'x1',
    undefined,
    'x2',
  ]);
});

describe('limits', () => {
  test('a share of the CPU offers fewer slots; the owner changes it while it runs', async () => {
    const node = await started({ echo }, { cpuShare: 0.5 });
    const socket = await gateway.accept();
    expect((await socket.greet()).models).toMatchObject([{ slots: 2 }]);
    socket.send({ type: 'welcome', nodeId: 'n', heartbeatMs: 60_000 });
    node.setCpuShare(0.1);
    await announcement(socket, ([model]) => model?.slots === 1);
    node.setCpuShare(1);
    await announcement(socket, ([model]) => model?.slots === 4);
    expect(node.status.cpu).toMatchObject({ share: 1, throttled: false });
    for (const share of [0, -1, 1.1, Number.NaN]) expect(() => node.setCpuShare(share)).toThrow(RangeError);
  });

  test('long work rests between its turns', async () => {
    const working: Behaviour = async function* () {
      for (let step = 0; step < 4; step++) {
        const over = performance.now() + 11;
        while (performance.now() < over);
        yield { kind: 'text', text: 'x' };
      }
      return END;
    };
    const node = await started({ working }, { cpuShare: 0.5 });
    const socket = await gateway.welcome();
    socket.run('1', { model: 'working' });
    await socket.next('done', '1');
    // Three turns of at least 11 ms each are followed by as much rest.
    expect(node.status.cpu.restedMs).toBeGreaterThan(20);
  });

  test('offers the models that its owner allows, and loads those that these need', async () => {
    const node = await started(
      { 'a-edge': echo, 'b-edge': echo, 'c-cloud': echo },
      { modelsAllowed: ['*-edge'] },
    );
    const socket = await gateway.welcome();
    const models = await announcement(socket, ready);
    expect(models.map(({ id }) => id)).toEqual(['a-edge', 'b-edge']);
    socket.run('1', { model: 'c-cloud' });
    expect(await socket.next('failed', '1')).toMatchObject({ code: 'model_unavailable' });
    expect(node.status.models.find(({ id }) => id === 'c-cloud')?.state).toBe('not_allowed');
  });

  test('while its owner works it announces nothing, finishes what runs and takes nothing new', async () => {
    const gate = new Gate();
    const machine: { busy(busy: boolean): void; watching: boolean } = {
      busy: () => undefined,
      watching: true,
    };
    const node = await started(
      { gate: gate.behaviour },
      {
        watchBusy(changed) {
          machine.busy = changed;
          return () => {
            machine.watching = false;
          };
        },
      },
    );
    const socket = await gateway.welcome();
    await announcement(socket, ready);
    socket.run('1', { model: 'gate' });
    await until(() => gate.started === 1);
    machine.busy(true);
    machine.busy(true);
    await announcement(socket, (models) => models.length === 0);
    expect(node.status.paused).toBe('busy');
    socket.run('2', { model: 'gate' });
    expect(await socket.next('failed', '2')).toMatchObject({ code: 'busy' });
    gate.open();
    await socket.next('done', '1');
    machine.busy(false);
    await announcement(socket, ready);
    await node.drain(0);
    expect(machine.watching).toBe(false);
  });

  test('pauses and goes on when its owner says so, also across connections', async () => {
    const node = await started({ echo });
    const first = await gateway.welcome();
    await announcement(first, ready);
    node.pause();
    await announcement(first, (models) => models.length === 0);
    first.close();
    const second = await gateway.accept();
    expect((await second.greet()).models).toEqual([]);
    second.send({ type: 'welcome', nodeId: 'n', heartbeatMs: 60_000 });
    node.resume();
    await announcement(second, ready);
    second.run('1', { model: 'echo' });
    await second.next('done', '1');
  });

  test('offers no slots for now, and again', async () => {
    const node = await started({ echo });
    const socket = await gateway.welcome();
    await announcement(socket, ready);
    node.setSlots(0);
    await announcement(socket, (models) => models.length === 0);
    node.setSlots(7);
    await announcement(socket, ([model]) => model?.slots === 7);
  });
});

describe('status', () => {
  test('follows a node from its first attempt to its end', async () => {
    const gate = new Gate();
    const node = await started({ gate: gate.behaviour });
    let changes = 0;
    const stop = node.watch(() => changes++);
    expect(node.status.connection).toEqual({ state: 'connecting', gateway: gateway.url });
    const socket = await gateway.welcome();
    await announcement(socket, ready);
    expect(node.status).toMatchObject({
      connection: { state: 'connected', nodeId: 'node_test' },
      name: 'test node',
      deviceClass: 'server',
      place: null,
      memory: { usedBytes: 100, limitBytes: 1000 },
      paused: null,
      updateHint: null,
      models: [{ id: 'gate', version: '1', state: 'ready', download: null, slots: 4, inFlight: 0, done: 0 }],
    });
    socket.run('1', { model: 'gate' });
    socket.run('2', { model: 'gate' });
    await until(() => node.status.runs.inFlight === 2);
    expect(node.status.models[0]).toMatchObject({ inFlight: 2 });
    socket.send({ type: 'cancel', id: '2' });
    await socket.next('failed', '2');
    gate.open();
    await socket.next('done', '1');
    expect(node.status.runs).toEqual({
      inFlight: 0,
      done: 1,
      failed: 0,
      cancelled: 1,
      inputTokens: 3,
      outputTokens: 2,
    });
    socket.close();
    await until(() => node.status.connection.state === 'waiting');
    await gateway.welcome();
    await node.drain(0);
    expect(node.status).toMatchObject({ connection: { state: 'ended' }, paused: 'draining' });
    expect(changes).toBeGreaterThan(5);
    stop();
  });

  test('shows what the gateway says, in one line that controls nothing, and the last twenty only', async () => {
    const node = await started({ echo }, { wallClock: () => 1_000 });
    const update = { version: '9.0.0', message: 'get it\u001b[2J with npx' };
    const socket = await gateway.welcome(60_000, { update });
    socket.send({ type: 'notice', kind: 'quarantined', message: 'a wrong\r\n\u001b[31manswer' });
    await until(() => node.status.notices.length === 1);
    expect(node.status.notices).toEqual([{ kind: 'quarantined', message: 'a wrong [31manswer', at: 1_000 }]);
    expect(node.status.connection).toMatchObject({ state: 'connected', held: 'quarantined' });
    expect(node.status.updateHint).toBe('get it [2J with npx');
    expect(lines).toContain('a wrong [31manswer');
    for (let i = 0; i < 100; i++) socket.send({ type: 'notice', kind: 'serving', message: String(i) });
    await until(() => node.status.notices.at(-1)?.message === '99');
    expect(node.status.notices).toHaveLength(20);
  });

  test('a refusal for good is shown, and no attempt follows', async () => {
    const node = await started({ echo });
    const socket = await gateway.accept();
    await socket.greet();
    socket.send({ type: 'refused', code: 'version_unsupported', message: 'npx --yes …\u0007' });
    expect(await node.ended).toMatchObject({ kind: 'refused', message: 'npx --yes …' });
    expect(node.status.connection).toMatchObject({ state: 'refused', code: 'version_unsupported' });
  });
});

describe('versions', () => {
  test('says what it speaks and what it can run', async () => {
    await started({ echo });
    const hello = await (await gateway.accept()).greet();
    expect(hello).toMatchObject({
      protocols: { oldest: 1, newest: 1 },
      software: expect.stringMatching(/^\d+\.\d+\.\d+$/),
      capabilities: { runtimes: ['zlm'] },
    });
  });

  test('does not stay with a gateway that speaks a version that it does not', async () => {
    await started({ echo });
    const socket = await gateway.welcome(60_000, { protocol: 2 });
    await socket.closed;
    await gateway.welcome();
  });

  test('a newer gateway’s frames and fields are none of its business', async () => {
    const node = await started({ echo });
    const socket = await gateway.welcome(60_000, { models: [{ id: 'from the future' }, 7], mood: 'good' });
    socket.sendAny({ type: 'weather', sunny: true });
    socket.sendAny({ type: 'notice', kind: 'festive', message: 'hello', from: 'the future' });
    await until(() => node.status.notices.length === 1);
    socket.run('1', { model: 'echo', text: 'one' });
    expect((await socket.next('done', '1')).text).toBe('one');
  });
});

describe('other weights', () => {
  const [one, two] = [manifestOf('a', '1', 'old weights'), manifestOf('a', '2', 'new weights')];

  test('are fetched at first, and shown while they are', async () => {
    const { runtime } = weightsRuntime();
    gateway.answer = giving('old weights');
    const node = await started({}, fetching(gateway.url, [one], runtime));
    const states = new Set<string>();
    node.watch(() => states.add(node.status.models[0]?.state ?? ''));
    const socket = await gateway.welcome();
    await announcement(socket, ready);
    socket.run('1', { model: 'a' });
    expect((await socket.next('done', '1')).text).toBe('1 old weights');
    expect([...states]).toEqual(expect.arrayContaining(['loading', 'ready']));
  });

  test('of the gateway’s version take the old ones’ place without a gap', async () => {
    const held = deferred<void>();
    const { runtime, unloaded } = weightsRuntime(held.promise);
    gateway.answer = giving('old weights', 'new weights');
    const node = await started({}, fetching(gateway.url, [one], runtime));
    const first = await gateway.welcome();
    await announcement(first, ready);
    first.close();
    const socket = await gateway.welcome(60_000, { models: catalogueOf([two]) });
    socket.run('1', { model: 'a', text: 'wait' });
    const seen = await announcement(socket, ([model]) => model?.version === '2');
    expect(seen).toMatchObject([{ id: 'a', version: '2', resident: true }]);
    socket.run('2', { model: 'a' });
    expect((await socket.next('done', '2')).text).toBe('2 new weights');
    // The run that began with the old weights ends with them, and only then they go.
    expect(unloaded).toEqual([]);
    held.resolve();
    expect((await socket.next('done', '1')).text).toBe('1 old weights');
    expect(unloaded).toEqual(['a 1']);
    expect(node.status.notices.at(-1)?.message).toBe('Update of a from version 1 to 2: done');
    // No announcement was without the model.
    const loads = socket.frames.filter((frame) => frame.type === 'load');
    expect(loads.every(({ models }) => models.length === 1)).toBe(true);
  });

  test.each([
    ['do not come', [], /the gateway does not have the file/i],
    ['are other bytes', ['another hash'], /does not have/],
    ['do not load', ['broken weights'], /not made for this runtime/],
  ])('that %s leave the old ones serving, and the owner told', async (_name, given, problem) => {
    const wanted = manifestOf('a', '2', 'broken weights');
    const { runtime, unloaded } = weightsRuntime();
    gateway.answer = giving('old weights', ...given);
    const node = await started({}, fetching(gateway.url, [one], runtime));
    const socket = await gateway.welcome(60_000, { models: catalogueOf([wanted]) });
    await until(() => node.status.notices.length > 0 && node.status.models[0]?.state === 'ready');
    expect(node.status.notices[0]?.message).toMatch(/^Update of a from version 1 to 2: not possible: /);
    expect(node.status.notices[0]?.message).toMatch(problem);
    await announcement(socket, ready);
    socket.run('1', { model: 'a' });
    expect((await socket.next('done', '1')).text).toBe('1 old weights');
    expect(unloaded).toEqual([]);
  });

  test('go back when the node comes to a gateway with the older ones', async () => {
    const { runtime } = weightsRuntime();
    gateway.answer = giving('old weights', 'new weights');
    await started({}, fetching(gateway.url, [one], runtime));
    const first = await gateway.welcome(60_000, { models: catalogueOf([two]) });
    await announcement(first, ([model]) => model?.version === '2');
    first.close();
    const second = await gateway.welcome(60_000, { models: catalogueOf([one]) });
    await announcement(second, ([model]) => model?.version === '1');
  });

  test('of models that work together change together', async () => {
    const { runtime, unloaded } = weightsRuntime();
    const needy = (version: string) => ({ ...manifestOf('b', version, `b ${version}`), needs: ['a'] });
    gateway.answer = giving('old weights', 'new weights', 'b 1', 'b 2');
    await started({}, fetching(gateway.url, [one, needy('1')], runtime));
    const socket = await gateway.welcome();
    await announcement(socket, ready);
    socket.close();
    const again = await gateway.welcome(60_000, { models: catalogueOf([two, needy('2')]) });
    const models = await announcement(again, (all) => all.some(({ version }) => version === '2'));
    expect(models).toMatchObject([
      { id: 'a', version: '2', resident: true },
      { id: 'b', version: '2', resident: true },
    ]);
    expect(unloaded.sort()).toEqual(['a 1', 'b 1']);
  });
});

test('finds out how quick it is, says so, and remembers it', async () => {
  const kept = new Map();
  const speeds = {
    read: () => Promise.resolve(kept),
    async write(all: ReadonlyMap<string, unknown>) {
      for (const [key, speed] of all) kept.set(key, speed);
    },
  };
  const node = await started({ echo }, { speeds, cpuShare: 0.5 });
  const socket = await gateway.welcome();
  const [model] = await announcement(socket, ([first]) => first?.speed !== undefined);
  const own = node.status.models[0]?.speed;
  expect(own?.baseMs).toBeGreaterThanOrEqual(0);
  // With half of the time everything takes twice as long.
  expect(model?.speed?.baseMs).toBeCloseTo((own?.baseMs ?? 0) * 2);
  expect([...kept.keys()]).toEqual(['echo 1']);
});
