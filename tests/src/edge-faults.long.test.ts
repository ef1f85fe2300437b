/**
 * As edge-faults.test.ts, at the pace of a bad day and for minutes: 30 % of the nodes are killed each minute.
 * ZEROGPU_TEST_EDGE_SEED to repeat, ZEROGPU_TEST_EDGE_MINUTES for more.
 */
import { expect, test } from 'vitest';
import { describeRun, runEdgeFaults } from './support/edge-faults.ts';
import { expectUnharmed } from './support/edge-faults-checks.ts';
import { tryNamespace } from './support/network-namespace.ts';

const SEED = Number(process.env['ZEROGPU_TEST_EDGE_SEED'] ?? Date.now() % 1_000_000);
const MINUTES = Number(process.env['ZEROGPU_TEST_EDGE_MINUTES'] ?? 4);
const timeout = MINUTES * 60_000 + 600_000;
/** 3.6 of 12 a minute. */
const KILL_EVERY_MS = 60_000 / 3.6;

test(`${MINUTES} minutes of nodes that die, freeze, crawl, vanish and lie`, { timeout }, async () => {
  const network = tryNamespace();
  try {
    const pace = { killEveryMs: KILL_EVERY_MS, freezeEveryMs: 15_000, cutEveryMs: 30_000, longestMs: 20_000 };
    const times = { calmMs: 30_000, faultsMs: MINUTES * 60_000, massacres: 4 };
    const options = { seed: SEED, callers: 36, network, ...times, ...pace };
    const report = await runEdgeFaults(options);
    console.log(describeRun(options, report));
    expectUnharmed(report);
    expect(report.turmoil.kills.length).toBeGreaterThanOrEqual(MINUTES);
  } finally {
    network?.remove();
  }
});
