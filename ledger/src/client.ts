/**
 * What the ledger needs of a PostgreSQL connection: a pool or a client of `pg` with `moneyTypes` will do. Several
 * calls on one client inside BEGIN … COMMIT are one transaction; on a pool each call is its own.
 */
export interface LedgerClient {
  query(config: {
    readonly name?: string;
    readonly text: string;
    readonly values?: unknown[];
  }): Promise<{ readonly rows: readonly unknown[] }>;
}

/** The one row that a function call gives. */
export function onlyRow<Row>(rows: readonly unknown[]): Row {
  if (rows.length !== 1) throw new Error(`Expected one row, got ${rows.length}`);
  return rows[0] as Row;
}
