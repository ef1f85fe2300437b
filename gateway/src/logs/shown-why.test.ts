import { expect, test } from 'vitest';
import { shownWhy } from './shown-why.ts';

const times = {
  total_ms: 6,
  network_ms: 1,
  queue_ms: 2,
  service_ms: 3,
  load_ms: 0,
  penalty_ms: 0,
};

test('names nodes of the organization, and of all others only whose they are and where', () => {
  const text = JSON.stringify([
    ['node_mine', 'organization', 'DE', 6, 1, 2, 3, 0, 0],
    ['node_operators', 'operator', null, 6, 1, 2, 3, 0, 0],
    ['node_strangers', 'public', 'FR', 6, 1, 2, 3, 0, 0],
    ['node_cloud', 'cloud', 'US', 6, 1, 2, 3, 0, 0],
  ]);
  expect(shownWhy(text)).toEqual([
    { node: 'node_mine', class: 'own', region: 'DE', ...times },
    { node: null, class: 'edge', region: null, ...times },
    { node: null, class: 'edge', region: 'FR', ...times },
    { node: null, class: 'cloud', region: 'US', ...times },
  ]);
});

test.each([null, '', '{}', '[["node"]]', '[["n","elsewhere",null,1,1,1,1,1,1]]'])(
  '%j says nothing',
  (text) => {
    expect(shownWhy(text)).toBeNull();
  },
);
