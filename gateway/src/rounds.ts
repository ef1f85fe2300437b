/** Work that a gateway does by itself, again and again, besides what callers ask of it. */
import { type Log, reasonOf } from './store/log.ts';

export interface RoundsOptions {
  readonly everyMs: number;
  /** One round; what it gives is not looked at. */
  readonly round: () => Promise<unknown>;
  readonly log: Log;
  /** What the log says when a round fails. */
  readonly failed: string;
}

export interface Rounds {
  /** A round now, unless one is under way. @returns when that has ended; it never throws */
  run(): Promise<void>;
  /** Stops the timer and waits for the round under way. */
  stop(): Promise<void>;
}

/** Rounds never overlap; one that fails is told, and the next one tries again. Keeps no process alive. */
export function startRounds({ everyMs, round, log, failed }: RoundsOptions): Rounds {
  let running: Promise<void> | null = null;
  const run = () => {
    running ??= round()
      .then(
        () => undefined,
        (error: unknown) => log.warn({ reason: reasonOf(error) }, failed),
      )
      .finally(() => {
        running = null;
      });
    return running;
  };
  const timer = setInterval(() => void run(), everyMs);
  timer.unref();
  return {
    run,
    async stop() {
      clearInterval(timer);
      await running;
    },
  };
}
