/** The composition root: makes every part once and gives each what it needs. */
import { join } from 'node:path';
import { MANIFESTS, tokenizerOf } from '@zerogpu/catalogue';
import { ApiError, openApiDocument } from '@zerogpu/protocol';
import type { FastifyInstance } from 'fastify';
import type { Pool } from 'pg';
import { makeAdmin } from './admin-api.ts';
import { startAlertRounds } from './alerts/alert-rounds.ts';
import { makeNotify } from './alerts/notify.ts';
import { KeyDirectory } from './auth/key-directory.ts';
import { startBillingWorker } from './billing/billing-worker.ts';
import { makeBilling } from './billing/make-billing.ts';
import type { Config } from './config.ts';
import type { Settlement } from './flow.ts';
import { IdempotencyStore } from './idempotency/idempotency-store.ts';
import { explainListenError } from './listen-error.ts';
import { RefusedCalls } from './metering/refused-calls.ts';
import { SettlementError, Settler } from './metering/settle.ts';
import { startSweeper } from './metering/sweeper.ts';
import { Metrics } from './metrics.ts';
import { NodeDirectory } from './nodes/node-directory.ts';
import { NodeRegistry } from './nodes/registry.ts';
import { makeAttempts } from './people/attempts.ts';
import { makePeople } from './people/people-services.ts';
import type { AdmitServices } from './quota/admit.ts';
import { HoldBook } from './quota/hold-money.ts';
import { makeServer, type ServerServices } from './server.ts';
import { type FirstBoot, firstBoot, keepBaseUrl, localNodeToken } from './store/first-boot.ts';
import { GroupedOverflow } from './store/grouped.ts';
import type { Log } from './store/log.ts';
import { openStore, type Store } from './store/open-store.ts';
import { PayloadWriter } from './store/payloads.ts';
import { loadSecrets, type Secrets } from './store/secrets.ts';
import { Upstream } from './upstreams/upstream.ts';

/** A running gateway. */
export interface Gateway {
  /** Where it listens, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly dataDir: string;
  /** Holds a join token of the operator's pool, for nodes on this machine. */
  readonly nodeTokenFile: string;
  readonly credentialsFile: string;
  /** What was made, when this was the first start on an empty database. */
  readonly firstBoot: FirstBoot | null;
  /** The database, for operators' programs and tests. */
  readonly pool: Pool;
  readonly secrets: Secrets;
  /** Takes no new requests, finishes those in flight within `graceMs`, and stops everything that it started. */
  close(graceMs: number): Promise<void>;
}

/** More settlements than this behind the one under way: the database is slower than its callers. */
const MANY_WAITING = 1000;
const HOLD_LOST =
  'The request outlived the money held for it, so it is not answered and costs nothing; try again';
/** In-flight requests are looked at this often while the gateway closes. */
const CLOSING_LOOK_MS = 20;

/** @throws ConfigError, StoreError and their kin, in words for the operator */
export async function openGateway(config: Config, log: Log): Promise<Gateway> {
  const secrets = await loadSecrets(config.dataDir, config.secret);
  const store = await openStore({ databaseUrl: config.databaseUrl, dataDir: config.dataDir, log });
  try {
    return await serve(config, log, store, secrets);
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function serve(config: Config, log: Log, store: Store, secrets: Secrets): Promise<Gateway> {
  // Known for certain once it listens: the port may be any free one.
  const address = { publicUrl: config.publicUrl ?? '' };
  const parts = makeParts(config, log, store, secrets, () => address.publicUrl);
  const app = makeServer(parts.services);
  const stop = async (graceMs: number) => {
    await closeServer(app, parts.services, graceMs);
    await parts.close();
  };
  try {
    warmUp();
    const { host, port } = config;
    const url = await app.listen({ host, port }).catch((error: unknown) => {
      throw explainListenError(error, host, port);
    });
    address.publicUrl = config.publicUrl ?? url;
    const made = await fillDataDir(config.dataDir, store.pool, secrets, `${url}/v1`);
    const sweeper = startSweeper({ pool: store.pool, log, logDays: config.logDays });
    const payments = startBillingWorker(parts.billing);
    const alerts = startAlerts(config, log, store.pool, secrets);
    const close = async (graceMs: number) => {
      await stop(graceMs);
      await Promise.all([sweeper.stop(), alerts.stop(), payments.stop()]);
      await store.close();
    };
    return { url, ...filesIn(config.dataDir), firstBoot: made, pool: store.pool, secrets, close };
  } catch (error) {
    // It may listen already, with a database behind it that is about to close.
    await stop(0);
    throw error;
  }
}

async function fillDataDir(
  dataDir: string,
  pool: Pool,
  secrets: Secrets,
  baseUrl: string,
): Promise<FirstBoot | null> {
  const made = await firstBoot({ pool, dataDir, secrets, baseUrl });
  if (made === null) await keepBaseUrl(dataDir, baseUrl);
  await localNodeToken(pool, dataDir, secrets);
  return made;
}

function filesIn(dataDir: string): Pick<Gateway, 'dataDir' | 'nodeTokenFile' | 'credentialsFile'> {
  return {
    dataDir,
    nodeTokenFile: join(dataDir, 'node-token'),
    credentialsFile: join(dataDir, 'credentials.env'),
  };
}

/** What is built at its first use is built now, so that the first caller does not wait for it. */
function warmUp(): void {
  for (const name of new Set(MANIFESTS.map((manifest) => manifest.tokenizer)))
    tokenizerOf(name).count('warm');
}

function peopleOf(config: Config, log: Log, pool: Pool, secrets: Secrets, publicUrl: () => string) {
  const { signUp, smtpUrl } = config;
  return makePeople({ pool, secrets, log, attempts: makeAttempts(), signUp, smtpUrl, publicUrl });
}

function startAlerts(config: Config, log: Log, pool: Pool, secrets: Secrets) {
  const now = () => Date.now();
  return startAlertRounds({
    pool,
    log,
    now,
    random: Math.random,
    notify: makeNotify(now),
    decrypt: (sealed, context) => secrets.decrypt(sealed, context),
    privateAllowed: config.webhooksPrivate,
  });
}

function makeParts(config: Config, log: Log, store: Store, secrets: Secrets, publicUrl: () => string) {
  const { pool } = store;
  const keys = new KeyDirectory(pool, secrets, log);
  const claims = new IdempotencyStore(pool, secrets);
  const holds = new HoldBook(pool);
  const settler = new Settler({ pool, secrets, gatewayName: config.gatewayName });
  const directory = new NodeDirectory({ pool, hash: (token) => secrets.hashKey(token) });
  const now = () => Date.now();
  const registry = new NodeRegistry({
    admit: (hello, nonce) => directory.admit(hello, nonce),
    heartbeatMs: config.heartbeatMs,
    now,
  });
  const upstreams = config.upstreams.map((upstream) => new Upstream(upstream));
  const serving = (model: string) => upstreams.filter((upstream) => upstream.serves(model));
  const inFlight = { count: 0 };
  const metrics = new Metrics({ nodes: () => registry.size, inFlight: () => inFlight.count });
  const report = (requestId: string, cause: unknown) =>
    log.error({ requestId, cause: describe(cause) }, 'A request failed on our side');
  const refusedCalls = new RefusedCalls({
    pool,
    log,
    now,
    settle: (settlement) => settler.settle(settlement),
  });
  const lost = () => metrics.payloadLost();
  const payloads = new PayloadWriter({ pool, secrets, log, logDays: config.logDays, lost });
  const people = peopleOf(config, log, pool, secrets, publicUrl);
  const billing = makeBilling({ pool, stripe: config.stripe, log, notify: makeNotify(now), now });
  const admin = makeAdmin({
    billing,
    pool,
    secrets,
    people,
    log,
    origins: originsOf(config),
    webhooksPrivate: config.webhooksPrivate,
    now,
    report,
  });
  const services: ServerServices = {
    admin,
    keys,
    claims,
    standIns: { byDefault: config.standIns },
    admission: admissionOf(config, holds),
    fleet: registry,
    upstreams: serving,
    settle: (settlement) => settle(settler, metrics, settlement),
    refused: (call) => refusedCalls.offer(call),
    keep: (payload) => payloads.offer(payload),
    maxBodyBytes: config.maxBodyBytes,
    bodyTimeoutMs: config.bodyTimeoutMs,
    now,
    random: Math.random,
    report,
    registry,
    available: { nodes: (model) => registry.count(model), hasFallback: (model) => serving(model).length > 0 },
    health: {
      databaseAnswers: () => store.health(),
      settling: () => settler.waiting < MANY_WAITING,
      nodes: () => registry.size,
      upstreams: () => upstreams.length,
    },
    metrics,
    openapi: openApiDocument(),
    inFlight,
    maxInFlight: config.maxInFlight,
    trustedProxies: config.trustedProxies,
  };
  const close = async () => {
    await people.mailer?.close();
    await Promise.all([refusedCalls.close(), payloads.close()]);
    await Promise.all([settler.close(), holds.close(), claims.close(), keys.close()]);
    await Promise.all(upstreams.map((upstream) => upstream.close()));
  };
  return { services, billing, close };
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

/** For the server's log: where it broke. Never an error's other fields, which may hold what a caller wrote. */
function describe(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? cause.message).slice(0, 4000) : typeof cause;
}

async function closeServer(app: FastifyInstance, services: ServerServices, graceMs: number): Promise<void> {
  const until = Date.now() + graceMs;
  // Stops listening at once; requests in flight go on, and their nodes stay connected for them.
  app.server.close();
  app.server.closeIdleConnections();
  while (services.inFlight.count > 0 && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, CLOSING_LOOK_MS));
  }
  services.registry.close();
  app.server.closeAllConnections();
  await app.close();
}
