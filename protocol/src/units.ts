/** Money is a bigint of nano-dollars (1e-9 USD) everywhere inside: $0.02 per 1M tokens is exactly 20 per token. */
export type NanoDollars = bigint;

export const NANOS_PER_DOLLAR = 1_000_000_000n;

/** `$5.00`, `$0.00000224`, `-$1.25`: at least two decimals, and as many more as it takes to be true. */
export function formatDollars(nanos: NanoDollars): string {
  const sign = nanos < 0n ? '-' : '';
  const size = nanos < 0n ? -nanos : nanos;
  const decimals = (size % NANOS_PER_DOLLAR).toString().padStart(9, '0');
  return `${sign}$${size / NANOS_PER_DOLLAR}.${decimals.slice(0, 2)}${decimals.slice(2).replace(/0+$/, '')}`;
}

/** Reads a dollar amount such as `5`, `$5.00` or `0.000000001`; null when it is not one, or finer than a nano-dollar. */
export function parseDollars(text: string): NanoDollars | null {
  const match = /^\$?(\d{1,12})(?:\.(\d{1,9}))?$/.exec(text.trim());
  if (!match) return null;
  return BigInt(match[1]!) * NANOS_PER_DOLLAR + BigInt((match[2] ?? '').padEnd(9, '0'));
}
