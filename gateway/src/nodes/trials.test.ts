import { expect, test } from 'vitest';
import type { Speed } from '../flow.ts';
import { chooseNodes } from '../router/choose-nodes.ts';
import { FleetIndex } from '../router/fleet-index.ts';
import { factsOf } from '../testing/facts.ts';
import { Lane } from './lane.ts';
import { Trials } from './trials.ts';

const ANNOUNCED: Speed = { baseMs: 1.5, perThousandMs: 0 };
const ASK = {
  model: 'm',
  tier: 'interactive',
  tokens: 100,
  place: null,
  organizationId: 'o',
  privacy: 'own',
  strangersMay: false,
} as const;

/** Three nodes, 10 requests a second one after the other, a heartbeat each 5 s. How often each ran, and in the last fifth. */
function live({ announced = ANNOUNCED as Speed | null, slowMs = 29, slowRuns = 12, requests = 6000 } = {}) {
  const ids = ['a', 'b', 'slow at first'];
  const index = new FleetIndex();
  const trials = new Trials();
  let drawn = 7;
  const random = () => {
    drawn = (drawn * 16_807) % 2_147_483_647;
    return drawn / 2_147_483_647;
  };
  const runs = ids.map(() => 0);
  const late = ids.map(() => 0);
  const put = (i: number) => {
    const { serviceMs, pace, inFlight } = lanes[i]!;
    const own = { slots: 4, inFlight, batchRoom: 3, resident: true, serviceMs, failures: 0, rttMs: 1 };
    index.put('m', {
      ...factsOf(ids[i]!),
      ...own,
      speed: lanes[i]!.speed(announced),
      crowdMs: pace.crowdMs,
    });
  };
  const lanes: Lane[] = ids.map((_, i) => new Lane(4, true, () => put(i)));
  for (const [i, lane] of lanes.entries()) {
    lane.pace.expect(1.5);
    put(i);
  }
  for (let request = 0; request < requests; request++) {
    const now = 1_000_000 + request * 100;
    // The first runs come in a crowd, before anything is known.
    const [best] = chooseNodes(index, ASK, { limit: 1, random });
    const i = request < slowRuns ? 2 : ids.indexOf(best!.id);
    const lane = lanes[i]!;
    lane.begin(now);
    lane.observe(i === 2 && runs[2]! < slowRuns ? slowMs : 1.5, 'interactive', 0, 0, 100);
    trials.ran('m', lane.pace.aloneMs!, announced?.baseMs ?? null);
    runs[i]!++;
    if (request > requests * 0.8) late[i]!++;
    if (request % 50 === 0) {
      for (const one of lanes)
        one.tryAgain(
          () => trials.hope('m', announced),
          now,
          () => trials.take('m'),
        );
    }
  }
  return { runs, late };
}

test('a node that was slow at first is tried again, and then asked like the others', () => {
  const { runs, late } = live();
  expect(runs[2]).toBeGreaterThan(12);
  expect(late[2]).toBeGreaterThan(0);
});

test('also where nodes announce nothing: then it is hoped to be as quick as usual', () => {
  expect(live({ announced: null, requests: 12_000 }).runs[2]).toBeGreaterThan(14);
});

test('a node that stays slow is tried ever more rarely, and never by one run in a hundred', () => {
  const requests = 36_000;
  const { runs } = live({ slowRuns: Infinity, requests: 1 });
  expect(runs[2]).toBe(1);
  const lane = new Lane(1, true);
  lane.pace.expect(29);
  const trials = new Trials();
  const tried: number[] = [];
  for (let request = 0; request < requests; request++) {
    const now = 1_000_000 + request * 100;
    trials.ran('m', 1.5, 1.5);
    if (request > 0 && lane.speed(ANNOUNCED)?.baseMs !== 1.5) {
      lane.tryAgain(
        () => ANNOUNCED,
        now,
        () => trials.take('m'),
      );
      continue;
    }
    tried.push(now);
    lane.begin(now);
    lane.observe(29, 'interactive');
  }
  expect(tried.length).toBeGreaterThan(3);
  expect(tried.length).toBeLessThan(10);
  const between = tried.slice(2).map((at, i) => at - tried[i + 1]!);
  for (const [i, ms] of between.entries()) expect(ms).toBeGreaterThan((between[i - 1] ?? 0) * 1.5);
});

test('trials are at most one of two hundred runs, saved up to five, by model', () => {
  const trials = new Trials();
  expect([trials.take('m'), trials.hope('m', null)]).toEqual([false, null]);
  for (let i = 0; i < 10_000; i++) trials.ran('m', 2, 4);
  expect(trials.hope('m', null)?.baseMs).toBeCloseTo(1.8);
  // Half of what was announced is usual.
  expect(trials.hope('m', { baseMs: 10, perThousandMs: 20 })).toEqual({
    baseMs: expect.closeTo(4.5),
    perThousandMs: expect.closeTo(9),
  });
  let taken = 0;
  while (trials.take('m')) taken++;
  expect([taken, trials.take('n')]).toEqual([5, false]);
  for (let i = 0; i < 2_000; i++) {
    trials.ran('m', 2, 4);
    if (trials.take('m')) taken++;
  }
  expect(taken).toBeLessThanOrEqual(15);
});
