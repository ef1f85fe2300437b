/** What becomes of a payment when its provider tells something of it. Pure. */
import type { ChargeOutcome } from './provider.ts';

export type PaymentState = 'pending' | 'requires_action' | 'succeeded' | 'failed' | 'canceled';

export interface Step {
  readonly state: PaymentState;
  /** Credit is posted with exactly these steps. */
  readonly credited: boolean;
  readonly failureCode: string | null;
}

/**
 * The provider's word is what it says now, and words arrive late, twice and out of order. So money that arrived always
 * counts, whatever was believed before, and only once; nothing undoes it; and what ended does not begin again.
 * @returns null when nothing changes
 */
export function nextStep(state: PaymentState, outcome: ChargeOutcome): Step | null {
  if (state === 'succeeded') return null;
  if (outcome.state === 'succeeded') return { state: 'succeeded', credited: true, failureCode: null };
  if (state === 'failed' || state === 'canceled') return null;
  switch (outcome.state) {
    case 'failed':
      return { state: 'failed', credited: false, failureCode: outcome.code };
    case 'canceled':
      return { state: 'canceled', credited: false, failureCode: null };
    case 'requires_action':
      return state === 'requires_action'
        ? null
        : { state: 'requires_action', credited: false, failureCode: null };
    case 'pending':
      return state === 'pending' ? null : { state: 'pending', credited: false, failureCode: null };
    case 'unconfirmed':
      return null;
  }
}
