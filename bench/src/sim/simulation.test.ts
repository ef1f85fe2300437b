import { describe, expect, test } from 'vitest';
import { nodeOf, PLAIN } from './fleets.ts';
import { leastLoaded, roundRobin } from './policies.ts';
import { streams } from './random-streams.ts';
import { type NodeSpec, type PolicyMaker, RULES, type Rules, simulate, type Workload } from './simulation.ts';

const workload = (arrivals: number[], works: number[], deadlineMs = Number.POSITIVE_INFINITY): Workload => ({
  arrivals: Float64Array.from(arrivals),
  works: Float64Array.from(works),
  cities: new Int16Array(arrivals.length),
  meanWork: 1,
  warmUpMs: 0,
  deadlineMs,
});

function run(
  nodes: NodeSpec[],
  work: Workload,
  {
    policy = leastLoaded,
    rules = {},
    rtt = 0,
  }: { policy?: PolicyMaker; rules?: Partial<Rules>; rtt?: number } = {},
) {
  const draws = { world: streams('world'), policy: streams('policy') };
  return simulate(
    { nodes, workload: work, rules: { ...RULES, ...rules }, roundTrip: () => rtt },
    policy,
    draws,
  );
}
const node = (changes: Partial<NodeSpec> = {}, name = 0) => nodeOf(PLAIN, name, changes);
const until = (to: number, leaving: 'drained' | 'broken' | 'silent') => [{ from: 0, to, leaving }] as const;

describe('the simulated fleet', () => {
  test('who comes while the slot is taken waits for it', () => {
    expect([...run([node()], workload([0, 1, 2], [10, 10, 10])).latencies]).toEqual([10, 19, 28]);
  });

  test('the way there and back is part of it, and holds the slot', () => {
    expect([...run([node()], workload([0, 1], [10, 10]), { rtt: 4 }).latencies]).toEqual([14, 27]);
  });

  test('more slots than cores: runs share them', () => {
    const { latencies } = run([node({ slots: 2 })], workload([0, 0], [10, 10]));
    expect([...latencies]).toEqual([20, 20]);
    const late = run([node({ slots: 2 })], workload([0, 5], [10, 10])).latencies;
    expect([...late]).toEqual([15, 15]);
  });

  test('two cores, two slots: they do not', () => {
    expect([...run([node({ slots: 2, cores: 2 })], workload([0, 0], [10, 10])).latencies]).toEqual([10, 10]);
  });

  test('a slow device takes longer, and a spell slows what runs', () => {
    expect([...run([node({ speed: 0.5 })], workload([0], [10])).latencies]).toEqual([20]);
    const slowdowns = [{ from: 5, to: 25, factor: 10 }];
    expect([...run([node({ slowdowns })], workload([0], [10])).latencies]).toEqual([28]);
  });

  test('what a broken node had is given to another at once, what it had done is wasted', () => {
    const nodes = [
      node({ sessions: until(6, 'broken') }, 0),
      node({ sessions: [{ from: 5, to: Infinity, leaving: 'drained' }] }, 1),
    ];
    const { latencies, retries, wastedShare } = run(nodes, workload([0], [10]));
    expect([...latencies]).toEqual([16]);
    expect(retries).toBe(1);
    expect(wastedShare).toBeCloseTo(6 / 16);
  });

  test('a silent node is noticed later; what is sent to it meanwhile is lost too', () => {
    const gone = node({ sessions: until(5, 'silent'), slots: 4 }, 0);
    const there = node({ sessions: [{ from: 50, to: Infinity, leaving: 'drained' }], slots: 4, cores: 4 }, 1);
    const { latencies, retries } = run([gone, there], workload([0, 10], [10, 10]), {
      rules: { silentMs: 100 },
      rtt: 2,
    });
    expect(retries).toBe(2);
    expect([...latencies]).toEqual([117, 107]);
  });

  test('a drained node finishes what it has and gets nothing new', () => {
    const nodes = [node({ sessions: until(5, 'drained') }, 0), node({ speed: 0.1 }, 1)];
    const { latencies, retries } = run(nodes, workload([0, 6], [10, 10]), { policy: roundRobin });
    expect([...latencies]).toEqual([10, 100]);
    expect(retries).toBe(0);
  });

  test('nobody there, or nobody in time: the request has failed', () => {
    expect([...run([], workload([0], [1])).latencies]).toEqual([Number.NaN]);
    const { latencies } = run([node()], workload([0, 1], [50, 0.5], 20));
    // The slot is free when the first is given up at 20.
    expect([...latencies]).toEqual([Number.NaN, 19.5]);
  });

  test('a request is given to so many nodes and no more', () => {
    const nodes = Array.from({ length: 6 }, (_, i) => node({ sessions: until(5 + i, 'broken') }, i));
    const { latencies, retries } = run(nodes, workload([0], [100]), {
      rules: { tries: 4 },
      policy: roundRobin,
    });
    expect([...latencies]).toEqual([Number.NaN]);
    expect(retries).toBe(4);
  });

  test('who is late gets company, the first answer counts, and the other is cancelled', () => {
    const nodes = [node({ speed: 0.01 }, 0), node({}, 1)];
    const policy: PolicyMaker = (fleet, draw) => ({
      ...roundRobin(fleet, draw),
      lateAfter: () => 30,
      mayHedge: () => true,
    });
    const { latencies, hedges, wastedShare, answers } = run(nodes, workload([0, 45], [10, 10]), { policy });
    expect(hedges).toBe(2);
    expect([...latencies]).toEqual([40, 40]);
    expect([...answers]).toEqual([0, 2]);
    expect(wastedShare).toBeCloseTo(0.4 / 20.4);
  });

  test('every request ends once, whatever happens', () => {
    const random = streams('any');
    const nodes = Array.from({ length: 8 }, (_, i) => {
      const to = 500 + 2_000 * random();
      const leaving = (['drained', 'broken', 'silent'] as const)[i % 3] ?? 'silent';
      const back = { from: to + 500, to: Infinity, leaving: 'drained' as const };
      return node(
        { slots: 1 + (i % 4), speed: 0.2 + random(), sessions: [{ from: 0, to, leaving }, back] },
        i,
      );
    });
    const count = 4_000;
    const arrivals = Array.from({ length: count }, (_, i) => i);
    const works = arrivals.map(() => 4 * random());
    const policy: PolicyMaker = (fleet, draw) => ({
      ...leastLoaded(fleet, draw),
      lateAfter: () => 15,
      mayHedge: () => draw() < 0.3,
    });
    const rules = { silentMs: 200, stalls: { probability: 0.01, factor: 30 } };
    const outcome = run(nodes, workload(arrivals, works, 5_000), { policy, rules, rtt: 3 });
    const answered = outcome.latencies.filter((ms) => !Number.isNaN(ms));
    expect(answered.length).toBe(outcome.answers.reduce((sum, one) => sum + one, 0));
    expect(answered.length).toBeGreaterThan(count * 0.95);
    expect(Math.min(...answered)).toBeGreaterThanOrEqual(3);
    expect(outcome.hedges).toBeGreaterThan(0);
    expect(outcome.retries).toBeGreaterThan(0);
  });
});
