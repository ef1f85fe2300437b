import { expect, test } from 'vitest';
import { killGatewayUnderLoad } from './support/gateway-kills.ts';

test('a gateway killed under load loses nothing that it answered', { timeout: 240_000 }, async () => {
  const report = await killGatewayUnderLoad({ kills: 3, callers: 32 });
  expect(report.answered.length).toBeGreaterThan(0);
  expect(report.unsettled).toEqual([]);
  expect(report.settledTwice).toBe(0);
  expect(report.violations).toEqual([]);
  expect(report.heldAfterwards).toBe(0n);
});
