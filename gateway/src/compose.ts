/** The composition root: makes every part once and gives each what it needs, subject by subject. */
import { randomUUID } from 'node:crypto';
import { MANIFESTS } from '@zerogpu/catalogue';
import { openApiDocument } from '@zerogpu/protocol';
import type { AdminServices } from './admin/admin-routes.ts';
import { type FleetParts, makeAdmin } from './admin-api.ts';
import { startAlertRounds } from './alerts/alert-rounds.ts';
import { makeNotify } from './alerts/notify.ts';
import type { Availability } from './api/models.ts';
import { startBillingRounds } from './billing/billing-rounds.ts';
import { makeBilling } from './billing/make-billing.ts';
import type { BillingParts } from './billing/parts.ts';
import { type Batching, composeBatching } from './compose-batching.ts';
import { composeNodes, type NodeBooks } from './compose-nodes.ts';
import { composeBooks, composeCallers, type Ground, reporter } from './compose-parts.ts';
import { composeTrust, startTrustRounds } from './compose-trust.ts';
import type { Config } from './config.ts';
import type { Reach } from './flow.ts';
import { makeCreateOnce } from './idempotency/create-once.ts';
import { startSweeper } from './metering/sweeper.ts';
import { Metrics } from './metrics.ts';
import { ModelWeights, WEIGHTS_FOLDER } from './model-files/model-files.ts';
import { Bans, bannedFor } from './nodes/bans.ts';
import { dispatch } from './nodes/dispatch.ts';
import { Hedging } from './nodes/hedging.ts';
import { NodeDirectory } from './nodes/node-directory.ts';
import { thisSoftware } from './nodes/node-software.ts';
import { NodeRegistry } from './nodes/registry.ts';
import { NODE_SOFTWARE_FOLDER, NodeSoftware } from './pages/node-software.ts';
import { makeAttempts } from './people/attempts.ts';
import { makePeople, type PeopleServices } from './people/people-services.ts';
import { openAddresses } from './places/addresses.ts';
import { Places } from './places/places.ts';
import { fleetState } from './remote-fleet/fleet-state.ts';
import { startBeats } from './remote-fleet/gateway-directory.ts';
import { InternalCalls, type InternalServices } from './remote-fleet/internal-calls.ts';
import type { Rounds } from './rounds.ts';
import { FleetIndex } from './router/fleet-index.ts';
import { countWithin, targetsFor } from './router/targets.ts';
import type { ServerServices } from './server.ts';
import { Upstream } from './upstreams/upstream.ts';
import { usableUpstreams } from './upstreams/usable-upstreams.ts';
import type { HttpOrigin, WayServices } from './way.ts';

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
    openapi: openApiDocument(),
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

/** What workers beside this gateway have it run. */
function composeInternal(
  { secrets }: Ground,
  { fleet, upstreams, hasUpstream, hedging }: ReturnType<typeof composeFleet>['services'],
  inFlight: { count: number },
): InternalCalls {
  const tier = 'batch';
  const { random } = Math;
  const services = { fleet, upstreams, now, random };
  const run: InternalServices['run'] = async (asked, hangup) => {
    inFlight.count++;
    try {
      const { manifest, inference, inputTokens: tokens, reach } = asked;
      const choices = targetsFor({ manifest, inference, tier, tokens, place: null, reach }, services);
      return await dispatch(choices, { ...asked, tier }, null, hangup, { now, random, hedging });
    } finally {
      inFlight.count--;
    }
  };
  const models = MANIFESTS.map(({ id }) => id);
  return new InternalCalls({
    seal: (text) => secrets.seal(text),
    fleet: () => fleetState({ models, views: (model) => fleet.views(model), hasUpstream }),
    run,
    now,
  });
}

function placesOf({ place, geoipDb, trustedProxies }: Config): Places {
  return new Places({
    given: place,
    timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    findAddress: geoipDb === null ? null : openAddresses(geoipDb),
    trustedProxies,
  });
}

/** Where requests run: connected nodes, and the operator's upstreams. */
function composeFleet(ground: Ground) {
  const { config, store, secrets } = ground;
  const { pool } = store;
  const gatewayId = randomUUID();
  const directory = new NodeDirectory({
    pool,
    hash: (token) => secrets.hashKey(token),
    gatewayId,
    locate: (hello, address, given) => places.ofNode(hello, address, given),
  });
  const trust = composeTrust(ground, () => registry);
  const bans = new Bans();
  const places = placesOf(config);
  const index = new FleetIndex({ home: places.home });
  const registry: NodeRegistry = new NodeRegistry({
    async admit(hello, nonce, address) {
      const admittance = await directory.admit(hello, nonce, address);
      if (admittance.kind !== 'admitted') return admittance;
      const { facts } = admittance;
      const bannedMs = bans.leftMs(facts.id, now());
      if (bannedMs > 0) return bannedFor(bannedMs);
      await trust.load(facts);
      return admittance;
    },
    misbehaved({ id, facts: { pool } }, misconduct) {
      if (id === '') return;
      ground.log.warn({ nodeId: id, misconduct }, 'A node was disconnected because of what it sent');
      // Its own people and the operator see to theirs.
      if (pool === 'public') bans.note(id, now());
    },
    left: (node) => books.left(node),
    wrap: (node) => trust.wrap(node, node.facts),
    trustOf: (facts, model) => trust.trustOf(facts, model),
    index,
    heartbeatMs: config.heartbeatMs,
    software: () => thisSoftware(ground.publicUrl()),
    now,
  });
  const books: NodeBooks = composeNodes(ground, gatewayId, registry);
  const all = config.upstreams.map((upstream) => new Upstream(upstream));
  const upstreams = (model: string, reach: Reach) => usableUpstreams(all, model, reach, now());
  const hasUpstream = (model: string, trusted: boolean) =>
    all.some((upstream) => upstream.has(model) && upstream.trusted === trusted);
  const services = {
    registry,
    fleet: {
      index,
      views: (model: string) => registry.views(model),
      target: (id: string) => registry.target(id),
    },
    placeOf: ({ headers, address }: HttpOrigin) => places.ofCall(headers, address),
    upstreams,
    hasUpstream,
    hedging: new Hedging(),
    available: (reach: Reach): Availability => ({
      nodes: (manifest) => countWithin(index, manifest, reach),
      hasFallback: ({ id }) => upstreams(id, reach).length > 0,
    }),
  };
  const close = async () => {
    await books.close();
    await trust.close();
    await Promise.all(all.map((upstream) => upstream.close()));
  };
  return { gatewayId, registry, trust, books, services, close };
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
  { trust, books }: Pick<ReturnType<typeof composeFleet>, 'trust' | 'books'>,
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
