import { expect, test } from 'vitest';
import { shownWhy } from './shown-why.ts';

const times = { total_ms: 6.3, network_ms: 1.1, queue_ms: 2, service_ms: 3.2, load_ms: 0, penalty_ms: 0 };

test('names nodes of the organization, and of all others only whose they are and where', () => {
  const parts = [1.1, 2, 3.2];
  const text = JSON.stringify([
    ['o', 'DE', ...parts],
    ['node_mine', 'DE', ...parts],
    ['e', '', ...parts],
    ['p', 'FR', ...parts],
    ['c', 'US', ...parts],
  ]);
  expect(shownWhy(text, 'node_answered')).toEqual([
    { node: 'node_answered', class: 'own', region: 'DE', ...times },
    { node: 'node_mine', class: 'own', region: 'DE', ...times },
    { node: null, class: 'edge', region: null, ...times },
    { node: null, class: 'edge', region: 'FR', ...times },
    { node: null, class: 'cloud', region: 'US', ...times },
  ]);
});

test('parts that are left out are none', () => {
  const none = { network_ms: 0, queue_ms: 0, service_ms: 0, load_ms: 0, penalty_ms: 0 };
  expect(shownWhy('[["e",""]]', null)).toEqual([
    { node: null, class: 'edge', region: null, total_ms: 0, ...none },
  ]);
  expect(shownWhy('[["e","",0,0,2,150,500]]', null)?.[0]).toMatchObject({ total_ms: 652, penalty_ms: 500 });
});

test.each([
  null,
  '',
  '{}',
  '[["node_1"]]',
  '[["x","",1]]',
  '[["constructor","",1]]',
  '[["e",1]]',
  '[["e","",1,1,1,1,1,1]]',
  '[["e","",-1]]',
  '[["node_01","operator","DE",3.1,1,0,2.1,0,0]]',
])('%j says nothing', (text) => {
  expect(shownWhy(text, null)).toBeNull();
});
