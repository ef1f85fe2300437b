import type { BillingParts } from './parts.ts';
import type { PaymentProvider } from './provider.ts';
import { SandboxProvider } from './sandbox-provider.ts';
import { StripeProvider, type StripeSettings } from './stripe-provider.ts';

export interface BillingOptions extends Omit<BillingParts, 'provider'> {
  /** Null: the sandbox, with test money. */
  readonly stripe: StripeSettings | null;
}

export function makeBilling({ stripe, ...others }: BillingOptions): BillingParts {
  return { ...others, provider: makePaymentProvider({ stripe, ...others }) };
}

export function makePaymentProvider({
  stripe,
  pool,
  now,
}: Pick<BillingOptions, 'stripe' | 'pool' | 'now'>): PaymentProvider {
  return stripe === null ? new SandboxProvider({ pool, now }) : new StripeProvider(stripe);
}
