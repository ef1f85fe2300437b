/** The settings of the auto recharge, and how it goes. */
import { ApiError, dollarsText, NANOS_PER_DOLLAR } from '@zerogpu/protocol';
import type { PoolClient } from 'pg';
import type { AdminContext, Handlers } from '../admin/handler.ts';
import { CHARGED_THIS_MONTH } from './auto-recharge.ts';
import type { BillingParts } from './parts.ts';
import { LEAST_CREDIT, MOST_CREDIT, readAmount } from './payment-handlers.ts';
import { isTestMoney } from './provider.ts';

const COLUMNS = `enabled, threshold, amount, monthly_cap, state, reason, failures, check_after`;
const GET = `SELECT ${COLUMNS} FROM auto_recharges WHERE organization_id = $1`;
const HAS_CARD = `
SELECT 1 FROM payment_methods WHERE organization_id = $1 AND provider = $2 AND is_default AND removed_at IS NULL`;
/** Set anew it begins anew: earlier failures are forgotten. */
const SET = `
INSERT INTO auto_recharges (organization_id, enabled, threshold, amount, monthly_cap, state, check_after)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (organization_id) DO UPDATE SET enabled = excluded.enabled, threshold = excluded.threshold,
  amount = excluded.amount, monthly_cap = excluded.monthly_cap, state = excluded.state, reason = NULL, failures = 0,
  check_after = greatest(excluded.check_after, CASE WHEN auto_recharges.state = 'on' THEN auto_recharges.check_after END)
RETURNING ${COLUMNS}`;

const MOST_CAP = 100_000n * NANOS_PER_DOLLAR;

interface Row {
  readonly enabled: boolean;
  readonly threshold: bigint;
  readonly amount: bigint;
  readonly monthly_cap: bigint;
  readonly state: 'on' | 'off' | 'retrying' | 'capped' | 'stopped';
  readonly reason: string | null;
  readonly failures: number;
  readonly check_after: Date;
}

/** What the form shows before anything was set. */
const UNSET: Row = {
  enabled: false,
  threshold: 10n * NANOS_PER_DOLLAR,
  amount: 25n * NANOS_PER_DOLLAR,
  monthly_cap: 100n * NANOS_PER_DOLLAR,
  state: 'off',
  reason: null,
  failures: 0,
  check_after: new Date(0),
};

export function makeRechargeHandlers(parts: BillingParts): Handlers<'getAutoRecharge' | 'setAutoRecharge'> {
  return {
    async getAutoRecharge({ organizationId, now, tenant }) {
      return tenant(async (db) => {
        const { rows } = await db.query<Row>(GET, [organizationId]);
        return shown(parts, rows[0] ?? UNSET, await chargedThisMonth(db, organizationId, now));
      });
    },

    async setAutoRecharge(context) {
      const { organizationId, body, now, tenant, audit } = context;
      const { enabled } = body;
      const amounts = readAmounts(context);
      return tenant(async (db) => {
        if (enabled) await needCard(db, organizationId, parts);
        const values = [organizationId, enabled, ...amounts, enabled ? 'on' : 'off', new Date(now)];
        const { rows } = await db.query<Row>(SET, values);
        await audit(db, { kind: 'organization', id: organizationId, details: body });
        return shown(parts, rows[0] ?? UNSET, await chargedThisMonth(db, organizationId, now));
      });
    },
  };
}

function readAmounts({ body }: AdminContext<'setAutoRecharge'>): readonly [bigint, bigint, bigint] {
  const amount = readAmount(body.amount, 'amount', LEAST_CREDIT, MOST_CREDIT);
  const threshold = readAmount(body.threshold, 'threshold', 0n, MOST_CREDIT);
  return [threshold, amount, readAmount(body.monthly_cap, 'monthly_cap', amount, MOST_CAP)];
}

async function needCard(db: PoolClient, organizationId: string, { provider }: BillingParts): Promise<void> {
  const { rows } = await db.query(HAS_CARD, [organizationId, provider.mode]);
  if (rows.length > 0) return;
  throw new ApiError('state_conflict', { message: 'There is no payment method to charge; add one first' });
}

async function chargedThisMonth(db: PoolClient, organizationId: string, now: number): Promise<bigint> {
  const { rows } = await db.query<{ charged: bigint }>(CHARGED_THIS_MONTH, [organizationId, new Date(now)]);
  return rows[0]?.charged ?? 0n;
}

function shown({ provider }: BillingParts, row: Row, charged: bigint) {
  const { enabled, state, reason, failures } = row;
  const waits = state === 'retrying' || state === 'capped';
  return {
    enabled,
    threshold: dollarsText(row.threshold),
    amount: dollarsText(row.amount),
    monthly_cap: dollarsText(row.monthly_cap),
    charged_this_month: dollarsText(charged),
    state,
    reason,
    failures,
    next_try_at: waits ? row.check_after.toISOString() : null,
    test_money: isTestMoney(provider.mode),
  };
}
