import { describe, expect, it } from 'vitest';
import { blamesItem, isDatabaseTrouble, isRepeat, isTransient, retryTransient } from './database-errors.ts';

const withCode = (code: string) => Object.assign(new Error('text'), { code });

describe('what an error says about trying again', () => {
  it.each(['08006', '57P01', '57P03', '40P01', 'ECONNREFUSED', 'ENOENT', 'EPIPE'])('%s passes', (code) => {
    expect(isTransient(withCode(code))).toBe(true);
    expect(blamesItem(withCode(code))).toBe(false);
  });

  it.each(['22P05', '23505', '23514', 'P0001', 'P0002'])('%s is some item’s fault', (code) => {
    expect(isTransient(withCode(code))).toBe(false);
    expect(blamesItem(withCode(code))).toBe(true);
  });

  it.each(['42601', '57014', '53100'])('%s stays and is nobody’s fault', (code) => {
    expect(isTransient(withCode(code))).toBe(false);
    expect(blamesItem(withCode(code))).toBe(false);
  });

  it('knows trouble that is the database’s own from what a row or a statement caused', () => {
    for (const code of [
      '57P01',
      '53100',
      '53200',
      '25006',
      '55000',
      '55P03',
      '57014',
      '58030',
      'XX001',
      'ECONNRESET',
    ])
      expect(isDatabaseTrouble(withCode(code))).toBe(true);
    for (const code of ['42601', '22001', '23505', 'P0001', 'ERR_X', 'EXX001'])
      expect(isDatabaseTrouble(withCode(code))).toBe(false);
    expect(isDatabaseTrouble(new Error('XX000'))).toBe(false);
  });

  it('knows what pg says without a code, and nothing else', () => {
    expect(isTransient(new Error('Connection terminated unexpectedly'))).toBe(true);
    expect(isTransient(new Error('timeout exceeded when trying to connect'))).toBe(true);
    expect(isTransient(new Error('something else'))).toBe(false);
    expect(isTransient('ECONNREFUSED')).toBe(false);
    expect(isRepeat(withCode('23505'))).toBe(true);
    expect(isRepeat(withCode('23514'))).toBe(false);
  });
});

describe('retryTransient', () => {
  it('tries again as often as there are waits, and tells how often it failed', async () => {
    const seen: number[] = [];
    const work = async (failures: number) => {
      seen.push(failures);
      if (failures < 2) throw withCode('57P01');
      return 'done';
    };
    expect(await retryTransient(work, [0, 0])).toBe('done');
    expect(seen).toEqual([0, 1, 2]);
    await expect(retryTransient(work, [0])).rejects.toThrow('text');
  });

  it('does not try again what stays', async () => {
    let calls = 0;
    const work = async () => {
      calls += 1;
      throw withCode('23505');
    };
    await expect(retryTransient(work, [0, 0])).rejects.toThrow('text');
    expect(calls).toBe(1);
  });
});
