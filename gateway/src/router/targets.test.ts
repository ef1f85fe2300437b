import { findManifest } from '@zerogpu/catalogue';
import { type Inference, plainInference, type Tier } from '@zerogpu/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Choice, NodeView, Reach, Target } from '../flow.ts';
import { factsOf } from '../testing/facts.ts';
import { CHAT, SUMMARY } from '../testing/scripted-node.ts';
import { FleetIndex } from './fleet-index.ts';
import {
  type Asking,
  canServe,
  countWithin,
  type Fleet,
  isThere,
  type RouterServices,
  targetsFor,
  whyNobody,
} from './targets.ts';

const target = (id: string, kind: Target['kind'] = 'node'): Target => ({
  kind,
  organizationId: null,
  id,
  run: () => Promise.reject(new Error('not asked')),
});
const view = (id: string, rttMs = 1, changes: Partial<NodeView> = {}): NodeView => {
  const load = { slots: 1, inFlight: 0, batchRoom: 1, resident: true, serviceMs: 1, failures: 0 };
  return { ...factsOf(id), ...load, rttMs, ...changes };
};
const upstreams = [target('u1', 'upstream'), target('u2', 'upstream')];
const REACH: Reach = { organizationId: 'o', privacy: 'own', upstreams: false };

function asking(changes: Partial<Inference> = {}, reach = REACH, tier: Tier = 'interactive'): Asking {
  const inference = { ...plainInference(SUMMARY, 'a'), ...changes };
  const manifest = findManifest(inference.model);
  if (!manifest) throw new Error(`No ${inference.model}`);
  return { inference, manifest, tier, tokens: 1, place: null, reach };
}

function fleet(nodes: NodeView[], gone: string[] = []): Fleet {
  return {
    views: (model) => (model === SUMMARY ? nodes : []),
    target: (id) => (gone.includes(id) ? undefined : target(id)),
  };
}
const services = (of: Fleet, beyond: readonly Target[] = upstreams): RouterServices => {
  return { fleet: of, upstreams: () => beyond, now: () => 1_000, random: () => 0.5 };
};
const names = (choices: Iterable<Choice>) => [...choices].map((one) => one.target.id);

describe('targetsFor', () => {
  test('names nodes best first, then upstreams in their order', () => {
    const nodes = fleet([view('far', 50), view('near', 1), view('middle', 10)]);
    expect(names(targetsFor(asking(), services(nodes)))).toEqual(['near', 'middle', 'far', 'u1', 'u2']);
    expect(names(targetsFor(asking({ model: CHAT }), services(nodes)))).toEqual(['u1', 'u2']);
    expect(names(targetsFor(asking(), services(fleet([]), [])))).toEqual([]);
  });

  test('one request is given to at most four nodes', () => {
    const nodes = fleet(Array.from({ length: 10 }, (_, i) => view(`n${i}`, i + 1)));
    const found = names(targetsFor(asking(), services(nodes)));
    expect(found).toEqual(['n0', 'n1', 'n2', 'n3', 'u1', 'u2']);
  });

  test('and after these to one cloud node, before any upstream: nodes that die together are not the fallback', () => {
    const [near, away] = [view('near', 1, { pool: 'cloud' }), view('away', 90, { pool: 'cloud' })];
    const dying = Array.from({ length: 6 }, (_, i) => view(`n${i}`, i + 1));
    const found = [...targetsFor(asking(), services(fleet([...dying, near, away])))];
    expect(found.map((one) => one.target.id)).toEqual(['n0', 'n1', 'n2', 'n3', 'near', 'u1', 'u2']);
    expect(found.map((one) => one.fallback)).toEqual([false, false, false, false, true, true, true]);
    const resting = { ...near, closedUntil: 1_001 };
    const last = names(targetsFor(asking(), services(fleet([...dying, resting]))));
    expect(last.slice(4)).toEqual(['u1', 'u2', 'near']);
  });

  test('a batch run is given to nodes with room for it first', () => {
    const nodes = services(fleet([view('near', 1, { batchRoom: 0 }), view('far', 50)]), []);
    expect(names(targetsFor(asking({}, REACH, 'batch'), nodes))).toEqual(['far', 'near']);
    expect(names(targetsFor(asking(), nodes))).toEqual(['near', 'far']);
  });

  test('a node that went away meanwhile is left out', () => {
    const nodes = fleet([view('a', 1), view('b', 2)], ['a']);
    expect(names(targetsFor(asking(), services(nodes, [])))).toEqual(['b']);
  });

  test('each is chosen from the fleet as it is when it is asked for, and none twice', () => {
    const nodes = [view('a', 1), view('b', 2)];
    const targets = targetsFor(asking(), services(fleet(nodes), []));
    expect(targets.next().value?.target.id).toBe('a');
    nodes.push(view('new', 0.5));
    expect(names(targets)).toEqual(['new', 'b']);
  });

  test('a node that joins when there was nobody left is named after all', () => {
    const nodes = [view('a', 1)];
    const targets = targetsFor(asking(), services(fleet(nodes), []));
    expect(names(targets)).toEqual(['a']);
    expect(targets.next().done).toBe(true);
    nodes.push(view('late', 0.5));
    expect(names(targets)).toEqual(['late']);
  });

  test('several texts at once are for nodes: an upstream is asked one conversation', () => {
    const several = asking({ texts: ['a', 'b'] });
    expect(names(targetsFor(several, services(fleet([view('a')]))))).toEqual(['a']);
  });

  test('a node that rests is asked when there is nobody else, not even an upstream', () => {
    const nodes = [view('rests', 1, { closedUntil: 1_001 }), view('back', 9, { closedUntil: 1_000 })];
    const found = names(targetsFor(asking(), services(fleet(nodes))));
    expect(found).toEqual(['back', 'u1', 'u2', 'rests']);
  });

  test('tells what a run is predicted to take, whether it is a fallback, and why it goes there', () => {
    const cloud = view('cloud', 3, { pool: 'cloud' });
    const [first, second, third] = targetsFor(asking(), services(fleet([view('a', 1), cloud])));
    expect(first).toMatchObject({ predictedMs: 2, fallback: false });
    expect(JSON.parse(first?.why ?? '')).toEqual([
      ['e', '', 1, 0, 1],
      ['c', '', 3, 0, 1],
    ]);
    expect([second?.fallback, third?.fallback, third?.why]).toEqual([true, true, null]);
    const own = asking({}, { ...REACH, privacy: 'cloud' });
    expect([...targetsFor(own, services(fleet([cloud]), []))].map((one) => one.fallback)).toEqual([false]);
  });
});

describe('how far texts may go', () => {
  const nodes = [
    view('mine', 1, { pool: 'organization', organizationId: 'o' }),
    view('theirs', 1, { pool: 'organization', organizationId: 'p' }),
    view('operators', 1),
    view('stranger', 1, { pool: 'public', trust: 'earned' }),
    view('cloud', 1, { pool: 'cloud' }),
  ];
  const index = new FleetIndex();
  for (const one of nodes) index.put(SUMMARY, one);
  for (const one of nodes) index.put(CHAT, one);
  const allowed = {
    own: ['mine', 'operators', 'cloud'],
    public: ['mine', 'operators', 'stranger', 'cloud'],
    cloud: ['cloud'],
  };

  test('whatever the load, nobody else is named', () => {
    const load = fc.array(
      fc.record({
        inFlight: fc.nat(3),
        slots: fc.integer({ min: 1, max: 2 }),
        failures: fc.nat(5),
        closedUntil: fc.constantFrom(0, 5_000),
      }),
      { minLength: nodes.length, maxLength: nodes.length },
    );
    const tiers = fc.constantFrom('own', 'public', 'cloud' as const);
    fc.assert(
      fc.property(load, tiers, fc.constantFrom('interactive', 'batch' as const), (loads, privacy, tier) => {
        const loaded = fleet(nodes.map((node, i) => ({ ...node, ...loads[i] })));
        const found = names(targetsFor(asking({}, { ...REACH, privacy }, tier), services(loaded, [])));
        expect(found.toSorted()).toEqual(allowed[privacy].toSorted());
      }),
    );
  });

  test('the same by an index', () => {
    const indexed = { ...fleet([]), index };
    for (const privacy of ['own', 'public', 'cloud'] as const) {
      const found = names(targetsFor(asking({}, { ...REACH, privacy }), services(indexed, [])));
      expect(found.toSorted()).toEqual(allowed[privacy].toSorted());
    }
  });

  test('as many nodes are counted as may be named', () => {
    const count = (model: string, privacy: Reach['privacy']) =>
      countWithin(index, asking({ model }).manifest, { ...REACH, privacy });
    for (const privacy of ['own', 'public', 'cloud'] as const) {
      expect(count(SUMMARY, privacy)).toBe(allowed[privacy].length);
    }
    expect(count(CHAT, 'public')).toBe(allowed.own.length);
  });

  test('what cannot be checked goes to no stranger', () => {
    const reach: Reach = { ...REACH, privacy: 'public' };
    const found = names(targetsFor(asking({ model: CHAT }, reach), services({ ...fleet([]), index }, [])));
    expect(found).not.toContain('stranger');
  });
});

test('whyNobody names a setting only where another one would help', () => {
  const hub = { model: CHAT };
  const why = (nodes: NodeView[], changes: Partial<Inference> = {}, beyond: readonly Target[] = []) => {
    const views = fleet(nodes).views;
    const index = new FleetIndex();
    for (const one of nodes) index.put(changes.model ?? SUMMARY, one);
    const has = { ...fleet([]), views: (model: string) => (model === CHAT ? views(SUMMARY) : views(model)) };
    const asked = asking(changes);
    const both = [has, { ...has, index }].map((one) => whyNobody(asked, services(one, beyond)));
    expect(both[0]).toBe(both[1]);
    return both[0];
  };
  const stranger = view('s', 1, { pool: 'public', trust: 'probation' });
  expect(why([])).toBe('nobody');
  expect(why([view('theirs', 1, { pool: 'organization', organizationId: 'p' })])).toBe('nobody');
  expect(why([], {}, upstreams)).toBe('withheld');
  expect(why([view('s', 1, { pool: 'public', trust: 'earned' })])).toBe('withheld');
  expect(why([stranger])).toBe('unchecked');
  expect(why([{ ...stranger, trust: 'earned' }], hub)).toBe('unchecked');
});

test('canServe knows who has the model, who may, and who can work on the request', () => {
  const nobody = fleet([]);
  expect(canServe(asking(), services(fleet([view('a')]), []))).toBe(true);
  expect(canServe(asking(), services(nobody))).toBe(true);
  expect(canServe(asking(), services(nobody, []))).toBe(false);
  expect(canServe(asking({ texts: ['a', 'b'] }), services(nobody))).toBe(false);
  const stranger = fleet([view('a', 1, { pool: 'public' })]);
  expect(canServe(asking(), services(stranger, []))).toBe(false);
  expect(isThere(SUMMARY, { fleet: stranger })).toBe(true);
  expect(isThere(CHAT, { fleet: stranger })).toBe(false);
});
