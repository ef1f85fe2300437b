import { findManifest, tokenizerOf } from '@zerogpu/catalogue';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Admission } from '../flow.ts';
import { inference } from '../testing/connected-nodes.ts';
import { SUMMARY } from '../testing/scripted-node.ts';
import { meter } from './meter.ts';

const manifest = findManifest(SUMMARY);
if (!manifest) throw new Error('The catalogue has lost its summary model');
const admission: Admission = {
  manifest,
  tier: 'interactive',
  inference: inference(),
  inputTokens: 100,
  held: 1_000_000n,
  deadline: 0,
  limits: { requests: null, tokens: null },
};
const given = {
  text: 'One two.',
  reasoning: null,
  toolCalls: [],
  finishReason: 'stop' as const,
  usage: null,
};
const count = (text: string) => tokenizerOf('zlm').count(text);

describe('meter', () => {
  test('counts here what nobody is trusted to count', () => {
    const { answer, cost } = meter(admission, { ...given, reasoning: 'Hm, so.' });
    const outputTokens = count('One two.') + count('Hm, so.');
    expect(answer).toMatchObject({
      model: SUMMARY,
      usage: { inputTokens: 100, outputTokens, reasoningTokens: count('Hm, so.') },
    });
    expect(cost).toBe(100n * 20n + BigInt(outputTokens) * 50n);
  });

  test('a vector is no text: it counts as no output', () => {
    const embed = findManifest('zlm-v1-embed-edge') ?? manifest;
    const { answer, cost } = meter({ ...admission, manifest: embed }, { ...given, text: '["AACAPw=="]' });
    expect(answer.usage).toEqual({ inputTokens: 100, outputTokens: 0, reasoningTokens: 0 });
    expect(cost).toBe(100n * 20n);
  });

  test('a line of a batch costs half', () => {
    const [full, half] = [meter(admission, given), meter({ ...admission, tier: 'batch' }, given)];
    expect(half.answer).toEqual(full.answer);
    expect(half.cost).toBe(full.cost / 2n);
  });

  test('calls of functions are output too', () => {
    const call = { id: 'c', type: 'function' as const, function: { name: 'look', arguments: '{"a":1}' } };
    const { answer } = meter(admission, { ...given, text: '', toolCalls: [call, call] });
    expect(answer.usage.outputTokens).toBe(2 * (count('look') + count('{"a":1}')));
  });

  test("takes a trusted upstream's count as far as the hold, and never charges more", () => {
    const tokens = fc.nat({ max: 2_000_000 });
    fc.assert(
      fc.property(
        tokens,
        tokens,
        fc.bigInt({ min: 0n, max: 10n ** 9n }),
        (inputTokens, outputTokens, held) => {
          const usage = { inputTokens, outputTokens, reasoningTokens: 0 };
          const { answer, cost } = meter({ ...admission, held }, { ...given, usage });
          const price = BigInt(inputTokens) * 20n + BigInt(outputTokens) * 50n;
          const ours = meter({ ...admission, held }, given);
          expect(cost).toBe(price <= held ? price : ours.cost);
          expect(answer.usage).toEqual(price <= held ? usage : ours.answer.usage);
          expect(cost <= held).toBe(true);
        },
      ),
    );
  });
});
