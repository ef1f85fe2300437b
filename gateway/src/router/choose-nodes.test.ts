import type { Tier } from '@zerogpu/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { NodeView } from '../flow.ts';
import { factsOf } from '../testing/facts.ts';
import { chooseAmong } from './choose-nodes.ts';
import { predicted, type RouteAsk } from './predict.ts';

const node = (id: string, changes: Partial<NodeView> = {}): NodeView => ({
  ...factsOf(id),
  slots: 2,
  inFlight: 0,
  batchRoom: 1,
  resident: true,
  serviceMs: 10,
  failures: 0,
  rttMs: 1,
  ...changes,
});
const half = () => 0.5;
/** The same draws every time. */
function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
const ask = (tier: Tier): RouteAsk => ({
  model: 'm',
  tier,
  tokens: 100,
  place: null,
  organizationId: 'org_1',
  privacy: 'own',
  strangersMay: false,
});
interface Options {
  readonly limit: number;
  readonly tier: Tier;
  readonly random: () => number;
}
const chooseIds = (nodes: readonly NodeView[], { tier, ...options }: Options) =>
  chooseAmong(nodes, ask(tier), options).map(({ id }) => id);

describe('chooseNodes', () => {
  test('prefers the idle node', () => {
    expect(
      chooseIds([node('a', { inFlight: 4 }), node('b')], { limit: 2, tier: 'interactive', random: half }),
    ).toEqual(['b', 'a']);
  });

  test('prefers a busy node that has the model over an idle one that must load it', () => {
    const nodes = [node('cold', { resident: false }), node('warm', { inFlight: 3 })];
    expect(chooseIds(nodes, { limit: 1, tier: 'interactive', random: half })).toEqual(['warm']);
  });

  test('loads the model elsewhere when the queue costs more than loading', () => {
    const nodes = [node('cold', { resident: false }), node('warm', { inFlight: 60 })];
    expect(chooseIds(nodes, { limit: 1, tier: 'interactive', random: half })).toEqual(['cold']);
  });

  test('a node that fails at once does not draw every request, however idle it looks', () => {
    const nodes = [node('black hole', { serviceMs: null, failures: 1 }), node('busy', { inFlight: 20 })];
    expect(chooseIds(nodes, { limit: 2, tier: 'interactive', random: half })).toEqual(['busy', 'black hole']);
    const allFail = [node('a', { failures: 9, inFlight: 4 }), node('b', { failures: 20 })];
    expect(chooseIds(allFail, { limit: 1, tier: 'interactive', random: half })).toEqual(['b']);
  });

  test('gives batch runs to nodes with room for them, then to those where fewest stand before them', () => {
    const nodes = [
      node('full and quick', { serviceMs: 1, inFlight: 2, batchRoom: -8 }),
      node('full', { inFlight: 2, batchRoom: -1 }),
      node('idle and slow', { serviceMs: 500 }),
    ];
    const choose = (tier: Tier) => chooseIds(nodes, { limit: 3, tier, random: half });
    expect(choose('batch')).toEqual(['idle and slow', 'full and quick', 'full']);
    expect(choose('interactive')).toEqual(['full and quick', 'full', 'idle and slow']);
    const alike = [node('many wait', { batchRoom: -9 }), node('few wait', { batchRoom: -2 })];
    expect(chooseIds(alike, { limit: 1, tier: 'batch', random: half })).toEqual(['few wait']);
  });

  test('shares between equals', () => {
    const random = mulberry(7);
    const names = Array.from({ length: 10 }, (_, i) => `n${i}`);
    const counts = new Map(names.map((name) => [name, 0]));
    const nodes = names.map((name) => node(name));
    for (let i = 0; i < 10_000; i++) {
      const [first] = chooseIds(nodes, { limit: 1, tier: 'interactive', random });
      counts.set(first!, counts.get(first!)! + 1);
    }
    const square = [...counts.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    // Of nine degrees of freedom: past this one time in a thousand.
    expect(square).toBeLessThan(27.9);
  });

  test('strangers on probation get nothing where no node of the operator judges them', () => {
    const stranger = node('stranger', { pool: 'public' });
    const earned = node('earned', { pool: 'public', trust: 'earned' });
    const own = node('own', { pool: 'organization', organizationId: 'org_1', inFlight: 2 });
    const asked: RouteAsk = { ...ask('interactive'), privacy: 'public', strangersMay: true };
    const among = (...nodes: NodeView[]) =>
      chooseAmong(nodes, asked, { limit: 9, random: half }).map(({ id }) => id);
    expect(among(stranger, earned).toSorted()).toEqual(['earned']);
    expect(among(stranger, own)).toEqual(['own']);
    for (const pool of ['operator', 'cloud'] as const)
      expect(among(stranger, node('judge', { pool }))).toContain('stranger');
  });

  test('names each node at most once, best prediction first', () => {
    const view = fc.record({
      slots: fc.integer({ min: 1, max: 64 }),
      resident: fc.boolean(),
      serviceMs: fc.option(fc.double({ min: 0.01, max: 1e4, noNaN: true })),
      failures: fc.nat(20),
      rttMs: fc.double({ min: 0, max: 500, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(view, { maxLength: 30 }), fc.integer({ min: 1, max: 40 }), (views, limit) => {
        const nodes = views.map((v, i) => node(`n${i}`, v));
        const chosen = chooseIds(nodes, { limit, tier: 'interactive', random: half });
        expect(new Set(chosen).size).toBe(Math.min(limit, nodes.length));
        const msOf = (one: NodeView) => predicted(one, ask('interactive')).totalMs;
        const times = chosen.map((id) => msOf(nodes.find((n) => n.id === id)!));
        for (const [i, ms] of times.slice(1).entries()) expect(ms).toBeGreaterThanOrEqual(times[i]! / 1.0101);
        const others = nodes.filter((n) => !chosen.includes(n.id)).map(msOf);
        const best = Math.min(Infinity, ...others);
        expect(best * 1.03 + 0.01).toBeGreaterThanOrEqual(Math.max(0, ...times));
      }),
    );
  });
});
