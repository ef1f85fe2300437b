/** What is seen, written and told of nodes, beside what runs on them. */
import type { FleetParts } from './admin-api.ts';
import { makeNotify } from './alerts/notify.ts';
import type { Ground } from './compose-parts.ts';
import { startFleetRounds } from './fleet/fleet-rounds.ts';
import { followChanges } from './fleet/follow-changes.ts';
import { NodeReporter } from './fleet/report-nodes.ts';
import type { LiveNode, LiveNodes } from './live-nodes.ts';
import type { Rounds } from './rounds.ts';
import { RIGHT_TO_EARN } from './trust/trust-state.ts';

export interface NodeBooks {
  readonly parts: FleetParts;
  /** A node's socket ended. */
  left(node: LiveNode): void;
  startRounds(): Pick<Rounds, 'stop'>;
  /** After the last socket has ended. */
  close(): Promise<void>;
}

const GATEWAYS = 'SELECT id FROM gateways WHERE alive_until > now()';
const now = () => Date.now();

/** @param gatewayId of this gateway, as it stands in the table of those that run */
export function composeNodes(ground: Ground, gatewayId: string, live: LiveNodes): NodeBooks {
  const { store, log } = ground;
  const { pool } = store;
  const reporter = new NodeReporter({ gatewayId, pool, log, live, now });
  const following = followChanges({ pool, log, live });
  const parts: FleetParts = {
    gatewayId,
    live,
    async gateways() {
      const { rows } = await pool.query<{ id: string }>(GATEWAYS);
      // This one lives, whether it could say so or not.
      return [...new Set([gatewayId, ...rows.map(({ id }) => id)])];
    },
    changed: () => void following.run(),
    earned: (rightInRow) => rightInRow >= RIGHT_TO_EARN,
  };
  return {
    parts,
    left: (node) => reporter.left(node),
    startRounds: () => startFleetRounds({ pool, log, notify: makeNotify(now) }),
    async close() {
      await following.stop();
      await reporter.close();
    },
  };
}
