import { plainInference } from '@zerogpu/protocol';
import { describe, expect, test } from 'vitest';
import type { NodeView, Target } from '../flow.ts';
import { factsOf } from '../testing/facts.ts';
import { canServe, type Fleet, targetsFor } from './targets.ts';

const target = (id: string, kind: Target['kind'] = 'node'): Target => ({
  kind,
  organizationId: null,
  id,
  run: () => Promise.reject(new Error('not asked')),
});
const view = (id: string, rttMs = 1): NodeView => {
  return {
    ...factsOf(id),
    rttMs,
    slots: 1,
    inFlight: 0,
    batchRoom: 1,
    resident: true,
    serviceMs: 1,
    failures: 0,
  };
};
const upstreams = [target('u1', 'upstream'), target('u2', 'upstream')];
const half = () => 0.5;
const ask = plainInference('m', 'a');
const other = plainInference('other', 'a');
const several = { ...ask, texts: ['a', 'b'] };

function fleet(nodes: NodeView[], gone: string[] = []): Fleet {
  return {
    views: (model) => (model === 'm' ? nodes : []),
    target: (id) => (gone.includes(id) ? undefined : target(id)),
  };
}
const names = (targets: Iterable<Target>) => [...targets].map((one) => one.id);

describe('targetsFor', () => {
  test('names nodes best first, then upstreams in their order', () => {
    const nodes = [view('far', 50), view('near', 1), view('middle', 10)];
    expect(names(targetsFor(ask, 'interactive', fleet(nodes), upstreams, half))).toEqual([
      'near',
      'middle',
      'far',
      'u1',
      'u2',
    ]);
    expect(names(targetsFor(other, 'interactive', fleet(nodes), upstreams, half))).toEqual(['u1', 'u2']);
    expect(names(targetsFor(ask, 'interactive', fleet([]), [], half))).toEqual([]);
  });

  test('one request is given to at most four nodes', () => {
    const nodes = Array.from({ length: 10 }, (_, i) => view(`n${i}`, i + 1));
    expect(names(targetsFor(ask, 'interactive', fleet(nodes), upstreams, half))).toEqual([
      'n0',
      'n1',
      'n2',
      'n3',
      'u1',
      'u2',
    ]);
  });

  test('a batch run is given to nodes with room for it first', () => {
    const nodes = [{ ...view('near', 1), batchRoom: 0 }, view('far', 50)];
    expect(names(targetsFor(ask, 'batch', fleet(nodes), [], half))).toEqual(['far', 'near']);
    expect(names(targetsFor(ask, 'interactive', fleet(nodes), [], half))).toEqual(['near', 'far']);
  });

  test('a node that went away meanwhile is left out', () => {
    const nodes = [view('a', 1), view('b', 2)];
    expect(names(targetsFor(ask, 'interactive', fleet(nodes, ['a']), [], half))).toEqual(['b']);
  });

  test('each is chosen from the fleet as it is when it is asked for, and none twice', () => {
    const nodes = [view('a', 1), view('b', 2)];
    const targets = targetsFor(ask, 'interactive', fleet(nodes), [], half);
    expect(targets.next().value?.id).toBe('a');
    nodes.push(view('new', 0));
    expect(names(targets)).toEqual(['new', 'b']);
  });

  test('several texts at once are for nodes: an upstream is asked one conversation', () => {
    expect(names(targetsFor(several, 'interactive', fleet([view('a')]), upstreams, half))).toEqual(['a']);
  });
});

test('canServe knows who has the model, and who can work on the request', () => {
  const nobody = fleet([]);
  expect(canServe(ask, fleet([view('a')]), [])).toBe(true);
  expect(canServe(ask, nobody, upstreams)).toBe(true);
  expect(canServe(ask, nobody, [])).toBe(false);
  expect(canServe(several, nobody, upstreams)).toBe(false);
});
