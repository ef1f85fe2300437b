import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Grouped, GroupedClosed, GroupedOverflow } from './grouped.ts';

/** A flush that the test lets go by hand. */
function gate() {
  const calls: { items: readonly number[]; done: PromiseWithResolvers<void> }[] = [];
  return {
    calls,
    async flush(items: readonly number[]): Promise<number[]> {
      const done = Promise.withResolvers<void>();
      calls.push({ items, done });
      await done.promise;
      return items.map((n) => n * 10);
    },
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A few turns of the event loop: more than the queue takes to start what it may start. */
async function turns(): Promise<void> {
  for (let i = 0; i < 5; i++) await turn();
}

describe('Grouped', () => {
  it('sends an item at once when idle, and what arrives meanwhile together', async () => {
    const { calls, flush } = gate();
    const queue = new Grouped({ flush, maxGroup: 10 });
    const first = queue.add(1);
    await turns();
    expect(calls.map((c) => c.items)).toEqual([[1]]);
    const rest = [queue.add(2), queue.add(3)];
    await turns();
    expect(calls).toHaveLength(1);
    expect(queue.waiting).toBe(2);
    calls[0]!.done.resolve();
    expect(await first).toBe(10);
    await turns();
    expect(calls.map((c) => c.items)).toEqual([[1], [2, 3]]);
    calls[1]!.done.resolve();
    expect(await Promise.all(rest)).toEqual([20, 30]);
  });

  it('puts what arrives in one turn of the event loop into one group', async () => {
    const { calls, flush } = gate();
    const queue = new Grouped({ flush, maxGroup: 10 });
    const both = [queue.add(1), queue.add(2)];
    await turns();
    expect(calls.map((c) => c.items)).toEqual([[1, 2]]);
    calls[0]!.done.resolve();
    await Promise.all(both);
  });

  it('runs no more groups at once than it may', async () => {
    const { calls, flush } = gate();
    const queue = new Grouped({ flush, maxGroup: 2, concurrency: 2 });
    const all = [1, 2, 3, 4, 5].map((n) => queue.add(n));
    await turns();
    expect(calls.map((c) => c.items)).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(queue.flushing).toBe(2);
    calls[1]!.done.resolve();
    await all[3];
    await turns();
    expect(calls[2]!.items).toEqual([5]);
    for (const call of calls) call.done.resolve();
    expect(await Promise.all(all)).toEqual([10, 20, 30, 40, 50]);
  });

  it('refuses more than may wait', async () => {
    const { calls, flush } = gate();
    const queue = new Grouped({ flush, maxGroup: 1, maxWaiting: 2 });
    const kept = [queue.add(1), queue.add(2)];
    await expect(queue.add(3)).rejects.toBeInstanceOf(GroupedOverflow);
    await turns();
    calls[0]!.done.resolve();
    await kept[0];
    await turns();
    calls[1]!.done.resolve();
    expect(await Promise.all(kept)).toEqual([10, 20]);
  });

  it('finds the one poisonous item, and the others go through', async () => {
    const flushed: number[][] = [];
    const queue = new Grouped<number, string>({
      maxGroup: 100,
      async flush(items) {
        if (items.includes(7)) throw new Error('poison');
        flushed.push([...items]);
        return items.map(String);
      },
    });
    const all = Array.from({ length: 20 }, (_, n) => queue.add(n));
    const results = await Promise.allSettled(all);
    const rejected = results.flatMap((r, n) => (r.status === 'rejected' ? [n] : []));
    expect(rejected).toEqual([7]);
    expect(flushed.flat().sort((a, b) => a - b)).toEqual(
      Array.from({ length: 20 }, (_, n) => n).filter((n) => n !== 7),
    );
  });

  it('does not split for an error that no item is to blame for', async () => {
    let flushes = 0;
    const queue = new Grouped<number, number>({
      maxGroup: 100,
      async flush() {
        flushes += 1;
        throw new Error('the database is down');
      },
      blamesItem: () => false,
    });
    const results = await Promise.allSettled([1, 2, 3].map((n) => queue.add(n)));
    expect(results.every((r) => r.status === 'rejected')).toBe(true);
    expect(flushes).toBe(1);
    await expect(queue.drain()).resolves.toBeUndefined();
  });

  it('rejects a group whose flush gave too few results', async () => {
    const queue = new Grouped<number, number>({ maxGroup: 5, flush: async () => [] });
    await expect(queue.add(1)).rejects.toThrow('The flush of 1 items gave 0 results');
  });

  it('makes groups no heavier than they may be, and lets what is heavier by itself go alone', async () => {
    const groups: (readonly number[])[] = [];
    const queue = new Grouped<number, number>({
      maxGroup: 3,
      maxWeight: 10,
      weigh: (item) => item,
      flush: async (items) => {
        groups.push(items);
        return items;
      },
    });
    const items = [1, 2, 3, 4, 6, 1, 50, 9, 1, 1];
    expect(await Promise.all(items.map((item) => queue.add(item)))).toEqual(items);
    expect(groups).toEqual([[1, 2, 3], [4, 6], [1], [50], [9, 1], [1]]);
  });

  it('rests after a group, whose items are answered before, and takes what gathered meanwhile together', async () => {
    const { calls, flush } = gate();
    const queue = new Grouped({ flush, maxGroup: 10, restMs: 30 });
    const first = queue.add(1);
    await turns();
    calls[0]!.done.resolve();
    expect(await first).toBe(10);
    const rest = [queue.add(2)];
    await turns();
    rest.push(queue.add(3));
    expect(calls).toHaveLength(1);
    while (calls.length === 1) await turn();
    expect(calls[1]?.items).toEqual([2, 3]);
    calls[1]!.done.resolve();
    expect(await Promise.all(rest)).toEqual([20, 30]);
    await queue.close();
  });

  it('answers everyone who waits when it closes, and refuses who comes after', async () => {
    const { calls, flush } = gate();
    const queue = new Grouped({ flush, maxGroup: 1 });
    const both = [queue.add(1), queue.add(2)];
    await turns();
    const closed = queue.close();
    await expect(queue.add(3)).rejects.toBeInstanceOf(GroupedClosed);
    calls[0]!.done.resolve();
    await both[0];
    await turns();
    calls[1]!.done.resolve();
    await closed;
    expect(await Promise.all(both)).toEqual([10, 20]);
    expect(queue.waiting + queue.flushing).toBe(0);
  });

  it('gives every item its own result, in any interleaving, group size, concurrency and poison', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ poison: fc.boolean(), turns: fc.nat(2) }), { maxLength: 40 }),
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 3 }),
        async (items, maxGroup, concurrency) => {
          let largest = 0;
          let running = 0;
          let mostRunning = 0;
          const queue = new Grouped<{ id: number; poison: boolean }, number>({
            maxGroup,
            concurrency,
            async flush(group) {
              largest = Math.max(largest, group.length);
              running += 1;
              mostRunning = Math.max(mostRunning, running);
              await turn();
              running -= 1;
              if (group.some((item) => item.poison)) throw new Error('poison');
              return group.map((item) => item.id);
            },
          });
          const answers: Promise<PromiseSettledResult<number>[]>[] = [];
          for (const [id, { poison, turns }] of items.entries()) {
            for (let i = 0; i < turns; i++) await turn();
            answers.push(Promise.allSettled([queue.add({ id, poison })]));
          }
          const settled = (await Promise.all(answers)).flat();
          expect(settled.map((s) => (s.status === 'fulfilled' ? s.value : 'poison'))).toEqual(
            items.map(({ poison }, id) => (poison ? 'poison' : id)),
          );
          expect(largest).toBeLessThanOrEqual(maxGroup);
          expect(mostRunning).toBeLessThanOrEqual(concurrency);
          await queue.close();
        },
      ),
    );
  });
});
