import type { Pool } from 'pg';
import { RIGHT_TO_EARN } from './trust-state.ts';
import type { FoundBy } from './trust-store.ts';

/** What a node of strangers has shown: for the fleet view, and for an appeal. */
export interface TrustRecord {
  readonly quarantinedAt: Date | null;
  readonly because: string | null;
  readonly models: readonly {
    readonly model: string;
    readonly version: string;
    readonly runtime: string;
    readonly state: 'probation' | 'earned' | 'quarantined';
    readonly rightInRow: number;
    readonly right: number;
    readonly wrong: number;
    /** Answers that left and were not checked. */
    readonly unchecked: number;
  }[];
  /** The newest first. */
  readonly wrongAnswers: readonly {
    readonly model: string;
    readonly version: string;
    readonly foundAt: Date;
    readonly foundBy: FoundBy;
    /** SHA-256, hexadecimal. */
    readonly expected: string;
    readonly given: string;
  }[];
}

const NODE = `
SELECT quarantined_at AS "quarantinedAt", quarantined_because AS because FROM nodes WHERE id = $1`;
/** As many as models in the catalogue, and their older versions. */
const MODELS = `
SELECT model, version, runtime, right_in_row AS "rightInRow", right_total::float8 AS "right",
  wrong_total::float8 AS wrong, unchecked_total::float8 AS unchecked
FROM node_trust WHERE node_id = $1 ORDER BY updated_at DESC, model LIMIT 200`;
const WRONG = `
SELECT model, version, found_at AS "foundAt", found_by AS "foundBy", encode(expected, 'hex') AS expected,
  encode(given, 'hex') AS given
FROM wrong_answers WHERE node_id = $1 ORDER BY found_at DESC, id DESC LIMIT 50`;

/** @returns null when there is no such node */
export async function readRecord(pool: Pool, nodeId: string): Promise<TrustRecord | null> {
  const node = (await pool.query<Pick<TrustRecord, 'quarantinedAt' | 'because'>>(NODE, [nodeId])).rows[0];
  if (!node) return null;
  type Model = TrustRecord['models'][number];
  const models = (await pool.query<Omit<Model, 'state'>>(MODELS, [nodeId])).rows;
  const wrong = await pool.query<TrustRecord['wrongAnswers'][number]>(WRONG, [nodeId]);
  const stateOf = ({ rightInRow }: Omit<Model, 'state'>) =>
    node.quarantinedAt !== null ? 'quarantined' : rightInRow >= RIGHT_TO_EARN ? 'earned' : 'probation';
  return {
    ...node,
    models: models.map((model) => ({ ...model, state: stateOf(model) })),
    wrongAnswers: wrong.rows,
  };
}
