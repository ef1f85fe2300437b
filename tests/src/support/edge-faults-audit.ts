/** What the books say after the fault test: settled once each, paid once each, who served whom, who is in quarantine. */
import { setTimeout as sleep } from 'node:timers/promises';
import { openGateway, readConfig, silentLog } from '@zerogpu/gateway';
import { checkInvariants, type Violation } from '@zerogpu/ledger';
import type { Pool } from 'pg';

export interface EdgeAudit {
  /** Rows of the log, and of these: not answered, tried more than once, hedged, answered by the fallback. */
  readonly rows: { readonly all: number; readonly failed: number; readonly retried: number };
  readonly hedged: number;
  readonly byClass: Readonly<Record<string, number>>;
  /** Ids of answered requests that do not stand in the log once and are not charged once. */
  readonly unsettled: readonly string[];
  readonly settledTwice: number;
  readonly violations: readonly Violation[];
  readonly heldAfterwards: bigint;
  /** Requests of projects that keep to themselves, answered by strangers' nodes. */
  readonly strayed: number;
  /** Names of nodes in quarantine. */
  readonly quarantined: readonly string[];
  /** Answers of strangers' nodes that were checked before or after, and that left unchecked. */
  readonly checked: { readonly right: number; readonly wrong: number; readonly unchecked: number };
}

/** The grace of a hold, and a round of the sweeper. */
const HOLDS_GONE_MS = 60_000;

/** Opens the data directory once more. */
export async function auditEdge(dataDir: string, answered: readonly string[]): Promise<EdgeAudit> {
  const config = readConfig({ ZEROGPU_DATA_DIR: dataDir, PORT: '0' });
  const gateway = await openGateway(config, silentLog);
  try {
    const { pool } = gateway;
    const heldAfterwards = await waitForNoHolds(pool);
    const [counts] = await ask(pool, COUNTS);
    const [standing] = await ask(pool, STANDINGS);
    const classes = await ask(pool, 'SELECT route_class, count(*)::int AS count FROM requests GROUP BY 1');
    return {
      rows: { all: counts.all, failed: counts.failed, retried: counts.retried },
      hedged: counts.hedged,
      byClass: Object.fromEntries(classes.map((row) => [row.route_class ?? 'none', row.count])),
      unsettled: (await ask(pool, UNSETTLED, [answered])).map(({ id }) => id),
      settledTwice: (await ask(pool, TWICE)).length,
      violations: await checkInvariants(pool),
      heldAfterwards,
      strayed: counts.strayed,
      quarantined: (await ask(pool, QUARANTINED)).map(({ name }) => name),
      checked: { right: standing.right, wrong: standing.wrong, unchecked: standing.unchecked },
    };
  } finally {
    await gateway.close(1_000);
  }
}

const COUNTS = `
  SELECT count(*)::int AS "all", count(*) FILTER (WHERE r.status <> 200)::int AS failed,
    count(*) FILTER (WHERE r.attempts > 1 AND NOT r.hedged)::int AS retried,
    count(*) FILTER (WHERE r.hedged)::int AS hedged,
    count(*) FILTER (WHERE n.pool = 'public' AND p.privacy <> 'public')::int AS strayed
  FROM requests r JOIN projects p ON p.id = r.project_id LEFT JOIN nodes n ON n.id = r.route_target`;
const STANDINGS = `
  SELECT coalesce(sum(right_total), 0)::int AS right, coalesce(sum(wrong_total), 0)::int AS wrong,
    coalesce(sum(unchecked_total), 0)::int AS unchecked FROM node_trust`;
const UNSETTLED = `
  SELECT id FROM unnest($1::text[]) AS answered (id)
  WHERE (SELECT count(*) FROM requests r WHERE r.id = answered.id AND r.status = 200) <> 1
    OR (SELECT count(*) FROM ledger.postings p WHERE p.kind = 'charge' AND p.request_id = answered.id) <> 1`;
const TWICE =
  "SELECT request_id FROM ledger.postings WHERE kind = 'charge' GROUP BY request_id HAVING count(*) > 1";
const QUARANTINED = 'SELECT name FROM nodes WHERE quarantined_at IS NOT NULL ORDER BY name';

// biome-ignore lint/suspicious/noExplicitAny: rows of the queries above
type Row = any;

async function ask(pool: Pool, text: string, values: unknown[] = []): Promise<Row[]> {
  return (await pool.query(text, values)).rows;
}

async function waitForNoHolds(pool: Pool): Promise<bigint> {
  const until = Date.now() + HOLDS_GONE_MS;
  for (;;) {
    const [{ held }] = await ask(pool, 'SELECT sum(held)::bigint AS held FROM ledger.accounts');
    if (held === 0n || Date.now() > until) return held;
    await sleep(500);
  }
}
