import type { Place } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import type { LiveNodes } from '../live-nodes.ts';
import { type Rounds, startRounds } from '../rounds.ts';
import type { Log } from '../store/log.ts';

/** Twice within the second after which a removed node is out everywhere. An idle look is one of an empty index: 0.1 ms. */
const LOOK_MS = 500;
/**
 * A change is looked at again and again for so long: its transaction may commit late, and a node may be let in by one
 * statement while another removes it.
 */
const LOOK_BACK = `interval '15 seconds'`;

/** Since the last look that succeeded, by the database's clock; one row without a node when nothing changed. */
const FIND = `
SELECT t.now, n.id, n.revoked_at IS NOT NULL AS removed, n.draining_at IS NOT NULL AS draining,
  n.quarantined_at IS NOT NULL AS quarantined, n.given_latitude, n.given_longitude, n.region
FROM (SELECT now() AS now) t
LEFT JOIN nodes n ON n.changed_at > coalesce($1::timestamptz, now()) - ${LOOK_BACK}`;

interface Row {
  /** Null in the row without a node. */
  readonly id: string | null;
  readonly removed: boolean;
  readonly draining: boolean;
  readonly quarantined: boolean;
  readonly given_latitude: number | null;
  readonly given_longitude: number | null;
  readonly region: string | null;
  readonly now: Date;
}

export interface FollowOptions {
  readonly pool: Pool;
  readonly log: Log;
  readonly live: LiveNodes;
}

/** Has what people (or checks of answers) change of nodes come into effect at those that this gateway holds. */
export function followChanges({ pool, log, live }: FollowOptions): Rounds {
  let lookedAt: Date | null = null;
  const round = async () => {
    // Who comes later is let in as it is then.
    if (isEmpty(live.nodes())) return;
    const { rows } = await pool.query<Row>(FIND, [lookedAt]);
    for (const row of rows) apply(live, row);
    lookedAt = rows[0]?.now ?? lookedAt;
  };
  return startRounds({ everyMs: LOOK_MS, round, log, failed: 'Changes of nodes could not be looked for' });
}

function isEmpty(nodes: Iterable<unknown>): boolean {
  return nodes[Symbol.iterator]().next().done === true;
}

/** The same again changes nothing. */
function apply(live: LiveNodes, row: Row): void {
  const node = row.id === null ? undefined : live.find(row.id);
  if (node === undefined) return;
  if (row.removed) {
    node.remove();
    return;
  }
  const { draining, quarantined } = row;
  const before = node.standing;
  if (before.draining !== draining || before.quarantined !== quarantined) {
    node.standing = { draining, quarantined };
  }
  const place = givenPlace(row);
  if (place !== null) node.move(place, row.region);
}

function givenPlace({ given_latitude: latitude, given_longitude: longitude }: Row): Place | null {
  return latitude === null || longitude === null ? null : { latitude, longitude };
}
