import { rechargeRound } from './auto-recharge.ts';
import type { BillingParts } from './parts.ts';
import { reconcile } from './reconcile.ts';

export interface BillingWorker {
  /** Stops the timer and waits for the round under way. */
  stop(): Promise<void>;
}

/** A balance that runs dry stops requests, so it is looked at often; a round without work is three indexed look-ups. */
const EVERY_MS = 5_000;

/** Every gateway runs one. Rounds never overlap; a failing one is told and the next one tries again. */
export function startBillingWorker(parts: BillingParts, everyMs = EVERY_MS): BillingWorker {
  let running: Promise<unknown> | null = null;
  const timer = setInterval(() => {
    running ??= round(parts).finally(() => {
      running = null;
    });
  }, everyMs);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      await running;
    },
  };
}

async function round(parts: BillingParts): Promise<void> {
  for (const work of [reconcile, rechargeRound]) {
    try {
      await work(parts);
    } catch (error) {
      parts.log.warn({ reason: String(error).slice(0, 200) }, 'A round of billing failed');
    }
  }
}
