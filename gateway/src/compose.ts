/** The composition root: makes every part once and gives each what it needs, subject by subject. */
import { MANIFESTS } from '@zerogpu/catalogue';
import { openApiDocument } from '@zerogpu/protocol';
import type { AdminServices } from './admin/admin-routes.ts';
import { type FleetParts, makeAdmin } from './admin-api.ts';
import { startAlertRounds } from './alerts/alert-rounds.ts';
import { makeNotify } from './alerts/notify.ts';
import { startBillingRounds } from './billing/billing-rounds.ts';
import { makeBilling } from './billing/make-billing.ts';
import type { BillingParts } from './billing/parts.ts';
import { type Batching, composeBatching } from './compose-batching.ts';
import { type ComposedFleet, composeFleet, composeInternal } from './compose-fleet.ts';
import { composeBooks, composeCallers, type Ground, reporter } from './compose-parts.ts';
import { startTrustRounds } from './compose-trust.ts';
import type { Config } from './config.ts';
import { makeCreateOnce } from './idempotency/create-once.ts';
import { startSweeper } from './metering/sweeper.ts';
import { Metrics } from './metrics.ts';
import { ModelWeights, WEIGHTS_FOLDER } from './model-files/model-files.ts';
import { NODE_SOFTWARE_FOLDER, NodeSoftware } from './pages/node-software.ts';
import { makeAttempts } from './people/attempts.ts';
import { makePeople, type PeopleServices } from './people/people-services.ts';
import { startBeats } from './remote-fleet/gateway-directory.ts';
import type { Rounds } from './rounds.ts';
import type { ServerServices } from './server.ts';
import type { WayServices } from './way.ts';

export interface Composed {
  readonly services: ServerServices;
  /** Begins what the gateway does by itself. */
  startRounds(): Pick<Rounds, 'stop'>;
  /** Says in the database that it runs and listens at this address, for workers beside it. */
  beat(url: string): Pick<Rounds, 'stop'>;
  /** Takes no more lines of batches; finishes those under way within so long, and gives the others back. */
  finishLines(graceMs: number): Promise<void>;
  /** Ends every part; what was answered is written down by then. */
  close(): Promise<void>;
}

/** More settlements than this behind the one under way: the database is slower than its callers. */
const MANY_WAITING = 1000;
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
  const batching = composeBatching(ground, {
    createOnce: makeCreateOnce(callers.services.claims),
    metrics,
  });
  const services: ServerServices = {
    ...fleet.services,
    ...callers.services,
    ...books.services,
    callerRoutes: batching.callerRoutes,
    internal: composeInternal(ground, fleet.services, inFlight),
    admin: composeAdmin(ground, people, billing, fleet.books.parts),
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
    openapi: openApiDocument,
    modelFiles: { weights: new ModelWeights(WEIGHTS_FOLDER, MANIFESTS) },
    nodePages: {
      software: new NodeSoftware(NODE_SOFTWARE_FOLDER, () => performance.now()),
      publicUrl: config.publicUrl,
    },
    inFlight,
    now,
    random: Math.random,
    report: reporter(ground.log),
  };
  return {
    services,
    startRounds: () => startRounds(ground, billing, batching, services, fleet),
    beat: (url) =>
      startBeats({
        id: fleet.gatewayId,
        pool: store.pool,
        log: ground.log,
        url: config.internalUrl ?? url,
      }),
    finishLines: (graceMs) => batching.finishLines(graceMs),
    async close() {
      await batching.close();
      await people.mailer?.close();
      await books.close();
      await callers.close();
      await fleet.close();
    },
  };
}

function composePeople({ config, store: { pool }, secrets, log, publicUrl }: Ground): PeopleServices {
  const { signUp, smtpUrl } = config;
  return makePeople({ pool, secrets, log, attempts: makeAttempts(), signUp, smtpUrl, publicUrl });
}

function composeBilling({ config, store: { pool }, log }: Ground): BillingParts {
  return makeBilling({ pool, stripe: config.stripe, log, notify: makeNotify(now), now });
}

function composeAdmin(
  ground: Ground,
  people: PeopleServices,
  billing: BillingParts,
  fleet: FleetParts,
): AdminServices {
  const { config, store, secrets, storage, log } = ground;
  return makeAdmin({
    pool: store.pool,
    secrets,
    storage,
    people,
    billing,
    fleet,
    publicUrl: () => ground.publicUrl(),
    log,
    origins: originsOf(config),
    webhooksPrivate: config.webhooksPrivate,
    now,
    report: reporter(log),
  });
}

function startRounds(
  { config, store: { pool }, secrets, log }: Ground,
  billing: BillingParts,
  batching: Batching,
  way: WayServices,
  { trust, books }: Pick<ComposedFleet, 'trust' | 'books'>,
): Pick<Rounds, 'stop'> {
  const alerts = {
    pool,
    log,
    now,
    random: Math.random,
    notify: makeNotify(now),
    decrypt: (sealed: Buffer, context: string) => secrets.decrypt(sealed, context),
    privateAllowed: config.webhooksPrivate,
  };
  const all = [
    startSweeper({ pool, log, logDays: config.logDays }),
    startBillingRounds(billing),
    startAlertRounds(alerts),
    startTrustRounds(trust, { log }),
    books.startRounds(),
    ...batching.start(way),
  ];
  return {
    async stop() {
      await Promise.all(all.map((rounds) => rounds.stop()));
    },
  };
}

/** Behind a proxy the address that pages are from is not the one that calls arrive at. */
const originsOf = ({ publicUrl }: Config) => (publicUrl === null ? [] : [new URL(publicUrl).origin]);
