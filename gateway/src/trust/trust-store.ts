import type { ModelManifest } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import { inTransaction } from '../store/transaction.ts';
import type { TrackRecord } from './trust-state.ts';

export type FoundBy = 'release' | 'recheck' | 'known_answer';

/** One answer that was not what it must be. */
export interface WrongAnswer {
  readonly nodeId: string;
  readonly manifest: ModelManifest;
  readonly foundBy: FoundBy;
  /** SHA-256. */
  readonly expected: Buffer;
  readonly given: Buffer;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** What a node has shown for one model. */
export interface TrackRecordOf extends TrackRecord {
  readonly model: string;
  readonly version: string;
  readonly runtime: string;
}

/** How a record changed since it was written. */
export interface Change {
  readonly nodeId: string;
  readonly before: TrackRecordOf;
  readonly now: TrackRecordOf;
}

/** Where what nodes have shown is kept for good. */
export interface TrustStore {
  load(
    nodeId: string,
  ): Promise<{ readonly quarantined: boolean; readonly records: readonly TrackRecordOf[] }>;
  writeWrong(wrong: WrongAnswer): Promise<void>;
  writeCounts(changes: readonly Change[]): Promise<void>;
  /** Of these nodes, by id, those that are known. */
  quarantined(nodeIds: readonly string[]): Promise<ReadonlyMap<string, boolean>>;
}

const LOAD = `
SELECT n.quarantined_at IS NOT NULL AS quarantined, t.model, t.version, t.runtime, t.right_in_row AS "rightInRow",
  t.right_total::float8 AS "right", t.wrong_total::float8 AS wrong, t.unchecked_total::float8 AS unchecked
FROM nodes n LEFT JOIN node_trust t ON t.node_id = n.id WHERE n.id = $1`;

/** What was seen since the last write is added: the same key may be connected to another gateway. */
const WRITE = `
INSERT INTO node_trust AS t (node_id, model, version, runtime, right_in_row, right_total, wrong_total, unchecked_total)
SELECT w.* FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int[], $6::bigint[], $7::bigint[], $8::bigint[])
  AS w (node_id, model, version, runtime, right_in_row, right_total, wrong_total, unchecked_total)
WHERE EXISTS (SELECT FROM nodes n WHERE n.id = w.node_id)
ORDER BY 1, 2, 3, 4
ON CONFLICT (node_id, model, version, runtime) DO UPDATE SET
  right_in_row = excluded.right_in_row,
  right_total = t.right_total + excluded.right_total,
  wrong_total = t.wrong_total + excluded.wrong_total,
  unchecked_total = t.unchecked_total + excluded.unchecked_total,
  updated_at = now()`;

const QUARANTINE = `
UPDATE nodes SET quarantined_at = coalesce(quarantined_at, $2), quarantined_because = $3, changed_at = now()
WHERE id = $1`;
const KEEP_EVIDENCE = `
INSERT INTO wrong_answers (node_id, model, version, runtime, found_at, found_by, expected, given)
SELECT $1, $2, $3, $4, $5, $6, $7, $8 WHERE EXISTS (SELECT FROM nodes WHERE id = $1)`;

const QUARANTINED = 'SELECT id, quarantined_at IS NOT NULL AS quarantined FROM nodes WHERE id = ANY ($1)';

export class DatabaseTrustStore implements TrustStore {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  async load(nodeId: string): ReturnType<TrustStore['load']> {
    const { rows } = await this.#pool.query<LoadRow>(LOAD, [nodeId]);
    const records = rows.flatMap(({ quarantined: _, ...row }) => (hasRecord(row) ? [row] : []));
    return { quarantined: rows[0]?.quarantined ?? false, records };
  }

  async writeWrong({ nodeId, manifest, foundBy, expected, given, at }: WrongAnswer): Promise<void> {
    const { id, version, runtime } = manifest;
    const when = new Date(at);
    await inTransaction(this.#pool, async (db) => {
      await db.query(QUARANTINE, [nodeId, when, `A wrong answer of ${id}, found by ${FOUND_BY[foundBy]}`]);
      await db.query(KEEP_EVIDENCE, [nodeId, id, version, runtime, when, foundBy, expected, given]);
    });
  }

  async writeCounts(changes: readonly Change[]): Promise<void> {
    const column = (value: (change: Change) => string | number) => changes.map(value);
    await this.#pool.query(WRITE, [
      column(({ nodeId }) => nodeId),
      column(({ now }) => now.model),
      column(({ now }) => now.version),
      column(({ now }) => now.runtime),
      column(({ now }) => now.rightInRow),
      column(({ now, before }) => now.right - before.right),
      column(({ now, before }) => now.wrong - before.wrong),
      column(({ now, before }) => now.unchecked - before.unchecked),
    ]);
  }

  async quarantined(nodeIds: readonly string[]): Promise<ReadonlyMap<string, boolean>> {
    const { rows } = await this.#pool.query<{ id: string; quarantined: boolean }>(QUARANTINED, [nodeIds]);
    return new Map(rows.map(({ id, quarantined }) => [id, quarantined]));
  }
}

const FOUND_BY: Record<FoundBy, string> = {
  release: 'the check before it left',
  recheck: 'a recheck after it had left',
  known_answer: 'a run whose answer was known',
};

/** A node without any record has one row, of nulls. */
type LoadRow = Nullable<TrackRecordOf> & { readonly quarantined: boolean };
type Nullable<T> = { readonly [Name in keyof T]: T[Name] | null };

function hasRecord(row: Nullable<TrackRecordOf>): row is TrackRecordOf {
  return row.model !== null;
}
