/**
 * Every route of the admin API that makes or charges something, under an Idempotency-Key: sent twice, at once or later,
 * it makes one thing and answers the same bytes; nobody else is given the answer; it is kept in the transaction of the
 * act, where no payment provider is asked in between. Generated from the declarations: a new route is tested without
 * being named here.
 */
import { randomUUID } from 'node:crypto';
import { ADMIN_ROUTES, type AdminRoute, type AdminRouteName, isCreation } from '@zerogpu/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MAKERS, type Place } from './support/admin-objects.ts';
import { BODIES, PREPARED } from './support/admin-rightful.ts';
import { type AdminAnswer, type AdminCallOptions, callAdmin, makeTenant } from './support/admin-tenants.ts';
import { newMember } from './support/people.ts';
import { dumpRows } from './support/row-dump.ts';
import { leastValue } from './support/schema-values.ts';
import { TestGateway } from './support/test-gateway.ts';

const CREATIONS = Object.entries<AdminRoute>(ADMIN_ROUTES)
  .filter(([, route]) => isCreation(route))
  .map(([name, route]) => [name as AdminRouteName, route] as const);

/** What asks the payment provider after its act is in the audit log, so that the answer is known only later. */
const KEPT_LATER: readonly AdminRouteName[] = [
  'addCredit',
  'refundPayment',
  'confirmPayment',
  'startPaymentMethod',
];

/** Of such a body: another one that the route takes as well. */
const OTHER_BODIES: { readonly [Name in AdminRouteName]?: unknown } = {
  createOrganization: { name: 'another' },
  createInvitation: { role: 'viewer', email: 'another@example.com' },
  acceptInvitation: { token: `zgpu-invitation-${'x'.repeat(40)}` },
  createProject: { name: 'another' },
  createFleetToken: { pool: 'public', name: 'another' },
  createJoinToken: { name: 'another' },
  createKey: { name: 'another' },
  addCredit: { amount: '11.00' },
  confirmPayment: {},
  refundPayment: { amount: '1.00' },
  finishPaymentMethod: { bank: 'approve' },
  createWebhook: { url: 'https://another.example.com/', kinds: ['webhook.switched_off'] },
};

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await TestGateway.start();
});
afterAll(() => gateway.stop());

interface Prepared {
  readonly place: Place;
  readonly options: AdminCallOptions & { readonly idempotencyKey: string };
  ask(changes?: Partial<AdminCallOptions>): Promise<AdminAnswer>;
}

/** A tenant of its own for each, and all that the right person needs. */
async function prepare(name: AdminRouteName, { path, body: schema }: AdminRoute): Promise<Prepared> {
  const tenant = await makeTenant(gateway);
  const place = { gateway, tenant, projectId: tenant.projectId, params: {} };
  const { params, by = tenant.people.owner, call } = (await PREPARED[name]?.(place)) ?? {};
  const body = schema === undefined ? undefined : (BODIES[name] ?? leastValue(schema));
  const named = { ...(await paramsOf(path, place)), ...params };
  const options = { params: named, body, by, idempotencyKey: randomUUID(), ...call };
  const ask = async (changes: Partial<AdminCallOptions> = {}) => {
    const answer = await callAdmin(gateway, name, { ...options, ...changes });
    expect(answer.strayings).toEqual([]);
    return answer;
  };
  return { place, options, ask };
}

async function paramsOf(path: string, place: Place): Promise<Record<string, string>> {
  const { organizationId } = place.tenant;
  const params: Record<string, string> = { organizationId, projectId: place.projectId };
  for (const [, name = ''] of path.matchAll(/\{(\w+)\}/g)) {
    params[name] ??= await MAKERS[name as keyof typeof MAKERS]({ ...place, params });
  }
  return params;
}

const replayed = ({ headers }: AdminAnswer) => headers['idempotent-replayed'] ?? null;

async function auditLines(action: string | undefined): Promise<number> {
  const text = 'SELECT count(*)::int AS count FROM audit_log WHERE action = $1';
  const { rows } = await gateway.pool.query<{ count: number }>(text, [action ?? '']);
  return rows[0]?.count ?? 0;
}

/** How many rows each table has: a thing made twice shows, whatever it is. */
async function counts(): Promise<Readonly<Record<string, number>>> {
  const dump = await dumpRows(gateway.pool);
  return Object.fromEntries([...dump].map(([table, rows]) => [table, rows.length]));
}

test('the routes that make or charge something are known', () => {
  expect(CREATIONS.map(([name]) => name).sort()).toEqual([
    'acceptInvitation',
    'addCredit',
    'confirmPayment',
    'createFleetToken',
    'createInvitation',
    'createJoinToken',
    'createKey',
    'createOrganization',
    'createProject',
    'createWebhook',
    'finishPaymentMethod',
    'redeliverWebhook',
    'refundPayment',
    'rotateWebhookSecret',
    'startPaymentMethod',
    'testWebhook',
  ]);
});

describe('answered twice under one key, it is made once', () => {
  test.for(CREATIONS)('%s', async ([name, route]) => {
    const { ask } = await prepare(name, route);
    const before = await auditLines(route.audit);
    const first = await ask();
    expect(first.status, first.text).toBe(route.status ?? 200);
    expect(replayed(first)).toBeNull();
    const made = await counts();
    const again = await ask();
    expect(again).toEqual({ ...first, headers: { ...first.headers, 'idempotent-replayed': 'true' } });
    expect(await counts()).toEqual(made);
    expect(await auditLines(route.audit)).toBe(before + 1);
  });
});

describe('at once under one key, one makes it and the others wait', () => {
  test.for(CREATIONS)('%s', async ([name, route]) => {
    const { ask } = await prepare(name, route);
    const before = await auditLines(route.audit);
    const answers = await Promise.all(Array.from({ length: 6 }, () => ask()));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => route.status ?? 200));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers.filter((answer) => replayed(answer) === null)).toHaveLength(1);
    expect(await auditLines(route.audit)).toBe(before + 1);
  });
});

describe('another request under the same key is a conflict', () => {
  const withBody = CREATIONS.filter(([, { body }]) => body !== undefined);
  test.for(withBody)('%s with another body', async ([name, route]) => {
    const { ask } = await prepare(name, route);
    await ask();
    const other = await ask({ body: OTHER_BODIES[name] });
    expect([other.status, other.json.error.code], other.text).toEqual([409, 'idempotency_conflict']);
    expect(replayed(await ask())).toBe('true');
  });

  test('of another route, or for another thing', async () => {
    const { place, options } = await prepare('createProject', ADMIN_ROUTES.createProject);
    const ask = (route: AdminRouteName, params: AdminCallOptions['params']) =>
      callAdmin(gateway, route, { ...options, params: { ...options.params, ...params } });
    const made = await ask('createProject', {});
    expect(made.status).toBe(201);
    expect((await ask('createKey', {})).json.error.code).toBe('idempotency_conflict');
    // The same route and body, of another organization: another key.
    const { organizationId } = await makeTenant(gateway);
    await gateway.pool.query(
      "INSERT INTO members (organization_id, person_id, role) VALUES ($1, $2, 'owner')",
      [organizationId, place.tenant.people.owner.id],
    );
    const there = await ask('createProject', { organizationId });
    expect([there.status, replayed(there)]).toEqual([201, null]);
    const key = { idempotencyKey: 'one', body: { name: 'k' }, by: options.by };
    const [one, other] = [place.projectId, place.tenant.otherProjectId].map((projectId) => ({ projectId }));
    expect((await callAdmin(gateway, 'createKey', { ...key, params: one ?? {} })).status).toBe(201);
    const next = await callAdmin(gateway, 'createKey', { ...key, params: other ?? {} });
    expect(next.json.error.code).toBe('idempotency_conflict');
  });
});

describe('nobody else is given the answer', () => {
  test.for(CREATIONS)('%s', async ([name, route]) => {
    const { ask, place } = await prepare(name, route);
    const first = await ask();
    const colleague = await newMember(gateway.gateway, place.tenant.organizationId, 'owner');
    const theirs = await ask({ by: colleague });
    expect(replayed(theirs)).toBeNull();
    for (const secret of secretsIn(first)) expect(theirs.text).not.toContain(secret);
    const stranger = await ask({ by: await newMember(gateway.gateway, null) });
    expect(replayed(stranger)).toBeNull();
    for (const secret of secretsIn(first)) expect(stranger.text).not.toContain(secret);
    expect((await ask({ by: null })).status).toBe(401);
    // Still theirs who asked first.
    expect(await ask()).toMatchObject({ text: first.text, status: first.status });
  });

  test('nor who may no longer make such things', async () => {
    const { ask, place } = await prepare('createKey', ADMIN_ROUTES.createKey);
    const developer = place.tenant.people.developer;
    expect((await ask({ by: developer })).status).toBe(201);
    const demote = "UPDATE members SET role = 'viewer' WHERE person_id = $1";
    await gateway.pool.query(demote, [developer.id]);
    expect((await ask({ by: developer })).json.error.code).toBe('role_insufficient');
  });
});

/** What an answer shows once. */
function secretsIn({ json }: AdminAnswer): string[] {
  return ['key', 'secret', 'token', 'link'].flatMap((name) =>
    typeof json?.[name] === 'string' ? [json[name]] : [],
  );
}

describe('the answer is kept in the transaction of the act', () => {
  const atOnce = CREATIONS.filter(([name]) => !KEPT_LATER.includes(name));
  test.for(atOnce)('%s', async ([name, route]) => {
    const { ask } = await prepare(name, route);
    expect((await ask()).status).toBeLessThan(300);
    const text = `
      SELECT (SELECT xmin::text FROM audit_log WHERE action = $1 ORDER BY id DESC LIMIT 1) AS act,
        (SELECT xmin::text FROM admin_creations WHERE state = 'done' ORDER BY locked_until DESC LIMIT 1) AS answer`;
    const { rows } = await gateway.pool.query<{ act: string; answer: string }>(text, [route.audit]);
    expect(rows[0]?.answer).toBe(rows[0]?.act);
  });
});

describe('what a gateway that died leaves', () => {
  const NEVER_ANSWERED = `
    UPDATE admin_creations SET state = 'running', answer = NULL, locked_until = now() - interval '1 second'`;

  test.for(['addCredit', 'refundPayment'] as const)('%s moves no money twice', async (name) => {
    const { ask } = await prepare(name, ADMIN_ROUTES[name]);
    const before = await auditLines(ADMIN_ROUTES[name].audit);
    const first = await ask();
    await gateway.pool.query(NEVER_ANSWERED);
    const again = await ask();
    expect([again.status, replayed(again), again.json.id]).toEqual([201, null, first.json.id]);
    expect(await auditLines(ADMIN_ROUTES[name].audit)).toBe(before + 1);
    expect(replayed(await ask())).toBe('true');
  });

  test('confirmPayment charges nothing twice, and says what became of it', async () => {
    const { ask } = await prepare('confirmPayment', ADMIN_ROUTES.confirmPayment);
    expect((await ask()).json.state).toBe('succeeded');
    await gateway.pool.query(NEVER_ANSWERED);
    const again = await ask();
    expect([again.status, again.json.error.message]).toEqual([409, 'The payment is "succeeded"']);
  });

  test('finishPaymentMethod keeps one card', async () => {
    const { ask } = await prepare('finishPaymentMethod', ADMIN_ROUTES.finishPaymentMethod);
    const first = await ask();
    await gateway.pool.query(NEVER_ANSWERED);
    expect(await ask()).toMatchObject({ status: 200, text: first.text });
  });

  test('startPaymentMethod begins another setup, which is nothing without a card', async () => {
    const { ask, place } = await prepare('startPaymentMethod', ADMIN_ROUTES.startPaymentMethod);
    const first = await ask();
    await gateway.pool.query(NEVER_ANSWERED);
    const again = await ask();
    expect([again.status, again.json.id === first.json.id]).toEqual([201, false]);
    const { rows } = await gateway.pool.query('SELECT 1 FROM payment_methods WHERE organization_id = $1', [
      place.tenant.organizationId,
    ]);
    expect(rows).toEqual([]);
  });

  test('a claim without an act is taken over after its lock', async () => {
    const { ask } = await prepare('createProject', ADMIN_ROUTES.createProject);
    const first = await ask();
    await gateway.pool.query(NEVER_ANSWERED);
    const again = await ask();
    expect([again.status, replayed(again)]).toEqual([201, null]);
    expect(again.json.id).not.toBe(first.json.id);
  });
});

test('an error is not kept: the next try makes it', async () => {
  const { ask, place } = await prepare('createKey', ADMIN_ROUTES.createKey);
  const archive = (status: string) =>
    gateway.pool.query('UPDATE projects SET status = $2 WHERE id = $1', [place.projectId, status]);
  await archive('archived');
  expect((await ask()).json.error.code).toBe('state_conflict');
  await archive('active');
  expect([(await ask()).status, replayed(await ask())]).toEqual([201, 'true']);
});

test.each(['x'.repeat(256), ''])('refuses the key "%s"', async (idempotencyKey) => {
  const { ask } = await prepare('createProject', ADMIN_ROUTES.createProject);
  const refused = await ask({ idempotencyKey });
  expect([refused.status, refused.json.error.param]).toEqual([400, 'Idempotency-Key']);
});

test('answers and keys are unreadable in the database', async () => {
  const { ask, options } = await prepare('createKey', ADMIN_ROUTES.createKey);
  const { json } = await ask();
  const { rows } = await gateway.pool.query<{ row: string }>('SELECT t::text AS row FROM admin_creations t');
  const text = rows.map(({ row }) => row).join('\n');
  for (const clear of [json.key, options.idempotencyKey]) {
    expect(text).not.toContain(clear);
    expect(text).not.toContain(Buffer.from(clear).toString('hex'));
  }
});
