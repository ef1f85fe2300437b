/** Money under fire: gateways that are killed, callers that try again, budgets that change, and one set of books. */
import { expect, test } from 'vitest';
import { describeOnServer } from './support/database-server.ts';
import { describeRun, median, runMoneyFaults } from './support/money-faults.ts';

describeOnServer('four gateways on one PostgreSQL server', () => {
  test('10,000 requests, kills at random: the books are right', { timeout: 300_000 }, async () => {
    const seed = Date.now() % 1_000_000;
    const options = { requests: 10_000, callers: 96, killEvery: 600, killUntil: 0.6, seed };
    const report = await runMoneyFaults(options);
    console.log(describeRun(options, report));
    expect(report.inFlight.length).toBeGreaterThanOrEqual(3);
    expect(median(report.inFlight)).toBeGreaterThanOrEqual(10);
    expect(report.surprises).toEqual([]);
    expect(report.violations).toEqual([]);
    expect(report.replay.findings).toEqual([]);
    expect(report.misfits).toEqual([]);
    expect(report.probed.flatMap(({ surprises }) => surprises)).toEqual([]);
    for (const { left, least } of report.probed) expect(left).toBeLessThan(least);
  });
});
