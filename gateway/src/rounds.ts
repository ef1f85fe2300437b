/** Work that a gateway does by itself, again and again, besides what callers ask of it. */
import type { Log } from './store/log.ts';

export interface RoundsOptions {
  readonly everyMs: number;
  /** One round; what it gives is not looked at. */
  readonly round: () => Promise<unknown>;
  readonly log: Log;
  /** What the log says when a round fails. */
  readonly failed: string;
}

export interface Rounds {
  /** A round now, unless one is under way. */
  run(): void;
  /** Stops the timer and waits for the round under way. */
  stop(): Promise<void>;
}

/** Long enough for any driver's message, and bounded: an error may quote a whole statement. */
const MAX_REASON = 200;

/** Rounds never overlap; one that fails is told, and the next one tries again. Keeps no process alive. */
export function startRounds({ everyMs, round, log, failed }: RoundsOptions): Rounds {
  let running: Promise<unknown> | null = null;
  const run = () => {
    running ??= round()
      .catch((error: unknown) => log.warn({ reason: String(error).slice(0, MAX_REASON) }, failed))
      .finally(() => {
        running = null;
      });
  };
  const timer = setInterval(run, everyMs);
  timer.unref();
  return {
    run,
    async stop() {
      clearInterval(timer);
      await running;
    },
  };
}
