import type { Hello, NodePool } from '@zerogpu/protocol';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { admitSigned, inference, NodeFloor } from '../testing/connected-nodes.ts';
import { announced, deviceKeys, IAB, SUMMARY } from '../testing/scripted-node.ts';
import type { Admittance } from './node-directory.ts';

const never = new AbortController().signal;
let floor: NodeFloor;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  floor = await NodeFloor.open();
});
afterEach(async () => {
  vi.useRealTimers();
  const { told, true: really } = floor.told([SUMMARY, IAB]);
  expect(told).toEqual(really);
  await floor.close();
  expect(floor.told([SUMMARY, IAB])).toEqual({ told: {}, true: {} });
});

/** One heartbeat: the timer fires, and everybody has had the time to answer. */
function beat(afterMs = 5000): void {
  floor.clock.now += afterMs;
  vi.advanceTimersByTime(5000);
}

async function admitBrowser(hello: Hello, nonce: string): Promise<Admittance> {
  const admittance = await admitSigned(hello, nonce);
  if (admittance.kind === 'refused') return admittance;
  return { kind: 'admitted', facts: { ...admittance.facts, deviceClass: 'browser' } };
}

describe('NodeRegistry', () => {
  test('finds nodes by model and forgets them when they go', async () => {
    const [a, b] = [floor.node(), floor.node()];
    const ids = [await a.join([announced(SUMMARY)]), await b.join([announced(SUMMARY), announced(IAB)])];
    expect(floor.registry.views(SUMMARY).map((view) => view.id)).toEqual(ids);
    expect(floor.registry.views(IAB).map((view) => view.id)).toEqual([ids[1]]);
    await b.close();
    while (floor.registry.size > 1) await a.heard();
    expect([floor.registry.size, floor.registry.count(SUMMARY), floor.registry.count(IAB)]).toEqual([
      1, 1, 0,
    ]);
    expect([floor.registry.target(ids[0] ?? ''), floor.registry.target(ids[1] ?? '')]).toEqual([
      expect.anything(),
      undefined,
    ]);
    expect(floor.registry.views('nobody has it')).toEqual([]);
  });

  test('finds nodes by model and pool: ten thousand strangers are not looked through for one judge', async () => {
    const pools = ['public', 'operator', 'public', 'cloud'] as const;
    const byPool = await NodeFloor.open(async (hello, nonce) => {
      const admittance = await admitSigned(hello, nonce);
      const pool = pools[byPool.registry.size] ?? 'public';
      return admittance.kind === 'refused'
        ? admittance
        : { ...admittance, facts: { ...admittance.facts, pool } };
    });
    const ids = [];
    for (const _ of pools) ids.push(await byPool.node().join([announced(SUMMARY)]));
    const found = (...asked: NodePool[]) => [...byPool.registry.having(SUMMARY, asked)].map(({ id }) => id);
    expect(found('operator', 'cloud')).toEqual([ids[1], ids[3]]);
    expect(found('public')).toEqual([ids[0], ids[2]]);
    expect(found('organization')).toEqual([]);
    expect([...byPool.registry.having(IAB, pools)]).toEqual([]);
    expect(byPool.registry.count(SUMMARY)).toBe(4);
    expect(byPool.registry.views(SUMMARY)).toHaveLength(4);
    await byPool.close();
    expect(byPool.registry.count(SUMMARY)).toBe(0);
    expect(found(...pools)).toEqual([]);
  });

  test('tells the router when failures are forgiven, though nobody asks and the node says nothing', async () => {
    const node = floor.node(deviceKeys(), {}, false);
    const id = await node.join([announced(SUMMARY, 2)]);
    const fail = async () => {
      const run = floor.registry
        .target(id)
        ?.run(inference(), floor.clock.now + 60_000, null, never, 'interactive');
      const lost = expect(run).rejects.toMatchObject({ kind: 'internal' });
      const { id: runId } = await node.next('run');
      node.send({ type: 'failed', id: runId, code: 'internal', message: '', param: null });
      await lost;
    };
    const failures = () => floor.toldOf(SUMMARY, id)?.failures;
    const later = async (...steps: number[]) => {
      for (const ms of steps) {
        // A sign of life, and no answer to a ping.
        node.send({ type: 'alive' });
        await node.heard();
        floor.clock.now += ms;
        vi.advanceTimersByTime(250);
      }
    };
    await fail();
    await later(10_000, 10_000);
    await fail();
    expect(failures()).toBe(2);
    await later(10_000, 10_000, 9_000);
    expect(failures()).toBe(2);
    await later(1_001);
    expect(failures()).toBe(0);
  });

  test('a node that was slow once is told as quick as it announced, when it was idle for long', async () => {
    const [slow, busy] = [floor.node(), floor.node()];
    const speed = { baseMs: 2, perThousandMs: 0 };
    const id = await slow.join([{ ...announced(SUMMARY, 2), speed }]);
    const other = await busy.join([{ ...announced(SUMMARY, 2), speed }]);
    const run = async (node: typeof slow, to: string, ms: number) => {
      const answer = floor.registry
        .target(to)
        ?.run(inference(), floor.clock.now + 60_000, null, never, 'interactive');
      const { id: runId } = await node.next('run');
      floor.clock.now += ms;
      node.done(runId, 'x');
      await answer;
    };
    const told = () => floor.toldOf(SUMMARY, id)?.speed?.baseMs ?? 0;
    await run(slow, id, 40);
    expect(told()).toBeGreaterThan(5);
    for (let i = 0; i < 250; i++) await run(busy, other, 1);
    for (let i = 0; i < 6; i++) {
      const before = told();
      expect(before).toBeGreaterThan(5);
      beat();
      await Promise.all([slow.heard(), busy.heard()]);
    }
    expect(told()).toBeLessThan(2);
    await run(slow, id, 3);
    expect(told()).toBeLessThan(4);
  });

  test('what a node in quarantine runs is lost at once, it gets no more, and comes back with its release', async () => {
    const node = floor.node();
    const id = await node.join([announced(SUMMARY, 2)]);
    const run = () =>
      floor.registry.target(id)?.run(inference(), floor.clock.now + 60_000, null, never, 'interactive');
    const running = run();
    const { id: runId } = await node.next('run');
    const connection = floor.registry.find(id);
    if (!connection) throw new Error('It is connected');
    connection.standing = { draining: false, quarantined: true };
    await expect(running).rejects.toMatchObject({ kind: 'lost' });
    expect(floor.registry.count(SUMMARY)).toBe(0);
    await expect(run()).rejects.toMatchObject({ kind: 'unavailable' });
    node.done(runId, 'too late');
    await node.heard();
    connection.standing = { draining: false, quarantined: false };
    expect(floor.registry.count(SUMMARY)).toBe(1);
  });

  test('a node that comes back replaces its old socket, and what ran there is lost at once', async () => {
    const keys = deviceKeys();
    const old = floor.node(keys);
    const id = await old.join([announced(SUMMARY)]);
    const running = floor.registry
      .target(id)
      ?.run(inference(), floor.clock.now + 60_000, null, never, 'interactive');
    running?.catch(() => undefined);
    await old.next('run');
    // A dead line: it will not answer the goodbye.
    old.socket.pause();
    const back = floor.node(keys);
    expect(await back.join([announced(IAB)])).toBe(id);
    await expect(running).rejects.toMatchObject({ kind: 'lost' });
    expect([floor.registry.size, floor.registry.count(SUMMARY), floor.registry.count(IAB)]).toEqual([
      1, 0, 1,
    ]);
    old.socket.resume();
    expect(await old.closed).toEqual({ code: 1000, reason: 'connected again' });
    expect(floor.registry.target(id)).toBeDefined();
  });

  test('measures the round trip as soon as a node is welcome, and smooths it', async () => {
    const node = floor.node();
    await node.join([announced(SUMMARY)]);
    const rtt = () => floor.registry.views(SUMMARY)[0]?.rttMs;
    const pinged = () => new Promise((resolve) => node.socket.once('ping', resolve));
    await node.heard();
    // Less than the clock tells.
    expect(rtt()).toBe(0.5);
    for (const [ms, expected] of [
      [100.5, 50.5],
      [50.5, 50.5],
      [50.5, 50.5],
      [50.5, 50.5],
      [150.5, 70.5],
      [70.5, 70.5],
    ]) {
      const ping = pinged();
      beat();
      floor.clock.now += ms ?? 0;
      await ping;
      await node.heard();
      expect(rtt()).toBeCloseTo(expected ?? 0);
    }
  });

  test('asks browsers by frames: their sockets answer pings for pages that are frozen', async () => {
    await floor.close();
    floor = await NodeFloor.open(admitBrowser);
    const [page, frozen] = [floor.node(), floor.node()];
    await page.join([announced(SUMMARY)]);
    await frozen.join([announced(SUMMARY)]);
    for (let i = 0; i < 4; i++) {
      floor.clock.now += 30;
      const { nonce } = await page.next('beat');
      page.send({ type: 'alive', nonce });
      await page.heard();
      beat();
    }
    expect(floor.registry.views(SUMMARY).map(({ rttMs }) => rttMs)).toEqual([30]);
    expect((await frozen.closed).code).toBe(1006);
  });

  test('drops a node that went silent, and keeps one that only has nothing to do', async () => {
    const [silent, alive] = [floor.node(), floor.node()];
    await silent.join([announced(SUMMARY)]);
    await alive.join([announced(SUMMARY)]);
    silent.socket.pause();
    for (let i = 0; i < 4; i++) {
      beat();
      await alive.heard();
    }
    expect(floor.registry.size).toBe(1);
    silent.socket.resume();
    expect((await silent.closed).code).toBe(1006);
  });

  test('drops a node that does not listen to a cancel', async () => {
    const node = floor.node();
    const id = await node.join([announced(SUMMARY)]);
    const abort = new AbortController();
    const running = floor.registry
      .target(id)
      ?.run(inference(), floor.clock.now + 60_000, null, abort.signal, 'interactive');
    await node.next('run');
    abort.abort(new Error('hung up'));
    await expect(running).rejects.toThrow('hung up');
    const waiting = floor.registry
      .target(id)
      ?.run(inference(), floor.clock.now + 60_000, null, never, 'interactive');
    waiting?.catch(() => undefined);
    for (let i = 0; i < 6; i++) {
      beat();
      await node.heard();
    }
    expect(floor.registry.size).toBe(1);
    beat();
    expect(floor.registry.size).toBe(0);
    await expect(waiting).rejects.toMatchObject({ kind: 'unavailable' });
    expect((await node.closed).code).toBe(1006);
  });

  test('close tells every node to come back later, and takes no new ones', async () => {
    const node = floor.node();
    await node.join([announced(SUMMARY)]);
    floor.registry.close();
    expect(floor.registry.size).toBe(0);
    expect((await node.closed).code).toBe(1001);
    expect((await floor.node().closed).code).toBe(1001);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('strangers are bounded', async () => {
    const strangers = Array.from({ length: 1000 }, () => floor.node());
    for (const stranger of strangers) await stranger.next('challenge');
    expect((await floor.node().closed).code).toBe(1013);
    await strangers[0]?.close();
    await strangers[1]?.heard();
    await floor.node().join([announced(SUMMARY)]);
  });
});
