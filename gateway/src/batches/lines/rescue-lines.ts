import { type Rounds, startRounds } from '../../rounds.ts';
import type { Log } from '../../store/log.ts';
import type { LineStore, TakenBack } from './line-store.ts';

export interface RescueOptions {
  readonly store: Pick<LineStore, 'takeBack'>;
  /** Told each time, also when nothing was taken back. */
  readonly tookBack: (taken: TakenBack) => void;
  readonly log: Log;
  /** Default 3 s. */
  readonly everyMs?: number;
}

const EVERY_MS = 3_000;

/** Takes back what dead workers have, also where no lines are worked on: a batch that is cancelled waits for them. */
export function startRescue({ store, tookBack, log, everyMs = EVERY_MS }: RescueOptions): Rounds {
  const round = async () => {
    const taken = await store.takeBack();
    if (taken.lines > 0) log.warn({ lines: taken.lines }, 'Took back lines of workers that live no more');
    tookBack(taken);
  };
  return startRounds({ everyMs, round, log, failed: 'Could not look for lines of dead workers' });
}
