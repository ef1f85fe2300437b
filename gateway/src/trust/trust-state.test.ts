import { describe, expect, it } from 'vitest';
import {
  afterDoubt,
  afterRight,
  afterUnchecked,
  afterWrong,
  LEAST_RECHECKED,
  NOTHING_SHOWN,
  RIGHT_TO_EARN,
  recheckShare,
  type TrackRecord,
  trustAt,
} from './trust-state.ts';

const rightTimes = (count: number, from: TrackRecord = NOTHING_SHOWN) => {
  let record = from;
  for (let i = 0; i < count; i++) record = afterRight(record);
  return record;
};

describe('the trust in a stranger’s node', () => {
  it('is earned by ten right answers in a row, and not by nine', () => {
    expect(RIGHT_TO_EARN).toBe(10);
    expect(trustAt('public', false, NOTHING_SHOWN)).toBe('probation');
    expect(trustAt('public', false, rightTimes(9))).toBe('probation');
    expect(trustAt('public', false, rightTimes(10))).toBe('earned');
  });

  it('begins anew after a wrong answer and after doubt, and what was shown is kept', () => {
    const wrong = afterWrong(rightTimes(30));
    expect(wrong).toEqual({ rightInRow: 0, right: 30, wrong: 1, unchecked: 0 });
    expect(trustAt('public', false, rightTimes(9, wrong))).toBe('probation');
    expect(trustAt('public', false, rightTimes(10, wrong))).toBe('earned');
    expect(trustAt('public', false, afterDoubt(rightTimes(30)))).toBe('probation');
  });

  it('is none in quarantine, whatever was shown', () => {
    expect(trustAt('public', true, rightTimes(1000))).toBe('quarantined');
  });

  it('is not asked of nodes that somebody vouches for', () => {
    for (const pool of ['organization', 'operator', 'cloud'] as const) {
      expect(trustAt(pool, true, NOTHING_SHOWN)).toBe('vouched');
    }
  });

  it('does not grow by answers that nobody checked', () => {
    expect(trustAt('public', false, afterUnchecked(rightTimes(9)))).toBe('probation');
  });

  it('has half of the first answers rechecked, and never less than a tenth', () => {
    expect(recheckShare(rightTimes(10))).toBe(0.5);
    expect(recheckShare(rightTimes(25))).toBe(0.2);
    for (const count of [50, 51, 1000, 1_000_000]) {
      expect(recheckShare({ ...NOTHING_SHOWN, rightInRow: count })).toBe(LEAST_RECHECKED);
    }
    expect(LEAST_RECHECKED).toBeGreaterThanOrEqual(0.1);
  });
});
