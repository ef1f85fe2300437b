/**
 * Twelve real nodes of which some are killed, frozen, slow, cut off or lie: callers notice nothing while the fallback is up.
 * Much is done in little time here; edge-faults.long.test.ts has the pace of a bad day.
 */
import { expect, test } from 'vitest';
import { describeRun, runEdgeFaults } from './support/edge-faults.ts';
import { expectUnharmed } from './support/edge-faults-checks.ts';
import { tryNamespace } from './support/network-namespace.ts';

test('nodes die, freeze, crawl, vanish and lie: all is answered right', { timeout: 300_000 }, async () => {
  const network = tryNamespace();
  try {
    const pace = { killEveryMs: 2_500, freezeEveryMs: 2_500, cutEveryMs: 5_000, longestMs: 3_000 };
    const times = { calmMs: 3_000, faultsMs: 14_000, massacres: 1 };
    const options = { seed: Date.now() % 1_000_000, callers: 36, network, ...times, ...pace };
    const report = await runEdgeFaults(options);
    console.log(describeRun(options, report));
    expectUnharmed(report);
    expect(report.turmoil.kills.length).toBeGreaterThanOrEqual(3);
  } finally {
    network?.remove();
  }
});
