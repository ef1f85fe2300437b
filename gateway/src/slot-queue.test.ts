import type { Tier } from '@zerogpu/protocol';
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { TargetFailure } from './flow.ts';
import { SlotQueue } from './slot-queue.ts';

const never = new AbortController().signal;
const LONG_MS = 60_000;

/** Lets everything that is already decided come through. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

afterEach(() => vi.useRealTimers());

/** Notes who entered, in order. */
function watched(queue: SlotQueue) {
  const order: string[] = [];
  const enter = (name: string, tier: Tier) => {
    Promise.resolve(queue.enter(tier, LONG_MS, never)).then(
      () => order.push(name),
      () => undefined,
    );
  };
  return { order, enter };
}

describe('SlotQueue', () => {
  test('admits up to its slots at once and the rest in order', async () => {
    const queue = new SlotQueue(2, 1);
    const { order, enter } = watched(queue);
    for (const n of ['1', '2', '3', '4', '5']) enter(n, 'interactive');
    await settle();
    expect([order, queue.inFlight]).toEqual([['1', '2'], 5]);
    queue.leave();
    await settle();
    expect(order).toEqual(['1', '2', '3']);
    queue.leave();
    queue.leave();
    await settle();
    expect([order, queue.inFlight]).toEqual([['1', '2', '3', '4', '5'], 2]);
  });

  test('a batch run that came first stands behind interactive ones that came later', async () => {
    const queue = new SlotQueue(1, 0);
    const { order, enter } = watched(queue);
    enter('batch 1', 'batch');
    enter('batch 2', 'batch');
    enter('a', 'interactive');
    enter('b', 'interactive');
    await settle();
    expect([order, queue.inFlight, queue.batchRoom]).toEqual([['batch 1'], 3, -1]);
    for (let i = 0; i < 3; i++) queue.leave();
    await settle();
    expect(order).toEqual(['batch 1', 'a', 'b', 'batch 2']);
  });

  test('a reserve stays free of batch runs', async () => {
    const queue = new SlotQueue(4, 1);
    const { order, enter } = watched(queue);
    for (const n of ['1', '2', '3', '4']) enter(n, 'batch');
    enter('a', 'interactive');
    await settle();
    expect(order).toEqual(['1', '2', '3', 'a']);
    queue.leave();
    await settle();
    // Three run, and the fourth slot is the reserve.
    expect(order).toHaveLength(4);
    queue.leave();
    await settle();
    expect(order).toEqual(['1', '2', '3', 'a', '4']);
  });

  test('whoever stops waiting gives up the place and leaves nothing behind', async () => {
    for (const tier of ['interactive', 'batch'] as const) {
      const queue = new SlotQueue(1, 0);
      await queue.enter(tier, LONG_MS, never);
      const abort = new AbortController();
      const waiting = queue.enter(tier, LONG_MS, abort.signal);
      const next = queue.enter(tier, LONG_MS, never);
      abort.abort(new Error('gone'));
      await expect(waiting).rejects.toThrow('gone');
      queue.leave();
      await next;
      expect([queue.inFlight, queue.batchRoom]).toEqual([1, 0]);
      await expect(queue.enter(tier, LONG_MS, AbortSignal.abort(new Error('before')))).rejects.toThrow(
        'before',
      );
      expect(queue.inFlight).toBe(1);
    }
  });

  test.each([
    [60_000, 10_000],
    [8_000, 2_000],
    [400, 100],
  ])('a batch run with %i ms left gives up after %i; an interactive one waits on', async (left, patience) => {
    vi.useFakeTimers();
    const queue = new SlotQueue(1, 0);
    await queue.enter('batch', left, never);
    const outcomes: string[] = [];
    const waits = (name: string, tier: Tier) =>
      Promise.resolve(queue.enter(tier, left, never)).then(
        () => outcomes.push(name),
        (error: TargetFailure) => outcomes.push(`${name} ${error.kind}`),
      );
    void waits('interactive', 'interactive');
    void waits('batch', 'batch');
    await vi.advanceTimersByTimeAsync(patience - 1);
    expect(outcomes).toEqual([]);
    await vi.advanceTimersByTimeAsync(2);
    expect(outcomes).toEqual(['batch busy']);
    queue.leave();
    await vi.advanceTimersByTimeAsync(LONG_MS);
    expect(outcomes).toEqual(['batch busy', 'interactive']);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('one that got its place in time is not disturbed later', async () => {
    vi.useFakeTimers();
    const queue = new SlotQueue(1, 0);
    await queue.enter('batch', LONG_MS, never);
    const waiting = queue.enter('batch', LONG_MS, never);
    queue.leave();
    await waiting;
    expect(vi.getTimerCount()).toBe(0);
  });

  test('close sends everybody who waits away, and those who run leave as usual', async () => {
    const queue = new SlotQueue(1, 0);
    await queue.enter('interactive', LONG_MS, never);
    const waiting = (['interactive', 'batch', 'batch'] as const).map((tier) =>
      queue.enter(tier, LONG_MS, never),
    );
    queue.close(new TargetFailure('lost', 'closed'));
    for (const one of waiting) await expect(one).rejects.toMatchObject({ kind: 'lost' });
    queue.leave();
    expect([queue.inFlight, queue.batchRoom]).toEqual([0, 1]);
  });

  test.each([
    ['interactive', 2000],
    ['batch', 1024],
  ] as const)('says busy instead of queueing without end: %s', async (tier, most) => {
    const queue = new SlotQueue(1, 0);
    await queue.enter(tier, LONG_MS, never);
    const waiting = Array.from({ length: most }, () => queue.enter(tier, LONG_MS, never));
    await expect(queue.enter(tier, LONG_MS, never)).rejects.toMatchObject({ kind: 'busy' });
    queue.close(new TargetFailure('lost', 'closed'));
    expect((await Promise.allSettled(waiting)).every((one) => one.status === 'rejected')).toBe(true);
  });
});

interface Comer {
  readonly n: number;
  readonly tier: Tier;
  readonly abort: AbortController;
}

/** What a test knows of a queue, kept by its own simple means. */
class Account {
  readonly queue: SlotQueue;
  slots: number;
  reserve: number;
  running = 0;
  aborted = 0;
  entered = 0;
  readonly waiting = new Map<number, Comer>();
  readonly admitted: Comer[] = [];
  /** Of each admission: how many interactive runs waited then. */
  batchBeforeInteractive = 0;

  constructor(slots: number, reserve: number) {
    this.slots = slots;
    this.reserve = reserve;
    this.queue = new SlotQueue(slots, reserve);
  }

  enter(tier: Tier): void {
    const comer = { n: this.entered++, tier, abort: new AbortController() };
    this.waiting.set(comer.n, comer);
    Promise.resolve(this.queue.enter(tier, LONG_MS, comer.abort.signal)).then(
      () => this.#admitted(comer),
      () => {
        this.waiting.delete(comer.n);
        this.aborted++;
      },
    );
  }

  of(tier: Tier): Comer[] {
    return [...this.waiting.values()].filter((comer) => comer.tier === tier);
  }

  #admitted(comer: Comer): void {
    this.waiting.delete(comer.n);
    this.admitted.push(comer);
    this.running++;
    if (comer.tier === 'batch' && this.of('interactive').length > 0) this.batchBeforeInteractive++;
  }
}

const tiers = fc.constantFrom<Tier>('interactive', 'batch');
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('enter' as const), tier: tiers }) },
  { weight: 4, arbitrary: fc.constant({ do: 'leave' as const }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('abort' as const), who: fc.nat() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('resize' as const),
      slots: fc.integer({ min: 1, max: 5 }),
      reserve: fc.integer({ min: 0, max: 5 }),
    }),
  },
);

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

function take(account: Account, one: Step): void {
  if (one.do === 'enter') account.enter(one.tier);
  else if (one.do === 'leave' && account.running > 0) {
    account.running--;
    account.queue.leave();
  } else if (one.do === 'abort') {
    [...account.waiting.values()][one.who % account.waiting.size]?.abort.abort();
  } else if (one.do === 'resize') {
    account.slots = one.slots;
    account.reserve = Math.min(one.slots - 1, one.reserve);
    account.queue.resize(account.slots, account.reserve);
  }
}

test('never more than its slots, no batch run before an interactive one, nobody forgotten, whatever happens', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
      const account = new Account(3, 1);
      const { queue } = account;
      for (const one of steps) {
        const before = account.running;
        take(account, one);
        await settle();
        const { running, slots, reserve } = account;
        expect(running).toBeLessThanOrEqual(Math.max(before, slots));
        // Whoever waits has a reason to.
        expect(running >= slots || account.of('interactive').length === 0).toBe(true);
        expect(running >= slots - reserve || account.of('batch').length === 0).toBe(true);
        expect(queue.inFlight).toBe(running + account.of('interactive').length);
        expect(queue.batchRoom).toBe(slots - reserve - running - account.of('batch').length);
      }
      expect(account.batchBeforeInteractive).toBe(0);
      for (const tier of ['interactive', 'batch'] as const) {
        const order = account.admitted.filter((comer) => comer.tier === tier).map(({ n }) => n);
        expect(order).toEqual(order.toSorted((a, b) => a - b));
      }
      const { admitted, aborted, waiting, entered } = account;
      expect(admitted.length + aborted + waiting.size).toBe(entered);
      for (const { abort } of waiting.values()) abort.abort();
    }),
  );
});
