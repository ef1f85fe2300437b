/** How much an organization may have stored, so that one with a disk's worth of files keeps no room from the others. */
import { ApiError } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import { OPEN_STATES } from '../store/batch-states.ts';

export interface FileRoomOptions {
  readonly pool: Pool;
  /** Bytes of one organization's files. */
  readonly most: number;
  /** Milliseconds since 1970. */
  now(): number;
}

export interface FileRoom {
  /** @throws ApiError rate_limit_exceeded when an organization has as many files as it may */
  check(organizationId: string): Promise<void>;
  /** And room for what one more batch puts out. @throws ApiError rate_limit_exceeded */
  checkBatches(organizationId: string): Promise<void>;
}

/** Of one organization, however small: 20 ms to add up. */
const MOST_FILES = 100_000;
/** A thousand of them keep all workers busy, and those who follow or hand out their lines look at each. */
const MOST_OPEN_BATCHES = 1_000;
/** Who uploads much is not added up for each file; what comes meanwhile is a second's worth of uploads. */
const KNOWN_MS = 1_000;
/** More organizations than upload within a second. */
const MOST_KNOWN = 1_000;
const RETRY_SECONDS = 60;

interface Stored {
  readonly files: number;
  readonly bytes: number;
  readonly batches: number;
}

/**
 * Of files their bytes as long as they are stored, deleted or not. A batch puts out about what its input file has: a file
 * that is read by a hundred batches of which no line succeeds would else be a hundred files of its size, for nothing.
 */
const STORED = `
WITH own AS (SELECT id FROM projects WHERE organization_id = $1)
SELECT kept.files, open.batches, (kept.bytes + open.bytes)::float8 AS bytes
FROM (
  SELECT count(*)::int AS files, coalesce(sum(bytes), 0) AS bytes FROM files
  WHERE removed_at IS NULL AND project_id IN (SELECT id FROM own)) kept,
(
  SELECT count(*)::int AS batches, coalesce(sum(f.bytes), 0) AS bytes FROM batches b LEFT JOIN files f ON f.id = b.input_file_id
  WHERE b.status IN ${OPEN_STATES} AND b.project_id IN (SELECT id FROM own)) open`;

export function makeFileRoom({ pool, most, now }: FileRoomOptions): FileRoom {
  const known = new Map<string, { readonly stored: Promise<Stored>; readonly until: number }>();
  const storedOf = (organizationId: string): Promise<Stored> => {
    const one = known.get(organizationId);
    if (one !== undefined && one.until > now()) return one.stored;
    const stored = pool.query<Stored>(STORED, [organizationId]).then(({ rows }) => rows[0]!);
    stored.catch(() => known.delete(organizationId));
    known.delete(organizationId);
    known.set(organizationId, { stored, until: now() + KNOWN_MS });
    for (const oldest of known.keys()) if (known.size > MOST_KNOWN) known.delete(oldest);
    return stored;
  };
  const check = async (organizationId: string): Promise<Stored> => {
    const stored = await storedOf(organizationId);
    if (stored.bytes >= most) throw refusal(`Files of your organization may have ${most} bytes together`);
    if (stored.files >= MOST_FILES) throw refusal(`Your organization may have ${MOST_FILES} files`);
    return stored;
  };
  return {
    check: async (organizationId) => void (await check(organizationId)),
    async checkBatches(organizationId) {
      const { batches } = await check(organizationId);
      if (batches < MOST_OPEN_BATCHES) return;
      const message = `Your organization has ${batches} batches that have not ended; wait for some to end`;
      throw new ApiError('rate_limit_exceeded', { message, retryAfterSeconds: RETRY_SECONDS });
    },
  };
}

function refusal(what: string): ApiError {
  const message = `${what}, and so many they have, with what open batches may put out; delete some, which count for some minutes more`;
  return new ApiError('rate_limit_exceeded', { message, retryAfterSeconds: RETRY_SECONDS });
}
