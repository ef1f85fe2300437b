import { NANOS_PER_DOLLAR, type NanoDollars } from '@zerogpu/protocol';
import type { ClientBase, Pool } from 'pg';

type Db = ClientBase | Pool;

/** When an organization is told. */
export interface Rules {
  /** Shares of each budget, from 1 to 100. */
  readonly budgetPercents: readonly number[];
  /** Null is never. */
  readonly lowBalance: NanoDollars | null;
  readonly runwayDays: number | null;
}

/**
 * Half, most, all of a budget. A dollar is what is left of the first credit when four fifths are gone; a week of
 * runway is time enough for whoever has to ask somebody else for money.
 */
export const DEFAULT_RULES: Rules = {
  budgetPercents: [50, 80, 100],
  lowBalance: NANOS_PER_DOLLAR,
  runwayDays: 7,
};

interface Row {
  readonly budget_percents: readonly number[];
  readonly low_balance: bigint | null;
  readonly runway_days: number | null;
}

const READ = 'SELECT budget_percents, low_balance, runway_days FROM alert_rules WHERE organization_id = $1';
const WRITE = `
INSERT INTO alert_rules (organization_id, budget_percents, low_balance, runway_days) VALUES ($1, $2, $3, $4)
ON CONFLICT (organization_id) DO UPDATE SET budget_percents = excluded.budget_percents,
  low_balance = excluded.low_balance, runway_days = excluded.runway_days`;
const READ_PROJECT = 'SELECT budget_percents FROM project_alert_rules WHERE project_id = $1';
const WRITE_PROJECT = `
INSERT INTO project_alert_rules (project_id, budget_percents) VALUES ($1, $2)
ON CONFLICT (project_id) DO UPDATE SET budget_percents = excluded.budget_percents`;
const FORGET_PROJECT = 'DELETE FROM project_alert_rules WHERE project_id = $1';

export async function readRules(db: Db, organizationId: string): Promise<Rules> {
  const { rows } = await db.query<Row>(READ, [organizationId]);
  const row = rows[0];
  if (row === undefined) return DEFAULT_RULES;
  return {
    budgetPercents: row.budget_percents,
    lowBalance: row.low_balance,
    runwayDays: row.runway_days,
  };
}

export async function writeRules(db: Db, organizationId: string, rules: Rules): Promise<void> {
  const { budgetPercents, lowBalance, runwayDays } = rules;
  await db.query(WRITE, [organizationId, budgetPercents, lowBalance, runwayDays]);
}

/** @returns null when the organization's hold */
export async function readProjectPercents(db: Db, projectId: string): Promise<number[] | null> {
  const { rows } = await db.query<{ budget_percents: number[] }>(READ_PROJECT, [projectId]);
  return rows[0]?.budget_percents ?? null;
}

export async function writeProjectPercents(
  db: Db,
  projectId: string,
  percents: readonly number[] | null,
): Promise<void> {
  if (percents === null) await db.query(FORGET_PROJECT, [projectId]);
  else await db.query(WRITE_PROJECT, [projectId, percents]);
}
