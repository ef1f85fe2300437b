import { randomUUID } from 'node:crypto';
import { ApiError } from '@zerogpu/protocol';
import type { ClientBase } from 'pg';
import type { AdminContext, Handlers } from '../admin/handler.ts';
import { wrongUrl } from './addresses.ts';
import { makeWebhookSecret, secretContext } from './signature.ts';
import { findWebhook, oneWebhook, shownWebhook, WEBHOOK_COLUMNS, type WebhookRow } from './webhook-row.ts';

export interface WebhookServices {
  encrypt(plain: string, context: string): Uint8Array;
  readonly privateAllowed: boolean;
}

type WebhookHandlers = Handlers<
  'listWebhooks' | 'createWebhook' | 'getWebhook' | 'updateWebhook' | 'removeWebhook' | 'rotateWebhookSecret'
>;

/** Every event is a message to each: enough for every team's tools, few enough to send to in the same second. */
const MAX_WEBHOOKS = 20;
/** Long enough to change it everywhere, short enough that a secret that got out is soon worthless. */
const OLD_SECRET_MS = 24 * 3_600_000;

const LIST = `SELECT ${WEBHOOK_COLUMNS} FROM webhooks WHERE organization_id = $1 ORDER BY created_at, id`;
/** Two at once cannot both be the last one that fits. */
const LOCK = 'SELECT 1 FROM organizations WHERE id = $1 FOR NO KEY UPDATE';
const COUNT = 'SELECT count(*)::int AS webhooks FROM webhooks WHERE organization_id = $1';
const INSERT = `
INSERT INTO webhooks (id, organization_id, url, description, kinds, enabled, secret)
VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING ${WEBHOOK_COLUMNS}`;
const DELETE = 'DELETE FROM webhooks WHERE organization_id = $1 AND id = $2';
const ROTATE = `
UPDATE webhooks SET old_secret = secret, old_secret_until = $4, secret = $3
WHERE organization_id = $1 AND id = $2 RETURNING ${WEBHOOK_COLUMNS}`;

/** What may be changed; a name of a column, never a caller's text. */
const SETTINGS = ['url', 'description', 'kinds', 'enabled'] as const;

export function makeWebhookHandlers(services: WebhookServices): WebhookHandlers {
  return {
    async listWebhooks({ organizationId, now, tenant }) {
      const { rows } = await tenant((db) => db.query<WebhookRow>(LIST, [organizationId]));
      return { object: 'list', data: rows.map((row) => shownWebhook(row, now)), next: null };
    },

    createWebhook: (context) => createWebhook(context, services),

    async getWebhook({ organizationId, params, now, tenant }) {
      return shownWebhook(await tenant((db) => findWebhook(db, organizationId, params.webhookId)), now);
    },

    updateWebhook: (context) => updateWebhook(context, services),

    async removeWebhook({ organizationId, params, tenant, audit }) {
      await tenant(async (db) => {
        const { id, url } = await findWebhook(db, organizationId, params.webhookId);
        await db.query(DELETE, [organizationId, id]);
        await audit(db, { kind: 'webhook', id, details: auditable({ url }) });
      });
    },

    rotateWebhookSecret: (context) => rotateSecret(context, services),
  };
}

async function createWebhook(context: AdminContext<'createWebhook'>, services: WebhookServices) {
  const { organizationId, body, now, tenant, audit, keep } = context;
  const { url, description = '', kinds = null, enabled = true } = body;
  checkUrl(url, services);
  const id = randomUUID();
  const secret = makeWebhookSecret();
  return tenant(async (db) => {
    await checkRoom(db, organizationId);
    const sealed = services.encrypt(secret, secretContext(id));
    const values = [id, organizationId, url, description, kinds, enabled, sealed];
    const row = oneWebhook(await db.query<WebhookRow>(INSERT, values));
    await audit(db, { kind: 'webhook', id, details: auditable(body) });
    return keep(db, { ...shownWebhook(row, now), secret });
  });
}

async function updateWebhook(context: AdminContext<'updateWebhook'>, services: WebhookServices) {
  const { organizationId, params, body, now, tenant, audit } = context;
  checkUrl(body.url, services);
  const given = SETTINGS.filter((setting) => body[setting] !== undefined);
  const changes = given.map((setting, i) => `${setting} = $${i + 3}`);
  // Whoever switches it on again has seen why it was off.
  if (body.enabled === true) changes.push('switched_off_because = NULL');
  const text = `UPDATE webhooks SET ${changes.join(', ')} WHERE organization_id = $1 AND id = $2 RETURNING ${WEBHOOK_COLUMNS}`;
  return tenant(async (db) => {
    const { id } = await findWebhook(db, organizationId, params.webhookId);
    const values = [organizationId, id, ...given.map((setting) => body[setting])];
    const row = oneWebhook(await db.query<WebhookRow>(text, values));
    await audit(db, { kind: 'webhook', id, details: auditable(body) });
    return shownWebhook(row, now);
  });
}

async function rotateSecret(context: AdminContext<'rotateWebhookSecret'>, services: WebhookServices) {
  const { organizationId, params, now, tenant, audit, keep } = context;
  const secret = makeWebhookSecret();
  return tenant(async (db) => {
    const { id } = await findWebhook(db, organizationId, params.webhookId);
    const sealed = services.encrypt(secret, secretContext(id));
    const values = [organizationId, id, sealed, new Date(now + OLD_SECRET_MS)];
    const row = oneWebhook(await db.query<WebhookRow>(ROTATE, values));
    await audit(db, { kind: 'webhook', id });
    return keep(db, { ...shownWebhook(row, now), secret });
  });
}

function checkUrl(url: string | undefined, { privateAllowed }: WebhookServices): void {
  const message = url === undefined ? null : wrongUrl(url, privateAllowed);
  if (message !== null) throw new ApiError('invalid_value', { message, param: 'url' });
}

async function checkRoom(db: ClientBase, organizationId: string): Promise<void> {
  await db.query(LOCK, [organizationId]);
  const { rows } = await db.query<{ webhooks: number }>(COUNT, [organizationId]);
  if ((rows[0]?.webhooks ?? 0) < MAX_WEBHOOKS) return;
  throw new ApiError('state_conflict', {
    message: `The organization has ${MAX_WEBHOOKS} webhooks, which is as many as it may have; remove one`,
  });
}

/** The path and query of a url may be its receiver's secret: the audit log has where it leads, no more. */
function auditable({ url, ...rest }: { readonly url?: string }): Record<string, unknown> {
  return { ...rest, ...(url === undefined ? {} : { host: new URL(url).host }) };
}
