import { ApiError, type billingRoutes, CREDIT_PRESETS, dollarsText } from '@zerogpu/protocol';
import type { AdminContext, Handlers } from '../admin/handler.ts';
import { momentOf } from '../admin/moment.ts';
import { limitOf, pageOf, placeOf } from '../admin/paging.ts';
import { HISTORY_HEAD, historyLine, type Place, readHistory, shownEntry } from './history.ts';
import { makeMethodHandlers } from './method-handlers.ts';
import type { BillingParts } from './parts.ts';
import { LEAST_CREDIT, MOST_CREDIT, makePaymentHandlers } from './payment-handlers.ts';
import { modelPrices } from './prices.ts';
import { isTestMoney } from './provider.ts';
import { makeRechargeHandlers } from './recharge-handlers.ts';
import { receiveEvent } from './webhooks.ts';

const BALANCE = 'SELECT balance, held, available FROM billing_balance()';

/** Forms of a history cursor: a time and a key. */
const CURSOR = [
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
  /^(payment|refund|credit|usage):[0-9a-f-]{1,36}$/,
];
/** Of an export: each is a transaction of its own, so that none is long. */
const EXPORT_PAGE = 500;

export function makeBillingHandlers(parts: BillingParts): Handlers<keyof typeof billingRoutes> {
  return {
    ...makePaymentHandlers(parts),
    ...makeMethodHandlers(parts),
    ...makeRechargeHandlers(parts),

    async listPrices() {
      return { object: 'list', data: modelPrices(), next: null };
    },

    async getBillingBalance({ tenant }) {
      const { rows } = await tenant((db) => db.query<Record<string, bigint>>(BALANCE));
      const { balance = 0n, held = 0n, available = 0n } = rows[0] ?? {};
      return {
        balance: dollarsText(balance),
        held: dollarsText(held),
        available: dollarsText(available),
        provider: parts.provider.name,
        presets: [...CREDIT_PRESETS],
        minimum: dollarsText(LEAST_CREDIT),
        maximum: dollarsText(MOST_CREDIT),
        test_money: isTestMoney(parts.provider.mode),
      };
    },

    async listBillingHistory(context) {
      const limit = limitOf(context.query);
      const rows = await readPage(parts, context, cursorOf(context), limit + 1);
      return pageOf(rows, limit, shownEntry, ({ at, key }) => [at.toISOString(), key]);
    },

    async exportBillingHistory(context) {
      return {
        content: 'text/csv',
        filename: `billing-${new Date(context.now).toISOString().slice(0, 10)}.csv`,
        text: exportLines(parts, context),
      };
    },

    async receiveStripeEvent({ body, headers }) {
      if (parts.provider.name !== 'stripe') {
        throw new ApiError('not_found', { message: 'This server does not use Stripe' });
      }
      await receiveEvent(parts, body, headers);
    },
  };
}

function cursorOf({ query }: AdminContext<'listBillingHistory'>): Place | null {
  const place = placeOf(query, CURSOR);
  return place === null ? null : { at: new Date(momentOf(place[0], 'after')), key: place[1] ?? '' };
}

function readPage(
  { provider }: BillingParts,
  { organizationId, now, tenant }: AdminContext<'listBillingHistory' | 'exportBillingHistory'>,
  behind: Place | null,
  limit: number,
) {
  const testMoney = isTestMoney(provider.mode);
  return tenant((db) => readHistory(db, { organizationId, behind, limit, now: new Date(now), testMoney }));
}

async function* exportLines(parts: BillingParts, context: AdminContext<'exportBillingHistory'>) {
  yield HISTORY_HEAD;
  let behind: Place | null = null;
  for (;;) {
    const rows = await readPage(parts, context, behind, EXPORT_PAGE);
    for (const row of rows) yield historyLine(shownEntry(row));
    const last = rows.at(-1);
    if (last === undefined || rows.length < EXPORT_PAGE) return;
    behind = last;
  }
}
