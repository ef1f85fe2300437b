/**
 * Looks at budgets and balances, and tells of what crossed a threshold: once, until it recovers. What was told is a
 * row whose primary key only one transaction can insert, so that it does not matter how many gateways look.
 */
import { dollarsText, type EventKind, type NanoDollars, type Severity } from '@zerogpu/protocol';
import type { Pool, PoolClient } from 'pg';
import type { Notify } from '../admin/event.ts';
import { inTransaction } from '../store/transaction.ts';
import { DEFAULT_RULES } from './rules.ts';
import { readRunway } from './runway.ts';

export interface WatchServices {
  readonly pool: Pool;
  readonly notify: Notify;
}

/** Of one look; what is left is told by the next. */
const MOST = 500;
/** Runway short of this many times the rule's days is told; back above this many times, it may be told again. */
const RECOVERED = 1.25;

const [DEFAULT_PERCENTS, DEFAULT_LOW, DEFAULT_DAYS] = [
  `'{${DEFAULT_RULES.budgetPercents.join(',')}}'::int[]`,
  `${DEFAULT_RULES.lowBalance}::bigint`,
  `${DEFAULT_RULES.runwayDays}::int`,
];

/** The rule's value where there is a row, which may be null; the default where there is none. */
const ruled = (column: string, otherwise: string) =>
  `CASE WHEN r.organization_id IS NULL THEN ${otherwise} ELSE r.${column} END`;

/** The budgets of this month ($1 its first day) with whose they are. A key's project is that of its row. */
const BUDGETS = `
  SELECT b.spender_id, b.kind, b.monthly_limit, b.spent, o.id AS organization_id, p.id AS project_id,
    coalesce(k.name, p.name, o.name) AS name,
    coalesce(q.budget_percents, ${ruled('budget_percents', DEFAULT_PERCENTS)}) AS percents
  FROM ledger.budgets b
  LEFT JOIN api_keys k ON b.kind = 'key' AND k.id = b.spender_id
  LEFT JOIN projects p ON p.id = CASE b.kind WHEN 'project' THEN b.spender_id ELSE k.project_id END
  JOIN organizations o ON o.id = CASE b.kind WHEN 'organization' THEN b.spender_id ELSE p.organization_id END
  LEFT JOIN alert_rules r ON r.organization_id = o.id
  LEFT JOIN project_alert_rules q ON q.project_id = p.id
  WHERE b.month = $1::text::date AND b.monthly_limit > 0 AND b.spent > 0`;
/** Numeric, because a limit times a hundred may be more than a bigint. */
const CROSSED = 'b.spent::numeric * 100 >= b.monthly_limit::numeric * percent';
const CROSSINGS = `
SELECT b.*, array_agg(percent ORDER BY percent) AS crossed FROM (${BUDGETS}) b, unnest(b.percents) AS percent
WHERE ${CROSSED} AND NOT EXISTS (
  SELECT 1 FROM alerts_told t WHERE t.organization_id = b.organization_id AND t.rule = 'budget:' || percent
    AND t.subject_id = b.spender_id AND t.episode = $1::text)
GROUP BY b.spender_id, b.kind, b.monthly_limit, b.spent, b.organization_id, b.project_id, b.name, b.percents
LIMIT ${MOST}`;
/** A limit that was raised, or a budget taken away; and what is of a month long past. */
const REARM_BUDGETS = `
DELETE FROM alerts_told t WHERE t.rule LIKE 'budget:%' AND (
  t.episode < to_char($1::text::date - interval '2 months', 'YYYY-MM-DD')
  OR t.episode = $1::text AND NOT EXISTS (
    SELECT 1 FROM ledger.budgets b CROSS JOIN LATERAL (SELECT substring(t.rule FROM 8)::int AS percent) s
    WHERE b.spender_id = t.subject_id AND b.month = $1::text::date AND b.monthly_limit > 0 AND ${CROSSED}))`;

/** Who never had money has none to run short of: funding is below zero once something was credited. */
const BALANCES = `
SELECT o.id AS organization_id, w.balance, ${ruled('low_balance', DEFAULT_LOW)} AS low_balance
FROM organizations o JOIN ledger.accounts w ON w.id = o.wallet_id JOIN ledger.accounts f ON f.id = w.funding_id
LEFT JOIN alert_rules r ON r.organization_id = o.id
WHERE f.balance <> 0 AND w.balance < ${ruled('low_balance', DEFAULT_LOW)}
  AND NOT EXISTS (SELECT 1 FROM alerts_told t WHERE t.organization_id = o.id AND t.rule = 'balance.low')
LIMIT ${MOST}`;
const REARM_BALANCES = `
DELETE FROM alerts_told t USING organizations o JOIN ledger.accounts w ON w.id = o.wallet_id
LEFT JOIN alert_rules r ON r.organization_id = o.id
WHERE t.rule = 'balance.low' AND o.id = t.organization_id
  AND w.balance >= coalesce(${ruled('low_balance', DEFAULT_LOW)}, 0)`;

/** Page by page through all that want to know their runway. */
const RUNWAYS = `
SELECT o.id AS organization_id, ${ruled('runway_days', DEFAULT_DAYS)} AS days,
  EXISTS (SELECT 1 FROM alerts_told t WHERE t.organization_id = o.id AND t.rule = 'balance.runway_short') AS told
FROM organizations o LEFT JOIN alert_rules r ON r.organization_id = o.id
WHERE ($1::uuid IS NULL OR o.id > $1) AND ${ruled('runway_days', DEFAULT_DAYS)} IS NOT NULL
ORDER BY o.id LIMIT ${MOST}`;
const REARM_RUNWAY = `
DELETE FROM alerts_told WHERE organization_id = $1 AND rule = 'balance.runway_short'`;

const TELL = `
INSERT INTO alerts_told (organization_id, rule, subject_id, episode, told_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING`;

interface Crossing {
  readonly spender_id: string;
  readonly kind: 'organization' | 'project' | 'key';
  readonly monthly_limit: NanoDollars;
  readonly spent: NanoDollars;
  readonly organization_id: string;
  readonly project_id: string | null;
  readonly name: string;
  readonly crossed: readonly number[];
}

/** The first day of the month, UTC: `2026-11-01`. */
export function monthOf(now: number): string {
  return `${new Date(now).toISOString().slice(0, 7)}-01`;
}

/** @returns how many alerts were told */
export async function watchBudgets({ pool, notify }: WatchServices, now: number): Promise<number> {
  const month = monthOf(now);
  await pool.query(REARM_BUDGETS, [month]);
  const { rows } = await pool.query<Crossing>(CROSSINGS, [month]);
  let told = 0;
  for (const crossing of rows) {
    const tell = (db: PoolClient) => tellCrossing(db, notify, crossing, month, now);
    if (await inTransaction(pool, tell)) told++;
  }
  return told;
}

/** Several thresholds at once are one message, of the highest. */
async function tellCrossing(
  db: PoolClient,
  notify: Notify,
  crossing: Crossing,
  month: string,
  now: number,
): Promise<boolean> {
  const { organization_id, project_id, spender_id, kind, name, monthly_limit, spent, crossed } = crossing;
  const percent = crossed.at(-1) ?? 0;
  for (const lower of crossed) {
    const mark = [organization_id, `budget:${lower}`, spender_id, month, new Date(now)];
    const { rowCount } = await db.query(TELL, mark);
    if (lower === percent && rowCount === 0) return false;
  }
  await notify(db, {
    organizationId: organization_id,
    projectId: project_id,
    kind: 'budget.threshold_reached',
    severity: percent >= 100 ? 'critical' : 'warning',
    title: `The ${kind} "${name}" has used ${percent} % of its monthly budget of $${dollarsText(monthly_limit)}`,
    details: {
      budget_of: kind,
      spender_id,
      percent,
      monthly_limit: dollarsText(monthly_limit),
      spent: dollarsText(spent),
      month: month.slice(0, 7),
    },
  });
  return true;
}

/** @returns how many alerts were told */
export async function watchBalances({ pool, notify }: WatchServices, now: number): Promise<number> {
  await pool.query(REARM_BALANCES);
  const { rows } = await pool.query<{ organization_id: string; balance: bigint; low_balance: bigint }>(
    BALANCES,
  );
  let told = 0;
  for (const { organization_id, balance, low_balance } of rows) {
    const done = await tellOnce(pool, notify, now, {
      organizationId: organization_id,
      kind: 'balance.low',
      severity: balance <= 0n ? 'critical' : 'warning',
      title: `The balance is below $${dollarsText(low_balance)}`,
      details: { balance: dollarsText(balance), threshold: dollarsText(low_balance) },
    });
    if (done) told++;
  }
  return told;
}

/** @returns how many alerts were told */
export async function watchRunways({ pool, notify }: WatchServices, now: number): Promise<number> {
  let told = 0;
  for (let after: string | null = null; ; ) {
    const { rows }: { rows: RunwayRow[] } = await pool.query<RunwayRow>(RUNWAYS, [after]);
    for (const row of rows) if (await watchRunway(pool, notify, now, row)) told++;
    after = rows.at(-1)?.organization_id ?? null;
    if (rows.length < MOST) return told;
  }
}

interface RunwayRow {
  readonly organization_id: string;
  readonly days: number;
  readonly told: boolean;
}

async function watchRunway(pool: Pool, notify: Notify, now: number, row: RunwayRow): Promise<boolean> {
  const { organization_id, days, told } = row;
  const left = (await readRunway(pool, organization_id, now))?.days ?? null;
  if (told && (left === null || left >= days * RECOVERED)) await pool.query(REARM_RUNWAY, [organization_id]);
  if (told || left === null || left >= days) return false;
  return tellOnce(pool, notify, now, {
    organizationId: organization_id,
    kind: 'balance.runway_short',
    severity: 'warning',
    title: `At the present spending the balance lasts ${left} more days`,
    details: { days: left, threshold_days: days },
  });
}

interface Told {
  readonly organizationId: string;
  readonly kind: EventKind;
  readonly severity: Severity;
  readonly title: string;
  readonly details: Readonly<Record<string, unknown>>;
}

function tellOnce(pool: Pool, notify: Notify, now: number, told: Told): Promise<boolean> {
  const { organizationId, kind } = told;
  return inTransaction(pool, async (db) => {
    const { rowCount } = await db.query(TELL, [organizationId, kind, organizationId, '', new Date(now)]);
    if (rowCount === 0) return false;
    await notify(db, { ...told, projectId: null });
    return true;
  });
}
