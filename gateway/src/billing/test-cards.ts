/**
 * The numbers that Stripe publishes for tests (https://docs.stripe.com/testing), with what each does. The sandbox takes
 * these and no other, so that no real card ever lands here; they are the same numbers with Stripe's test mode.
 */
export interface TestCard {
  readonly brand: string;
  /** Adding it fails with this code. */
  readonly refusedAtSetup?: string;
  /** Adding it needs the bank's page. */
  readonly asksAtSetup?: boolean;
  /** When its bank's page is needed for a payment with somebody there; never otherwise. */
  readonly asksAtPayment?: boolean;
  /** Every payment fails with this code. */
  readonly declines?: string;
  /** A payment with nobody there fails with this code. */
  readonly declinesOffSession?: string;
}

const TEST_CARDS: Readonly<Record<string, TestCard>> = {
  '4242424242424242': { brand: 'visa' },
  '4000056655665556': { brand: 'visa' },
  '5555555555554444': { brand: 'mastercard' },
  '2223003122003222': { brand: 'mastercard' },
  '5200828282828210': { brand: 'mastercard' },
  '378282246310005': { brand: 'amex' },
  '371449635398431': { brand: 'amex' },
  '6011111111111117': { brand: 'discover' },
  '3056930009020004': { brand: 'diners' },
  '3566002020360505': { brand: 'jcb' },
  '6200000000000005': { brand: 'unionpay' },
  '4000000000000002': { brand: 'visa', refusedAtSetup: 'card_declined' },
  '4000000000009995': { brand: 'visa', refusedAtSetup: 'insufficient_funds' },
  '4000000000009987': { brand: 'visa', refusedAtSetup: 'lost_card' },
  '4000000000009979': { brand: 'visa', refusedAtSetup: 'stolen_card' },
  '4000000000000069': { brand: 'visa', refusedAtSetup: 'expired_card' },
  '4000000000000127': { brand: 'visa', refusedAtSetup: 'incorrect_cvc' },
  '4000000000000119': { brand: 'visa', refusedAtSetup: 'processing_error' },
  '4242424242424241': { brand: 'visa', refusedAtSetup: 'incorrect_number' },
  // Can be added, and is declined when it is charged.
  '4000000000000341': { brand: 'visa', declines: 'card_declined' },
  // Asks for its holder when it is added, and never afterwards.
  '4000002500003155': { brand: 'visa', asksAtSetup: true },
  // Asks for its holder every time, so it cannot be charged with nobody there.
  '4000002760003184': {
    brand: 'visa',
    asksAtSetup: true,
    asksAtPayment: true,
    declinesOffSession: 'authentication_required',
  },
  // Asks for its holder; with nobody there it has insufficient funds.
  '4000008260003178': {
    brand: 'visa',
    asksAtSetup: true,
    asksAtPayment: true,
    declines: 'insufficient_funds',
    declinesOffSession: 'insufficient_funds',
  },
};

/** @param number digits, perhaps with spaces */
export function findTestCard(number: string): TestCard | undefined {
  const digits = number.replaceAll(' ', '');
  return Object.hasOwn(TEST_CARDS, digits) ? TEST_CARDS[digits] : undefined;
}
