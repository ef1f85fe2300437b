/** Removes from the storage what nobody may read any more, and forgets it some days later. */
import type { Pool } from 'pg';
import { objectName } from '../storage/file.ts';
import type { ObjectStorage } from '../storage/object-storage.ts';
import { OPEN_STATES } from '../store/batch-states.ts';

export interface SweepServices {
  readonly pool: Pool;
  readonly storage: Pick<ObjectStorage, 'remove'>;
}

export interface SweptFiles {
  /** Whose bytes are gone. */
  readonly removed: number;
  /** Whose rows are gone. */
  readonly forgotten: number;
}

/** So many removals are a second's work of a storage far away. */
const SLICE = 100;
/** Bounds one round; what is left is done in the next. */
const MAX_SLICES = 20;
/** A gateway that took files to remove, and ended, leaves them to others after so long. */
const TAKEN_MS = 60_000;
/** For gateways whose clocks differ, and batches that began just before their file expired. */
const LATE_MS = 60_000;
/** Long after the last write to the storage that an ended upload can have under way; a day more for those who look. */
const REMEMBERED_MS = 2 * 24 * 60 * 60_000;

/**
 * $1 is now and a little before, $2 until when they are this round's. Deleted, expired, or left by an upload whose
 * gateway ended; and no batch reads it. From here on no upload makes a file of it (`deleted_at`).
 */
const TAKE = `
UPDATE files SET held_until = $2, deleted_at = coalesce(deleted_at, $1)
WHERE id IN (
  SELECT id FROM files f
  WHERE removed_at IS NULL AND coalesce(held_until, least(deleted_at, expires_at)) <= $1
    AND NOT EXISTS (
      SELECT 1 FROM batches b
      WHERE b.input_file_id = f.id AND b.status IN ${OPEN_STATES})
  ORDER BY coalesce(held_until, least(deleted_at, expires_at)) LIMIT ${SLICE} FOR UPDATE SKIP LOCKED)
RETURNING id, project_id`;
const REMOVED = 'UPDATE files SET removed_at = $2, held_until = NULL WHERE id = ANY ($1)';
/** Whoever else removes the same does no harm. */
const OLD = `
SELECT id, project_id FROM files WHERE removed_at <= $1 ORDER BY removed_at LIMIT ${SLICE}`;
const FORGET = 'DELETE FROM files WHERE id = ANY ($1)';

interface Taken {
  readonly id: string;
  readonly project_id: string;
}

/**
 * One round. Every gateway may run one at the same time.
 * @throws what the database or the storage says; what was taken is taken again later
 */
export async function sweepFiles(services: SweepServices, now: number): Promise<SweptFiles> {
  const removed = await inSlices(() => removeBytes(services, now));
  const forgotten = await inSlices(() => forget(services, now));
  return { removed, forgotten };
}

async function removeBytes(services: SweepServices, now: number): Promise<number> {
  const times = [now - LATE_MS, now + TAKEN_MS].map((time) => new Date(time));
  const { rows } = await services.pool.query<Taken>(TAKE, times);
  await remove(services, rows, (ids) => services.pool.query(REMOVED, [ids, new Date(now)]));
  return rows.length;
}

/** Removed once more: an upload that was taken for abandoned may have ended its write afterwards. */
async function forget(services: SweepServices, now: number): Promise<number> {
  const { rows } = await services.pool.query<Taken>(OLD, [new Date(now - REMEMBERED_MS)]);
  await remove(services, rows, (ids) => services.pool.query(FORGET, [ids]));
  return rows.length;
}

/** One that cannot be removed keeps none of the others from going. */
async function remove(
  { storage }: SweepServices,
  files: readonly Taken[],
  gone: (ids: readonly string[]) => Promise<unknown>,
): Promise<void> {
  const ids: string[] = [];
  let failure: unknown = null;
  for (const { id, project_id } of files) {
    await storage.remove(objectName(project_id, id)).then(
      () => ids.push(id),
      (error: unknown) => {
        failure ??= error;
      },
    );
  }
  if (ids.length > 0) await gone(ids);
  if (failure !== null) throw failure;
}

async function inSlices(step: () => Promise<number>): Promise<number> {
  let total = 0;
  for (let i = 0; i < MAX_SLICES; i++) {
    const done = await step();
    total += done;
    if (done < SLICE) break;
  }
  return total;
}
