import { once } from 'node:events';
import { MANIFESTS } from '@zerogpu/catalogue';
import type { Tier } from '@zerogpu/protocol';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { PieceSink, Target } from '../flow.ts';
import { inference, NodeFloor } from '../testing/connected-nodes.ts';
import { announced, CHAT, deviceKeys, IAB, type ScriptedNode, SUMMARY } from '../testing/scripted-node.ts';

const never = new AbortController().signal;
let floor: NodeFloor;

beforeEach(async () => {
  floor = await NodeFloor.open();
});
afterEach(async () => {
  vi.useRealTimers();
  const { told, true: really } = floor.told(MANIFESTS.map(({ id }) => id));
  expect(told).toEqual(really);
  await floor.close();
});

async function joined(slots = 1, model = SUMMARY): Promise<{ node: ScriptedNode; target: Target }> {
  const node = floor.node();
  const target = floor.registry.target(await node.join([announced(model, slots)]));
  if (!target) throw new Error('The node is not there');
  return { node, target };
}

const start = (
  target: Target,
  text = 'x',
  signal = never,
  sink: PieceSink | null = null,
  tier: Tier = 'interactive',
) => {
  const answer = target.run(
    inference({ text, stream: sink !== null }),
    floor.clock.now + 60_000,
    sink,
    signal,
    tier,
  );
  // Awaited later by the test; until then a rejection is not unhandled.
  answer.catch(() => undefined);
  return answer;
};
const view = (model = SUMMARY) => floor.registry.views(model)[0];

test('tells which of its runs wait for a slot: they may go elsewhere for nothing', async () => {
  const { node, target } = await joined();
  const [first, second] = [new AbortController(), new AbortController()];
  const waits = () => [first, second].map(({ signal }) => target.waits?.(signal));
  start(target, 'one', first.signal);
  const { id } = await node.next('run');
  const waiting = start(target, 'two', second.signal);
  expect(waits()).toEqual([false, true]);
  node.done(id, 'Done.');
  await node.next('run');
  expect(waits()).toEqual([false, false]);
  const third = new AbortController();
  const gone = start(target, 'three', third.signal);
  expect(target.waits?.(third.signal)).toBe(true);
  third.abort(new Error('gone'));
  await expect(gone).rejects.toThrow('gone');
  expect(target.waits?.(third.signal)).toBe(false);
  second.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
});

test('is idle while a slot is free, but not while it rests because it failed in a row', async () => {
  const { node, target } = await joined();
  const idle = () => target.idle?.(SUMMARY);
  expect([idle(), target.idle?.(CHAT)]).toEqual([true, false]);
  for (let i = 0; i < 5; i++) {
    expect(idle()).toBe(true);
    const answer = start(target);
    const { id } = await node.next('run');
    expect(idle()).toBe(false);
    node.send({ type: 'failed', id, code: 'internal', message: 'broken', param: null });
    await expect(answer).rejects.toMatchObject({ kind: 'internal' });
  }
  expect(idle()).toBe(false);
});

describe('greeting', () => {
  test('a node that signs the challenge is welcome and can be found by its models', async () => {
    const node = floor.node();
    const { nonce } = await node.next('challenge');
    expect(nonce).toMatch(/^[\w-]{43}$/);
    node.send(node.hello(nonce, [announced(SUMMARY, 3), announced(IAB)]));
    expect(await node.next('welcome')).toMatchObject({ heartbeatMs: 5000 });
    expect(view()).toMatchObject({ slots: 3, inFlight: 0, resident: true, serviceMs: null });
    expect([floor.registry.size, floor.registry.count(IAB), floor.registry.count(CHAT)]).toEqual([1, 1, 0]);
  });

  test('every socket is challenged with another nonce, and a signature of one is no good for the next', async () => {
    const keys = deviceKeys();
    const first = floor.node(keys);
    const old = (await first.next('challenge'))['nonce'];
    const second = floor.node(keys);
    expect((await second.next('challenge'))['nonce']).not.toBe(old);
    second.send(second.hello(old, [announced(SUMMARY)]));
    expect(await second.next('refused')).toMatchObject({ code: 'signature_invalid' });
    expect((await second.closed).code).toBe(1008);
    expect(floor.registry.size).toBe(0);
  });

  test.each([
    ['another key', { publicKey: deviceKeys().publicKey }],
    ['a key that is no point of the curve', { publicKey: 'A'.repeat(43) }],
    ['a signature of nothing', { signature: 'A'.repeat(86) }],
  ])('%s is refused', async (_what, changes) => {
    const node = floor.node();
    const { nonce } = await node.next('challenge');
    node.send(node.hello(nonce, [announced(SUMMARY)], changes));
    expect(await node.next('refused')).toMatchObject({ code: 'signature_invalid' });
  });

  test('the first frame must be hello, and there is no second chance', async () => {
    const node = floor.node();
    const { nonce } = await node.next('challenge');
    node.send({ type: 'draining' });
    node.send(node.hello(nonce, [announced(SUMMARY)]));
    expect(await node.next('refused')).toMatchObject({ code: 'hello_expected' });
    expect((await node.closed).code).toBe(1008);
    expect(floor.registry.size).toBe(0);
  });

  test('a stranger who only sends rubbish is sent away in time', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const node = floor.node();
    await node.next('challenge');
    node.send('rubbish');
    await node.heard();
    vi.advanceTimersByTime(10_000);
    expect(await node.next('refused')).toMatchObject({ code: 'hello_expected' });
    expect((await node.closed).code).toBe(1008);
  });

  test('a node whose admittance hangs or fails is told to come back', async () => {
    await floor.close();
    const failing = { now: true };
    floor = await NodeFloor.open(() =>
      failing.now ? Promise.reject(new Error('no database')) : new Promise(() => undefined),
    );
    const first = floor.node();
    first.send(first.hello((await first.next('challenge'))['nonce'], []));
    expect((await first.closed).code).toBe(1011);
    failing.now = false;
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const second = floor.node();
    second.send(second.hello((await second.next('challenge'))['nonce'], []));
    await second.heard();
    vi.advanceTimersByTime(10_000);
    expect((await second.closed).code).toBe(1011);
  });

  test('models that the catalogue does not know in this version are not taken', async () => {
    const node = floor.node();
    await node.join([announced(SUMMARY, 1, { version: '0' }), announced('__proto__'), announced(IAB)]);
    expect([floor.registry.count(SUMMARY), floor.registry.count(IAB)]).toEqual([0, 1]);
    node.send({ type: 'load', residentBytes: 0, models: [announced(SUMMARY)] });
    await node.heard();
    expect([floor.registry.count(SUMMARY), floor.registry.count(IAB)]).toEqual([1, 0]);
  });

  test('a load that says what is known already changes nothing, however it is written; another does', async () => {
    const { node } = await joined();
    const [connection] = floor.registry.nodes();
    const load = { type: 'load', residentBytes: 0, models: [announced(SUMMARY)] };
    for (const same of [load, load, { ...load, residentBytes: 1 }, load]) node.send(same);
    await node.heard();
    expect(connection?.changes).toBe(0);
    node.send({ ...load, models: [announced(SUMMARY, 7)] });
    node.send(load);
    await node.heard();
    expect(connection?.changes).toBeGreaterThan(1);
    expect(view()).toMatchObject({ slots: 1 });
  });

  test('a load that is said again and again is a flood like any other', async () => {
    const { node } = await joined();
    for (let i = 0; i < 201; i++) node.send({ type: 'load', residentBytes: 0, models: [announced(SUMMARY)] });
    expect((await node.closed).code).toBe(1008);
  });

  test('ten frames in a row that are none end it, whatever was good before', async () => {
    const { node } = await joined();
    for (let i = 0; i < 9; i++) node.send('{}');
    node.send({ type: 'load', residentBytes: 0, models: [announced(SUMMARY)] });
    for (let i = 0; i < 9; i++) node.send('nonsense');
    await node.heard();
    expect(floor.registry.size).toBe(1);
    node.socket.send(Buffer.from('binary'), { binary: true });
    expect((await node.closed).code).toBe(1008);
    expect(floor.registry.size).toBe(0);
  });

  test('a node that speaks in versions hears which one, what models there are and that it is old', async () => {
    const node = floor.node();
    const hello = node.hello((await node.next('challenge'))['nonce'], [announced(SUMMARY)]);
    node.send({ ...hello, protocols: { oldest: 1, newest: 7 }, software: '0.0.1' });
    expect(await node.next('welcome')).toMatchObject({
      protocol: 1,
      update: { message: expect.stringContaining('node/zerogpu.tgz') },
      models: expect.arrayContaining([expect.objectContaining({ id: SUMMARY, runtime: 'zlm' })]),
    });
  });

  test('a node that speaks nothing that the gateway speaks is told why, for good', async () => {
    const node = floor.node();
    const hello = node.hello((await node.next('challenge'))['nonce'], []);
    node.send({ ...hello, protocols: { oldest: 99, newest: 99 } });
    expect(await node.next('refused')).toMatchObject({
      code: 'version_unsupported',
      message: expect.stringContaining('update the gateway'),
    });
    expect((await node.closed).code).toBe(1008);
  });

  test('frames of types that are not known yet are no offence', async () => {
    const { node } = await joined();
    for (let i = 0; i < 50; i++) node.send({ type: 'of_another_time', any: ['thing'] });
    node.send({ type: 'load', residentBytes: 0, models: [announced(SUMMARY)], more: true });
    await node.heard();
    expect(floor.registry.count(SUMMARY)).toBe(1);
  });

  test('a frame over the limit ends it', async () => {
    const { node } = await joined();
    node.send('x'.repeat(4 * 1024 * 1024 + 1));
    expect((await node.closed).code).toBe(1009);
  });
});

describe('run', () => {
  test('gives the node the inference and the caller the answer', async () => {
    const { node, target } = await joined();
    const answer = start(target, 'hello');
    const run = await node.next('run');
    expect(run).toMatchObject({ deadlineMs: 60_000, inference: inference({ text: 'hello' }) });
    floor.clock.now += 40;
    node.done(run['id'], 'world', { modelMs: 12, loadMs: 3, reasoning: 'why' });
    expect(await answer).toEqual({
      text: 'world',
      reasoning: 'why',
      toolCalls: [],
      finishReason: 'stop',
      usage: null,
      queueMs: 0,
      modelMs: 15,
    });
    expect(view()).toMatchObject({ inFlight: 0, serviceMs: 40 });
  });

  test("a node's word on its own speed is bounded by what was seen", async () => {
    const { node, target } = await joined();
    const answer = start(target);
    const { id } = await node.next('run');
    floor.clock.now += 40;
    node.done(id, 'x', { modelMs: 1e300, loadMs: 1e300 });
    expect((await answer).modelMs).toBe(40);
  });

  test('a clock that steps back gives no negative times', async () => {
    const { node, target } = await joined();
    const answer = start(target);
    const { id } = await node.next('run');
    floor.clock.now -= 5000;
    node.done(id, 'x');
    expect(await answer).toMatchObject({ queueMs: 0, modelMs: 0 });
    expect(view()?.serviceMs).toBe(0);
  });

  test('never has more in flight than slots; the next goes out as soon as one is done', async () => {
    const { node, target } = await joined(2);
    const answers = ['a', 'b', 'c'].map((text) => start(target, text));
    const first = await node.next('run');
    await node.next('run');
    await node.heard();
    expect(view()).toMatchObject({ slots: 2, inFlight: 3 });
    floor.clock.now += 7;
    node.done(first['id'], 'A');
    const third = await node.next('run');
    expect(third).toMatchObject({ inference: { text: 'c' } });
    node.done(third['id'], 'C');
    expect(await answers[0]).toMatchObject({ text: 'A', queueMs: 0 });
    expect(await answers[2]).toMatchObject({ text: 'C', queueMs: 7 });
  });

  test('a batch run leaves slots free, says that it is one, and stands behind interactive ones', async () => {
    const { node, target } = await joined(2);
    const [first, second] = ['a', 'b'].map((text) => start(target, text, never, null, 'batch'));
    const batch = await node.next('run');
    expect(batch).toMatchObject({ priority: 'batch', inference: { text: 'a' } });
    await node.heard();
    expect(view()).toMatchObject({ inFlight: 1, batchRoom: -1 });
    const people = ['c', 'd'].map((text) => start(target, text));
    const run = await node.next('run');
    expect(run).not.toHaveProperty('priority');
    node.done(batch['id'], 'A');
    const next = await node.next('run');
    expect(next).toMatchObject({ inference: { text: 'd' } });
    floor.clock.now += 9;
    node.done(run['id'], 'C');
    node.done(next['id'], 'D');
    const last = await node.next('run');
    expect(last).toMatchObject({ priority: 'batch', inference: { text: 'b' } });
    floor.clock.now += 500;
    node.done(last['id'], 'B');
    expect((await Promise.all([first, second, ...people])).map((answer) => answer?.text)).toEqual([
      'A',
      'B',
      'C',
      'D',
    ]);
    // What a batch run took says nothing of how long an interactive one will.
    expect(view()).toMatchObject({ inFlight: 0, batchRoom: 1, serviceMs: 9 });
  });

  test('streams pieces in order to whoever waits', async () => {
    const { node, target } = await joined();
    const got: string[] = [];
    const answer = start(target, 'x', never, { piece: (kind, text) => got.push(`${kind}:${text}`) });
    const { id } = await node.next('run');
    node.send({ type: 'piece', id, kind: 'reasoning', text: 'hm' });
    node.send({ type: 'piece', id, kind: 'text', text: 'a' });
    node.done(id, 'a', { reasoning: 'hm' });
    node.send({ type: 'piece', id, kind: 'text', text: 'after the end' });
    await answer;
    await node.heard();
    expect(got).toEqual(['reasoning:hm', 'text:a']);
  });

  test.each([
    ['input', 'input'],
    ['model_unavailable', 'unavailable'],
    ['busy', 'busy'],
    ['cancelled', 'lost'],
    ['internal', 'internal'],
  ])('a node that fails with %s frees its slot and counts as %s', async (code, kind) => {
    const { node, target } = await joined();
    const answer = start(target);
    const { id } = await node.next('run');
    node.send({
      type: 'failed',
      id,
      code,
      message: `a\r\n\u001b[31mline ${'x'.repeat(400)}`,
      param: 'input',
    });
    await expect(answer).rejects.toMatchObject({ kind, param: 'input', message: /^a \[31mline x{1,200}$/ });
    expect(view()).toMatchObject({ inFlight: 0, failures: kind === 'input' ? 0 : 1 });
  });

  test('a cancelled run keeps its slot until the node says that it is free', async () => {
    const { node, target } = await joined();
    const abort = new AbortController();
    const answer = start(target, 'first', abort.signal);
    const { id } = await node.next('run');
    const next = start(target, 'second');
    abort.abort(new Error('hung up'));
    await expect(answer).rejects.toThrow('hung up');
    expect(await node.next('cancel')).toEqual({ type: 'cancel', id });
    expect(view()?.inFlight).toBe(2);
    node.done(id, 'too late');
    const second = await node.next('run');
    expect(second).toMatchObject({ inference: { text: 'second' } });
    node.done(second['id'], 'ok');
    expect((await next).text).toBe('ok');
    expect(view()?.inFlight).toBe(0);
  });

  test('what is cancelled teaches nothing about the speed', async () => {
    const { node, target } = await joined();
    const abort = new AbortController();
    const answer = start(target, 'x', abort.signal);
    const { id } = await node.next('run');
    abort.abort(new Error('hung up'));
    await expect(answer).rejects.toThrow('hung up');
    node.done(id, '');
    await node.heard();
    expect(view()).toMatchObject({ inFlight: 0, serviceMs: null });
  });

  test('whoever hangs up while waiting for a slot is never sent', async () => {
    const { node, target } = await joined();
    const first = start(target, 'first');
    const { id } = await node.next('run');
    const abort = new AbortController();
    const waiting = start(target, 'waiting', abort.signal);
    abort.abort(new Error('hung up'));
    await expect(waiting).rejects.toThrow('hung up');
    await expect(start(target, 'late', AbortSignal.abort(new Error('before')))).rejects.toThrow('before');
    node.done(id, 'x');
    await first;
    expect(view()?.inFlight).toBe(0);
    const after = start(target, 'after');
    const run = await node.next('run');
    expect(run).toMatchObject({ inference: { text: 'after' } });
    node.done(run['id'], 'x');
    await after;
  });

  test('whoever hangs up in the moment between the slot and the sending gives the slot back', async () => {
    const { node, target } = await joined();
    const abort = new AbortController();
    const answer = start(target, 'x', abort.signal);
    abort.abort(new Error('hung up'));
    await expect(answer).rejects.toThrow('hung up');
    expect(view()?.inFlight).toBe(0);
    const next = start(target, 'next');
    const run = await node.next('run');
    expect(run).toMatchObject({ inference: { text: 'next' } });
    node.done(run['id'], 'x');
    await next;
  });

  test('leaves no listener on the signal', async () => {
    const { node, target } = await joined(8);
    const { signal } = new AbortController();
    const [add, remove] = [vi.spyOn(signal, 'addEventListener'), vi.spyOn(signal, 'removeEventListener')];
    for (let i = 0; i < 5; i++) {
      const answer = start(target, 'x', signal);
      node.done((await node.next('run'))['id'], 'x');
      await answer;
    }
    expect([add.mock.calls.length, remove.mock.calls.length]).toEqual([5, 5]);
  });

  test('a sink that throws ends the run with its error and gives the slot back in the end', async () => {
    const { node, target } = await joined();
    const sink = {
      piece() {
        throw new Error('the sink broke');
      },
    };
    const answer = start(target, 'x', never, sink);
    const { id } = await node.next('run');
    node.send({ type: 'piece', id, kind: 'text', text: 'a' });
    node.send({ type: 'piece', id, kind: 'text', text: 'b' });
    await expect(answer).rejects.toThrow('the sink broke');
    await node.next('cancel');
    node.send({ type: 'failed', id, code: 'cancelled', message: '', param: null });
    await node.heard();
    expect(view()?.inFlight).toBe(0);
  });

  test('a request larger than a frame fails by itself, and nobody else with it', async () => {
    const { node, target } = await joined(2);
    const other = start(target, 'other');
    const { id } = await node.next('run');
    await expect(start(target, '\u0000'.repeat(800_000))).rejects.toMatchObject({ kind: 'too_large' });
    expect(view()?.inFlight).toBe(1);
    node.done(id, 'fine');
    expect((await other).text).toBe('fine');
  });
});

describe('a hostile node', () => {
  test('cannot answer for runs that it does not have, nor twice', async () => {
    const { node: other } = await joined();
    const { node, target } = await joined(2);
    const answer = start(target);
    const { id } = await node.next('run');
    other.done(id, 'stolen');
    other.send({ type: 'failed', id, code: 'input', message: 'no', param: null });
    await other.heard();
    for (const wrong of ['0', '2', '-1', '__proto__', 'constructor', `${id} `]) {
      node.done(wrong, 'wrong');
      node.send({ type: 'failed', id: wrong, code: 'internal', message: '', param: null });
      node.send({ type: 'piece', id: wrong, kind: 'text', text: 'x' });
    }
    node.done(id, 'right');
    node.done(id, 'again');
    node.send({ type: 'failed', id, code: 'internal', message: '', param: null });
    expect((await answer).text).toBe('right');
    await node.heard();
    expect(floor.registry.views(SUMMARY).map((one) => one.inFlight)).toEqual([0, 0]);
  });

  test('negative, fractional and infinite numbers are no frames', async () => {
    const { node, target } = await joined();
    const answer = start(target);
    const { id } = await node.next('run');
    node.done(id, 'x', { modelMs: -1 });
    node.done(id, 'x', { outputTokens: 1.5 });
    node.done(id, 'x', { inputTokens: -1 });
    node.send(
      `{"type":"done","id":"${id}","text":"x","reasoning":null,"finishReason":"stop","inputTokens":1,"outputTokens":1,"loadMs":1e400,"modelMs":1}`,
    );
    node.send({ type: 'load', residentBytes: 0, models: [announced(SUMMARY, 0)] });
    node.send({ type: 'load', residentBytes: 0, models: [announced(SUMMARY, -5)] });
    await node.heard();
    expect(view()).toMatchObject({ slots: 1, inFlight: 1 });
    node.done(id, 'good');
    expect((await answer).text).toBe('good');
  });

  test('that never stops talking is cut off', async () => {
    const { node, target } = await joined();
    let length = 0;
    const answer = start(target, 'x', never, { piece: (_kind, text) => (length += text.length) });
    const { id } = await node.next('run');
    for (let i = 0; i < 5; i++) node.send({ type: 'piece', id, kind: 'text', text: 'x'.repeat(300_000) });
    await expect(answer).rejects.toMatchObject({ kind: 'internal' });
    await node.next('cancel');
    expect(length).toBeLessThanOrEqual(1024 * 1024);
  });

  test('that answers more than any model would is not believed', async () => {
    const { node, target } = await joined();
    const answer = start(target);
    node.done((await node.next('run'))['id'], 'x'.repeat(1024 * 1024 + 1));
    await expect(answer).rejects.toMatchObject({ kind: 'internal' });
    expect(view()).toMatchObject({ inFlight: 0, failures: 1 });
  });

  test('may fill a frame with the answers to several texts', async () => {
    const { node, target } = await joined();
    const asked = { ...inference(), texts: ['a', 'b'] };
    const answer = target.run(asked, 1_060_000, null, never, 'interactive');
    const text = 'x'.repeat(4 * 1024 * 1024 - 1024);
    node.done((await node.next('run'))['id'], text);
    expect((await answer).text).toHaveLength(text.length);
  });

  test('that flaps between having a model and not cannot run more than its slots', async () => {
    const { node, target } = await joined();
    const first = start(target, 'first');
    const { id } = await node.next('run');
    const waiting = start(target, 'waiting');
    node.send({ type: 'load', residentBytes: 0, models: [] });
    await expect(waiting).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(start(target)).rejects.toMatchObject({ kind: 'unavailable' });
    node.send({ type: 'load', residentBytes: 0, models: [announced(SUMMARY, 1)] });
    await node.heard();
    expect(view()?.inFlight).toBe(1);
    const next = start(target, 'next');
    await node.heard();
    expect(view()?.inFlight).toBe(2);
    node.done(id, 'one');
    const run = await node.next('run');
    expect(run).toMatchObject({ inference: { text: 'next' } });
    node.done(run['id'], 'two');
    expect([(await first).text, (await next).text]).toEqual(['one', 'two']);
    expect(view()?.inFlight).toBe(0);
  });

  test('that changes its slots mid-flight is held to the new number', async () => {
    const { node, target } = await joined(1);
    const answers = [start(target, 'a'), start(target, 'b'), start(target, 'c')];
    const a = await node.next('run');
    node.send({ type: 'load', residentBytes: 0, models: [announced(SUMMARY, 2)] });
    const b = await node.next('run');
    node.send({ type: 'load', residentBytes: 0, models: [announced(SUMMARY, 1)] });
    node.done(a['id'], 'A');
    await node.heard();
    expect(view()).toMatchObject({ slots: 1, inFlight: 2 });
    node.done(b['id'], 'B');
    node.done((await node.next('run'))['id'], 'C');
    expect((await Promise.all(answers)).map((one) => one.text)).toEqual(['A', 'B', 'C']);
  });

  test('that announces one model twice has the last word, and one lane', async () => {
    const node = floor.node();
    await node.join([announced(SUMMARY, 1), announced(SUMMARY, 7)]);
    expect(floor.registry.views(SUMMARY)).toMatchObject([{ slots: 7 }]);
  });

  test('that says more than it was asked leaves nothing of it here, however deep', async () => {
    const node = floor.node();
    const id = await node.join([announced(SUMMARY)]);
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const { version } = announced(SUMMARY);
    const model = (more: string) =>
      `{"id":"${SUMMARY}","version":"${version}","slots":2,"resident":true${more}}`;
    const speed = '"speed":{"baseMs":1,"perThousandMs":1,"more":[]}';
    node.send(
      `{"type":"load","models":[${model(`,"deep":${deep},${speed}`)},${model('')},${model('')}],"residentBytes":0}`,
    );
    await node.heard();
    await vi.waitFor(() => expect(view()).toMatchObject({ slots: 2 }));
    const report = {
      id: SUMMARY,
      version,
      slots: 2,
      resident: true,
      in_flight: 0,
      service_ms: null,
      speed: null,
    };
    expect(floor.registry.find(id)?.report()).toEqual([report]);
  });

  test('that asks for pongs and does not read them is dropped', async () => {
    const { node, target } = await joined();
    const running = start(target);
    await node.next('run');
    node.socket.pause();
    const lost = running.then(
      () => false,
      () => true,
    );
    for (
      let given = false;
      !given;
      given = await Promise.race([lost, new Promise<false>((r) => setTimeout(r, 1, false))])
    ) {
      for (let i = 0; i < 5000; i++) node.socket.ping('x'.repeat(125));
    }
    await expect(running).rejects.toMatchObject({ kind: 'lost' });
  });

  test.each([
    ['pongs', (node: ScriptedNode, nonce: string) => node.socket.pong(nonce)],
    ['frames', (node: ScriptedNode, nonce: string) => node.send({ type: 'alive', nonce })],
  ])('that answers before it was asked does not look nearer: %s', async (_how, say) => {
    const node = floor.node(deviceKeys(), {}, false);
    const asked = once(node.socket, 'ping');
    await node.join([announced(SUMMARY)]);
    const [payload] = await asked;
    expect(view()?.rttMs).toBe(0);
    // It cannot know what will be asked, and says anything while the question is on its way.
    for (const guess of ['', 'x', '0'.repeat(12)]) say(node, guess);
    await node.heard();
    expect(view()?.rttMs).toBe(0);
    floor.clock.now += 80;
    say(node, String(payload));
    await node.heard();
    expect(view()?.rttMs).toBe(80);
    floor.clock.now += 80;
    say(node, String(payload));
    await node.heard();
    expect(view()?.rttMs).toBe(80);
  });
});

describe('the end', () => {
  test('a socket that dies fails what runs and what waits at once', async () => {
    const { node, target } = await joined();
    const running = start(target, 'running');
    const waiting = start(target, 'waiting');
    await node.next('run');
    await node.close();
    await expect(running).rejects.toMatchObject({ kind: 'lost' });
    // It was not sent there, and is not why the node went.
    await expect(waiting).rejects.toMatchObject({ kind: 'unavailable' });
    expect([floor.registry.size, floor.registry.count(SUMMARY)]).toEqual([0, 0]);
    await expect(start(target)).rejects.toMatchObject({ kind: 'unavailable' });
  });

  test('a draining node finishes what it has and gets nothing new', async () => {
    const { node, target } = await joined();
    const running = start(target, 'running');
    const { id } = await node.next('run');
    const waiting = start(target, 'waiting');
    node.send({ type: 'draining' });
    await expect(waiting).rejects.toMatchObject({ kind: 'unavailable' });
    expect(floor.registry.count(SUMMARY)).toBe(0);
    await expect(start(target)).rejects.toMatchObject({ kind: 'unavailable' });
    node.send({ type: 'load', residentBytes: 0, models: [announced(SUMMARY)] });
    node.done(id, 'finished');
    expect((await running).text).toBe('finished');
    expect(floor.registry.count(SUMMARY)).toBe(0);
  });

  test('from the moment of goodbye nothing is given to it, though its socket lingers', async () => {
    const { node, target } = await joined();
    const running = start(target);
    await node.next('run');
    node.socket.pause();
    floor.registry.close();
    await expect(running).rejects.toMatchObject({ kind: 'lost' });
    await expect(start(target)).rejects.toMatchObject({ kind: 'unavailable' });
  });
});
