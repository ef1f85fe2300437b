import { type Rounds, startRounds } from '../../rounds.ts';
import type { Log } from '../../store/log.ts';
import type { LineStore, TakenBack } from './line-store.ts';

export interface RescueOptions {
  readonly store: Pick<LineStore, 'look' | 'takeBack'>;
  /** Told each time, also when nothing was taken back. */
  readonly tookBack: (taken: TakenBack) => void;
  readonly log: Log;
  /** Default 3 s. */
  readonly everyMs?: number;
  /** Milliseconds that only go forward; default the process's. */
  readonly clock?: () => number;
}

const EVERY_MS = 3_000;
/**
 * After we began, and after the database was away, or we were: everybody else may be just as late with their signs of life,
 * which come every three seconds, and are not dead.
 */
const HEAL_MS = 6_000;

/** Takes back what dead workers have, also where no lines are worked on: a batch that is cancelled waits for them. */
export function startRescue(options: RescueOptions): Rounds {
  const { store, tookBack, log, everyMs = EVERY_MS, clock = () => performance.now() } = options;
  let seenAt = clock();
  let trustedFrom = seenAt + HEAL_MS;
  const round = async () => {
    await store.look();
    const now = clock();
    // Rounds that fail are too late as well.
    if (now - seenAt > 2 * everyMs) trustedFrom = now + HEAL_MS;
    seenAt = now;
    if (now < trustedFrom) return;
    const taken = await store.takeBack();
    if (taken.lines > 0) log.warn({ lines: taken.lines }, 'Took back lines of workers that live no more');
    tookBack(taken);
  };
  return startRounds({ everyMs, round, log, failed: 'Could not look for lines of dead workers' });
}
