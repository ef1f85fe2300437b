/** What must be true when all is quiet: orders, log, charges, wallets, budgets and rollups tell one story. */
import { checkInvariants } from '@zerogpu/ledger';
import type { Pool, PoolClient } from 'pg';
import { deadRequests, readEvents } from './money-faults-audit.ts';
import type { OrderEnd } from './money-faults-load.ts';
import { type Purse, type Replay, replay } from './money-faults-replay.ts';

/** What the callers saw, in the same database, because a million of them are too many for the test's memory. */
const ORDERS = `
CREATE UNLOGGED TABLE audit.orders (
  key_id uuid NOT NULL, input_tokens int NOT NULL, output_tokens int NOT NULL, cost bigint NOT NULL,
  kind text NOT NULL, request_id text,
  PRIMARY KEY (key_id, input_tokens, output_tokens)
)`;

export async function installOrders(pool: Pool): Promise<void> {
  await pool.query(ORDERS);
}

const KEEP = `
INSERT INTO audit.orders (key_id, input_tokens, output_tokens, cost, kind, request_id)
SELECT * FROM unnest($1::uuid[], $2::int[], $3::int[], $4::bigint[], $5::text[], $6::text[])`;

export async function keepOrders(pool: Pool, ends: readonly OrderEnd[]): Promise<void> {
  const column = <Name extends keyof OrderEnd>(name: Name) => ends.map((end) => end[name]);
  const values = [column('keyId'), column('inputTokens'), column('outputTokens')];
  await pool.query(KEEP, [...values, column('cost'), column('kind'), column('requestId')]);
}

/** Something that does not fit; empty lists mean that all is well. */
export interface Misfit {
  readonly rule: string;
  readonly subject: string;
  readonly detail: string;
}

const MOST = 20;

/**
 * Every answered order has one log row and one charge, both of what the upstream counted. An order that was lost with
 * its gateway has them once or not at all; a refused or failed one never.
 */
const ORDERS_AND_LOG = `
WITH answers AS (
  SELECT key_id, input_tokens, output_tokens, count(*) AS many, min(id) AS id, min(cost) AS cost
  FROM requests WHERE status = 200 AND replay_of IS NULL GROUP BY 1, 2, 3
), told AS (
  SELECT CASE
    WHEN o.key_id IS NULL THEN 'answered without an order'
    WHEN a.many > 1 THEN 'answered twice'
    WHEN o.kind = 'answered' AND a.key_id IS NULL THEN 'answered and not settled'
    WHEN o.kind IN ('refused', 'failed') AND a.key_id IS NOT NULL THEN 'not answered and settled'
    WHEN a.cost <> o.cost THEN 'settled with a wrong cost'
    WHEN o.request_id <> a.id THEN 'settled under another id'
  END AS rule, coalesce(o.request_id, a.id, '') AS subject,
  concat_ws(' ', o.kind, 'cost', o.cost, 'log', a.many, 'times', a.cost) AS detail
  FROM audit.orders o FULL JOIN answers a USING (key_id, input_tokens, output_tokens)
)
SELECT * FROM told WHERE rule IS NOT NULL LIMIT ${MOST}`;

/** Both ways: a log row with a cost is one charge of the same amount, and a charge is such a row. */
const LOG_AND_CHARGES = `
WITH charges AS (
  SELECT request_id AS id, count(*) AS many, sum(amount) AS amount FROM ledger.postings WHERE kind = 'charge' GROUP BY 1
), told AS (
  SELECT CASE
    WHEN r.id IS NULL THEN 'charged without a log row'
    WHEN c.many > 1 THEN 'charged twice'
    WHEN r.status NOT IN (200, 499) AND c.id IS NOT NULL THEN 'an error that was charged'
    WHEN r.cost <> coalesce(c.amount, 0) THEN 'charged other than logged'
  END AS rule, coalesce(r.id, c.id) AS subject, concat_ws(' ', 'status', r.status, 'log', r.cost, 'charge', c.amount) AS detail
  FROM (SELECT * FROM requests WHERE cost <> 0 OR status NOT IN (200, 499)) r FULL JOIN charges c USING (id)
)
SELECT * FROM told WHERE rule IS NOT NULL LIMIT ${MOST}`;

/** Each request is counted in its minute and in its hour: both must be what the log sums to, row by row. */
const ROLLUPS_AND_LOG = `
WITH kinds AS (SELECT * FROM (VALUES ('minute'), ('hour')) AS k (resolution)), summed AS (
  SELECT project_id, resolution, date_trunc(resolution, created_at, 'UTC') AS bucket, gateway_id, status,
    coalesce(key_id, '00000000-0000-0000-0000-000000000000') AS key_id, coalesce(route_class, '') AS route_class,
    count(*)::bigint AS requests, sum(input_tokens)::bigint AS input_tokens,
    sum(output_tokens)::bigint AS output_tokens, sum(cost)::bigint AS cost
  FROM requests, kinds GROUP BY 1, 2, 3, 4, 5, 6, 7
), rolled AS (
  SELECT project_id, resolution, bucket, gateway_id, status, key_id, route_class,
    sum(requests)::bigint AS requests, sum(input_tokens)::bigint AS input_tokens,
    sum(output_tokens)::bigint AS output_tokens, sum(cost)::bigint AS cost
  FROM usage_rollups WHERE resolution IN ('minute', 'hour') GROUP BY 1, 2, 3, 4, 5, 6, 7
)
SELECT 'rollup other than the log' AS rule, concat_ws(' ', resolution, bucket, gateway_id, key_id, status) AS subject,
  concat_ws(' ', 'log', s.requests, s.cost, 'rollup', r.requests, r.cost) AS detail
FROM summed s FULL JOIN rolled r
  USING (project_id, resolution, bucket, gateway_id, status, key_id, route_class)
WHERE (s.requests, s.input_tokens, s.output_tokens, s.cost)
  IS DISTINCT FROM (r.requests, r.input_tokens, r.output_tokens, r.cost) LIMIT ${MOST}`;

const HELD = `
SELECT 'money held by nobody' AS rule, id::text AS subject, held::text AS detail FROM ledger.accounts WHERE held <> 0
UNION ALL SELECT 'money held by nobody', spender_id::text, held::text FROM ledger.budgets WHERE held <> 0
UNION ALL SELECT 'a hold left', request_id, amount::text FROM ledger.holds LIMIT ${MOST}`;

/** Of the tables alone. */
export async function checkTables(pool: Pool | PoolClient): Promise<Misfit[]> {
  const found: Misfit[] = [];
  for (const text of [ORDERS_AND_LOG, LOG_AND_CHARGES, ROLLUPS_AND_LOG, HELD]) {
    found.push(...(await pool.query<Misfit>(text)).rows);
  }
  const violations = await checkInvariants(pool);
  return [
    ...found,
    ...violations.map(({ rule, subject, detail }) => ({ rule, subject: subject ?? 'all', detail })),
  ];
}

export interface Verdict {
  readonly misfits: readonly Misfit[];
  readonly replay: Replay;
}

/**
 * Everything, with the witness's notes played back.
 * @param refusals ids of requests that callers saw refused
 */
export async function checkAll(pool: Pool, refusals: readonly string[]): Promise<Verdict> {
  const played = await replayNotes(pool);
  const unfounded = refusals
    .filter((id) => !played.refused.has(id))
    .map((id) => ({ rule: 'refused without a decision of the ledger', subject: id, detail: '' }));
  const purses = await checkPurses(pool, played.purses);
  return { misfits: [...(await checkTables(pool)), ...unfounded.slice(0, MOST), ...purses], replay: played };
}

export async function replayNotes(pool: Pool): Promise<Replay> {
  return replay(readEvents(pool), await deadRequests(pool));
}

interface PurseRow extends Purse {
  readonly id: string;
  readonly rule: string;
}

const PURSES = `
SELECT 'a wallet other than its notes' AS rule, id, balance AS limit, 0::bigint AS spent, held FROM ledger.accounts
  WHERE kind = 'wallet'
UNION ALL
SELECT 'a budget other than its notes', spender_id, monthly_limit, spent, held FROM ledger.budgets`;

/** The books at their end against the same, added up without the ledger. */
async function checkPurses(pool: Pool, played: ReadonlyMap<string, Purse>): Promise<Misfit[]> {
  const { rows } = await pool.query<PurseRow>(PURSES);
  return rows.flatMap(({ id, rule, ...books }) => {
    const notes = played.get(id) ?? { limit: 0n, spent: 0n, held: 0n };
    // A wallet's balance is what was put in less what was spent; a budget keeps the two apart.
    const left = (purse: Purse) => (purse.limit ?? 0n) - purse.spent;
    const isWallet = rule.startsWith('a wallet');
    const same = isWallet
      ? left(books) === left(notes)
      : books.limit === notes.limit && books.spent === notes.spent;
    if (same && books.held === notes.held) return [];
    const told = (purse: Purse) => `limit ${purse.limit} spent ${purse.spent} held ${purse.held}`;
    return [{ rule, subject: id, detail: `books: ${told(books)}; notes: ${told(notes)}` }];
  });
}
