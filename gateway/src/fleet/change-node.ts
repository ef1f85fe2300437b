/** What people change of a node. Each change moves `changed_at`, by which gateways find it. */

import type { Static } from '@sinclair/typebox';
import { ApiError, type NodeChanges } from '@zerogpu/protocol';
import type { PoolClient } from 'pg';
import type { NodeRow } from './node-rows.ts';

type Changes = Static<typeof NodeChanges>;

const NAME = 'UPDATE nodes SET given_name = $2, changed_at = now() WHERE id = $1';
/** A place that is taken back stays what it was until the node connects next and is asked again. */
const PLACE = `
UPDATE nodes SET given_latitude = $2, given_longitude = $3, given_region = $4, latitude = coalesce($2, latitude),
  longitude = coalesce($3, longitude), region = CASE WHEN $2::real IS NULL THEN region ELSE coalesce($4, region) END,
  place_source = CASE WHEN $2::real IS NULL THEN place_source ELSE 'given' END, changed_at = now()
WHERE id = $1`;
const DRAIN = 'UPDATE nodes SET draining_at = $2, changed_at = now() WHERE id = $1';
const REMOVE = 'UPDATE nodes SET revoked_at = now(), changed_at = now() WHERE id = $1';
const RELEASE =
  'UPDATE nodes SET quarantined_at = NULL, quarantined_because = NULL, changed_at = now() WHERE id = $1';
/** Its record is kept, and it begins anew. */
const ON_PROBATION = 'UPDATE node_trust SET right_in_row = 0, updated_at = now() WHERE node_id = $1';

export async function changeNode(db: PoolClient, row: NodeRow, { name, place }: Changes): Promise<void> {
  stays(row);
  if (name !== undefined) await db.query(NAME, [row.id, name]);
  if (place === undefined) return;
  const { latitude = null, longitude = null, region = null } = place ?? {};
  await db.query(PLACE, [row.id, latitude, longitude, region]);
}

export async function drainNode(db: PoolClient, row: NodeRow, since: Date | null): Promise<void> {
  stays(row);
  if (since !== null && row.draining_at !== null) throw conflict('The node is drained already');
  if (since === null && row.draining_at === null) throw conflict('The node is not drained');
  await db.query(DRAIN, [row.id, since]);
}

export async function removeNode(db: PoolClient, row: NodeRow): Promise<void> {
  stays(row);
  await db.query(REMOVE, [row.id]);
}

export async function releaseNode(db: PoolClient, row: NodeRow): Promise<void> {
  stays(row);
  if (row.quarantined_at === null) throw conflict('The node is not in quarantine');
  await db.query(RELEASE, [row.id]);
  await db.query(ON_PROBATION, [row.id]);
}

function stays({ revoked_at }: NodeRow): void {
  if (revoked_at !== null) throw conflict('The node was removed, which is for good');
}

const conflict = (message: string) => new ApiError('state_conflict', { message });
