import { randomUUID } from 'node:crypto';
import { ApiError, type EventKind, newId } from '@zerogpu/protocol';
import type { ClientBase } from 'pg';
import { notThere } from '../admin/access.ts';
import type { Handlers } from '../admin/handler.ts';
import { limitOf, pageOf, placeOf } from '../admin/paging.ts';
import { isUuid } from '../store/tenant-fence.ts';
import { wrongUrl } from './addresses.ts';
import { enqueue } from './notify.ts';
import { makeWebhookSecret, secretContext } from './signature.ts';

export interface WebhookServices {
  encrypt(plain: string, context: string): Uint8Array;
  readonly privateAllowed: boolean;
}

type WebhookHandlers = Handlers<
  | 'listWebhooks'
  | 'createWebhook'
  | 'getWebhook'
  | 'updateWebhook'
  | 'removeWebhook'
  | 'rotateWebhookSecret'
  | 'testWebhook'
  | 'listWebhookDeliveries'
  | 'redeliverWebhook'
>;

/** Every event is a message to each: enough for every team's tools, few enough to send to in the same second. */
const MAX_WEBHOOKS = 20;
/** Of one webhook: somebody who presses the button on and on must not aim us at somebody else. */
const MAX_WAITING_FOR_TEST = 100;
/** Long enough to change it everywhere, short enough that a secret that got out is soon worthless. */
const OLD_SECRET_MS = 24 * 3_600_000;
const DELIVERY_ID = /^dlv_[0-9a-hjkmnp-tv-z]{26}$/;

const COLUMNS = `id, organization_id, url, description, kinds, enabled, switched_off_because, last_success_at,
  old_secret_until, created_at`;
const LIST = `SELECT ${COLUMNS} FROM webhooks WHERE organization_id = $1 ORDER BY created_at, id`;
const GET = `SELECT ${COLUMNS} FROM webhooks WHERE organization_id = $1 AND id = $2`;
/** Two at once cannot both be the last one that fits. */
const LOCK = 'SELECT 1 FROM organizations WHERE id = $1 FOR NO KEY UPDATE';
const COUNT = 'SELECT count(*)::int AS webhooks FROM webhooks WHERE organization_id = $1';
const INSERT = `
INSERT INTO webhooks (id, organization_id, url, description, kinds, enabled, secret)
VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING ${COLUMNS}`;
const DELETE = 'DELETE FROM webhooks WHERE organization_id = $1 AND id = $2 RETURNING id';
const ROTATE = `
UPDATE webhooks SET old_secret = secret, old_secret_until = $4, secret = $3
WHERE organization_id = $1 AND id = $2 RETURNING ${COLUMNS}`;
const COUNT_WAITING = `
SELECT count(*)::int AS waiting FROM webhook_deliveries
WHERE organization_id = $1 AND webhook_id = $2 AND status = 'waiting'`;

const DELIVERY_COLUMNS = 'id, message_id, type, status, created_at, next_at, attempts, body';
const DELIVERIES = `
SELECT ${DELIVERY_COLUMNS} FROM webhook_deliveries
WHERE organization_id = $1 AND webhook_id = $2 AND ($3::text IS NULL OR id < $3) ORDER BY id DESC LIMIT $4`;
const DELIVERY = `
SELECT ${DELIVERY_COLUMNS} FROM webhook_deliveries WHERE organization_id = $1 AND webhook_id = $2 AND id = $3`;
const REDELIVER = `
UPDATE webhook_deliveries SET status = 'waiting', tries = 0, next_at = $4
WHERE organization_id = $1 AND webhook_id = $2 AND id = $3 RETURNING ${DELIVERY_COLUMNS}`;

/** What may be changed; a name of a column, never a caller's text. */
const SETTINGS = ['url', 'description', 'kinds', 'enabled'] as const;

interface Row {
  readonly id: string;
  readonly organization_id: string;
  readonly url: string;
  readonly description: string;
  readonly kinds: EventKind[] | null;
  readonly enabled: boolean;
  readonly switched_off_because: string | null;
  readonly last_success_at: Date | null;
  readonly old_secret_until: Date | null;
  readonly created_at: Date;
}

interface Attempt {
  readonly at: string;
  readonly duration_ms: number;
  readonly status: number | null;
  readonly error: string | null;
  readonly response: string | null;
}

interface DeliveryRow {
  readonly id: string;
  readonly message_id: string;
  readonly type: string;
  readonly status: 'waiting' | 'delivered' | 'failed';
  readonly created_at: Date;
  readonly next_at: Date;
  readonly attempts: Attempt[];
  readonly body: string;
}

export function makeWebhookHandlers({ encrypt, privateAllowed }: WebhookServices): WebhookHandlers {
  const checkUrl = (url: string | undefined) => {
    const message = url === undefined ? null : wrongUrl(url, privateAllowed);
    if (message !== null) throw new ApiError('invalid_value', { message, param: 'url' });
  };
  return {
    async listWebhooks({ organizationId, now, tenant }) {
      const { rows } = await tenant((db) => db.query<Row>(LIST, [organizationId]));
      return { object: 'list', data: rows.map((row) => shown(row, now)), next: null };
    },

    async createWebhook({ organizationId, body, now, tenant, audit }) {
      const { url, description = '', kinds = null, enabled = true } = body;
      checkUrl(url);
      const id = randomUUID();
      const secret = makeWebhookSecret();
      return tenant(async (db) => {
        await checkRoom(db, organizationId);
        const values = [id, organizationId, url, description, kinds, enabled];
        const row = one(await db.query<Row>(INSERT, [...values, encrypt(secret, secretContext(id))]));
        await audit(db, { kind: 'webhook', id, details: auditable(body) });
        return { ...shown(row, now), secret };
      });
    },

    async getWebhook({ organizationId, params, now, tenant }) {
      return shown(await tenant((db) => find(db, organizationId, params.webhookId)), now);
    },

    async updateWebhook({ organizationId, params, body, now, tenant, audit }) {
      checkUrl(body.url);
      const given = SETTINGS.filter((setting) => body[setting] !== undefined);
      const changes = given.map((setting, i) => `${setting} = $${i + 3}`);
      // Whoever switches it on again has seen why it was off.
      if (body.enabled === true) changes.push('switched_off_because = NULL');
      const text = `UPDATE webhooks SET ${changes.join(', ')} WHERE organization_id = $1 AND id = $2 RETURNING ${COLUMNS}`;
      return tenant(async (db) => {
        const { id } = await find(db, organizationId, params.webhookId);
        const values = [organizationId, id, ...given.map((setting) => body[setting])];
        const row = one(await db.query<Row>(text, values));
        await audit(db, { kind: 'webhook', id, details: auditable(body) });
        return shown(row, now);
      });
    },

    async removeWebhook({ organizationId, params, tenant, audit }) {
      await tenant(async (db) => {
        const { id, url } = await find(db, organizationId, params.webhookId);
        await db.query(DELETE, [organizationId, id]);
        await audit(db, { kind: 'webhook', id, details: auditable({ url }) });
      });
    },

    async rotateWebhookSecret({ organizationId, params, now, tenant, audit }) {
      const secret = makeWebhookSecret();
      return tenant(async (db) => {
        const { id } = await find(db, organizationId, params.webhookId);
        const sealed = encrypt(secret, secretContext(id));
        const until = new Date(now + OLD_SECRET_MS);
        const row = one(await db.query<Row>(ROTATE, [organizationId, id, sealed, until]));
        await audit(db, { kind: 'webhook', id });
        return { ...shown(row, now), secret };
      });
    },

    async testWebhook({ organizationId, params, person, now, tenant, audit }) {
      return tenant(async (db) => {
        const { id } = switchedOn(await find(db, organizationId, params.webhookId));
        await checkWaiting(db, organizationId, id);
        const data = { webhook_id: id, organization_id: organizationId, asked_by: person?.name ?? null };
        const messageId = newId('event', now);
        const message = { organizationId, webhookId: id, messageId, type: 'webhook.test', data, at: now };
        const delivery = await enqueue(db, message);
        await audit(db, { kind: 'webhook', id, details: { delivery } });
        return shownDelivery(first(await db.query<DeliveryRow>(DELIVERY, [organizationId, id, delivery])));
      });
    },

    async listWebhookDeliveries({ organizationId, params, query, tenant }) {
      const limit = limitOf(query);
      const [before] = placeOf(query, [DELIVERY_ID]) ?? [null];
      return tenant(async (db) => {
        const { id } = await find(db, organizationId, params.webhookId);
        const values = [organizationId, id, before, limit + 1];
        const { rows } = await db.query<DeliveryRow>(DELIVERIES, values);
        return pageOf(rows, limit, shownDelivery, (row) => [row.id]);
      });
    },

    async redeliverWebhook({ organizationId, params, now, tenant, audit }) {
      return tenant(async (db) => {
        const webhook = await find(db, organizationId, params.webhookId);
        if (!DELIVERY_ID.test(params.deliveryId)) throw notThere('delivery');
        const values = [organizationId, webhook.id, params.deliveryId];
        first(await db.query<DeliveryRow>(DELIVERY, values));
        switchedOn(webhook);
        const again = first(await db.query<DeliveryRow>(REDELIVER, [...values, new Date(now)]));
        await audit(db, { kind: 'webhook', id: webhook.id, details: { delivery: again.id } });
        return shownDelivery(again);
      });
    },
  };
}

async function find(db: ClientBase, organizationId: string, webhookId: string): Promise<Row> {
  if (!isUuid(webhookId)) throw notThere('webhook');
  return one(await db.query<Row>(GET, [organizationId, webhookId]));
}

async function checkRoom(db: ClientBase, organizationId: string): Promise<void> {
  await db.query(LOCK, [organizationId]);
  const { rows } = await db.query<{ webhooks: number }>(COUNT, [organizationId]);
  if ((rows[0]?.webhooks ?? 0) < MAX_WEBHOOKS) return;
  throw new ApiError('state_conflict', {
    message: `The organization has ${MAX_WEBHOOKS} webhooks, which is as many as it may have; remove one`,
  });
}

async function checkWaiting(db: ClientBase, organizationId: string, webhookId: string): Promise<void> {
  const { rows } = await db.query<{ waiting: number }>(COUNT_WAITING, [organizationId, webhookId]);
  if ((rows[0]?.waiting ?? 0) < MAX_WAITING_FOR_TEST) return;
  throw new ApiError('state_conflict', {
    message: `${MAX_WAITING_FOR_TEST} messages to this webhook are waiting already; try again when some are sent`,
  });
}

function switchedOn(webhook: Row): Row {
  if (webhook.enabled) return webhook;
  throw new ApiError('state_conflict', { message: 'The webhook is switched off; switch it on first' });
}

function one({ rows }: { readonly rows: readonly Row[] }): Row {
  if (rows[0] === undefined) throw notThere('webhook');
  return rows[0];
}

function first({ rows }: { readonly rows: readonly DeliveryRow[] }): DeliveryRow {
  if (rows[0] === undefined) throw notThere('delivery');
  return rows[0];
}

/** The path and query of a url may be its receiver's secret: the audit log has where it leads, no more. */
function auditable({ url, ...rest }: { readonly url?: string }): Record<string, unknown> {
  return { ...rest, ...(url === undefined ? {} : { host: new URL(url).host }) };
}

function shown(row: Row, now: number) {
  const { created_at, last_success_at, old_secret_until, ...rest } = row;
  const signing = old_secret_until !== null && old_secret_until.getTime() > now;
  return {
    ...rest,
    last_success_at: last_success_at?.toISOString() ?? null,
    old_secret_until: signing ? old_secret_until.toISOString() : null,
    created_at: created_at.toISOString(),
  };
}

function shownDelivery({ created_at, next_at, ...rest }: DeliveryRow) {
  return {
    ...rest,
    created_at: created_at.toISOString(),
    next_attempt_at: rest.status === 'waiting' ? next_at.toISOString() : null,
  };
}
