import { types } from 'pg';

/** What a pool or a client takes as `types`. */
export interface PgTypes {
  getTypeParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown;
}

const INT8 = 20;
const INT8_ARRAY = 1016;

/**
 * PostgreSQL's `bigint` is a JavaScript bigint, in both directions and nowhere a number: 2^53 nano-dollars are only
 * nine million dollars. Set on a pool of ours, never globally, so that other users of `pg` keep their own habits.
 */
export const moneyTypes: PgTypes = {
  getTypeParser(oid, format = 'text') {
    if (oid === INT8) return BigInt;
    if (oid === INT8_ARRAY) return parseBigints;
    return types.getTypeParser(oid, format);
  },
};

/** `{1,NULL,3}` → `[1n, null, 3n]`. */
function parseBigints(text: string): (bigint | null)[] {
  if (text === '{}') return [];
  return text
    .slice(1, -1)
    .split(',')
    .map((word) => (word === 'NULL' ? null : BigInt(word)));
}
