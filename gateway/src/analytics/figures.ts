/** What sums of rollups say. Pure. */

import type { Static } from '@sinclair/typebox';
import { dollarsText, type Figures, type NanoDollars } from '@zerogpu/protocol';
import { LATENCY_BOUNDS_MS, latencyPercentile, readLatencies } from '../store/latency-histogram.ts';

export interface Sums {
  readonly requests: bigint;
  readonly errors: bigint;
  readonly input_tokens: bigint;
  readonly output_tokens: bigint;
  readonly cost: NanoDollars;
  readonly latency_ms_sum: number;
  /** Digits; see latency-histogram.ts. */
  readonly latency_histogram: string;
}

export type FiguresShown = Static<typeof Figures>;

export function figuresOf(sums: Sums): FiguresShown {
  const requests = Number(sums.requests);
  const latencies = readLatencies(sums.latency_histogram);
  return {
    requests,
    errors: Number(sums.errors),
    error_rate: requests === 0 ? null : Number(sums.errors) / requests,
    input_tokens: Number(sums.input_tokens),
    output_tokens: Number(sums.output_tokens),
    cost: dollarsText(sums.cost),
    latency: {
      average_ms: requests === 0 ? null : sums.latency_ms_sum / requests,
      p50_ms: percentile(latencies, 0.5),
      p95_ms: percentile(latencies, 0.95),
      p99_ms: percentile(latencies, 0.99),
    },
  };
}

export const NOTHING: Sums = {
  requests: 0n,
  errors: 0n,
  input_tokens: 0n,
  output_tokens: 0n,
  cost: 0n,
  latency_ms_sum: 0,
  latency_histogram: '0',
};

/** What took longer than the last bound is told as that bound: JSON has no infinity. */
function percentile(latencies: readonly number[], share: number): number | null {
  const found = latencyPercentile(latencies, share);
  return found === null ? null : Math.min(found, LATENCY_BOUNDS_MS.at(-1) ?? found);
}

/** Of several projects together. */
export function added(all: readonly Sums[]): Sums {
  return all.reduce(
    (sum, one) => ({
      requests: sum.requests + one.requests,
      errors: sum.errors + one.errors,
      input_tokens: sum.input_tokens + one.input_tokens,
      output_tokens: sum.output_tokens + one.output_tokens,
      cost: sum.cost + one.cost,
      latency_ms_sum: sum.latency_ms_sum + one.latency_ms_sum,
      latency_histogram: String(BigInt(sum.latency_histogram) + BigInt(one.latency_histogram)),
    }),
    NOTHING,
  );
}
