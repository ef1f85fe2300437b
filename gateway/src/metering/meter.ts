import { priceOf, tokenizerOf } from '@zerogpu/catalogue';
import type { Answer, NanoDollars } from '@zerogpu/protocol';
import type { Admission, TargetAnswer } from '../flow.ts';

export interface Metered {
  readonly answer: Answer;
  readonly cost: NanoDollars;
}

/**
 * Step 7, the counting half: what was used and what it costs. We count, except where a trusted upstream did with the
 * model's own tokenizer; what it counts beyond the hold it is not trusted with, and we count after all. Never more than
 * was held: the hold is the upper bound that the caller was admitted with.
 */
export function meter(
  admission: Admission,
  given: Pick<TargetAnswer, 'text' | 'reasoning' | 'toolCalls' | 'finishReason' | 'usage'>,
): Metered {
  const { manifest, tier, held } = admission;
  const within = given.usage !== null && priceOf(manifest, given.usage, tier) <= held;
  const usage = given.usage !== null && within ? given.usage : countedHere(admission, given);
  const price = priceOf(manifest, usage, tier);
  const { text, reasoning, toolCalls, finishReason } = given;
  return {
    answer: { model: manifest.id, text, reasoning, toolCalls, finishReason, usage },
    // biome-ignore lint/complexity/useMathMinMax: money is a bigint
    cost: price < held ? price : held,
  };
}

function countedHere(
  admission: Admission,
  given: Pick<TargetAnswer, 'text' | 'reasoning' | 'toolCalls'>,
): Answer['usage'] {
  // A vector is no text.
  if (admission.manifest.task === 'embedding')
    return { inputTokens: admission.inputTokens, outputTokens: 0, reasoningTokens: 0 };
  const tokenizer = tokenizerOf(admission.manifest.tokenizer);
  const reasoningTokens = given.reasoning === null ? 0 : tokenizer.count(given.reasoning);
  const callTokens = given.toolCalls
    .flatMap((call) => [call.function.name, call.function.arguments])
    .reduce((sum, text) => sum + tokenizer.count(text), 0);
  return {
    inputTokens: admission.inputTokens,
    outputTokens: tokenizer.count(given.text) + reasoningTokens + callTokens,
    reasoningTokens,
  };
}
