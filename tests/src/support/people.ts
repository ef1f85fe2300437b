/** Signed-in people for tests of the admin API. */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Gateway } from '@zerogpu/gateway';
import { type MemberRole, makeSecret, SESSION_PREFIX } from '@zerogpu/protocol';
import { parseCredentials } from './platform.ts';

export interface TestPerson {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly token: string;
  /** What a program sends with each call. */
  readonly headers: Readonly<Record<string, string>>;
}

interface SignedIn {
  readonly person: { readonly id: string; readonly email: string; readonly name: string };
  readonly token: string;
}

export interface NewAccount {
  readonly email?: string;
  readonly password?: string;
  readonly name?: string;
  readonly invitation?: string;
}

export const PASSWORD = 'a password of the tests';

/** Through the API, as a program does. The gateway of a test lets everybody sign up unless its settings say otherwise. */
export async function signUp(url: string, account: NewAccount = {}): Promise<TestPerson> {
  const { email = `${randomUUID()}@example.com`, password = PASSWORD, name = 'Test Person' } = account;
  return asPerson(await post(url, '/api/auth/sign-up', { ...account, email, password, name }));
}

export async function signIn(url: string, email: string, password = PASSWORD): Promise<TestPerson> {
  return asPerson(await post(url, '/api/auth/sign-in', { email, password }));
}

/** The owner that the first start made. */
export async function signInOwner(gateway: Gateway): Promise<TestPerson> {
  const credentials = parseCredentials(await readFile(gateway.credentialsFile, 'utf8'));
  const { ZEROGPU_ADMIN_EMAIL: email = '', ZEROGPU_ADMIN_PASSWORD: password = '' } = credentials;
  return signIn(gateway.url, email, password);
}

/**
 * A person with a session, past the API: no password is hashed and no attempt counted, so that a test may have many.
 * @param organizationId null makes somebody without any
 */
export async function newMember(
  { pool, secrets }: Pick<Gateway, 'pool' | 'secrets'>,
  organizationId: string | null,
  role: MemberRole = 'viewer',
): Promise<TestPerson> {
  const person = { id: randomUUID(), email: `${randomUUID()}@example.com`, name: `Test ${role}` };
  const token = makeSecret(SESSION_PREFIX);
  const { id, email, name } = person;
  await pool.query('INSERT INTO people (id, email, name) VALUES ($1, $2, $3)', [id, email, name]);
  await pool.query(
    "INSERT INTO sessions (person_id, hash, expires_at) VALUES ($1, $2, now() + interval '1 day')",
    [id, secrets.hashToken(token)],
  );
  if (organizationId !== null) {
    const member = [organizationId, id, role];
    await pool.query('INSERT INTO members (organization_id, person_id, role) VALUES ($1, $2, $3)', member);
  }
  return asPerson({ person, token });
}

/** Somebody with a session who runs the installation, and belongs to no organization. */
export async function newOperator(gateway: Pick<Gateway, 'pool' | 'secrets'>): Promise<TestPerson> {
  const person = await newMember(gateway, null);
  await gateway.pool.query('INSERT INTO operators (person_id) VALUES ($1)', [person.id]);
  return person;
}

function asPerson({ person, token }: SignedIn): TestPerson {
  return { ...person, token, headers: { authorization: `Bearer ${token}` } };
}

async function post(url: string, path: string, body: object): Promise<SignedIn> {
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...body, session: 'token' }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`);
  return JSON.parse(text);
}
