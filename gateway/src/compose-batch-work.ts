/** Composes who works on batches: a gateway, or a worker beside it. */
import { makeNotify } from './alerts/notify.ts';
import { startBatchEndings } from './batches/endings/batch-endings.ts';
import { makeWorkerLife } from './batches/worker-life.ts';
import { composeLines } from './compose-lines.ts';
import type { Ground } from './compose-parts.ts';
import type { Metrics } from './metrics.ts';
import type { Rounds } from './rounds.ts';
import type { WayServices } from './way.ts';

const now = () => Date.now();

export interface BatchWork {
  /** What stands in `worker_id` of whatever is taken here. */
  readonly workerId: string;
  /** There may be lines now, or a batch may be over. */
  wake(): void;
  /**
   * Begins to work on lines and on what is over. After `stop` nothing is this worker's any more.
   * @param way of the requests that are made of lines
   * @param reachable whether the fleet is what it says; always unless told
   */
  start(way: WayServices, reachable?: () => boolean): Pick<Rounds, 'stop'>;
  /** Takes no more lines; finishes those under way within so many milliseconds, and gives the others back. */
  finishLines(graceMs: number): Promise<void>;
}

export function composeBatchWork(ground: Ground, metrics: Metrics): BatchWork {
  const life = makeWorkerLife({ pool: ground.store.pool, log: ground.log });
  let wakeEndings = () => {};
  const lines = composeLines(ground, { metrics, workerId: life.id, wakeEndings: () => wakeEndings() });
  return {
    workerId: life.id,
    // Whoever works looks now instead of at the next round.
    wake() {
      lines.wake();
      wakeEndings();
    },
    start(way, reachable = () => true) {
      life.start();
      lines.start(way, reachable);
      const endings = startEndings(ground, life.id);
      wakeEndings = endings.wake;
      // What this worker has taken stays its own until it has let go of it.
      return { stop: () => endings.stop().then(life.stop) };
    },
    finishLines: lines.finish,
  };
}

/** Every gateway makes files of batches, also one that leaves their lines to workers beside it. */
function startEndings({ config, store: { pool }, storage, log }: Ground, workerId: string) {
  const { files, logDays } = config;
  const notify = makeNotify(now);
  // A batch stays in lists as long as its requests do in the log.
  return startBatchEndings({
    pool,
    log,
    storage,
    workerId,
    notify,
    now,
    fileDays: files.days,
    batchDays: logDays,
  });
}
