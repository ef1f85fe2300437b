/** The money: accounts, holds and postings in nano-dollars on PostgreSQL. Knows nothing of HTTP. */
export * from './accounts.ts';
export * from './budgets.ts';
export type { LedgerClient } from './client.ts';
export * from './holds.ts';
export * from './invariants.ts';
export * from './money-codec.ts';

/** The folder of the ledger's numbered migrations; whoever owns the database applies them first. */
export const LEDGER_MIGRATIONS: URL = new URL('../migrations/', import.meta.url);
