/** Composes where requests run: connected nodes, and the operator's upstreams. */
import { randomUUID } from 'node:crypto';
import { MANIFESTS } from '@zerogpu/catalogue';
import type { Availability } from './api/models.ts';
import { composeNodes, type NodeBooks } from './compose-nodes.ts';
import type { Ground } from './compose-parts.ts';
import { composeTrust } from './compose-trust.ts';
import type { Config } from './config.ts';
import type { Reach } from './flow.ts';
import { Bans, bannedFor } from './nodes/bans.ts';
import { dispatch } from './nodes/dispatch.ts';
import { Hedging } from './nodes/hedging.ts';
import { NodeDirectory } from './nodes/node-directory.ts';
import { thisSoftware } from './nodes/node-software.ts';
import { NodeRegistry, type RegistryServices } from './nodes/registry.ts';
import { openAddresses } from './places/addresses.ts';
import { Places } from './places/places.ts';
import { fleetState } from './remote-fleet/fleet-state.ts';
import { InternalCalls, type InternalServices } from './remote-fleet/internal-calls.ts';
import { FleetIndex } from './router/fleet-index.ts';
import { countWithin, targetsFor } from './router/targets.ts';
import type { TrustKeeper } from './trust/trust.ts';
import { Upstream } from './upstreams/upstream.ts';
import { usableUpstreams } from './upstreams/usable-upstreams.ts';
import type { HttpOrigin } from './way.ts';

export type ComposedFleet = ReturnType<typeof composeFleet>;

const now = () => Date.now();

export function composeFleet(ground: Ground) {
  const { config } = ground;
  const gatewayId = randomUUID();
  const places = placesOf(config);
  const index = new FleetIndex({ home: places.home });
  const trust = composeTrust(ground, () => registry);
  const registry: NodeRegistry = new NodeRegistry({
    ...composeAdmission(ground, gatewayId, places, trust),
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

/** Who may be a node here, and what becomes of those that send what they should not. */
function composeAdmission(
  { store: { pool }, secrets, log }: Ground,
  gatewayId: string,
  places: Places,
  trust: TrustKeeper,
): Pick<RegistryServices, 'admit' | 'misbehaved'> {
  const bans = new Bans();
  const directory = new NodeDirectory({
    pool,
    hash: (token) => secrets.hashKey(token),
    gatewayId,
    locate: (hello, address, given) => places.ofNode(hello, address, given),
  });
  return {
    async admit(hello, nonce, address) {
      const admittance = await directory.admit(hello, nonce, address);
      if (admittance.kind !== 'admitted') return admittance;
      const { facts } = admittance;
      const bannedMs = bans.leftMs(facts.id, now());
      if (bannedMs > 0) return bannedFor(bannedMs);
      await trust.load(facts);
      return admittance;
    },
    misbehaved({ id, facts }, misconduct) {
      if (id === '') return;
      log.warn({ nodeId: id, misconduct }, 'A node was disconnected because of what it sent');
      // Its own people and the operator see to theirs.
      if (facts.pool === 'public') bans.note(id, now());
    },
  };
}

function placesOf({ place, geoipDb, trustedProxies }: Config): Places {
  return new Places({
    given: place,
    timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    findAddress: geoipDb === null ? null : openAddresses(geoipDb),
    trustedProxies,
  });
}

/** What workers beside this gateway have it run. */
export function composeInternal(
  { secrets }: Ground,
  { fleet, upstreams, hasUpstream, hedging }: ComposedFleet['services'],
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
