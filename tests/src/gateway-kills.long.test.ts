import { expect, test } from 'vitest';
import { killGatewayUnderLoad } from './support/gateway-kills.ts';

test('20 kills of a gateway under load', { timeout: 900_000 }, async () => {
  const report = await killGatewayUnderLoad({ kills: 20, callers: 64 });
  const sorted = [...report.inFlight].sort((a, b) => a - b);
  console.log(`In flight at each kill: ${report.inFlight.join(' ')} (median ${sorted[10]})`);
  console.log(
    `${report.answered.length} answered to the end, ${report.unsettled.length} of them not settled`,
  );
  expect(sorted[10]).toBeGreaterThanOrEqual(10);
  expect(report.unsettled).toEqual([]);
  expect(report.settledTwice).toBe(0);
  expect(report.violations).toEqual([]);
  expect(report.heldAfterwards).toBe(0n);
});
