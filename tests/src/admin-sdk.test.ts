/** The sdk's admin client against a real gateway: sessions, every kind of answer, errors, and a method for every route. */
import { ADMIN_ROUTES, type AdminRoute, NANOS_PER_DOLLAR } from '@zerogpu/protocol';
import { AuthenticationError, ConflictError, NotFoundError, ZeroGPU, ZeroGPUAdmin } from '@zerogpu/sdk';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newMember, PASSWORD, signUp, type TestPerson } from './support/people.ts';
import { announced, SUMMARY } from './support/scripted-node.ts';
import { TestGateway } from './support/test-gateway.ts';

let gateway: TestGateway;
let owner: TestPerson;
let admin: ZeroGPUAdmin;
let organizationId: string;
let projectId: string;

beforeAll(async () => {
  gateway = await TestGateway.start();
  await gateway.join({ models: [announced(SUMMARY)] });
  ({ projectId } = await gateway.newProject({ balance: 5n * NANOS_PER_DOLLAR }));
  const text = 'SELECT organization_id FROM projects WHERE id = $1';
  const { rows } = await gateway.pool.query<{ organization_id: string }>(text, [projectId]);
  organizationId = rows[0]?.organization_id ?? '';
  owner = await newMember(gateway.gateway, organizationId, 'owner');
  admin = clientOf(owner);
});
afterAll(() => gateway.stop());

const clientOf = ({ token }: TestPerson) => new ZeroGPUAdmin({ baseURL: `${gateway.url}/v1`, token });

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => null,
    (reason: unknown) => reason,
  );

describe('sessions', () => {
  test('signs in, acts, signs out', async () => {
    const { email, id } = await signUp(gateway.url);
    const client = new ZeroGPUAdmin({ baseURL: gateway.url });
    expect(await failure(client.account.getSession())).toBeInstanceOf(AuthenticationError);
    const wrong = await failure(client.account.signIn({ email, password: 'not the password' }));
    expect(wrong).toMatchObject({ name: 'AuthenticationError', code: 'sign_in_failed' });
    const signedIn = await client.account.signIn({ email, password: PASSWORD });
    expect(signedIn).toMatchObject({ person: { id, email }, _request_id: expect.stringMatching(/^req_/) });
    expect(await client.account.getSession()).toMatchObject({ person: { id }, session: { current: true } });
    await client.account.signOut();
    expect(await failure(client.account.getSession())).toBeInstanceOf(AuthenticationError);
  });

  test('signs up, and is signed in', async () => {
    const client = new ZeroGPUAdmin({ baseURL: gateway.url });
    const email = 'clara@harbour.example';
    await client.account.signUp({ email, password: PASSWORD, name: 'Clara' });
    const made = await client.organizations.create({ name: 'Harbour' });
    expect(await client.organizations.list()).toMatchObject({
      data: [{ id: made.id, role: 'owner' }],
      next: null,
    });
  });
});

describe('subjects', () => {
  test('a project from its making to its archive', async () => {
    const made = await admin.projects.create(organizationId, { name: 'shop', environment: 'production' });
    await admin.projects.update(made.id, { payload_policy: 'all', requests_per_minute: 600 });
    expect(await admin.projects.get(made.id)).toMatchObject({
      payload_policy: 'all',
      requests_per_minute: 600,
    });
    expect(await admin.projects.archive(made.id)).toMatchObject({ status: 'archived' });
    expect(await failure(admin.projects.archive(made.id))).toBeInstanceOf(ConflictError);
    expect(await failure(admin.projects.get(crypto.randomUUID()))).toBeInstanceOf(NotFoundError);
  });

  test('a key that works until it is revoked', async () => {
    const { key, id } = await admin.keys.create(projectId, { name: 'the shop' });
    const program = new ZeroGPU({ apiKey: key, baseURL: gateway.url, maxRetries: 0 });
    expect(await program.summary({ text: 'The sky is blue.' })).toMatchObject({ model: SUMMARY });
    expect(await admin.keys.get(projectId, id)).toMatchObject({ status: 'active', name: 'the shop' });
    expect(await admin.keys.revoke(projectId, id)).toMatchObject({ status: 'revoked' });
    await gateway.eventually('the key to be refused', async () =>
      (await failure(program.models.list())) instanceof AuthenticationError ? true : null,
    );
  });

  test('lists page by page, each item once', async () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    const { id } = await admin.projects.create(organizationId, { name: 'many keys' });
    for (const name of names) await admin.keys.create(id, { name });
    const first = await admin.keys.list(id, { limit: 2 });
    expect(first.data.map(({ name }) => name)).toEqual(['e', 'd']);
    const all: string[] = [];
    for await (const { name } of admin.keys.list(id, { limit: 2 })) all.push(name);
    expect(all).toEqual(names.toReversed());
  });

  test('what answers nothing resolves with nothing', async () => {
    const person = await newMember(gateway.gateway, organizationId, 'viewer');
    expect(await admin.organizations.removeMember(organizationId, person.id)).toBeUndefined();
    expect(await failure(admin.organizations.removeMember(organizationId, person.id))).toBeInstanceOf(
      NotFoundError,
    );
  });
});

describe('the log', () => {
  test('is listed, told one by one, exported, and followed', async () => {
    const { key, id: keyId } = await admin.keys.create(projectId, { name: 'logged' });
    const program = new ZeroGPU({ apiKey: key, baseURL: gateway.url });
    const requestId = async (text: string) => (await program.summary({ text }))._request_id ?? '';

    const before = await requestId('The sky is blue.');
    const { data } = await admin.logs.list(projectId, { key_id: keyId, limit: 10 });
    expect(data).toMatchObject([{ id: before, status: 200, model: SUMMARY }]);
    expect(await admin.logs.get(projectId, before)).toMatchObject({ id: before, status: 200 });

    const tail = await admin.logs.tail(projectId, { key_id: keyId });
    const after = await requestId('The harbour is closed.');
    for await (const { id } of tail) {
      expect(id).toBe(after);
      break;
    }

    const csv = await admin.logs.export(projectId, { key_id: keyId, format: 'csv' });
    expect(csv.contentType).toMatch(/^text\/csv/);
    expect((await csv.text()).trim().split('\r\n')).toHaveLength(3);
    const lines = await (await admin.logs.export(projectId, { key_id: keyId, format: 'jsonl' })).text();
    expect(
      lines
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).id),
    ).toEqual([after, before]);
  });
});

test('there is a method for every route that is for people', () => {
  const byTag = new Map<string, Set<string>>();
  for (const [tag, api] of Object.entries(admin)) {
    if (typeof api !== 'object') continue;
    for (
      let proto = Object.getPrototypeOf(api);
      proto !== Object.prototype;
      proto = Object.getPrototypeOf(proto)
    ) {
      const names = byTag.get(tag) ?? new Set();
      byTag.set(
        tag,
        new Set([...names, ...Object.getOwnPropertyNames(proto).filter((name) => name !== 'constructor')]),
      );
    }
  }
  const routes = Object.values<AdminRoute>(ADMIN_ROUTES).filter(({ raw }) => raw === undefined);
  const wanted = Map.groupBy(routes, ({ tag }) => tag);
  expect(byTag.size).toBe(wanted.size);
  for (const [tag, own] of wanted) expect(byTag.get(tag)?.size, tag).toBe(own.length);
});
