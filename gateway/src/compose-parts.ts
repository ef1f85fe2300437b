/** What a gateway and a worker beside it both are made of: who calls, and the books. */
import { ApiError } from '@zerogpu/protocol';
import { KeyDirectory } from './auth/key-directory.ts';
import type { Config } from './config.ts';
import type { Settlement } from './flow.ts';
import { IdempotencyStore } from './idempotency/idempotency-store.ts';
import { RefusedCalls } from './metering/refused-calls.ts';
import { SettlementError, Settler } from './metering/settle.ts';
import type { Metrics } from './metrics.ts';
import type { AdmitServices } from './quota/admit.ts';
import { HoldBook } from './quota/hold-money.ts';
import type { ObjectStorage } from './storage/object-storage.ts';
import { GroupedOverflow } from './store/grouped.ts';
import type { Log } from './store/log.ts';
import type { Store } from './store/open-store.ts';
import { PayloadWriter } from './store/payloads.ts';
import type { Secrets } from './store/secrets.ts';
import type { WayServices } from './way.ts';

/** What is there before any part. */
export interface Ground {
  readonly config: Config;
  readonly log: Log;
  readonly store: Store;
  readonly secrets: Secrets;
  /** Where files' bytes lie. */
  readonly storage: ObjectStorage;
  /** Where people reach this server; known for certain once it listens. */
  publicUrl(): string;
}

const HOLD_LOST =
  'The request outlived the money held for it, so it is not answered and costs nothing; try again';

const now = () => Date.now();

/** Who calls, and what they were answered before. */
export function composeCallers({ store: { pool }, secrets, log }: Ground) {
  const keys = new KeyDirectory(pool, secrets, log);
  const claims = new IdempotencyStore(pool, secrets);
  return { services: { keys, claims }, close: () => Promise.all([claims.close(), keys.close()]) };
}

/** What requests may cost, did cost, and what is kept of them. */
export function composeBooks({ config, store: { pool }, secrets, log }: Ground, metrics: Metrics) {
  const holds = new HoldBook(pool);
  const settler = new Settler({ pool, secrets, gatewayName: config.gatewayName });
  const refusedCalls = new RefusedCalls({ pool, log, now, settle: (one) => settler.settle(one) });
  const lost = () => metrics.payloadLost();
  const payloads = new PayloadWriter({ pool, secrets, log, logDays: config.logDays, lost });
  const services: Pick<WayServices, 'admission' | 'settle' | 'refused' | 'keep'> = {
    admission: admissionOf(config, holds),
    settle: (settlement) => settle(settler, metrics, settlement),
    refused: (call) => refusedCalls.offer(call),
    keep: (payload) => payloads.offer(payload),
  };
  const close = async () => {
    // Before the settler: refused calls that still wait are settled by it.
    await Promise.all([refusedCalls.close(), payloads.close()]);
    await Promise.all([settler.close(), holds.close()]);
  };
  return { services, waiting: () => settler.waiting, close };
}

function admissionOf(config: Config, holds: HoldBook): AdmitServices {
  return {
    take: (asking) => unlessOverloaded(holds.take(asking)),
    keyLimits: config.rateLimit,
    override: (model) => config.modelOverrides.get(model),
    deadlineMs: config.deadlineMs,
  };
}

async function settle(settler: Settler, metrics: Metrics, settlement: Settlement): Promise<void> {
  try {
    await unlessOverloaded(settler.settle(settlement));
  } catch (error) {
    if (error instanceof SettlementError && error.kind === 'hold_lost') {
      throw new ApiError('upstream_timeout', { message: HOLD_LOST, cause: error });
    }
    throw error;
  }
  metrics.settled(settlement);
}

async function unlessOverloaded<T>(writing: Promise<T>): Promise<T> {
  try {
    return await writing;
  } catch (error) {
    if (error instanceof GroupedOverflow)
      throw new ApiError('no_capacity', { retryAfterSeconds: 1, cause: error });
    throw error;
  }
}

export const reporter = (log: Log) => (requestId: string, cause: unknown) =>
  log.error({ requestId, cause: describe(cause) }, 'A request failed on our side');

/** For the server's log: where it broke. Never an error's other fields, which may hold what a caller wrote. */
function describe(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? cause.message).slice(0, 4000) : typeof cause;
}
