/** As money-faults.test.ts, for as long as it takes; ZEROGPU_TEST_MONEY_REQUESTS=1000000 for more, ZEROGPU_TEST_MONEY_SEED to repeat. */
import { expect, test } from 'vitest';
import { describeOnServer } from './support/database-server.ts';
import { describeRun, median, runMoneyFaults } from './support/money-faults.ts';

const REQUESTS = Number(process.env['ZEROGPU_TEST_MONEY_REQUESTS'] ?? 200_000);
const SEED = Number(process.env['ZEROGPU_TEST_MONEY_SEED'] ?? Date.now() % 1_000_000);
/** At 100 requests a second, the slowest seen on two shared cores, and what comes before and after. */
const timeout = REQUESTS * 10 + 600_000;

describeOnServer('four gateways on one PostgreSQL server', () => {
  test(`${REQUESTS} requests, kills at random: the books are right`, { timeout }, async () => {
    const options = { requests: REQUESTS, callers: 128, killEvery: 2_000, killUntil: 0.98, seed: SEED };
    const report = await runMoneyFaults(options);
    console.log(describeRun(options, report));
    expect(report.ended.answered).toBeGreaterThanOrEqual(REQUESTS);
    expect(report.inFlight.length).toBeGreaterThanOrEqual(REQUESTS / 10_000);
    expect(median(report.inFlight)).toBeGreaterThanOrEqual(10);
    expect(report.surprises).toEqual([]);
    expect(report.violations).toEqual([]);
    expect(report.replay.findings).toEqual([]);
    expect(report.misfits).toEqual([]);
    expect(report.probed.flatMap(({ surprises }) => surprises)).toEqual([]);
    for (const { left, least } of report.probed) expect(left).toBeLessThan(least);
  });
});
