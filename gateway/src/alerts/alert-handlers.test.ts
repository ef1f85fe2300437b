import { randomUUID } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { NewEvent } from '../admin/event.ts';
import { silentLog } from '../store/log.ts';
import { Secrets } from '../store/secrets.ts';
import { inTenant } from '../store/tenant-fence.ts';
import { inTransaction } from '../store/transaction.ts';
import { everyRow, makePerson, type OpenAdmin, openAdmin, PERSON_HEADER } from '../testing/open-admin.ts';
import { type Database, onEveryPostgres } from '../testing/postgres.ts';
import { openReceiver, type Receiver } from '../testing/receiver.ts';
import { makeTenant } from '../testing/tenant.ts';
import { makeAlertHandlers } from './alert-handlers.ts';
import { FeedTail } from './feed-tail.ts';
import { makeNotify } from './notify.ts';
import { WebhookSender } from './webhook-sender.ts';

const secrets = new Secrets('a secret of the tests, long enough');
const NOWHERE = '00000000-0000-4000-8000-000000000000';
const PUBLIC = 'https://hooks.example.com/zerogpu?token=planted-in-the-url';

let opened: OpenAdmin[] = [];
let receiver: Receiver;
beforeEach(async () => {
  receiver = await openReceiver();
});
afterEach(async () => {
  await Promise.all([...opened.map((admin) => admin.close()), receiver.close()]);
  opened = [];
});

async function setUp(database: Database, privateAllowed = true, beatMs = 20) {
  const pool = await database();
  const tail = new FeedTail(pool, silentLog, 20);
  const members = { gone: false };
  const handlers = makeAlertHandlers({
    tail,
    stillMember: async () => !members.gone,
    beatMs,
    encrypt: (plain, context) => secrets.encrypt(plain, context),
    privateAllowed,
  });
  const admin = await openAdmin(pool, handlers);
  opened.push(admin);
  const { caller } = await makeTenant(pool, secrets);
  const { organizationId, projectId } = caller;
  const people = {
    admin: await makePerson(pool, organizationId, 'admin'),
    developer: await makePerson(pool, organizationId, 'developer'),
    viewer: await makePerson(pool, organizationId, 'viewer'),
  };
  const notify = makeNotify(() => admin.clock.now);
  const event = (changes: Partial<NewEvent>): NewEvent => ({
    organizationId,
    projectId: null,
    kind: 'payment.failed',
    severity: 'warning',
    title: 'A payment failed',
    ...changes,
  });
  const sender = new WebhookSender({
    pool,
    decrypt: (sealed, context) => secrets.decrypt(sealed, context),
    notify,
    log: silentLog,
    now: () => admin.clock.now,
    random: () => 0.5,
    privateAllowed,
  });
  return {
    pool,
    admin,
    caller,
    people,
    members,
    notify,
    event,
    sender,
    path: `/api/organizations/${organizationId}`,
    project: `/api/projects/${projectId}`,
    /** A millisecond apart, so that their ids sort as they were told. */
    tell: async (changes: Partial<NewEvent> = {}) => {
      admin.clock.now += 1;
      await inTransaction(pool, (db) => notify(db, event(changes)));
    },
  };
}

/** Reads a stream of server-sent events until a test has seen enough. */
async function follow(admin: OpenAdmin, path: string, person: string, lastEventId = '') {
  const stop = new AbortController();
  const headers = { [PERSON_HEADER]: person, ...(lastEventId ? { 'last-event-id': lastEventId } : {}) };
  const response = await fetch(`${admin.url}${path}/events/stream`, { headers, signal: stop.signal });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  const until = async (seen: (text: string) => boolean) => {
    while (!seen(text)) {
      const piece = await reader?.read();
      if (piece === undefined || piece.done) throw new Error(`The stream ended: ${text}`);
      text += piece.value;
    }
    return text;
  };
  return { response, until, stop: () => stop.abort() };
}

const titlesOf = (text: string) =>
  [...text.matchAll(/^data: (.*)$/gm)].map(([, json]) => JSON.parse(json ?? '').title);

onEveryPostgres('alerts over HTTP', (database) => {
  it('lists events newest first, page by page, and counts what each person has not read', async () => {
    const { admin, people, path, tell, caller } = await setUp(database);
    for (const title of ['a', 'b', 'c']) await tell({ title });
    await tell({ title: 'd', projectId: caller.projectId, kind: 'recharge.failed', severity: 'critical' });
    const list = async (person: string, query = '') =>
      (await admin.call(person, 'GET', `${path}/events${query}`)).json;
    const first = await list(people.viewer, '?limit=3');
    expect(first.data.map(({ title }: { title: string }) => title)).toEqual(['d', 'c', 'b']);
    const second = await list(people.viewer, `?limit=3&after=${first.next}`);
    expect(second).toMatchObject({ data: [{ title: 'a' }], next: null, unread: 4 });
    for (const query of [`?project_id=${caller.projectId}`, '?kind=recharge.failed', '?severity=critical']) {
      expect((await list(people.viewer, query)).data).toMatchObject([{ title: 'd' }]);
    }
    const read = (up_to: string) => admin.call(people.viewer, 'POST', `${path}/events/read`, { up_to });
    expect((await read(first.data[1].id)).status).toBe(204);
    expect((await list(people.viewer)).unread).toBe(1);
    expect((await list(people.admin)).unread).toBe(4);
    // Never back.
    await read(second.data[0].id);
    expect((await list(people.viewer)).unread).toBe(1);
    expect((await read(`evt_${'0'.repeat(26)}`)).status).toBe(404);
    expect((await read('nonsense')).status).toBe(400);
    expect((await list(people.viewer, '?kind=nonsense')).error.code).toBe('invalid_value');
  });

  it('writes an event from inside a fence only for its own organization', async () => {
    const { pool, notify, event, caller } = await setUp(database);
    const other = await makeTenant(pool, secrets);
    const { organizationId, projectId } = caller;
    const scope = { organizationId, projectId };
    await inTenant(pool, scope, (db) => notify(db, event({ title: 'of the organization' })));
    await inTenant(pool, scope, (db) => notify(db, event({ projectId, title: 'of the project' })));
    const foreign = event({ organizationId: other.caller.organizationId });
    await expect(inTenant(pool, scope, (db) => notify(db, foreign))).rejects.toThrow('row-level security');
    const seen = await inTenant(pool, scope, (db) => db.query('SELECT title FROM events'));
    expect(seen.rows).toEqual([{ title: 'of the project' }]);
    const elsewhere = { organizationId: other.caller.organizationId, projectId: null };
    for (const table of ['events', 'webhooks', 'webhook_deliveries', 'alert_rules', 'event_marks']) {
      const { rows } = await inTenant(pool, elsewhere, (db) => db.query(`SELECT * FROM ${table}`));
      expect(rows).toEqual([]);
    }
    await expect(inTenant(pool, scope, (db) => db.query('SELECT * FROM alerts_told'))).rejects.toThrow(
      'denied',
    );
  });

  it('streams new events to every gateway, goes on where a stream was cut off, and ends with the session', async () => {
    const { admin, people, path, tell, members, pool } = await setUp(database);
    const other = await makeTenant(pool, secrets);
    await tell({ title: 'before' });
    const stream = await follow(admin, path, people.viewer);
    expect(stream.response.headers.get('content-type')).toContain('text/event-stream');
    await stream.until((text) => text.startsWith(': events'));
    // Of another gateway, as far as this one knows.
    await tell({ title: 'of others', organizationId: other.caller.organizationId });
    await tell({ title: 'first' });
    await tell({ title: 'second' });
    const text = await stream.until((all) => titlesOf(all).length >= 2);
    expect(titlesOf(text)).toEqual(['first', 'second']);
    stream.stop();
    await tell({ title: 'missed' });
    const [last] = [...text.matchAll(/^id: (.*)$/gm)].map(([, id]) => id);
    const again = await follow(admin, path, people.viewer, last);
    expect(titlesOf(await again.until((all) => titlesOf(all).length >= 2))).toEqual(['second', 'missed']);
    again.stop();
    expect((await follow(admin, path, '')).response.status).toBe(401);
    expect((await follow(admin, path, people.viewer, 'nonsense')).response.status).toBe(400);
    const ending = await follow(admin, path, people.viewer);
    await ending.until((all) => all.includes(': still here'));
    members.gone = true;
    await ending.until((all) => all.endsWith('event: end\ndata: {}\n\n'));
    await expect(ending.until(() => false)).rejects.toThrow('The stream ended');
  });

  it('misses no event of a transaction that committed late', async () => {
    const { admin, people, path, tell, pool, notify, event } = await setUp(database);
    const stream = await follow(admin, path, people.viewer);
    await stream.until((text) => text.startsWith(': events'));
    const late = await pool.connect();
    await late.query('BEGIN');
    await notify(late, event({ title: 'told first, committed last' }));
    await tell({ title: 'told last, committed first' });
    // It has been seen before the other is there, and that one keeps nobody waiting.
    await stream.until((all) => titlesOf(all).length >= 1);
    await late.query('COMMIT');
    late.release();
    const titles = titlesOf(await stream.until((all) => titlesOf(all).length >= 2));
    expect(titles).toEqual(['told last, committed first', 'told first, committed last']);
    stream.stop();
  });

  it('tells nothing to who is no member any more, though the next sign of life is far off', async () => {
    const { admin, people, path, tell, members } = await setUp(database, true, 3_600_000);
    const feed = await follow(admin, path, people.viewer);
    await tell({ title: 'before' });
    await feed.until((text) => text.includes('before'));
    members.gone = true;
    await tell({ title: 'after' });
    await expect(feed.until((text) => text.includes('after'))).rejects.toThrow('The stream ended');
  });

  it('keeps no more streams of one organization than its share', async () => {
    const { pool, caller } = await setUp(database);
    const tail = new FeedTail(pool, silentLog);
    const follow = () => tail.follow(caller.organizationId);
    const followers = await Promise.all(Array.from({ length: 50 }, follow));
    await expect(follow()).rejects.toMatchObject({ code: 'no_capacity' });
    const other = await tail.follow(NOWHERE);
    followers[0]?.close();
    const next = await follow();
    for (const one of [...followers, other, next]) one.close();
    expect(await next.next(0)).toBeNull();
  });

  it('has rules with defaults, which admins change', async () => {
    const { admin, people, path, project, pool } = await setUp(database);
    const rules = `${path}/alert-rules`;
    const defaults = { budget_percents: [50, 80, 100], low_balance: '1.00', runway_days: 7 };
    expect((await admin.call(people.viewer, 'GET', rules)).json).toEqual(defaults);
    const change = (person: string, body: object) => admin.call(person, 'PATCH', rules, body);
    expect((await change(people.developer, { runway_days: 1 })).json.error.code).toBe('role_insufficient');
    expect((await change(people.admin, { low_balance: '2.5' })).json).toEqual({
      ...defaults,
      low_balance: '2.50',
    });
    expect((await change(people.admin, { low_balance: null, budget_percents: [90, 10] })).json).toEqual({
      budget_percents: [10, 90],
      low_balance: null,
      runway_days: 7,
    });
    for (const body of [
      {},
      { low_balance: '-1' },
      { low_balance: 5 },
      { low_balance: '999999999999' },
      { budget_percents: [0] },
      { budget_percents: [50, 50] },
      { budget_percents: Array.from({ length: 11 }, (_, i) => i + 1) },
      { runway_days: 0 },
    ]) {
      expect((await change(people.admin, body)).status, JSON.stringify(body)).toBe(400);
    }
    const ofProject = `${project}/alert-rules`;
    const put = (budget_percents: number[] | null) =>
      admin.call(people.admin, 'PUT', ofProject, { budget_percents });
    expect((await admin.call(people.viewer, 'GET', ofProject)).json).toEqual({ budget_percents: null });
    expect((await put([75, 25])).json).toEqual({ budget_percents: [25, 75] });
    expect((await admin.call(people.viewer, 'GET', ofProject)).json).toEqual({ budget_percents: [25, 75] });
    expect((await put(null)).json).toEqual({ budget_percents: null });
    const { rows } = await pool.query('SELECT action FROM audit_log');
    expect(rows).toHaveLength(4);
  });

  it('tells the runway of its own organization and no other', async () => {
    const { admin, people, path, pool, caller } = await setUp(database);
    const other = await makeTenant(pool, secrets);
    expect((await admin.call(people.viewer, 'GET', `${path}/runway`)).json).toEqual({
      available: '0.001',
      daily_spending: '0.00',
      days: null,
      runs_out_at: null,
    });
    const foreign = `/api/organizations/${other.caller.organizationId}/runway`;
    const missing = `/api/organizations/${randomUUID()}/runway`;
    expect(await admin.call(people.viewer, 'GET', foreign)).toEqual(
      await admin.call(people.viewer, 'GET', missing),
    );
    const ask = (organization: string) =>
      inTenant(pool, { organizationId: caller.organizationId, projectId: null }, (db) =>
        db.query('SELECT * FROM organization_funds($1, now())', [organization]),
      );
    expect((await ask(caller.organizationId)).rowCount).toBe(1);
    expect((await ask(other.caller.organizationId)).rowCount).toBe(0);
  });

  it('makes webhooks whose secret is shown once and kept in no table', async () => {
    const { admin, people, path, pool } = await setUp(database, false);
    const made = await admin.call(people.admin, 'POST', `${path}/webhooks`, {
      url: PUBLIC,
      description: 'ours',
      kinds: ['balance.low'],
    });
    expect(made.status).toBe(201);
    const { secret, ...webhook } = made.json;
    expect(secret).toMatch(/^whsec_/);
    expect(webhook).toMatchObject({
      url: PUBLIC,
      kinds: ['balance.low'],
      enabled: true,
      old_secret_until: null,
    });
    const at = `${path}/webhooks/${webhook.id}`;
    expect((await admin.call(people.admin, 'GET', at)).json).toEqual(webhook);
    expect((await admin.call(people.admin, 'GET', `${path}/webhooks`)).json.data).toEqual([webhook]);
    const rotated = (await admin.call(people.admin, 'POST', `${at}/rotate-secret`)).json;
    expect(rotated.secret).not.toBe(secret);
    expect(rotated.old_secret_until).toBe(new Date(admin.clock.now + 24 * 3_600_000).toISOString());
    const all = await everyRow(pool);
    for (const text of [secret, rotated.secret]) {
      const bytes = Buffer.from(text.slice(6), 'base64');
      for (const form of [text.slice(6), bytes.toString('hex'), bytes.toString('base64url')]) {
        expect(all).not.toContain(form);
      }
    }
    const audit = (await pool.query('SELECT action, details FROM audit_log ORDER BY id')).rows;
    expect(audit.map(({ action }) => action)).toEqual(['webhook.created', 'webhook.secret_rotated']);
    expect(JSON.stringify(audit)).not.toContain('planted-in-the-url');
    admin.clock.now += 24 * 3_600_000;
    expect((await admin.call(people.admin, 'GET', at)).json.old_secret_until).toBeNull();
    const changed = await admin.call(people.admin, 'PATCH', at, { enabled: false, kinds: null });
    expect(changed.json).toMatchObject({ enabled: false, kinds: null, url: PUBLIC });
    expect((await admin.call(people.admin, 'DELETE', at)).status).toBe(204);
    expect((await admin.call(people.admin, 'GET', at)).status).toBe(404);
  });

  it('tells and tests nothing to a webhook that is being removed, and fails at neither', async () => {
    const { admin, people, path, pool, notify, event } = await setUp(database);
    const create = async () =>
      (await admin.call(people.admin, 'POST', `${path}/webhooks`, { url: PUBLIC })).json.id;
    const [first, second, kept] = [await create(), await create(), await create()];
    const waits =
      "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    /** Begins something while a webhook is removed, and removes it when that waits. */
    const removing = (webhook: string, begin: () => Promise<unknown>) =>
      inTransaction(pool, async (db) => {
        await db.query('DELETE FROM webhooks WHERE id = $1', [webhook]);
        const begun = begin();
        begun.catch(() => undefined);
        while ((await pool.query(waits)).rows.length === 0);
        return { begun };
      }).then(({ begun }) => begun);
    await removing(first, () => inTransaction(pool, (db) => notify(db, event({}))));
    const test = () => admin.call(people.admin, 'POST', `${path}/webhooks/${second}/test`);
    expect(await removing(second, test)).toMatchObject({ status: 404 });
    const { rows } = await pool.query('SELECT webhook_id FROM webhook_deliveries WHERE webhook_id <> $1', [
      second,
    ]);
    expect(rows).toEqual([{ webhook_id: kept }]);
  });

  it('takes no url that leads inside, no more than twenty, and nobody below an admin', async () => {
    const { admin, people, path } = await setUp(database, false);
    const create = (person: string, body: object) => admin.call(person, 'POST', `${path}/webhooks`, body);
    for (const url of [
      'http://127.0.0.1/',
      'http://localhost/',
      'http://169.254.169.254/',
      'ftp://example.com/',
    ]) {
      expect((await create(people.admin, { url })).json.error).toMatchObject({
        code: 'invalid_value',
        param: 'url',
      });
    }
    expect((await create(people.admin, { url: PUBLIC, kinds: ['nonsense'] })).status).toBe(400);
    for (const person of [people.developer, people.viewer]) {
      expect((await create(person, { url: PUBLIC })).json.error.code).toBe('role_insufficient');
      expect((await admin.call(person, 'GET', `${path}/webhooks`)).status).toBe(403);
    }
    const many = await Promise.all(Array.from({ length: 22 }, () => create(people.admin, { url: PUBLIC })));
    expect(many.filter(({ status }) => status === 201)).toHaveLength(20);
    expect(many.filter(({ status }) => status === 409)).toHaveLength(2);
    const [first] = (await admin.call(people.admin, 'GET', `${path}/webhooks`)).json.data;
    const inside = await admin.call(people.admin, 'PATCH', `${path}/webhooks/${first.id}`, {
      url: 'http://[::1]/',
    });
    expect(inside.status).toBe(400);
  });

  it('sends tests, shows deliveries with their answers, and sends them again', async () => {
    const { admin, people, path, sender } = await setUp(database);
    const made = await admin.call(people.admin, 'POST', `${path}/webhooks`, { url: receiver.url });
    const at = `${path}/webhooks/${made.json.id}`;
    receiver.answer = (response) => void response.writeHead(500).end('not today');
    const asked = await admin.call(people.admin, 'POST', `${at}/test`);
    expect([asked.status, asked.json.status, asked.json.type]).toEqual([202, 'waiting', 'webhook.test']);
    await sender.round();
    const deliveries = async () => (await admin.call(people.admin, 'GET', `${at}/deliveries`)).json.data;
    expect(await deliveries()).toMatchObject([
      {
        id: asked.json.id,
        status: 'waiting',
        attempts: [{ status: 500, error: 'It answered 500', response: 'not today' }],
      },
    ]);
    receiver.answer = (response) => void response.writeHead(200).end();
    const again = await admin.call(people.admin, 'POST', `${at}/deliveries/${asked.json.id}/redeliver`);
    expect(again.status).toBe(202);
    await sender.round();
    const [delivered] = await deliveries();
    expect(delivered).toMatchObject({
      status: 'delivered',
      next_attempt_at: null,
      message_id: asked.json.message_id,
    });
    expect(delivered.attempts).toHaveLength(2);
    // The same message twice: a receiver that keeps the ids sees it.
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id']))).toEqual(
      new Set([asked.json.message_id]),
    );
    for (const { headers, body } of receiver.received) {
      const texts = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]);
      expect(() => new Webhook(made.json.secret).verify(body, Object.fromEntries(texts))).not.toThrow();
    }
    await admin.call(people.admin, 'PATCH', at, { enabled: false });
    for (const act of ['/test', `/deliveries/${asked.json.id}/redeliver`]) {
      expect((await admin.call(people.admin, 'POST', at + act)).json.error.code).toBe('state_conflict');
    }
  });

  it('says the same of a webhook of others, of none, and of no id at all', async () => {
    const { admin, people, path, pool } = await setUp(database);
    const made = (await admin.call(people.admin, 'POST', `${path}/webhooks`, { url: receiver.url })).json;
    const delivery = (await admin.call(people.admin, 'POST', `${path}/webhooks/${made.id}/test`)).json;
    const other = await makeTenant(pool, secrets);
    const stranger = await makePerson(pool, other.caller.organizationId, 'owner');
    const theirs = `/api/organizations/${other.caller.organizationId}/webhooks`;
    for (const [method, suffix, body] of [
      ['GET', '', undefined],
      ['PATCH', '', { enabled: false }],
      ['DELETE', '', undefined],
      ['POST', '/rotate-secret', undefined],
      ['POST', '/test', undefined],
      ['GET', '/deliveries', undefined],
      ['POST', `/deliveries/${delivery.id}/redeliver`, undefined],
    ] as const) {
      const ask = (id: string) => admin.call(stranger, method, `${theirs}/${id}${suffix}`, body);
      const missing = await ask(NOWHERE);
      expect(missing.status).toBe(404);
      for (const id of [made.id, 'nonsense', '%00']) expect(await ask(id)).toEqual(missing);
    }
    const own = (await admin.call(stranger, 'POST', theirs, { url: receiver.url })).json;
    const redeliver = (id: string) =>
      admin.call(stranger, 'POST', `${theirs}/${own.id}/deliveries/${id}/redeliver`);
    const missing = await redeliver(`dlv_${'0'.repeat(26)}`);
    expect(missing.status).toBe(404);
    for (const id of [delivery.id, 'nonsense', '%00']) expect(await redeliver(id)).toEqual(missing);
    expect((await admin.call(people.admin, 'GET', `${path}/webhooks/${made.id}`)).json).toMatchObject({
      enabled: true,
    });
    expect(admin.reports).toEqual([]);
  });
});
