import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { citiesOf } from './cities.ts';
import { judge } from './judge.ts';
import { distrust, exactMean, simulateQueueing } from './queueing.ts';
import { quickSection } from './report.ts';
import { runSimulation } from './run.ts';
import { SCENARIOS } from './scenarios.ts';

const REPORT = path.join(import.meta.dirname, '../../results/router-simulation.md');

describe('queues that are known exactly', () => {
  test('the formula', () => {
    expect(exactMean(2, 0.9)).toBeCloseTo(2.614, 3);
    expect(exactMean(2, 0.99)).toBeCloseTo(5.432, 3);
    expect(exactMean(1, 0.9)).toBeCloseTo(10);
  });

  test('a simulator that is off may not judge', () => {
    const asked = { d: 2, lambda: 0.9, servers: 2, warmUp: 50, length: 500, runs: 2 };
    expect(distrust([simulateQueueing(asked, 1)])).toContain('may not judge');
  });
});

describe('the simulation', () => {
  const quick = runSimulation('quick', 1, null);

  test('reproduces what is known exactly', () => {
    expect(distrust(quick.queueing)).toBeNull();
  });

  test('the router reaches its goals', () => {
    expect(quick.goals.filter(({ reached }) => !reached)).toEqual([]);
    expect(quick.goals.length).toBeGreaterThan(10);
  });

  test('the committed report is of this code: otherwise run npm run bench:sim, and look at what changed', () => {
    expect(readFileSync(REPORT, 'utf8')).toContain(quickSection(quick));
  });

  test('the same seed gives the same, another seed does not', () => {
    const [scenario] = SCENARIOS;
    if (!scenario) throw new Error('There is no scenario');
    const of = (seed: number) => judge(scenario, { requests: 2_000, seed, cities: null }).verdicts;
    expect(of(1)).toEqual(of(1));
    expect(of(1)).not.toEqual(of(2));
  });
});

describe('cities', () => {
  const matrix = ',Boston,NewYork,Nowhere,\nBoston,0.0,5.5,9,\nNewYork,5.5,0.0,9,\nNowhere,9,9,0.0,\n';
  const matched = 'city,cc,lat,lon,tzid\nNewYork,US,40.7,-74,America/New_York\n';

  test('those with a place, and what a fresh install knows of them', () => {
    const { list, roundTrips } = citiesOf(matrix, matched);
    expect(list.map(({ name }) => name)).toEqual(['NewYork', 'Boston']);
    expect(list[1]).toMatchObject({ place: { latitude: 42.4 }, zonePlace: { latitude: 40.7 } });
    expect([...roundTrips]).toEqual([0, 5.5, 5.5, 0]);
  });

  test('worlds made of them are run', () => {
    const cities = citiesOf(
      `,NewYork,Zurich,Sydney,\nNewYork,0.0,90,200,\nZurich,90,0.0,280,\nSydney,200,280,0.0,\n`,
      'city,cc,lat,lon,tzid\nNewYork,US,40.7,-74,America/New_York\nZurich,CH,47.4,8.5,Europe/Zurich\nSydney,AU,-33.9,151.2,Australia/Sydney\n',
    );
    for (const scenario of SCENARIOS.filter(({ needsCities }) => needsCities)) {
      const { verdicts } = judge(scenario, { requests: 300, seed: 1, cities });
      for (const { mean, failed } of verdicts) expect(mean > 0 || failed > 0).toBe(true);
    }
  });
});
