import type { Pool } from 'pg';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { NewEvent } from '../admin/event.ts';
import { silentLog } from '../store/log.ts';
import { Secrets } from '../store/secrets.ts';
import { inTransaction } from '../store/transaction.ts';
import { type Database, onEveryPostgres } from '../testing/postgres.ts';
import { answers, openReceiver, type Receiver } from '../testing/receiver.ts';
import { makeTenant } from '../testing/tenant.ts';
import { makeNotify } from './notify.ts';
import { RETRY_WAITS_MS } from './retry-plan.ts';
import { makeWebhookSecret, secretContext } from './signature.ts';
import { WebhookSender, type WebhookSenderOptions } from './webhook-sender.ts';

const secrets = new Secrets('a secret of the tests, long enough');
const CLAIM_MS = 60_000;

let receiver: Receiver;
beforeEach(async () => {
  receiver = await openReceiver();
});
afterEach(() => receiver.close());

async function setUp(database: Database) {
  const pool = await database();
  const { caller } = await makeTenant(pool, secrets);
  const { organizationId } = caller;
  const clock = { now: Date.now() };
  const now = () => clock.now;
  const notify = makeNotify(now);
  const event = (changes: Partial<NewEvent> = {}): NewEvent => ({
    organizationId,
    projectId: null,
    kind: 'balance.low',
    severity: 'warning',
    title: 'The balance is low',
    details: { balance: '0.50' },
    ...changes,
  });
  return {
    pool,
    clock,
    organizationId,
    tell: (changes?: Partial<NewEvent>) => inTransaction(pool, (db) => notify(db, event(changes))),
    sender: (changes: Partial<WebhookSenderOptions> = {}) =>
      new WebhookSender({
        pool,
        decrypt: (sealed, context) => secrets.decrypt(sealed, context),
        notify,
        log: silentLog,
        now,
        random: () => 0.5,
        privateAllowed: true,
        ...changes,
      }),
    webhook: (url = receiver.url, kinds: string[] | null = null) =>
      addWebhook(pool, organizationId, url, kinds),
    deliveries: async () => {
      const { rows } = await pool.query('SELECT * FROM webhook_deliveries ORDER BY id');
      return rows;
    },
  };
}

async function addWebhook(pool: Pool, organizationId: string, url: string, kinds: string[] | null) {
  const secret = makeWebhookSecret();
  const { rows } = await pool.query<{ id: string }>(
    "INSERT INTO webhooks (organization_id, url, kinds, secret) VALUES ($1, $2, $3, '') RETURNING id",
    [organizationId, url, kinds],
  );
  const id = rows[0]?.id ?? '';
  await seal(pool, id, secret);
  return { id, secret };
}

async function seal(pool: Pool, id: string, secret: string): Promise<void> {
  const sealed = secrets.encrypt(secret, secretContext(id));
  await pool.query('UPDATE webhooks SET secret = $2 WHERE id = $1', [id, sealed]);
}

const signed = (index: number) => {
  const { headers, body } = receiver.received[index] ?? { headers: {}, body: '' };
  const texts = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]);
  return { headers: Object.fromEntries(texts), body };
};

onEveryPostgres('webhook sender', (database) => {
  it('sends what an event put into the outbox, signed, once', async () => {
    const { tell, sender, webhook, deliveries, organizationId, clock } = await setUp(database);
    const { secret } = await webhook();
    await tell();
    const one = sender();
    expect(await one.round()).toBe(1);
    expect(await one.round()).toBe(0);
    const { headers, body } = signed(0);
    expect(new Webhook(secret).verify(body, headers)).toEqual({
      type: 'balance.low',
      timestamp: new Date(clock.now).toISOString(),
      data: {
        id: headers['webhook-id'],
        organization_id: organizationId,
        project_id: null,
        severity: 'warning',
        title: 'The balance is low',
        details: { balance: '0.50' },
      },
    });
    expect(headers['webhook-id']).toMatch(/^evt_/);
    expect(await deliveries()).toMatchObject([
      { status: 'delivered', tries: 1, attempts: [{ status: 204, error: null, response: '' }] },
    ]);
  });

  it('sends nothing when the transaction of the event does not happen', async () => {
    const { pool, sender, webhook, tell } = await setUp(database);
    await webhook();
    await expect(tell({ title: '' })).rejects.toThrow();
    const failing = inTransaction(pool, async () => {
      throw new Error('undone');
    });
    await expect(failing).rejects.toThrow('undone');
    expect(await sender().round()).toBe(0);
  });

  it('goes only to webhooks that want the kind, are switched on, and are of the organization', async () => {
    const { pool, tell, sender, webhook, deliveries } = await setUp(database);
    const other = await makeTenant(pool, secrets);
    await addWebhook(pool, other.caller.organizationId, receiver.url, null);
    await webhook(receiver.url, ['payment.failed']);
    const off = await webhook();
    await pool.query('UPDATE webhooks SET enabled = false WHERE id = $1', [off.id]);
    const wanted = await webhook(receiver.url, ['payment.failed', 'balance.low']);
    await tell();
    expect(await deliveries()).toMatchObject([{ webhook_id: wanted.id }]);
    await sender().round();
    expect(receiver.received).toHaveLength(1);
  });

  it('tries again as planned, always with the same message, until it is taken', async () => {
    const { clock, tell, sender, webhook, deliveries } = await setUp(database);
    await webhook();
    await tell();
    const one = sender();
    receiver.answer = answers(503, 'busy');
    const begun = clock.now;
    await one.round();
    for (const wait of RETRY_WAITS_MS.slice(0, 3)) {
      clock.now += wait - 1;
      expect(await one.round()).toBe(0);
      clock.now += 1;
      expect(await one.round()).toBe(1);
    }
    receiver.answer = answers(200, 'ok');
    clock.now += RETRY_WAITS_MS[3] ?? 0;
    expect(await one.round()).toBe(1);
    expect(receiver.received).toHaveLength(5);
    const [first, ...others] = receiver.received;
    for (const { headers, body } of others) {
      expect([headers['webhook-id'], body]).toEqual([first?.headers['webhook-id'], first?.body]);
    }
    // Signed anew, for a receiver that refuses what is old.
    expect(signed(4).headers['webhook-timestamp']).toBe(String(Math.floor(clock.now / 1000)));
    expect(signed(0).headers['webhook-timestamp']).toBe(String(Math.floor(begun / 1000)));
    const [row] = await deliveries();
    expect(row.status).toBe('delivered');
    expect(
      row.attempts.map(({ status, error }: { status: number; error: string }) => [status, error]),
    ).toEqual([...Array.from({ length: 4 }, () => [503, 'It answered 503']), [200, null]]);
  });

  it('of two gateways one sends, and one that died is taken over', async () => {
    const { clock, tell, sender, webhook, deliveries } = await setUp(database);
    await webhook();
    for (let i = 0; i < 6; i++) await tell();
    await Promise.all([sender().round(), sender().round()]);
    await Promise.all([sender().round(), sender().round()]);
    const ids = receiver.received.map(({ headers }) => headers['webhook-id']);
    expect(ids).toHaveLength(6);
    expect(new Set(ids).size).toBe(6);

    // Claims, and is never heard of again.
    await tell();
    const killed = () => {
      throw new Error('killed');
    };
    const dead = sender({ decrypt: killed });
    await dead.round();
    clock.now += CLAIM_MS - 1;
    expect(await sender().round()).toBe(0);
    clock.now += 1;
    expect(await sender().round()).toBe(1);
    expect((await deliveries()).every(({ status }) => status === 'delivered')).toBe(true);
  });

  it('writes nothing of an attempt whose claim another has taken', async () => {
    const { clock, tell, sender, webhook, deliveries } = await setUp(database);
    await webhook();
    await tell();
    const answering = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    receiver.answer = (response) => {
      asked.resolve();
      void answering.promise.then(() => response.writeHead(500).end());
    };
    const slow = sender().round();
    await asked.promise;
    clock.now += CLAIM_MS;
    receiver.answer = answers(503);
    await sender().round();
    answering.resolve();
    await slow;
    // The second one's failure stands, and when it comes next is the second one's word.
    expect(await deliveries()).toMatchObject([
      {
        status: 'waiting',
        tries: 1,
        attempts: [{ status: 503 }],
        next_at: new Date(clock.now + (RETRY_WAITS_MS[0] ?? 0)),
      },
    ]);
  });

  it('passes over what another is claiming at this moment', async () => {
    const { pool, tell, sender, webhook, deliveries } = await setUp(database);
    await webhook();
    await tell();
    await tell();
    const [first] = await deliveries();
    const other = await pool.connect();
    await other.query('BEGIN');
    await other.query('SELECT 1 FROM webhook_deliveries WHERE id = $1 FOR UPDATE', [first.id]);
    // Not after it, which would be after the end of this test.
    expect(await sender().round()).toBe(1);
    await other.query('ROLLBACK');
    other.release();
    expect(await sender().round()).toBe(1);
  });

  it('switches a webhook off when nothing came through for days, and says so in the feed', async () => {
    const { pool, clock, tell, sender, webhook, deliveries } = await setUp(database);
    const { id } = await webhook(`${receiver.url}/secret-path`);
    const told = await webhook('http://127.0.0.1:1/', ['webhook.switched_off']);
    await tell();
    receiver.answer = answers(500);
    const one = sender();
    await one.round();
    for (const wait of RETRY_WAITS_MS) {
      clock.now += wait;
      await one.round();
    }
    expect(receiver.received).toHaveLength(RETRY_WAITS_MS.length + 1);
    expect((await deliveries())[0]).toMatchObject({ status: 'failed', tries: RETRY_WAITS_MS.length + 1 });
    const webhooks = await pool.query(
      'SELECT id, enabled, switched_off_because FROM webhooks ORDER BY enabled',
    );
    expect(webhooks.rows[0]).toMatchObject({
      id,
      enabled: false,
      switched_off_because: 'Nothing came through for days: It answered 500',
    });
    const events = await pool.query("SELECT title, details FROM events WHERE kind = 'webhook.switched_off'");
    expect(events.rows).toHaveLength(1);
    expect(events.rows[0].title).toBe(`The webhook to 127.0.0.1:${receiver.port} is switched off`);
    expect(JSON.stringify(events.rows)).not.toContain('secret-path');
    expect((await deliveries()).at(-1)).toMatchObject({ webhook_id: told.id, type: 'webhook.switched_off' });
  });

  it('leaves a webhook on when others came through meanwhile, and switches one off that is gone', async () => {
    const { pool, clock, tell, sender, webhook, deliveries } = await setUp(database);
    const { id } = await webhook();
    const enabled = async () =>
      (await pool.query('SELECT enabled FROM webhooks WHERE id = $1', [id])).rows[0].enabled;
    await tell({ title: 'refused' });
    await tell({ title: 'taken' });
    receiver.answer = (response, { body }) =>
      void response.writeHead(body.includes('refused') ? 422 : 200).end();
    const one = sender();
    await one.round();
    for (const wait of RETRY_WAITS_MS) {
      clock.now += wait;
      await one.round();
    }
    expect((await deliveries()).map(({ status }) => status).sort()).toEqual(['delivered', 'failed']);
    expect(await enabled()).toBe(true);
    await tell();
    receiver.answer = answers(410);
    await one.round();
    expect(await enabled()).toBe(false);
  });

  it('does not let one that hangs take the room of others', async () => {
    const { tell, sender, webhook } = await setUp(database);
    const hanging = await openReceiver();
    try {
      const never = Promise.withResolvers<void>();
      hanging.answer = (response) => void never.promise.then(() => response.writeHead(204).end());
      await webhook(hanging.url);
      for (let i = 0; i < 30; i++) await tell();
      const one = sender();
      const stuck = one.round();
      await webhook();
      for (let i = 0; i < 3; i++) await tell();
      // As the timer does: the round before is not over.
      while (receiver.received.length < 3) await Promise.race([one.round(), stuck]);
      expect(hanging.received.length).toBeLessThanOrEqual(4);
      never.resolve();
      await stuck;
    } finally {
      await hanging.close();
    }
  });

  it('does not let an organization with many that hang take the room of another', async () => {
    const { pool, tell, sender, webhook, clock } = await setUp(database);
    const hanging = await openReceiver();
    try {
      const never = Promise.withResolvers<void>();
      hanging.answer = (response) => void never.promise.then(() => response.writeHead(204).end());
      for (let i = 0; i < 6; i++) await webhook(hanging.url);
      for (let i = 0; i < 10; i++) await tell();
      clock.now += 1;
      const other = (await makeTenant(pool, secrets)).caller.organizationId;
      await addWebhook(pool, other, receiver.url, null);
      await tell({ organizationId: other });
      const one = sender();
      const stuck = one.round();
      while (receiver.received.length + hanging.received.length < 9) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect([receiver.received.length, hanging.received.length]).toEqual([1, 8]);
      // As the timer does: the round before is not over, and the organization has its share.
      expect(await one.round()).toBe(0);
      await tell({ organizationId: other });
      // Not before the first delivery, which was received, is written down.
      await expect.poll(() => one.round()).toBe(1);
      never.resolve();
      await stuck;
    } finally {
      await hanging.close();
    }
  });

  it('breaks off what is on its way when it stops, and another sends it', async () => {
    const { clock, tell, sender, webhook, deliveries } = await setUp(database);
    await webhook();
    await tell();
    const asked = Promise.withResolvers<void>();
    receiver.answer = () => asked.resolve();
    const stopping = sender();
    const round = stopping.round();
    await asked.promise;
    await stopping.stop();
    await round;
    expect(await deliveries()).toMatchObject([{ status: 'waiting', tries: 0, attempts: [] }]);
    await tell();
    expect(await stopping.round()).toBe(0);
    receiver.answer = answers(204);
    clock.now += CLAIM_MS;
    expect(await sender().round()).toBe(2);
  });

  it('signs with the old secret too for as long as it is valid', async () => {
    const { pool, clock, tell, sender, webhook } = await setUp(database);
    const { id, secret: old } = await webhook();
    await pool.query('UPDATE webhooks SET old_secret = secret, old_secret_until = $2 WHERE id = $1', [
      id,
      new Date(clock.now + 10_000),
    ]);
    const fresh = makeWebhookSecret();
    await seal(pool, id, fresh);
    await tell();
    await sender().round();
    for (const secret of [old, fresh]) {
      const { headers, body } = signed(0);
      expect(() => new Webhook(secret).verify(body, headers)).not.toThrow();
    }
    clock.now += 10_000;
    await tell();
    await sender().round();
    const { headers, body } = signed(1);
    expect(() => new Webhook(old).verify(body, headers)).toThrow();
    expect(() => new Webhook(fresh).verify(body, headers)).not.toThrow();
  });

  it('reaches no private address unless the operator says so', async () => {
    const { tell, sender, webhook, deliveries } = await setUp(database);
    await webhook();
    await tell();
    await sender({ privateAllowed: false }).round();
    expect(receiver.received).toEqual([]);
    const [row] = await deliveries();
    expect(row.attempts[0].error).toContain('public internet');
  });
});
