import type { PoolClient } from 'pg';

export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** The values of a statement under construction. What a caller wrote goes here and never into the text. */
export class SqlValues {
  readonly list: unknown[] = [];

  /** @returns its place in the text, such as `$3` */
  add(value: unknown): string {
    this.list.push(value);
    return `$${this.list.length}`;
  }
}

export async function rowsOf<Row extends object>(
  db: PoolClient,
  { text, values }: Statement,
): Promise<readonly Row[]> {
  return (await db.query<Row>(text, [...values])).rows;
}
