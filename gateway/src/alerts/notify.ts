import { newId } from '@zerogpu/protocol';
import type { ClientBase } from 'pg';
import type { Notify } from '../admin/event.ts';

/** As the database has it; longer ones are cut. */
const MAX_TITLE = 500;

const INSERT_EVENT = `
INSERT INTO events (id, organization_id, project_id, kind, severity, title, details, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`;
/** One that is being removed is waited for, and then is none: else its delivery would undo what is told of. */
const WEBHOOKS = `
SELECT id FROM webhooks WHERE organization_id = $1 AND enabled AND (kinds IS NULL OR $2 = ANY (kinds))
FOR KEY SHARE`;

export function makeNotify(now: () => number): Notify {
  return async (db, event) => {
    const at = now();
    const id = newId('event', at);
    const { organizationId, projectId, kind, severity, title, details = {} } = event;
    const told = title.slice(0, MAX_TITLE);
    const values = [id, organizationId, projectId, kind, severity, told, JSON.stringify(details)];
    await db.query(INSERT_EVENT, [...values, new Date(at)]);
    const { rows } = await db.query<{ id: string }>(WEBHOOKS, [organizationId, kind]);
    const data = {
      id,
      organization_id: organizationId,
      project_id: projectId,
      severity,
      title: told,
      details,
    };
    for (const webhook of rows) {
      await enqueue(db, { organizationId, webhookId: webhook.id, messageId: id, type: kind, data, at });
    }
  };
}

export interface Message {
  readonly organizationId: string;
  readonly webhookId: string;
  readonly messageId: string;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** Milliseconds since 1970. */
  readonly at: number;
}

const INSERT_DELIVERY = `
INSERT INTO webhook_deliveries (id, organization_id, webhook_id, message_id, type, body, next_at, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7)`;

/** Puts a message into the outbox, in the form that standardwebhooks.com recommends. @returns the delivery's id */
export async function enqueue(db: ClientBase, message: Message): Promise<string> {
  const { organizationId, webhookId, messageId, type, data, at } = message;
  const id = newId('delivery', at);
  const body = JSON.stringify({ type, timestamp: new Date(at).toISOString(), data });
  const values = [id, organizationId, webhookId, messageId, type, body, new Date(at)];
  await db.query(INSERT_DELIVERY, values);
  return id;
}
