import type { Pool } from 'pg';
import { type Rounds, startRounds } from '../rounds.ts';
import type { ObjectStorage } from '../storage/object-storage.ts';
import type { Log } from '../store/log.ts';
import { sweepFiles } from './sweep-files.ts';

export interface FileRoundsOptions {
  readonly pool: Pool;
  readonly storage: Pick<ObjectStorage, 'remove' | 'sweep'>;
  readonly log: Log;
  now(): number;
}

/** Nobody waits for a file to be gone; a deleted one costs its room a little longer. */
const SWEEP_EVERY_MS = 60_000;
/** What a storage keeps of writes that never ended is looked for seldom: on S3 it is a list of the whole bucket. */
const PARTS_EVERY_MS = 60 * 60_000;
/** No write goes so long without a byte: uploads and files of batches are broken off after minutes. */
const PARTS_KEPT_MS = 24 * 60 * 60_000;

/** Files that nobody may read any more, and what ended gateways left half stored. Every gateway may run one. */
export function startFileRounds(options: FileRoundsOptions): Pick<Rounds, 'stop'> {
  const { pool, storage, log, now } = options;
  const sweeping = startRounds({
    everyMs: SWEEP_EVERY_MS,
    round: () => sweepFiles({ pool, storage }, now()),
    log,
    failed: 'Could not remove files that are deleted or have expired',
  });
  const clearing = startRounds({
    everyMs: PARTS_EVERY_MS,
    round: () => storage.sweep(new Date(now() - PARTS_KEPT_MS)),
    log,
    failed: 'Could not remove what is left of files that were never stored as a whole',
  });
  // A gateway that was away for long finds much to remove.
  sweeping.run();
  clearing.run();
  return {
    async stop() {
      await Promise.all([sweeping.stop(), clearing.stop()]);
    },
  };
}
