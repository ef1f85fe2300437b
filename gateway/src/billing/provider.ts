/** Who moves money between cards and us. One case suite (tests/src/payment-providers.test.ts) runs against each. */
import type { IncomingHttpHeaders } from 'node:http';
import type { NanoDollars } from '@zerogpu/protocol';

/** As `provider` stands in the tables: it also says whether the money is real. */
export type ProviderMode = 'sandbox' | 'stripe-test' | 'stripe-live';

/** A card as far as we may know it. */
export interface Card {
  /** The provider's name for it. */
  readonly token: string;
  readonly brand: string;
  readonly lastFour: string;
  readonly expMonth: number;
  readonly expYear: number;
  readonly country: string | null;
}

/** What a caller of the sandbox types; on its way to any other provider it never comes through us. */
export interface CardDetails {
  readonly number: string;
  readonly exp_month: number;
  readonly exp_year: number;
  readonly cvc: string;
  readonly country: string;
}

/** What the page of a card's bank would answer; only the sandbox is told it by us. */
export type BankAnswer = 'approve' | 'reject';

export interface SetupStart {
  readonly id: string;
  /** For the provider's form in the browser; null when there is none. */
  readonly clientSecret: string | null;
}

export type SetupOutcome =
  | { readonly state: 'succeeded'; readonly card: Card }
  /** `waiting`: no card was given yet. */
  | { readonly state: 'waiting' | 'requires_action' }
  | { readonly state: 'failed'; readonly code: string };

export interface ChargeRequest {
  /** The payment's id: the same id never makes two charges. */
  readonly paymentId: string;
  readonly organizationId: string;
  readonly customer: string;
  readonly token: string;
  /** Whole cents. */
  readonly amount: NanoDollars;
}

/** The provider's word on a charge, whole: it does not depend on what it said before. */
export type ChargeOutcome =
  /** `unconfirmed`: it was made, and no money can move before it is confirmed. `pending`: it is under way. */
  | { readonly state: 'unconfirmed' | 'pending' | 'canceled' }
  | { readonly state: 'requires_action'; readonly clientSecret: string | null }
  | { readonly state: 'succeeded'; readonly received: NanoDollars }
  | { readonly state: 'failed'; readonly code: string };

export interface RefundRequest {
  /** The refund's id: the same id never gives back twice. */
  readonly refundId: string;
  readonly charge: string;
  readonly amount: NanoDollars;
}

export type RefundOutcome =
  | { readonly state: 'pending' | 'succeeded'; readonly id: string }
  | { readonly state: 'failed'; readonly id: string | null; readonly code: string };

export interface ForeignRefund {
  readonly charge: string;
  readonly amount: NanoDollars;
}

/** Something changed there: which of its objects. What it is now has to be asked. */
export type ProviderEvent =
  | { readonly kind: 'charge'; readonly id: string }
  /** `foreign`: it was not asked for by us, but by the operator at the provider. What it says there never changes. */
  | { readonly kind: 'refund'; readonly id: string; readonly foreign: ForeignRefund | null }
  | { readonly kind: 'other' };

/**
 * Every method may be called again with the same arguments, after any failure, by any gateway: nothing happens twice.
 * A charge is made first and confirmed in a second step, so that its name is in our database before money can move.
 * @throws ProviderError
 */
export interface PaymentProvider {
  readonly name: 'sandbox' | 'stripe';
  readonly mode: ProviderMode;
  /** For the provider's form in the browser. */
  readonly publishableKey: string | null;
  createCustomer(organizationId: string): Promise<string>;
  startSetup(setupId: string, customer: string): Promise<SetupStart>;
  /** @param given only for the sandbox, which throws `refused` for anything but its test numbers */
  finishSetup(
    setup: string,
    customer: string,
    given: { readonly card?: CardDetails; readonly bank?: BankAnswer },
  ): Promise<SetupOutcome>;
  forgetCard(token: string): Promise<void>;
  createCharge(request: ChargeRequest): Promise<string>;
  /** @param offSession nobody is there to answer the card's bank */
  confirmCharge(charge: string, offSession: boolean): Promise<ChargeOutcome>;
  /** After the bank's page. @param bank only for the sandbox */
  continueCharge(charge: string, bank: BankAnswer | undefined): Promise<ChargeOutcome>;
  readCharge(charge: string): Promise<ChargeOutcome>;
  /** Canceled, unless it has come too far: then what became of it. */
  cancelCharge(charge: string): Promise<ChargeOutcome>;
  refund(request: RefundRequest): Promise<RefundOutcome>;
  readRefund(refund: string): Promise<RefundOutcome>;
  /** @returns null when the signature is not the provider's */
  readEvent(body: Uint8Array, headers: IncomingHttpHeaders, now: number): Promise<ProviderEvent | null>;
}

/**
 * `unknown`: no answer, or none that says what happened; ask again. `refused`: it will never do that, and nothing
 * happened. Carries no words of the provider: they may quote what was sent.
 */
export class ProviderError extends Error {
  override readonly name = 'ProviderError';
  readonly kind: 'unknown' | 'refused';
  readonly code: string;

  constructor(kind: 'unknown' | 'refused', code: string) {
    super(`The payment provider: ${kind}, ${code}`);
    this.kind = kind;
    this.code = code;
  }
}

export function isTestMoney(mode: ProviderMode): boolean {
  return mode !== 'stripe-live';
}

export const NANOS_PER_CENT = 10_000_000n;

/** @throws RangeError when it is no whole number of cents, or more than a provider takes */
export function toCents(amount: NanoDollars): number {
  const cents = amount / NANOS_PER_CENT;
  if (amount % NANOS_PER_CENT !== 0n || cents <= 0n || cents > 99_999_999n) {
    throw new RangeError('An amount to charge must be whole cents, from $0.01 to $999,999.99');
  }
  return Number(cents);
}

/** Words for what a provider calls a decline; anything else is told as a decline without a reason. */
const DECLINES: Readonly<Record<string, string>> = {
  authentication_required: 'The card’s bank asks its holder to approve the payment',
  authentication_failed: 'The card’s bank was not given its holder’s approval',
  card_declined: 'The card was declined',
  expired_card: 'The card has expired',
  incorrect_cvc: 'The security code of the card is wrong',
  incorrect_number: 'The number of the card is wrong',
  insufficient_funds: 'The card has insufficient funds',
  lost_card: 'The card was declined',
  no_payment_method: 'There is no card to charge',
  not_finished: 'The payment was not finished in time',
  processing_error: 'The provider could not process the card; try again',
  stolen_card: 'The card was declined',
};

/** Of a failed payment, refund or setup, for people. */
export function declineMessage(code: string): string {
  return DECLINES[code] ?? 'The payment provider declined';
}

/** A code as it may stand in our tables: a provider's word, never a sentence. */
export function declineCode(code: unknown): string {
  return typeof code === 'string' && /^[a-z_]{1,50}$/.test(code) ? code : 'declined';
}
