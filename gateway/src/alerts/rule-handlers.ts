import { ApiError, dollarsText, NANOS_PER_DOLLAR, type NanoDollars, parseDollars } from '@zerogpu/protocol';
import type { Handlers } from '../admin/handler.ts';
import { type Rules, readProjectPercents, readRules, writeProjectPercents, writeRules } from './rules.ts';

/** A billion dollars: far above any balance, and within a bigint of nano-dollars. */
const MOST_BALANCE = 1_000_000_000n * NANOS_PER_DOLLAR;

type RuleHandlers = Handlers<
  'getAlertRules' | 'updateAlertRules' | 'getProjectAlertRules' | 'updateProjectAlertRules'
>;

export const ruleHandlers: RuleHandlers = {
  async getAlertRules({ organizationId, tenant }) {
    return shown(await tenant((db) => readRules(db, organizationId)));
  },

  async updateAlertRules({ organizationId, body, tenant, audit }) {
    const low = body.low_balance === undefined ? undefined : amountOf(body.low_balance);
    return tenant(async (db) => {
      const before = await readRules(db, organizationId);
      const rules: Rules = {
        budgetPercents: sorted(body.budget_percents ?? before.budgetPercents),
        lowBalance: low === undefined ? before.lowBalance : low,
        runwayDays: body.runway_days === undefined ? before.runwayDays : body.runway_days,
      };
      await writeRules(db, organizationId, rules);
      await audit(db, { kind: 'organization', id: organizationId, details: body });
      return shown(rules);
    });
  },

  async getProjectAlertRules({ projectId, tenant }) {
    return { budget_percents: await tenant((db) => readProjectPercents(db, projectId)) };
  },

  async updateProjectAlertRules({ projectId, body, tenant, audit }) {
    const percents = body.budget_percents === null ? null : sorted(body.budget_percents);
    await tenant(async (db) => {
      await writeProjectPercents(db, projectId, percents);
      await audit(db, { kind: 'project', id: projectId, details: { budget_percents: percents } });
    });
    return { budget_percents: percents };
  },
};

function sorted(percents: readonly number[]): number[] {
  return [...percents].sort((a, b) => a - b);
}

function amountOf(text: string | null): NanoDollars | null {
  if (text === null) return null;
  const amount = parseDollars(text);
  if (amount !== null && amount <= MOST_BALANCE) return amount;
  throw new ApiError('invalid_value', {
    message: 'low_balance must be from 0 to 1000000000 dollars; null switches the alert off',
    param: 'low_balance',
  });
}

function shown({ budgetPercents, lowBalance, runwayDays }: Rules) {
  return {
    budget_percents: [...budgetPercents],
    low_balance: lowBalance === null ? null : dollarsText(lowBalance),
    runway_days: runwayDays,
  };
}
