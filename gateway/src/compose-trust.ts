/** Composes what is done about strangers' nodes: they are believed as far as they have shown. */
import { randomInt } from 'node:crypto';
import type { Ground } from './compose-parts.ts';
import { JUDGING_POOLS, type NodeView } from './flow.ts';
import type { NodeConnection } from './nodes/connection.ts';
import type { NodeRegistry } from './nodes/registry.ts';
import { type Rounds, startRounds } from './rounds.ts';
import { predicted, type RouteAsk } from './router/predict.ts';
import { TrustKeeper } from './trust/trust.ts';
import { DatabaseTrustStore } from './trust/trust-store.ts';

/** Counts that a gateway's death loses: of a second. */
const EVERY_MS = 1000;
const now = () => Date.now();
/** Judges are compared for a text of usual length: of what is asked, a prediction needs no more than that. */
const ANY_CHECK: RouteAsk = {
  model: '',
  tier: 'interactive',
  tokens: 256,
  place: null,
  organizationId: '',
  privacy: 'own',
  strangersMay: false,
};

/** @param registry which may be made after this */
export function composeTrust({ store: { pool }, log }: Ground, registry: () => NodeRegistry): TrustKeeper {
  const setQuarantine = (id: string, quarantined: boolean) => {
    const node = registry().find(id);
    if (node) node.standing = { ...node.standing, quarantined };
    registry().trustChanged(id);
  };
  return new TrustKeeper({
    store: new DatabaseTrustStore(pool),
    log,
    bench: {
      judges: (model) => judgesAmong(registry().having(model, JUDGING_POOLS), model),
      target: (id) => registry().find(id),
      predictedMs: (view) => predicted(view, ANY_CHECK).totalMs,
    },
    connected: (id) => registry().find(id) !== undefined,
    changed: (id) => registry().trustChanged(id),
    quarantined: (id) => setQuarantine(id, true),
    released: (id) => setQuarantine(id, false),
    now,
    // No node can tell from what it saw before which of its answers are looked at.
    random: () => randomInt(2 ** 32) / 2 ** 32,
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms).unref()),
  });
}

export function startTrustRounds(trust: TrustKeeper, { log }: Pick<Ground, 'log'>): Rounds {
  const failed = 'What nodes have shown was not compared with the database';
  return startRounds({ everyMs: EVERY_MS, round: () => trust.round(), log, failed });
}

function* judgesAmong(nodes: Iterable<NodeConnection>, model: string): Generator<NodeView> {
  for (const node of nodes) {
    const view = node.view(model);
    if (view !== null) yield view;
  }
}
