import type { PoolClient } from 'pg';
import { type NodeRow, type TrustFor, vouched } from './node-rows.ts';

/** What a stranger's node has shown for a model. */
interface TrustRow {
  readonly node_id: string;
  readonly model: string;
  readonly version: string;
  readonly runtime: string;
  readonly right_in_row: number;
  readonly right: number;
  readonly wrong: number;
  readonly unchecked: number;
}

/** As gateway/src/trust decides by. */
export type Earned = (rightInRow: number) => boolean;

/** More models than a node has, of two versions each; the newest. */
const MOST_OF_NODE = 50;
const FIND = `
SELECT t.* FROM unnest($1::text[]) AS n (id) CROSS JOIN LATERAL (
  SELECT node_id, model, version, runtime, right_in_row, right_total::float8 AS "right", wrong_total::float8 AS wrong,
    unchecked_total::float8 AS unchecked
  FROM node_trust WHERE node_id = n.id ORDER BY updated_at DESC, model LIMIT ${MOST_OF_NODE}) t`;

/** Which of its answers were wrong: for an appeal, and to see whether it may be a judge that is broken. */
interface WrongRow {
  readonly node_id: string;
  readonly model: string;
  readonly version: string;
  readonly found_at: Date;
  readonly found_by: 'release' | 'recheck' | 'known_answer';
  readonly expected: string;
  readonly given: string;
}

/** One is enough for a quarantine; more are those that were under way. */
const MOST_WRONG = 10;
const FIND_WRONG = `
SELECT w.* FROM unnest($1::text[]) AS n (id) CROSS JOIN LATERAL (
  SELECT node_id, model, version, found_at, found_by, encode(expected, 'hex') AS expected, encode(given, 'hex') AS given
  FROM wrong_answers WHERE node_id = n.id ORDER BY found_at DESC, id DESC LIMIT ${MOST_WRONG}) w`;

/** The wrong answers of each of these nodes, the newest first. */
export async function wrongBy(
  db: PoolClient,
  rows: readonly NodeRow[],
): Promise<(row: NodeRow) => WrongAnswer[]> {
  const strangers = rows.filter(({ pool }) => pool === 'public').map(({ id }) => id);
  const found = strangers.length === 0 ? [] : (await db.query<WrongRow>(FIND_WRONG, [strangers])).rows;
  const byNode = Map.groupBy(found, ({ node_id }) => node_id);
  return ({ id }) => (byNode.get(id) ?? []).map(wrongOf);
}

type WrongAnswer = ReturnType<typeof wrongOf>;

function wrongOf({ node_id: _, found_at, ...row }: WrongRow) {
  return { ...row, found_at: found_at.toISOString() };
}

/** What each of these nodes has shown; only strangers' have to show anything. */
export async function shownBy(
  db: PoolClient,
  rows: readonly NodeRow[],
  earned: Earned,
): Promise<(row: NodeRow) => { trust: TrustFor; shown: readonly Shown[] }> {
  const strangers = rows.filter(({ pool }) => pool === 'public').map(({ id }) => id);
  const found = strangers.length === 0 ? [] : (await db.query<TrustRow>(FIND, [strangers])).rows;
  const byNode = Map.groupBy(found, ({ node_id }) => node_id);
  return (row) => {
    if (row.pool !== 'public') return { trust: vouched, shown: [] };
    const shown = (byNode.get(row.id) ?? []).map((one) => shownOf(row, one, earned));
    const unknown = row.quarantined_at === null ? 'probation' : 'quarantined';
    const trust: TrustFor = (model, version) =>
      shown.find((one) => one.model === model && one.version === version)?.trust ?? unknown;
    return { trust, shown };
  };
}

type Shown = ReturnType<typeof shownOf>;

function shownOf({ quarantined_at }: NodeRow, { node_id: _, ...row }: TrustRow, earned: Earned) {
  const believed = earned(row.right_in_row) ? ('earned' as const) : ('probation' as const);
  return { ...row, trust: quarantined_at === null ? believed : ('quarantined' as const) };
}
