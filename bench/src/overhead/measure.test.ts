import { expect, test } from 'vitest';
import { pairedLatencies, throughput, unpairedLatencies } from './measure.ts';
import { credential } from './racers.ts';

const NAMES = ['direct', 'ours'];

test('added is what each turn added, not the difference of the percentiles', () => {
  const direct = [1, 9, 2, 3];
  const ours = [2, 10, 3, 4];
  expect(pairedLatencies(NAMES, [direct, ours])[1]).toEqual({
    name: 'ours',
    p50: 3,
    p99: 10,
    added: { p50: 1, p99: 1 },
  });
  const swapped = [9, 1, 2, 3];
  expect(pairedLatencies(NAMES, [direct, swapped])[1]?.added).toEqual({ p50: 0, p99: 8 });
  expect(unpairedLatencies(NAMES, [direct, swapped])[1]?.added).toEqual({ p50: 0, p99: 0 });
  expect(unpairedLatencies(NAMES, [direct, [1, 2]])[0]?.added).toBeNull();
});

test('ratios are taken within a round', () => {
  const round = (requests: number, cores: number) => ({
    report: { type: 'flat-out' as const, requests, seconds: 2, latencies: Float64Array.of(1, 2) },
    cores: { generator: cores, upstream: null, racer: 1 },
  });
  const ours = [round(400, 0.1), round(600, 0.3), round(200, 0.2)];
  const rival = [round(200, 0.1), round(200, 0.1), round(100, 0.1)];
  expect(throughput('Portkey', rival, ours)).toMatchObject({
    rps: 100,
    oursRatio: { median: 2, rounds: [2, 3, 2] },
    cores: { generator: 0.1, upstream: null, racer: 1 },
  });
  expect(throughput('ours', ours, ours)).toMatchObject({
    rps: 200,
    oursRatio: null,
    cores: { generator: 0.2 },
  });
});

test.each(['export A=b', "export A='b'", 'export Z=1\nexport A="b"\nexport B=c'])(
  'reads A from %j',
  (text) => {
    expect(credential(text, 'A')).toBe('b');
    expect(() => credential(text, 'MISSING')).toThrow('no MISSING');
  },
);
