import type { NanoDollars } from '@zerogpu/protocol';
import { type LedgerClient, onlyRow } from './client.ts';

const OPEN_WALLET = 'SELECT ledger.open_wallet($1) AS wallet';

/**
 * Opens the accounts of an owner (wallet, earnings, funding), or finds them.
 * @param ownerId uuid of who owns the money: an organization
 * @returns the wallet's account id
 */
export async function openWallet(client: LedgerClient, ownerId: string): Promise<string> {
  const { rows } = await client.query({ text: OPEN_WALLET, values: [ownerId] });
  return onlyRow<{ wallet: string }>(rows).wallet;
}

export interface Credit {
  readonly walletId: string;
  /** More than zero. */
  readonly amount: NanoDollars;
  /** Credits with the same reference are given once; null is always given. */
  readonly reference: string | null;
  readonly description: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

const CREDIT = 'SELECT ledger.credit($1, $2, $3, $4, $5) AS credited';

/** Adds money to a wallet. @returns false when the reference was credited before */
export async function credit(client: LedgerClient, given: Credit): Promise<boolean> {
  const values = [given.walletId, given.amount, given.reference, given.description, new Date(given.at)];
  const { rows } = await client.query({ text: CREDIT, values });
  return onlyRow<{ credited: boolean }>(rows).credited;
}

export interface Refund {
  readonly walletId: string;
  /** More than zero. */
  readonly amount: NanoDollars;
  /** Refunds with the same reference are made once; null is always made. */
  readonly reference: string | null;
  readonly description: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** `repeated`: the reference was refunded before. `insufficient`: more than what is neither spent nor held. */
export type RefundResult = 'refunded' | 'repeated' | 'insufficient';

const REFUND = 'SELECT ledger.refund($1, $2, $3, $4, $5) AS result';

/** Takes money out of a wallet, back to where its credit came from. */
export async function refund(client: LedgerClient, given: Refund): Promise<RefundResult> {
  const values = [given.walletId, given.amount, given.reference, given.description, new Date(given.at)];
  const { rows } = await client.query({ text: REFUND, values });
  return onlyRow<{ result: RefundResult }>(rows).result;
}

export interface Balance {
  readonly balance: NanoDollars;
  readonly held: NanoDollars;
  /** What a new request may still hold. */
  readonly available: NanoDollars;
}

const BALANCE = 'SELECT balance, held, balance - held AS available FROM ledger.accounts WHERE id = $1';

/** @returns null when there is no such account */
export async function readBalance(client: LedgerClient, accountId: string): Promise<Balance | null> {
  const { rows } = await client.query({ text: BALANCE, values: [accountId] });
  return rows.length === 0 ? null : onlyRow<Balance>(rows);
}
