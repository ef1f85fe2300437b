/**
 * Walks every route of the admin API and of `/v1` with everybody who may not: nobody, an ended session, a program's key,
 * a member of another organization, a role that does not suffice, the right person with somebody else's things in the
 * path. All are refused, what is foreign with the same bytes as what is not there, and nothing changes. Then the right
 * people make the same calls, and succeed. Generated from the declarations: a new route is walked without being named
 * here, and one whose things nobody knows how to make does not compile.
 */
import {
  ADMIN_ROUTES,
  type AdminRoute,
  type AdminRouteName,
  API_ROUTES,
  ERRORS,
  type ErrorCode,
  type MemberRole,
  ROLES,
  roleSuffices,
} from '@zerogpu/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MAKERS, made, nobodys, type ObjectParam, type Place, REFERENCES } from './support/admin-objects.ts';
import { BODIES, PREPARED, UNDONE } from './support/admin-rightful.ts';
import {
  type AdminAnswer,
  type AdminCallOptions,
  callAdmin,
  makeTenant,
  type Tenant,
} from './support/admin-tenants.ts';
import { newMember, newOperator, type TestPerson } from './support/people.ts';
import { type Dump, settledRows } from './support/row-dump.ts';
import { leastValue } from './support/schema-values.ts';
import { ALL_ROUTES, announced, SUMMARY } from './support/scripted-node.ts';
import { TestGateway } from './support/test-gateway.ts';

type By = AdminCallOptions['by'];

let gateway: TestGateway;
/** Whose things everybody is after. */
let victim: Tenant;
let other: Tenant;
/** A person of the victim's, an owner even, whose session has ended. */
let late: TestPerson;
let before: Dump;
const strayings: string[] = [];

const ROUTES: readonly (readonly [AdminRouteName, AdminRoute])[] = Object.entries<AdminRoute>(
  ADMIN_ROUTES,
).map(([name, route]) => [name as AdminRouteName, route]);
const GUARDED = ROUTES.filter(([, { access }]) => access.to !== 'anyone');
const OF_TENANTS = GUARDED.filter(([, { access }]) => access.to !== 'person');

beforeAll(async () => {
  gateway = await TestGateway.start();
  await gateway.join({ models: ALL_ROUTES.map((id) => announced(id)) });
  victim = await makeTenant(gateway);
  other = await makeTenant(gateway);
  late = await newMember(gateway.gateway, victim.organizationId, 'owner');
  const end = "UPDATE sessions SET expires_at = now() - interval '1 second' WHERE person_id = $1";
  await gateway.pool.query(end, [late.id]);
  // All of them now, so that whatever changes later is somebody's doing.
  for (const [, { path }] of ROUTES) {
    for (const place of places()) await paramsOf(path, place);
  }
  before = await settledRows(gateway.pool);
});
afterAll(() => gateway.stop());

interface Where {
  readonly tenant: Tenant;
  readonly projectId: string;
}

const here = (): Where => ({ tenant: victim, projectId: victim.projectId });
const nextDoor = (): Where => ({ tenant: victim, projectId: victim.otherProjectId });
const elsewhere = (): Where => ({ tenant: other, projectId: other.projectId });
const places = () => [here(), nextDoor(), elsewhere()];

/** Made once for each place. */
const known = new Map<string, Promise<string>>();

/** What a path's parts are in a place: its organization and project, and one thing of each kind. */
async function paramsOf(path: string, { tenant, projectId }: Where): Promise<Record<string, string>> {
  const params: Record<string, string> = {};
  for (const param of namesIn(path))
    params[param] = await thing(param, { gateway, tenant, projectId, params });
  return params;
}

const namesIn = (path: string) =>
  [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] as keyof typeof MAKERS);

function thing(param: ObjectParam | 'organizationId' | 'projectId', place: Place): Promise<string> {
  if (param === 'organizationId') return Promise.resolve(place.tenant.organizationId);
  if (param === 'projectId') return Promise.resolve(place.projectId);
  const key = [param, place.projectId, ...Object.values(place.params)].join(' ');
  const made = known.get(key) ?? MAKERS[param]({ ...place, params: { ...place.params } });
  known.set(key, made);
  return made;
}

function bodyOf(name: AdminRouteName): unknown {
  const { body }: AdminRoute = ADMIN_ROUTES[name];
  return body === undefined ? undefined : (BODIES[name] ?? leastValue(body));
}

async function call(name: AdminRouteName, params: Record<string, string>, by: By): Promise<AdminAnswer> {
  // A refusal is not kept: nothing of the key may be left.
  const idempotencyKey = crypto.randomUUID();
  const answer = await callAdmin(gateway, name, { params, body: bodyOf(name), by, idempotencyKey });
  strayings.push(...answer.strayings);
  return answer;
}

function expectRefusal(answer: AdminAnswer, code: ErrorCode, who: string): void {
  expect({ status: answer.status, code: answer.json?.error.code }, `${who}: ${answer.text}`).toEqual({
    status: ERRORS[code].status,
    code,
  });
}

/** Everything that a caller can see of an answer, but for what differs in each. */
const seen = ({ status, text, headers }: AdminAnswer) => ({ status, text, headers });

/** What changes something without a line in the audit log, and why. */
const UNAUDITED: { readonly [Name in AdminRouteName]?: string } = {
  requestPasswordReset: 'anybody may ask; what comes of it has its line',
  viewInvitation: 'changes nothing; a POST because addresses end up in logs',
  readEvents: 'a note of one’s own',
  receiveStripeEvent: 'the payment that it tells of has its line',
};

test('declarations say what they have to', () => {
  for (const [name, { access, path, method, audit }] of ROUTES) {
    if ('role' in access) expect(path, name).toContain(`{${access.to}Id}`);
    const unaudited = method !== 'get' && audit === undefined;
    expect(unaudited, name).toBe(name in UNAUDITED);
  }
});

describe('nobody is let in', () => {
  test.for(GUARDED)('%s', async ([name, { path }]) => {
    const params = await paramsOf(path, here());
    const answers = [
      await call(name, params, null),
      await call(name, params, late),
      await call(name, params, { headers: { authorization: `Bearer ${victim.apiKey}` } }),
      await call(name, params, { headers: { 'x-api-key': victim.apiKey } }),
      await call(name, params, { headers: { cookie: 'zerogpu_session=zgpu-session-EXAMPLE' } }),
    ];
    for (const answer of answers) expectRefusal(answer, 'not_signed_in', name);
    // Whether it is there or not.
    const nothing = Object.fromEntries(Object.entries(params).map(([param, id]) => [param, nobodys(id)]));
    expect(seen(await call(name, nothing, null))).toEqual(seen(answers[0]!));
  });
});

describe('members of another organization find nothing', () => {
  test.for(OF_TENANTS)('%s', async ([name, { path }]) => {
    const params = await paramsOf(path, here());
    const nothing = Object.fromEntries(Object.entries(params).map(([param, id]) => [param, nobodys(id)]));
    for (const role of ROLES) {
      const answer = await call(name, params, other.people[role]);
      expectRefusal(answer, 'not_found', role);
      expect(seen(answer)).toEqual(seen(await call(name, nothing, other.people[role])));
    }
    const nonsense = Object.fromEntries(Object.keys(params).map((param) => [param, 'nonsense']));
    expectRefusal(await call(name, nonsense, other.people.owner), 'not_found', 'nonsense');
  });
});

describe('a role that does not suffice is told so', () => {
  const weaker = OF_TENANTS.flatMap(([name, { access, path }]) =>
    ROLES.filter((role) => 'role' in access && !roleSuffices(role, access.role)).map(
      (role): readonly [AdminRouteName, MemberRole, string] => [name, role, path],
    ),
  );
  test.for(weaker)('%s by a %s', async ([name, role, path]) => {
    const answer = await call(name, await paramsOf(path, here()), victim.people[role]);
    expectRefusal(answer, 'role_insufficient', role);
  });
});

/** Everything of other tenants that was made; of the next project, too, for a route of one project. */
async function foreignIds(route: AdminRoute): Promise<string[]> {
  const made = await Promise.all(
    [...known].map(async ([what, id]) => ({ what: what.split(' '), id: await id })),
  );
  const ids = made
    .filter(({ what }) => what.includes(other.projectId))
    .concat(
      route.access.to === 'project'
        ? made.filter(({ what: [param] }) => param === 'keyId' || param === 'requestId')
        : [],
    )
    .filter(({ what }) => !what.includes(victim.projectId))
    .map(({ id }) => id);
  const people = Object.values(other.people).map(({ id }) => id);
  return [...ids, ...people, other.organizationId, other.projectId, other.keyId];
}

/** Each of the two fences hides a gap in the other: so once both, and once without row-level security. */
describe.for(['behind both fences', 'by predicates alone'] as const)('things of others, %s', (fences) => {
  let fenced: readonly string[] = [];
  const rowSecurity = async (state: 'ENABLE' | 'DISABLE') => {
    for (const table of fenced) await gateway.pool.query(`ALTER TABLE ${table} ${state} ROW LEVEL SECURITY`);
  };
  beforeAll(async () => {
    if (fences === 'behind both fences') return;
    const text = 'SELECT oid::regclass::text AS name FROM pg_class WHERE relrowsecurity';
    fenced = (await gateway.pool.query<{ name: string }>(text)).rows.map(({ name }) => name);
    expect(fenced.length).toBeGreaterThan(15);
    await rowSecurity('DISABLE');
  });
  afterAll(() => rowSecurity('ENABLE'));

  const named = GUARDED.flatMap(([name, { path, access }]) =>
    namesIn(path)
      .filter((param) => `${param}` !== `${access.to}Id`)
      .map((param): readonly [AdminRouteName, ObjectParam, string] => [name, param, path]),
  );
  test.for(named)('%s finds no %s of another', async ([name, param, path]) => {
    const own = await paramsOf(path, here());
    const others = [elsewhere(), ...(own['projectId'] === undefined ? [] : [nextDoor()])];
    for (const place of others) {
      const foreign = (await paramsOf(path, place))[param] ?? '';
      expect(foreign).not.toBe(own[param]);
      const answer = await call(name, { ...own, [param]: foreign }, victim.people.owner);
      expectRefusal(answer, 'not_found', param);
      const missing = await call(name, { ...own, [param]: nobodys(foreign) }, victim.people.owner);
      expect(seen(answer)).toEqual(seen(missing));
    }
    expectRefusal(await call(name, { ...own, [param]: 'nonsense' }, victim.people.owner), 'not_found', param);
  });

  const looking = GUARDED.filter(([, { method }]) => method === 'get');
  test.for(looking)('%s shows nothing of others', async ([name, route]) => {
    const { text } = await call(name, await paramsOf(route.path, here()), victim.people.owner);
    const foreign = await foreignIds(route);
    expect(foreign.length).toBeGreaterThan(10);
    expect(foreign.filter((id) => text.includes(id))).toEqual([]);
  });
});

test('after all that, nothing has changed', async () => {
  expect(await settledRows(gateway.pool)).toEqual(before);
  expect(before.get('public.projects')?.length).toBeGreaterThan(4);
});

describe('what a body or a query names of others is not there', () => {
  const fields = OF_TENANTS.flatMap(([name, route]) =>
    (['body', 'query'] as const).flatMap((part) =>
      Object.keys(route[part]?.['properties'] ?? {})
        .filter((field) => /_id$|^up_to$/.test(field))
        .map((field) => [name, field, part] as const),
    ),
  );
  test.for(fields)('%s with another’s %s', async ([name, field, part]) => {
    const maker = REFERENCES[field];
    if (maker === undefined) throw new Error(`Nobody knows what a ${field} is`);
    const route: AdminRoute = ADMIN_ROUTES[name];
    const params = await paramsOf(route.path, here());
    const ask = async (id: string) => {
      const body = bodyOf(name);
      const given =
        part === 'body' ? { body: { ...(body as object), [field]: id } } : { body, query: { [field]: id } };
      const answer = await callAdmin(gateway, name, { params, by: victim.people.owner, ...given });
      return { ...seen(answer), text: answer.text.replaceAll(id, 'the id') };
    };
    for (const { tenant, projectId } of [
      elsewhere(),
      ...(params['projectId'] === undefined ? [] : [nextDoor()]),
    ]) {
      const foreign = await maker({ gateway, tenant, projectId, params: {} });
      const answer = await ask(foreign);
      expect(answer).toEqual(await ask(nobodys(foreign)));
      if (part === 'body' && route.audit !== undefined) expect(answer.status).toBeGreaterThanOrEqual(400);
    }
  });
});

describe('the right people are let in', () => {
  test.for(ROUTES)('%s', async ([name, route]) => {
    const tenant = await makeTenant(gateway);
    const place = { gateway, tenant, projectId: tenant.projectId, params: {} };
    const prepared = await PREPARED[name]?.(place);
    const params = { ...(await paramsOf(route.path, place)), ...prepared?.params };
    const by = prepared?.by === undefined ? await rightful(tenant, route) : prepared.by;
    const linesBefore = await auditLines(route.audit);
    const answer = await callAdmin(gateway, name, { params, body: bodyOf(name), by, ...prepared?.call });
    strayings.push(...answer.strayings);
    const undone = UNDONE[name];
    if (undone !== undefined) return expectRefusal(answer, undone, name);
    expect(answer.status, answer.text).toBeLessThan(300);
    if (route.audit !== undefined) expect(await auditLines(route.audit)).toBe(linesBefore + 1);
  });
});

/** To look, the weakest who may; to act, an owner. */
async function rightful({ people }: Tenant, { access, method }: AdminRoute): Promise<By> {
  if (access.to === 'anyone') return null;
  if (access.to === 'operator') return newOperator(gateway.gateway);
  return method === 'get' && 'role' in access ? people[access.role] : people.owner;
}

/** Of an act, whoever did it. */
async function auditLines(action: string | undefined): Promise<number> {
  const text = 'SELECT count(*)::int AS count FROM audit_log WHERE action = $1';
  const { rows } = await gateway.pool.query<{ count: number }>(text, [action ?? '']);
  return rows[0]?.count ?? 0;
}

describe('programs are held to their key’s project', () => {
  const programs = API_ROUTES.filter(({ key }) => key);
  const MADE: Readonly<Record<string, () => Promise<string>>> = {
    id: async () => SUMMARY,
    file_id: () => MAKERS.fileId({ ...here(), gateway, params: {} }),
    batch_id: () => MAKERS.batchId({ ...here(), gateway, params: {} }),
  };
  /** One that its path names; empty when it names none. */
  const thingOf = async (path: string): Promise<string> => {
    const [, param] = /\{(\w+)\}/.exec(path) ?? [];
    if (param === undefined) return '';
    const make = MADE[param];
    if (make === undefined) throw new Error(`Nobody knows how to make the ${param} of ${path}`);
    return make();
  };
  const pathWith = (path: string, id: string) => path.replace(/\{\w+\}/, id);

  test.for(programs.map((route) => [`${route.method} ${route.path}`, route] as const))(
    '%s',
    async ([, route]) => {
      const path = pathWith(route.path, await thingOf(route.path));
      const [example] = Object.values(route.request?.examples ?? {});
      const body = (example as { readonly value?: unknown } | undefined)?.value;
      const ask = (key: string | null, headers: Record<string, string> = {}) =>
        gateway.call(path, body, { key, headers, method: route.method.toUpperCase() });
      const revoked = await endedKey('revoked_at');
      const expired = await endedKey('expires_at');
      for (const key of [null, revoked, expired, `${victim.apiKey}x`, victim.people.owner.token]) {
        const answer = await ask(key);
        expect(answer.status, answer.text).toBe(401);
      }
      expect((await ask(revoked)).text).toBe((await ask(expired)).text);
      const foreign = await ask(victim.apiKey, { 'x-project-id': other.projectId });
      const missing = await ask(victim.apiKey, { 'x-project-id': crypto.randomUUID() });
      expect([foreign.status, foreign.text]).toEqual([403, missing.text]);
      expect((await ask(victim.apiKey, { 'x-project-id': victim.otherProjectId })).text).toBe(missing.text);
      // So that it is the fence that refused: with the right key and project it is let in.
      expect((await ask(victim.apiKey, { 'x-project-id': victim.projectId })).status).not.toBeOneOf([
        401, 403,
      ]);
    },
  );

  const ofThings = programs.filter(({ path }) => /\{(file|batch)_id\}/.test(path));
  test.for(ofThings.map((route) => [`${route.method} ${route.path}`, route] as const))(
    '%s of another project is not there',
    async ([, route]) => {
      const id = await thingOf(route.path);
      const ask = async (key: string, of: string) => {
        const method = route.method.toUpperCase();
        const { status, text } = await gateway.call(pathWith(route.path, of), undefined, { method, key });
        return { status, text: text.replaceAll(of, 'the id') };
      };
      const missing = await ask(victim.apiKey, nobodys(id));
      expect(missing.status).toBe(404);
      const nextDoorKey = await made({ ...nextDoor(), gateway, params: {} }, 'createKey', {
        name: 'a program next door',
      });
      for (const key of [other.apiKey, nextDoorKey.key]) expect(await ask(key, id)).toEqual(missing);
      expect((await ask(victim.apiKey, id)).status).toBeLessThan(300);
    },
  );
});

/** A key that was good once. */
async function endedKey(column: 'revoked_at' | 'expires_at'): Promise<string> {
  const { apiKey, projectId } = await gateway.newProject();
  await gateway.pool.query(
    `UPDATE api_keys SET ${column} = now() - interval '1 minute' WHERE project_id = $1`,
    [projectId],
  );
  return apiKey;
}

test('nothing went wrong on our side', () => {
  expect(gateway.told).toEqual([]);
});

test('every answer was as the OpenAPI document says', () => {
  expect([...new Set(strayings)]).toEqual([]);
});
