import { expect } from 'vitest';
import type { EdgeFaultsReport } from './edge-faults.ts';
import { median } from './money-faults.ts';

/** Hedges of all requests. */
const MOST_HEDGED = 0.02;
/** goals.md: 99 % of those that always lie are found out within 45 answers, of those that lie one time in ten within 460. */
const ALWAYS_WITHIN = 45;
/** One in ten, a tenth rechecked: 1 in 23,000 is not found out by then, and a test may not fail by chance. */
const TENTH_WITHIN = 1_000;

/** What must be true whatever happened to the nodes. */
export function expectUnharmed(report: EdgeFaultsReport): void {
  const { failures, unexplained, audit, liars, accused, leaked, answered, turmoil } = report;
  expect(failures).toEqual([]);
  expect(unexplained).toEqual([]);
  expect(median(turmoil.kills.map(({ inFlight }) => inFlight))).toBeGreaterThanOrEqual(10);
  expect(audit.rows).toMatchObject({ all: answered, failed: 0 });
  // Or nothing was killed in the middle of anything.
  expect(audit.rows.retried).toBeGreaterThan(0);
  expect(audit.unsettled).toEqual([]);
  expect(audit.settledTwice).toBe(0);
  expect(audit.violations).toEqual([]);
  expect(audit.heldAfterwards).toBe(0n);
  expect(audit.strayed).toBe(0);
  expect(audit.hedged).toBeLessThanOrEqual(answered * MOST_HEDGED);
  expect(accused).toEqual([]);
  for (const { share, caught, answers, runsAfterwards } of liars) {
    const within = share === 1 ? ALWAYS_WITHIN : TENTH_WITHIN;
    if (share === 1) expect(answers).toBeGreaterThan(0);
    if (share === 1 || answers > within) expect(caught?.answers ?? answers).toBeLessThanOrEqual(within);
    if (share === 1) expect(caught).not.toBeNull();
    expect(runsAfterwards).toBe(0);
  }
  expect(leaked).toEqual([]);
}
