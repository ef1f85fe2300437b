import { describe, expect, it } from 'vitest';
import { hashPassword } from '../store/passwords.ts';
import { PasswordGate } from './password-gate.ts';

describe('PasswordGate', () => {
  it('checks what it hashed, and nobody’s password', async () => {
    const gate = new PasswordGate();
    const kept = await gate.hash('ﬁne Ångström'); // the ligature and the sign have another normal form
    expect(kept).not.toContain('ne');
    expect(await gate.check('fine Ångström', kept)).toBe(true);
    expect(await gate.check('fine', kept)).toBe(false);
    expect(await gate.check('fine', null)).toBe(false);
    expect(await gate.check('fine', `${'0'.repeat(32)}:`)).toBe(false);
    expect(await gate.check('fine', '')).toBe(false);
  });

  it('lets 34 wait and work, sends the next away, and goes on afterwards', async () => {
    const gate = new PasswordGate();
    const kept = await hashPassword('password');
    const checks = Array.from({ length: 35 }, () =>
      gate.check('password', kept).catch((error: unknown) => error),
    );
    const results = await Promise.all(checks);
    expect(results.filter((result) => result === true)).toHaveLength(34);
    expect(results[34]).toMatchObject({ code: 'no_capacity', retryAfterSeconds: 1 });
    expect(await gate.check('password', kept)).toBe(true);
  });

  it('gives the turn on when a hash fails', async () => {
    const gate = new PasswordGate();
    const failing = Array.from({ length: 6 }, () => gate.hash(Symbol('no text') as unknown as string));
    expect((await Promise.allSettled(failing)).every(({ status }) => status === 'rejected')).toBe(true);
    expect(await gate.hash('password')).toMatch(/^[0-9a-f]{32}:[0-9a-f]{128}$/);
  });
});
