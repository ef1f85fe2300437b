import type { Pool, PoolClient } from 'pg';
import type { Notify } from '../admin/event.ts';
import type { Log } from '../store/log.ts';
import { inTransaction } from '../store/transaction.ts';
import { type Address, type Outcome, postWebhook } from './post-webhook.ts';
import { retryWait } from './retry-plan.ts';
import { secretContext, signatureHeaders } from './signature.ts';

export interface WebhookSenderOptions {
  readonly pool: Pool;
  /** @throws when the secret was encrypted with another server secret */
  decrypt(sealed: Uint8Array, context: string): string;
  readonly notify: Notify;
  readonly log: Log;
  now(): number;
  /** From 0 to 1. */
  random(): number;
  readonly privateAllowed: boolean;
  readonly timeoutMs?: number;
  readonly resolve?: (host: string) => Promise<readonly Address[]>;
}

/** What is on its way from one gateway at once: sockets and memory of the slowest receivers, ten seconds each. */
const MAX_IN_FLIGHT = 16;
/** Of one webhook, so that one that does not answer leaves room for the others. */
const MAX_PER_WEBHOOK = 4;
/** Of one organization, however many webhooks it has. */
const MAX_PER_ORGANIZATION = 8;
/** As receivers are told everywhere: answer first, work later. */
const TIMEOUT_MS = 10_000;
/** Six times the longest attempt: after this another gateway may take it that the one that claimed it died. */
const CLAIM_MS = 60_000;
/** Of a delivery that is asked for again and again. */
const MAX_ATTEMPTS_KEPT = 20;
/** The receiver says that this address is closed for good. */
const GONE = 410;

/**
 * `$3`: webhooks that have something on its way from here; `$5`: of each such thing, its organization. In turn by
 * organization: what one has waited for long comes behind the first of every other.
 */
const CLAIM = `
WITH due AS (
  SELECT w.id AS webhook_id, d.id, d.next_at, cardinality(array_positions($5::uuid[], w.organization_id))
    + row_number() OVER (PARTITION BY w.organization_id ORDER BY d.next_at, d.id) AS place
  FROM webhooks w CROSS JOIN LATERAL (
    SELECT o.id, o.next_at FROM webhook_deliveries o
    WHERE o.webhook_id = w.id AND o.status = 'waiting' AND o.next_at <= $1
    ORDER BY o.next_at LIMIT ${MAX_PER_WEBHOOK} FOR UPDATE SKIP LOCKED
  ) d
  WHERE w.enabled AND w.id <> ALL ($3::uuid[])
), taken AS (
  SELECT webhook_id, id FROM due WHERE place <= ${MAX_PER_ORGANIZATION} ORDER BY place, next_at LIMIT $2
)
UPDATE webhook_deliveries d SET next_at = $4
FROM taken t JOIN webhooks w ON w.id = t.webhook_id WHERE d.id = t.id
RETURNING d.id, d.organization_id, d.webhook_id, d.message_id, d.body, d.tries, d.created_at, w.url, w.secret,
  CASE WHEN w.old_secret_until > $1 THEN w.old_secret END AS old_secret`;

/** Only while the claim is still ours: `$2` is when it would have ended. */
const WRITE = `
UPDATE webhook_deliveries SET status = $3, next_at = $4, tries = tries + 1,
  attempts = (CASE WHEN jsonb_array_length(attempts) >= ${MAX_ATTEMPTS_KEPT} THEN attempts - 0 ELSE attempts END)
    || $5::jsonb
WHERE id = $1 AND status = 'waiting' AND next_at = $2`;
const SUCCEEDED = 'UPDATE webhooks SET last_success_at = greatest(last_success_at, $2) WHERE id = $1';
/** Nothing came through since this message was made, which is days ago; or the receiver is gone. */
const SWITCH_OFF = `
UPDATE webhooks SET enabled = false, switched_off_because = $2
WHERE id = $1 AND enabled AND ($3 OR last_success_at IS NULL OR last_success_at < $4) RETURNING url`;

interface Claimed {
  readonly id: string;
  readonly organization_id: string;
  readonly webhook_id: string;
  readonly message_id: string;
  readonly body: string;
  readonly tries: number;
  readonly created_at: Date;
  readonly url: string;
  readonly secret: Buffer;
  readonly old_secret: Buffer | null;
}

interface UnderWay {
  readonly webhookId: string;
  readonly organizationId: string;
  readonly done: Promise<void>;
}

/** Empties the outbox. Every gateway runs one; a delivery is claimed by one of them at a time. */
export class WebhookSender {
  readonly #options: WebhookSenderOptions;
  readonly #stopping = new AbortController();
  readonly #underWay = new Map<string, UnderWay>();

  constructor(options: WebhookSenderOptions) {
    this.#options = options;
  }

  /** Claims what is due and sends it. @returns when that has been sent; how many it were */
  async round(): Promise<number> {
    const room = MAX_IN_FLIGHT - this.#underWay.size;
    if (room <= 0 || this.#stopping.signal.aborted) return 0;
    const now = this.#options.now();
    const until = new Date(now + CLAIM_MS);
    const underWay = [...this.#underWay.values()];
    const busy = [...new Set(underWay.map(({ webhookId }) => webhookId))];
    const organizations = underWay.map(({ organizationId }) => organizationId);
    const values = [new Date(now), room, busy, until, organizations];
    const { rows } = await this.#options.pool.query<Claimed>(CLAIM, values);
    const sending = rows.map((claimed) => {
      const done = this.#deliver(claimed, until).finally(() => this.#underWay.delete(claimed.id));
      const { id, webhook_id: webhookId, organization_id: organizationId } = claimed;
      this.#underWay.set(id, { webhookId, organizationId, done });
      return done;
    });
    await Promise.all(sending);
    return rows.length;
  }

  /** Breaks off what is on its way: its claims end by themselves, and another gateway sends it. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all([...this.#underWay.values()].map(({ done }) => done));
  }

  async #deliver(claimed: Claimed, until: Date): Promise<void> {
    const { pool, log, now } = this.#options;
    try {
      const at = now();
      const outcome = await this.#post(claimed, at);
      if (this.#stopping.signal.aborted) return;
      const attempt = { at: new Date(at).toISOString(), duration_ms: Math.max(0, now() - at), ...outcome };
      await inTransaction(pool, (db) => this.#write(db, claimed, until, outcome, JSON.stringify([attempt])));
    } catch (error) {
      // The claim ends by itself, and it is tried again.
      const reason = error instanceof Error ? error.message : String(error);
      log.warn({ delivery: claimed.id, reason }, 'A webhook could not be written down');
    }
  }

  async #post(claimed: Claimed, at: number): Promise<Outcome> {
    const { privateAllowed, timeoutMs = TIMEOUT_MS, resolve } = this.#options;
    const signed = signatureHeaders({ id: claimed.message_id, body: claimed.body, at }, this.#keys(claimed));
    const headers = { 'content-type': 'application/json', 'user-agent': 'zerogpu-webhooks', ...signed };
    const stop = this.#stopping.signal;
    const options = { privateAllowed, timeoutMs, stop, ...(resolve ? { resolve } : {}) };
    return postWebhook(claimed.url, headers, claimed.body, options);
  }

  #keys({ webhook_id, secret, old_secret }: Claimed): string[] {
    const sealed = old_secret === null ? [secret] : [secret, old_secret];
    return sealed.map((one) => this.#options.decrypt(one, secretContext(webhook_id)));
  }

  async #write(
    db: PoolClient,
    claimed: Claimed,
    until: Date,
    { error, status }: Outcome,
    attempt: string,
  ): Promise<void> {
    const { now, random } = this.#options;
    const wait = error === null || status === GONE ? null : retryWait(claimed.tries + 1, random());
    const state = error === null ? 'delivered' : wait === null ? 'failed' : 'waiting';
    const next = new Date(now() + (wait ?? 0));
    const { rowCount } = await db.query(WRITE, [claimed.id, until, state, next, attempt]);
    if (rowCount === 0) return;
    if (state === 'delivered') await db.query(SUCCEEDED, [claimed.webhook_id, new Date(now())]);
    if (state === 'failed') await this.#switchOff(db, claimed, error ?? '', status === GONE);
  }

  async #switchOff(db: PoolClient, claimed: Claimed, error: string, gone: boolean): Promise<void> {
    const { webhook_id, organization_id, created_at } = claimed;
    const because = gone ? 'It answered 410: it is gone' : `Nothing came through for days: ${error}`;
    const { rows } = await db.query<{ url: string }>(SWITCH_OFF, [webhook_id, because, gone, created_at]);
    if (rows[0] === undefined) return;
    await this.#options.notify(db, {
      organizationId: organization_id,
      projectId: null,
      kind: 'webhook.switched_off',
      severity: 'warning',
      // Not the whole url: its path may be a secret of the receiver.
      title: `The webhook to ${new URL(rows[0].url).host} is switched off`,
      details: { webhook_id, because },
    });
  }
}
