import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { declineCode, declineMessage, NANOS_PER_CENT, toCents } from './provider.ts';
import { escapeHtml } from './receipt.ts';
import { findTestCard } from './test-cards.ts';

describe('escapeHtml', () => {
  it('leaves nothing that begins a tag, an entity or ends an attribute', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(/[<>"']|&(?!amp;|lt;|gt;|quot;|#39;)/.test(escapeHtml(text))).toBe(false);
      }),
    );
  });
});

describe('toCents', () => {
  it('is exact, and refuses what no card can be charged', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 99_999_999n }), (cents) => {
        expect(BigInt(toCents(cents * NANOS_PER_CENT))).toBe(cents);
        expect(() => toCents(cents * NANOS_PER_CENT + 1n)).toThrow(RangeError);
      }),
    );
    for (const amount of [0n, -NANOS_PER_CENT, 100_000_000n * NANOS_PER_CENT]) {
      expect(() => toCents(amount)).toThrow(RangeError);
    }
  });
});

describe('what a provider says', () => {
  it('becomes a word of ours or none', () => {
    expect(declineCode('insufficient_funds')).toBe('insufficient_funds');
    for (const said of ['Your card 4242424242424242', 'x'.repeat(51), 4, null, undefined]) {
      expect(declineCode(said)).toBe('declined');
    }
    expect(declineMessage('never_heard_of')).toBe('The payment provider declined');
  });

  it('test cards are found with and without spaces, and nothing else is', () => {
    expect(findTestCard('4242 4242 4242 4242')).toMatchObject({ brand: 'visa' });
    for (const other of ['4111111111111111', '', 'constructor', '__proto__']) {
      expect(findTestCard(other)).toBeUndefined();
    }
  });
});
