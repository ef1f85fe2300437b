import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MANIFESTS } from './manifests.ts';
import { priceOf } from './price.ts';

const tokens = fc.nat({ max: 10_000_000 });
const usages = fc.record({ inputTokens: tokens, outputTokens: tokens });
const manifests = fc.oneof(
  fc.constantFrom(...MANIFESTS),
  fc.record({
    price: fc.record({
      inputPerToken: fc.bigInt({ min: 0n, max: 10n ** 6n }),
      outputPerToken: fc.bigInt({ min: 0n, max: 10n ** 6n }),
    }),
  }),
);

describe('priceOf', () => {
  test('is so much for each token', () => {
    const manifest = { price: { inputPerToken: 20n, outputPerToken: 50n } };
    expect(priceOf(manifest, { inputTokens: 100, outputTokens: 7 }, 'interactive')).toBe(2_350n);
    expect(priceOf(manifest, { inputTokens: 100, outputTokens: 7 }, 'batch')).toBe(1_175n);
  });

  test('in a batch is half, never above the exact half, and never more than one nano-dollar below it', () => {
    fc.assert(
      fc.property(manifests, usages, (manifest, usage) => {
        const [full, half] = [priceOf(manifest, usage, 'interactive'), priceOf(manifest, usage, 'batch')];
        expect(2n * half <= full && full < 2n * half + 2n).toBe(true);
      }),
    );
  });

  test('is never below zero, and never falls when there are more tokens', () => {
    fc.assert(
      fc.property(
        manifests,
        usages,
        usages,
        fc.constantFrom('interactive', 'batch'),
        (manifest, some, more, tier) => {
          const sum = {
            inputTokens: some.inputTokens + more.inputTokens,
            outputTokens: some.outputTokens + more.outputTokens,
          };
          expect(priceOf(manifest, some, tier)).toBeGreaterThanOrEqual(0n);
          expect(priceOf(manifest, sum, tier)).toBeGreaterThanOrEqual(priceOf(manifest, some, tier));
        },
      ),
    );
  });
});
