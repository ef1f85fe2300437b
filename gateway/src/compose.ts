/** The composition root: makes every part once and gives each what it needs, subject by subject. */
import { ApiError, openApiDocument } from '@zerogpu/protocol';
import type { AdminServices } from './admin/admin-routes.ts';
import { makeAdmin } from './admin-api.ts';
import { startAlertRounds } from './alerts/alert-rounds.ts';
import { makeNotify } from './alerts/notify.ts';
import { KeyDirectory } from './auth/key-directory.ts';
import { startBillingWorker } from './billing/billing-worker.ts';
import { makeBilling } from './billing/make-billing.ts';
import type { BillingParts } from './billing/parts.ts';
import { type Batching, composeBatching } from './compose-batching.ts';
import type { Config } from './config.ts';
import type { Settlement } from './flow.ts';
import { makeCreateOnce } from './idempotency/create-once.ts';
import { IdempotencyStore } from './idempotency/idempotency-store.ts';
import { RefusedCalls } from './metering/refused-calls.ts';
import { SettlementError, Settler } from './metering/settle.ts';
import { startSweeper } from './metering/sweeper.ts';
import { Metrics } from './metrics.ts';
import { NodeDirectory } from './nodes/node-directory.ts';
import { NodeRegistry } from './nodes/registry.ts';
import { makeAttempts } from './people/attempts.ts';
import { makePeople, type PeopleServices } from './people/people-services.ts';
import type { AdmitServices } from './quota/admit.ts';
import { HoldBook } from './quota/hold-money.ts';
import type { ServerServices } from './server.ts';
import type { ObjectStorage } from './storage/object-storage.ts';
import { GroupedOverflow } from './store/grouped.ts';
import type { Log } from './store/log.ts';
import type { Store } from './store/open-store.ts';
import { PayloadWriter } from './store/payloads.ts';
import type { Secrets } from './store/secrets.ts';
import { Upstream } from './upstreams/upstream.ts';

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

export interface Composed {
  readonly services: ServerServices;
  /** Begins what the gateway does by itself. */
  startWorkers(): Workers;
  /** Ends every part; what was answered is written down by then. */
  close(): Promise<void>;
}

export interface Workers {
  /** Stops the timers and waits for the rounds under way. */
  stop(): Promise<void>;
}

/** More settlements than this behind the one under way: the database is slower than its callers. */
const MANY_WAITING = 1000;
const HOLD_LOST =
  'The request outlived the money held for it, so it is not answered and costs nothing; try again';

const now = () => Date.now();

export function compose(ground: Ground): Composed {
  const { config, store } = ground;
  const inFlight = { count: 0 };
  const fleet = composeFleet(ground);
  const { registry } = fleet;
  const metrics = new Metrics({ nodes: () => registry.size, inFlight: () => inFlight.count });
  const callers = composeCallers(ground);
  const books = composeBooks(ground, metrics);
  const people = composePeople(ground);
  const billing = composeBilling(ground);
  const batching = composeBatching(ground, { createOnce: makeCreateOnce(callers.services.claims) });
  const services: ServerServices = {
    ...fleet.services,
    ...callers.services,
    ...books.services,
    callerRoutes: batching.callerRoutes,
    admin: composeAdmin(ground, people, billing),
    metrics,
    health: {
      databaseAnswers: () => store.health(),
      settling: () => books.waiting() < MANY_WAITING,
      nodes: () => registry.size,
      upstreams: () => config.upstreams.length,
    },
    standIns: { byDefault: config.standIns },
    maxBodyBytes: config.maxBodyBytes,
    bodyTimeoutMs: config.bodyTimeoutMs,
    maxInFlight: config.maxInFlight,
    trustedProxies: config.trustedProxies,
    openapi: openApiDocument(),
    inFlight,
    now,
    random: Math.random,
    report: reporter(ground.log),
  };
  return {
    services,
    startWorkers: () => startWorkers(ground, billing, batching),
    async close() {
      await batching.close();
      await people.mailer?.close();
      await books.close();
      await callers.close();
      await fleet.close();
    },
  };
}

/** Where requests run: connected nodes, and the operator's upstreams. */
function composeFleet({ config, store: { pool }, secrets }: Ground) {
  const directory = new NodeDirectory({ pool, hash: (token) => secrets.hashKey(token) });
  const registry = new NodeRegistry({
    admit: (hello, nonce) => directory.admit(hello, nonce),
    heartbeatMs: config.heartbeatMs,
    now,
  });
  const all = config.upstreams.map((upstream) => new Upstream(upstream));
  const upstreams = (model: string) => all.filter((upstream) => upstream.serves(model));
  const services = {
    registry,
    fleet: registry,
    upstreams,
    available: {
      nodes: (model: string) => registry.count(model),
      hasFallback: (model: string) => upstreams(model).length > 0,
    },
  };
  const close = () => Promise.all(all.map((upstream) => upstream.close()));
  return { registry, services, close };
}

/** Who calls, and what they were answered before. */
function composeCallers({ store: { pool }, secrets, log }: Ground) {
  const keys = new KeyDirectory(pool, secrets, log);
  const claims = new IdempotencyStore(pool, secrets);
  return { services: { keys, claims }, close: () => Promise.all([claims.close(), keys.close()]) };
}

/** What requests may cost, did cost, and what is kept of them. */
function composeBooks({ config, store: { pool }, secrets, log }: Ground, metrics: Metrics) {
  const holds = new HoldBook(pool);
  const settler = new Settler({ pool, secrets, gatewayName: config.gatewayName });
  const refusedCalls = new RefusedCalls({ pool, log, now, settle: (one) => settler.settle(one) });
  const lost = () => metrics.payloadLost();
  const payloads = new PayloadWriter({ pool, secrets, log, logDays: config.logDays, lost });
  const services: Pick<ServerServices, 'admission' | 'settle' | 'refused' | 'keep'> = {
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

function composePeople({ config, store: { pool }, secrets, log, publicUrl }: Ground): PeopleServices {
  const { signUp, smtpUrl } = config;
  return makePeople({ pool, secrets, log, attempts: makeAttempts(), signUp, smtpUrl, publicUrl });
}

function composeBilling({ config, store: { pool }, log }: Ground): BillingParts {
  return makeBilling({ pool, stripe: config.stripe, log, notify: makeNotify(now), now });
}

function composeAdmin(ground: Ground, people: PeopleServices, billing: BillingParts): AdminServices {
  const { config, store, secrets, storage, log } = ground;
  return makeAdmin({
    pool: store.pool,
    secrets,
    storage,
    people,
    billing,
    log,
    origins: originsOf(config),
    webhooksPrivate: config.webhooksPrivate,
    now,
    report: reporter(log),
  });
}

function startWorkers(
  { config, store: { pool }, secrets, log }: Ground,
  billing: BillingParts,
  batching: Batching,
): Workers {
  const alerts = {
    pool,
    log,
    now,
    random: Math.random,
    notify: makeNotify(now),
    decrypt: (sealed: Buffer, context: string) => secrets.decrypt(sealed, context),
    privateAllowed: config.webhooksPrivate,
  };
  const workers = [
    startSweeper({ pool, log, logDays: config.logDays }),
    startBillingWorker(billing),
    startAlertRounds(alerts),
    ...batching.startWorkers(),
  ];
  return {
    async stop() {
      await Promise.all(workers.map((worker) => worker.stop()));
    },
  };
}

/** Behind a proxy the address that pages are from is not the one that calls arrive at. */
const originsOf = ({ publicUrl }: Config) => (publicUrl === null ? [] : [new URL(publicUrl).origin]);

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

const reporter = (log: Log) => (requestId: string, cause: unknown) =>
  log.error({ requestId, cause: describe(cause) }, 'A request failed on our side');

/** For the server's log: where it broke. Never an error's other fields, which may hold what a caller wrote. */
function describe(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? cause.message).slice(0, 4000) : typeof cause;
}
