/**
 * Tells people of nodes that joined, went away or are in quarantine: of many at once in one event, so that a fleet of
 * laptops that all go to sleep is one line of the feed. Each node is told once, by whichever gateway marks it.
 */
import type { EventKind, NodePool, Severity } from '@zerogpu/protocol';
import type { Pool, PoolClient } from 'pg';
import type { Notify } from '../admin/event.ts';
import { inTransaction } from '../store/transaction.ts';

/** A node that is back within this restarted, or its network did. */
const AWAY = `interval '10 minutes'`;
/** Of one look; the rest is told by the next. */
const MOST = 5_000;
/** Named in an event. */
const MOST_NAMED = 20;
const IN_TITLE = 3;

const COLUMNS =
  'n.id, coalesce(n.given_name, n.name) AS name, n.pool, n.organization_id, n.quarantined_because AS because';
const marking = (column: string, which: string) => `
UPDATE nodes n SET ${column} = now() FROM (
  SELECT id FROM nodes WHERE ${which} AND revoked_at IS NULL LIMIT ${MOST} FOR NO KEY UPDATE SKIP LOCKED) f
WHERE n.id = f.id RETURNING ${COLUMNS}`;

interface Row {
  readonly id: string;
  readonly name: string;
  readonly pool: NodePool;
  readonly organization_id: string | null;
  readonly because: string | null;
}

interface Telling {
  readonly kind: EventKind;
  readonly severity: Severity;
  readonly mark: string;
  /** Whether the operators are told of the pools that are theirs. */
  readonly operators: boolean;
  what(count: number): string;
}

const s = (count: number, one: string, many: string) => (count === 1 ? one : `${count} ${many}`);

const TELLINGS: readonly Telling[] = [
  {
    kind: 'node.joined',
    severity: 'info',
    mark: marking('joined_told_at', 'joined_told_at IS NULL'),
    // Whom they gave a token they know; strangers come and go all day.
    operators: false,
    what: (count) => s(count, 'A node has joined', 'nodes have joined'),
  },
  {
    kind: 'node.away',
    severity: 'warning',
    // Phones and pages come and go: nobody counts on them.
    mark: marking(
      'away_told_at',
      `gateway_id IS NULL AND away_told_at IS NULL AND device_class IN ('server', 'desktop') AND pool <> 'public'
        AND last_seen_at < now() - ${AWAY}`,
    ),
    operators: true,
    what: (count) => s(count, 'A node is away', 'nodes are away'),
  },
  {
    kind: 'node.quarantined',
    severity: 'warning',
    mark: marking(
      'quarantine_told_at',
      'quarantined_at IS NOT NULL AND (quarantine_told_at IS NULL OR quarantine_told_at < quarantined_at)',
    ),
    operators: true,
    what: (count) => s(count, 'A node gave a wrong answer', 'nodes gave wrong answers'),
  },
];

/** Of each operator the organization that they own for longest: there is no feed of the installation itself. */
const OPERATORS_FEEDS = `
SELECT DISTINCT m.organization_id FROM operators o CROSS JOIN LATERAL (
  SELECT organization_id FROM members WHERE person_id = o.person_id AND role = 'owner'
  ORDER BY created_at, organization_id LIMIT 1) m LIMIT 100`;

/** @returns how many events were written */
export async function tellOfNodes(pool: Pool, notify: Notify): Promise<number> {
  let told = 0;
  for (const telling of TELLINGS) told += await inTransaction(pool, (db) => tell(db, notify, telling));
  return told;
}

async function tell(db: PoolClient, notify: Notify, telling: Telling): Promise<number> {
  const { rows } = await db.query<Row>(telling.mark);
  const byOwner = Map.groupBy(rows, ({ organization_id }) => organization_id);
  let told = 0;
  for (const [owner, nodes] of byOwner) {
    const feeds = owner === null ? await operatorsFeeds(db, telling) : [owner];
    for (const organizationId of feeds) {
      await notify(db, { organizationId, projectId: null, ...eventOf(telling, nodes) });
      told++;
    }
  }
  return told;
}

async function operatorsFeeds(db: PoolClient, { operators }: Telling): Promise<readonly string[]> {
  if (!operators) return [];
  const { rows } = await db.query<{ organization_id: string }>(OPERATORS_FEEDS);
  return rows.map(({ organization_id }) => organization_id);
}

function eventOf({ kind, severity, what }: Telling, nodes: readonly Row[]) {
  const names = nodes.slice(0, IN_TITLE).map(({ name }) => `"${name}"`);
  const more = nodes.length > IN_TITLE ? ` and ${nodes.length - IN_TITLE} more` : '';
  const named = nodes.slice(0, MOST_NAMED).map(({ id, name, pool, because }) => {
    return { id, name, pool, ...(because === null ? {} : { because }) };
  });
  const title = `${what(nodes.length)}: ${names.join(', ')}${more}`;
  return { kind, severity, title, details: { count: nodes.length, nodes: named } };
}
