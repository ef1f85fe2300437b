import type { Place } from '@zerogpu/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { NodeView } from '../flow.ts';
import { factsOf } from '../testing/facts.ts';
import { chooseNodes, mayHave } from './choose-nodes.ts';
import { FleetIndex } from './fleet-index.ts';
import { asBatch, predicted, type RouteAsk } from './predict.ts';

const place = fc.record({
  latitude: fc.double({ min: -90, max: 90, noNaN: true }),
  longitude: fc.double({ min: -180, max: 180, noNaN: true }),
});
const organizationId = fc.constantFrom('org_1', 'org_2');
const ms = (max: number) => fc.double({ min: 0, max, noNaN: true });

const view = (id: fc.Arbitrary<string>, somewhere: fc.Arbitrary<Place | null>) =>
  fc
    .record({
      id,
      pool: fc.constantFrom('organization', 'operator', 'public', 'cloud'),
      organization: organizationId,
      place: somewhere,
      slots: fc.integer({ min: 1, max: 16 }),
      inFlight: fc.nat(40),
      batchRoom: fc.integer({ min: -40, max: 16 }),
      resident: fc.boolean(),
      serviceMs: fc.option(fc.double({ min: 0.1, max: 2000, noNaN: true })),
      failures: fc.nat(5),
      rttMs: fc.oneof(fc.constant(0), ms(400)),
      speed: fc.option(fc.record({ baseMs: ms(500), perThousandMs: ms(2000) })),
      trust: fc.constantFrom('vouched', 'probation', 'earned', 'quarantined'),
      closedUntil: fc.constantFrom(0, 0, 0, 1000),
    })
    .map(({ organization, ...rest }): NodeView => {
      const whose = rest.pool === 'organization' ? organization : null;
      return { ...factsOf(rest.id), ...rest, organizationId: whose };
    });

const ask = fc.record({
  model: fc.constant('m'),
  tier: fc.constantFrom('interactive', 'batch'),
  tokens: fc.oneof(fc.nat(1000), fc.nat(20_000)),
  place: fc.option(place),
  organizationId,
  privacy: fc.constantFrom('public', 'own', 'cloud'),
  strangersMay: fc.boolean(),
}) satisfies fc.Arbitrary<RouteAsk>;

const home = fc.option(place);
const ids = fc.integer({ min: 0, max: 400 }).map((i) => `n${i}`);
/** Everywhere, in a few places, or all in one. */
const fleets = fc
  .oneof(
    fc.constant(fc.option(place)),
    fc.array(place, { minLength: 1, maxLength: 3 }).map((few) => fc.constantFrom(...few)),
  )
  .chain((somewhere) => fc.array(view(ids, somewhere), { maxLength: 400, size: 'max' }));
const NOW = 500;

/** Pools in their order, as the words of the privacy tiers say it. */
function allowedTier(one: NodeView, asked: RouteAsk): number | null {
  if (one.trust === 'quarantined') return null;
  if (one.pool === 'cloud') return 2;
  if (asked.privacy === 'cloud') return null;
  if (one.pool === 'operator') return 1;
  if (one.pool === 'organization') return one.organizationId === asked.organizationId ? 0 : null;
  return asked.privacy === 'public' && asked.strangersMay ? 1 : null;
}

const totalOf = (one: NodeView, asked: RouteAsk, from: Place | null) =>
  predicted(asked.tier === 'batch' ? asBatch(one) : one, asked, from).totalMs;

const roomOf = (one: NodeView, { tier }: RouteAsk) =>
  one.failures < 3 && (tier === 'batch' ? one.batchRoom > 0 : one.inFlight < one.slots);

/** The best there is, found by looking at every node. */
function exhaustive(views: readonly NodeView[], asked: RouteAsk, from: Place | null): number {
  const able = views.filter((one) => allowedTier(one, asked) !== null && one.closedUntil === 0);
  const judged = able.some(({ pool }) => pool === 'operator' || pool === 'cloud');
  const trusted = able.filter(({ pool, trust }) => pool !== 'public' || judged || trust !== 'probation');
  const first = Math.min(
    3,
    ...trusted.filter((one) => roomOf(one, asked)).map((one) => allowedTier(one, asked)!),
  );
  const asking = trusted.filter(
    (one) =>
      first === 3 ||
      (allowedTier(one, asked) === first && (asked.tier === 'interactive' || roomOf(one, asked))),
  );
  return Math.min(Infinity, ...asking.map((one) => totalOf(one, asked, from)));
}

const lastOf = (views: readonly NodeView[]) => [...new Map(views.map((one) => [one.id, one])).values()];

function indexOf(views: readonly NodeView[], from: Place | null): FleetIndex {
  const index = new FleetIndex({ home: from });
  for (const one of views) index.put('m', one);
  return index;
}

describe('chooseNodes on the index', () => {
  test('never names a node that the hard filters leave out, nor one twice, nor one that was tried', () => {
    fc.assert(
      fc.property(fleets, ask, home, fc.integer({ min: 1, max: 8 }), (views, asked, from, limit) => {
        const nodes = new Map(lastOf(views).map((one) => [one.id, one]));
        const tried = new Set([...nodes.keys()].slice(0, 3));
        const options = { limit, random: Math.random, tried };
        const chosen = chooseNodes(indexOf(views, from), asked, { ...options, now: NOW });
        expect(new Set(chosen.map(({ id }) => id)).size).toBe(chosen.length);
        for (const { id } of chosen) {
          expect(allowedTier(nodes.get(id)!, asked)).not.toBeNull();
          expect(mayHave(nodes.get(id)!, asked)).toBe(true);
          expect(nodes.get(id)!.closedUntil).toBe(0);
          expect(tried.has(id)).toBe(false);
        }
        const resting = chooseNodes(indexOf(views, from), asked, options);
        for (const { id } of resting) expect(allowedTier(nodes.get(id)!, asked)).not.toBeNull();
      }),
    );
  });

  test('is within 5 % of the best there is', () => {
    fc.assert(
      fc.property(fleets, ask, home, (views, asked, from) => {
        const options = { limit: 1, random: Math.random, now: NOW };
        const [chosen] = chooseNodes(indexOf(views, from), asked, options);
        const best = exhaustive(lastOf(views), asked, from);
        if (!chosen) {
          expect(best).toBe(Infinity);
          return;
        }
        const view = lastOf(views).find(({ id }) => id === chosen.id)!;
        expect(chosen.totalMs).toBeCloseTo(totalOf(view, asked, from), 1);
        expect(chosen.totalMs).toBeLessThanOrEqual(best * 1.05 + 0.01);
      }),
      { numRuns: 1000 },
    );
  }, 60_000);

  test('gives memory back when most nodes are gone, and chooses as before', () => {
    const index = new FleetIndex();
    const nodeAt = (i: number): NodeView => ({
      ...factsOf(`n${i}`, { pool: i % 3 === 0 ? 'cloud' : 'operator', organizationId: null }),
      ...{ slots: 2, inFlight: i % 3, batchRoom: 1, resident: true, serviceMs: 5 + (i % 50), failures: 0 },
      place: i % 5 === 0 ? null : { latitude: (i % 170) - 85, longitude: (i % 350) - 175 },
      rttMs: i % 5 === 0 ? 1 + (i % 9) : 0,
    });
    const views = Array.from({ length: 20_000 }, (_, i) => nodeAt(i));
    for (const one of views) index.put('m', one);
    const most = index.bytes;
    for (const one of views.slice(100)) index.remove('m', one.id);
    const afresh = new FleetIndex();
    for (const one of views.slice(0, 100)) afresh.put('m', one);
    expect(index.bytes).toBeLessThan(most / 20);
    expect(index.bytes).toBeLessThanOrEqual(4 * afresh.bytes);
    const asked: RouteAsk = {
      ...{ model: 'm', tier: 'interactive', tokens: 300, place: { latitude: 50, longitude: 8 } },
      ...{ organizationId: 'org_1', privacy: 'own', strangersMay: false },
    };
    const all = { limit: 100, random: () => 0 };
    const totals = (of: FleetIndex) => chooseNodes(of, asked, all).map(({ id, totalMs }) => [id, totalMs]);
    expect(totals(index).toSorted()).toEqual(totals(afresh).toSorted());
    for (const one of views.slice(0, 100)) index.remove('m', one.id);
    expect(index.count('m')).toBe(0);
  });

  test('after any changes is what it would be, made afresh', () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: view(ids, fc.option(place)).map((put) => ({ put })) },
      { weight: 1, arbitrary: ids.map((remove) => ({ remove })) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 600, size: 'max' }), ask, home, (steps, asked, from) => {
        const index = new FleetIndex({ home: from });
        const left = new Map<string, NodeView>();
        for (const one of steps) {
          if ('put' in one) {
            index.put('m', one.put);
            left.set(one.put.id, one.put);
          } else {
            index.remove('m', one.remove);
            left.delete(one.remove);
          }
        }
        const all = { limit: left.size + 1, random: () => 0, now: NOW };
        const afresh = indexOf([...left.values()], from);
        expect(index.count('m')).toBe(afresh.count('m'));
        const [first] = chooseNodes(index, asked, all);
        const [again] = chooseNodes(afresh, asked, all);
        expect(first?.totalMs).toBe(again?.totalMs);
        for (const id of left.keys()) index.remove('m', id);
        expect(chooseNodes(index, asked, all)).toEqual([]);
        expect(index.count('m')).toBe(0);
      }),
    );
  }, 60_000);
});
