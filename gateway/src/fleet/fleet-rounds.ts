/** What gateways do by themselves for all nodes, whoever holds them; each row is one gateway's work. */
import type { Pool } from 'pg';
import type { Notify } from '../admin/event.ts';
import { type Rounds, startRounds } from '../rounds.ts';
import type { Log } from '../store/log.ts';
import { tellOfNodes } from './tell-nodes.ts';

const EVERY_MS = 30_000;
/** As gateways say that they live: see `ALIVE` in gateway/src/remote-fleet. */
const ALIVE = `interval '20 seconds'`;

/** A gateway that died without a word: its nodes were there as long as it was. */
const SETTLE_DEAD = `
UPDATE nodes n SET gateway_id = NULL, last_seen_at = greatest(n.last_seen_at, g.alive_until - ${ALIVE})
FROM gateways g WHERE g.id = n.gateway_id AND g.alive_until < now()`;
/** One that died before it said that it lives, or so long ago that nothing of it is left. */
const SETTLE_UNKNOWN = `
UPDATE nodes n SET gateway_id = NULL WHERE n.gateway_id IS NOT NULL AND n.connected_at < now() - interval '1 minute'
  AND NOT EXISTS (SELECT FROM gateways g WHERE g.id = n.gateway_id)`;
const FORGET_MINUTES = `
DELETE FROM fleet_minutes WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM fleet_minutes WHERE minute < now() - interval '2 days' LIMIT 10000))`;
/** Strangers' devices that nobody saw for a season: their keys are gone with their browsers' storage. They may join anew. */
const FORGET_STRANGERS = `
DELETE FROM nodes WHERE id = ANY (ARRAY(
  SELECT id FROM nodes WHERE pool = 'public' AND gateway_id IS NULL AND revoked_at IS NULL AND quarantined_at IS NULL
    AND last_seen_at < now() - interval '90 days' LIMIT 1000))`;

export interface FleetRoundsOptions {
  readonly pool: Pool;
  readonly log: Log;
  readonly notify: Notify;
}

export function startFleetRounds({ pool, log, notify }: FleetRoundsOptions): Rounds {
  const round = async () => {
    for (const text of [SETTLE_DEAD, SETTLE_UNKNOWN, FORGET_MINUTES, FORGET_STRANGERS])
      await pool.query(text);
    await tellOfNodes(pool, notify);
  };
  return startRounds({ everyMs: EVERY_MS, round, log, failed: 'The fleet could not be looked after' });
}
