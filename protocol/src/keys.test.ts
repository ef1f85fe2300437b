import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ApiError } from './errors.ts';
import {
  API_KEY_PREFIX,
  isWellFormedSecret,
  JOIN_TOKEN_PREFIX,
  makeSecret,
  maskSecret,
  withoutSecrets,
} from './keys.ts';

const prefix = fc.constantFrom(API_KEY_PREFIX, JOIN_TOKEN_PREFIX);
const other = (p: string) => (p === API_KEY_PREFIX ? JOIN_TOKEN_PREFIX : API_KEY_PREFIX);

describe('makeSecret', () => {
  test('is well formed for its prefix alone', () => {
    fc.assert(
      fc.property(prefix, (p) => {
        const secret = makeSecret(p);
        expect(secret).toMatch(/^zgpu-(api|join)-[0-9A-Za-z]{38}$/);
        expect(isWellFormedSecret(p, secret)).toBe(true);
        expect(isWellFormedSecret(other(p), secret)).toBe(false);
      }),
    );
  });

  test('throws biased bytes away and goes on until it has enough', () => {
    let calls = 0;
    const random = (bytes: Uint8Array) => bytes.fill(calls++ === 0 ? 255 : 61);
    expect(makeSecret(API_KEY_PREFIX, random).slice(API_KEY_PREFIX.length, -6)).toBe('z'.repeat(32));
    expect(calls).toBe(2);
  });

  test('every letter of the alphabet is as likely as the next', () => {
    const seen = new Map<string, number>();
    for (let i = 0; i < 2000; i++) {
      for (const c of makeSecret(API_KEY_PREFIX).slice(API_KEY_PREFIX.length, -6)) {
        seen.set(c, (seen.get(c) ?? 0) + 1);
      }
    }
    // 64,000 letters over 62: 1032 each, standard deviation 32. Eight deviations are not met by chance.
    expect(seen.size).toBe(62);
    for (const count of seen.values()) expect(Math.abs(count - 64_000 / 62)).toBeLessThan(8 * 32);
  });
});

describe('isWellFormedSecret', () => {
  test('notices every single typing error and every swap of neighbours', () => {
    const letter = fc.constantFrom(...'0aZ9qM');
    fc.assert(
      fc.property(prefix, fc.nat(37), letter, (p, at, typed) => {
        const secret = makeSecret(p);
        const i = p.length + at;
        fc.pre(secret[i] !== typed);
        expect(isWellFormedSecret(p, secret.slice(0, i) + typed + secret.slice(i + 1))).toBe(false);
        const [a, b] = [secret[i] ?? '', secret[i + 1] ?? ''];
        fc.pre(a !== b && b !== '');
        expect(isWellFormedSecret(p, secret.slice(0, i) + b + a + secret.slice(i + 2))).toBe(false);
      }),
    );
  });

  test('refuses any other text', () => {
    fc.assert(fc.property(prefix, fc.string(), (p, text) => !isWellFormedSecret(p, p + text)));
  });
});

describe('maskSecret', () => {
  test('shows eight letters and no more', () => {
    fc.assert(
      fc.property(prefix, (p) => {
        const secret = makeSecret(p);
        const masked = maskSecret(secret);
        expect(masked).toBe(`${p}${secret.slice(p.length, p.length + 4)}…${secret.slice(-4)}`);
        expect(masked.length).toBe(p.length + 9);
      }),
    );
  });
});

describe('withoutSecrets', () => {
  test('leaves nothing of a secret, wherever it stands', () => {
    fc.assert(
      fc.property(prefix, fc.string(), fc.string(), (p, before, after) => {
        const secret = makeSecret(p);
        const told = withoutSecrets(`${before} ${secret} ${after}`);
        expect(told).toContain(`${p}…`);
        expect(told).not.toContain(secret.slice(p.length, p.length + 12));
      }),
    );
  });

  test.for([
    ['The model "zgpu-api-EXAMPLEEXAMPLE" does not exist', 'The model "zgpu-api-…" does not exist'],
    ['whsec_EXAMPLEabc/+= and sk_live_EXAMPLE00', 'whsec_… and sk_live_…'],
    ['a masked one: zgpu-api-4fGh…Xy9Z', 'a masked one: zgpu-api-4fGh…Xy9Z'],
    ['a key begins with zgpu-api-', 'a key begins with zgpu-api-'],
    ['zlm-v1-summary-cloud', 'zlm-v1-summary-cloud'],
  ])('%s', ([text, told]) => {
    expect(withoutSecrets(text!)).toBe(told);
  });

  test('errors say no secret back', () => {
    const secret = makeSecret('zgpu-api-');
    const error = new ApiError('model_not_found', {
      message: `The model "${secret}" is none`,
      param: secret,
    });
    expect(JSON.stringify([error.message, error.param])).not.toContain(secret);
  });
});
