import { type Rounds, startRounds } from '../rounds.ts';
import { rechargeRound } from './auto-recharge.ts';
import type { BillingParts } from './parts.ts';
import { reconcile } from './reconcile.ts';

/** A balance that runs dry stops requests, so it is looked at often; a round without work is three indexed look-ups. */
const EVERY_MS = 5_000;

/** Every gateway runs one. A provider that is slow to tell of payments keeps no wallet from being recharged. */
export function startBillingRounds(parts: BillingParts, everyMs = EVERY_MS): Pick<Rounds, 'stop'> {
  const failed = 'A round of billing failed';
  const works = [reconcile, rechargeRound].map((work) =>
    startRounds({ everyMs, round: () => work(parts), log: parts.log, failed }),
  );
  return {
    async stop() {
      await Promise.all(works.map((work) => work.stop()));
    },
  };
}
