import type { ModelManifest, NanoDollars, Tier, Usage } from '@zerogpu/protocol';

/**
 * What so many tokens cost. In a batch half of it; where the half is not whole the caller has the difference. Pure.
 * @param usage whole numbers of tokens, not below zero
 */
export function priceOf(
  { price }: Pick<ModelManifest, 'price'>,
  { inputTokens, outputTokens }: Pick<Usage, 'inputTokens' | 'outputTokens'>,
  tier: Tier,
): NanoDollars {
  const full = BigInt(inputTokens) * price.inputPerToken + BigInt(outputTokens) * price.outputPerToken;
  return tier === 'batch' ? full / 2n : full;
}
