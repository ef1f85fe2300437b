import { ApiError, idForm, newId } from '@zerogpu/protocol';
import type { ClientBase } from 'pg';
import { notThere } from '../admin/access.ts';
import type { Handlers } from '../admin/handler.ts';
import { limitOf, pageOf, placeOf } from '../admin/paging.ts';
import { enqueue } from './notify.ts';
import { findWebhook, switchedOn } from './webhook-row.ts';

type DeliveryHandlers = Handlers<'testWebhook' | 'listWebhookDeliveries' | 'redeliverWebhook'>;

/** Of one webhook: somebody who presses the button on and on must not aim us at somebody else. */
const MAX_WAITING_FOR_TEST = 100;
const DELIVERY_ID = idForm('delivery');

const COUNT_WAITING = `
SELECT count(*)::int AS waiting FROM webhook_deliveries
WHERE organization_id = $1 AND webhook_id = $2 AND status = 'waiting'`;
const COLUMNS = 'id, message_id, type, status, created_at, next_at, attempts, body';
const LIST = `
SELECT ${COLUMNS} FROM webhook_deliveries
WHERE organization_id = $1 AND webhook_id = $2 AND ($3::text IS NULL OR id < $3) ORDER BY id DESC LIMIT $4`;
const GET = `
SELECT ${COLUMNS} FROM webhook_deliveries WHERE organization_id = $1 AND webhook_id = $2 AND id = $3`;
const REDELIVER = `
UPDATE webhook_deliveries SET status = 'waiting', tries = 0, next_at = $4
WHERE organization_id = $1 AND webhook_id = $2 AND id = $3 RETURNING ${COLUMNS}`;

interface Attempt {
  readonly at: string;
  readonly duration_ms: number;
  readonly status: number | null;
  readonly error: string | null;
  readonly response: string | null;
}

interface Row {
  readonly id: string;
  readonly message_id: string;
  readonly type: string;
  readonly status: 'waiting' | 'delivered' | 'failed';
  readonly created_at: Date;
  readonly next_at: Date;
  readonly attempts: Attempt[];
  readonly body: string;
}

export const deliveryHandlers: DeliveryHandlers = {
  async testWebhook({ organizationId, params, person, now, tenant, audit, keep }) {
    return tenant(async (db) => {
      const found = await findWebhook(db, organizationId, params.webhookId, 'FOR KEY SHARE');
      const { id } = switchedOn(found);
      await checkWaiting(db, organizationId, id);
      const data = { webhook_id: id, organization_id: organizationId, asked_by: person?.name ?? null };
      const messageId = newId('event', now);
      const message = { organizationId, webhookId: id, messageId, type: 'webhook.test', data, at: now };
      const delivery = await enqueue(db, message);
      await audit(db, { kind: 'webhook', id, details: { delivery } });
      return keep(db, shown(one(await db.query<Row>(GET, [organizationId, id, delivery]))));
    });
  },

  async listWebhookDeliveries({ organizationId, params, query, tenant }) {
    const limit = limitOf(query);
    const [before] = placeOf(query, [DELIVERY_ID]) ?? [null];
    return tenant(async (db) => {
      const { id } = await findWebhook(db, organizationId, params.webhookId);
      const { rows } = await db.query<Row>(LIST, [organizationId, id, before, limit + 1]);
      return pageOf(rows, limit, shown, (row) => [row.id]);
    });
  },

  async redeliverWebhook({ organizationId, params, now, tenant, audit, keep }) {
    return tenant(async (db) => {
      const webhook = await findWebhook(db, organizationId, params.webhookId);
      if (!DELIVERY_ID.test(params.deliveryId)) throw notThere('delivery');
      const values = [organizationId, webhook.id, params.deliveryId];
      one(await db.query<Row>(GET, values));
      switchedOn(webhook);
      const again = one(await db.query<Row>(REDELIVER, [...values, new Date(now)]));
      await audit(db, { kind: 'webhook', id: webhook.id, details: { delivery: again.id } });
      return keep(db, shown(again));
    });
  },
};

async function checkWaiting(db: ClientBase, organizationId: string, webhookId: string): Promise<void> {
  const { rows } = await db.query<{ waiting: number }>(COUNT_WAITING, [organizationId, webhookId]);
  if ((rows[0]?.waiting ?? 0) < MAX_WAITING_FOR_TEST) return;
  throw new ApiError('state_conflict', {
    message: `${MAX_WAITING_FOR_TEST} messages to this webhook are waiting already; try again when some are sent`,
  });
}

function one({ rows }: { readonly rows: readonly Row[] }): Row {
  if (rows[0] === undefined) throw notThere('delivery');
  return rows[0];
}

function shown({ created_at, next_at, ...rest }: Row) {
  return {
    ...rest,
    created_at: created_at.toISOString(),
    next_attempt_at: rest.status === 'waiting' ? next_at.toISOString() : null,
  };
}
