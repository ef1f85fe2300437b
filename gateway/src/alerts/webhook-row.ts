import { ApiError, type EventKind } from '@zerogpu/protocol';
import type { ClientBase } from 'pg';
import { notThere } from '../admin/access.ts';
import { isUuid } from '../store/tenant-fence.ts';

export const WEBHOOK_COLUMNS = `id, organization_id, url, description, kinds, enabled, switched_off_because, last_success_at,
  old_secret_until, created_at`;
const GET = `SELECT ${WEBHOOK_COLUMNS} FROM webhooks WHERE organization_id = $1 AND id = $2`;

export interface WebhookRow {
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

/**
 * @param lock such as FOR KEY SHARE, which keeps it from being removed until the transaction ends
 * @throws ApiError not_found, the same for what is missing and what is foreign
 */
export async function findWebhook(
  db: ClientBase,
  organizationId: string,
  webhookId: string,
  lock: '' | 'FOR KEY SHARE' = '',
): Promise<WebhookRow> {
  if (!isUuid(webhookId)) throw notThere('webhook');
  return oneWebhook(await db.query<WebhookRow>(`${GET} ${lock}`, [organizationId, webhookId]));
}

export function oneWebhook({ rows }: { readonly rows: readonly WebhookRow[] }): WebhookRow {
  if (rows[0] === undefined) throw notThere('webhook');
  return rows[0];
}

/** @throws ApiError state_conflict */
export function switchedOn(webhook: WebhookRow): WebhookRow {
  if (webhook.enabled) return webhook;
  throw new ApiError('state_conflict', { message: 'The webhook is switched off; switch it on first' });
}

export function shownWebhook(row: WebhookRow, now: number) {
  const { created_at, last_success_at, old_secret_until, ...rest } = row;
  const signing = old_secret_until !== null && old_secret_until.getTime() > now;
  return {
    ...rest,
    last_success_at: last_success_at?.toISOString() ?? null,
    old_secret_until: signing ? old_secret_until.toISOString() : null,
    created_at: created_at.toISOString(),
  };
}
