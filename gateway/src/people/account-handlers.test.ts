import { randomUUID } from 'node:crypto';
import { afterEach, expect, it } from 'vitest';
import { silentLog } from '../store/log.ts';
import { hashPassword } from '../store/passwords.ts';
import { Secrets } from '../store/secrets.ts';
import { type OpenAdmin, openAdmin } from '../testing/open-admin.ts';
import { type Database, onEveryPostgres } from '../testing/postgres.ts';
import { makeAccountHandlers } from './account-handlers.ts';
import { makeAttempts } from './attempts.ts';
import { PasswordGate } from './password-gate.ts';
import { makeReset } from './password-reset.ts';
import { makePeople } from './people-services.ts';

const secrets = new Secrets('a secret of the tests, long enough');
const OLD = 'the old password';

/** Something happens while a password is hashed. */
class SlowGate extends PasswordGate {
  hashed = 0;
  meanwhile: () => Promise<unknown> = async () => undefined;

  override async hash(password: string): Promise<string> {
    this.hashed++;
    const { meanwhile } = this;
    this.meanwhile = async () => undefined;
    await meanwhile();
    return super.hash(password);
  }
}

let admin: OpenAdmin | null = null;
afterEach(async () => {
  await admin?.close();
  admin = null;
});

async function setUp(database: Database) {
  const pool = await database();
  const gate = new SlowGate();
  const settings = { pool, secrets, log: silentLog, attempts: makeAttempts(), smtpUrl: null };
  const people = makePeople({ ...settings, signUp: 'invited', publicUrl: () => 'http://localhost' });
  const open = await openAdmin(pool, makeAccountHandlers({ ...people, passwords: gate }));
  admin = open;
  const [id, email] = [randomUUID(), `${randomUUID()}@example.com`];
  await pool.query("INSERT INTO people (id, email, name) VALUES ($1, $2, 'Ada')", [id, email]);
  const hash = await hashPassword(OLD);
  await pool.query('INSERT INTO credentials (person_id, password_hash) VALUES ($1, $2)', [id, hash]);
  const reset = async () => (await makeReset(pool, secrets, email)) ?? '';
  const change = (new_password: string) =>
    open.call(id, 'POST', '/api/person/password', { current_password: OLD, new_password });
  const take = (token: string, password: string) =>
    open.call('', 'POST', '/api/auth/reset-password', { token, password });
  const signIn = (password: string) =>
    open.call('', 'POST', '/api/auth/sign-in', { email, password }).then(({ status }) => status);
  return { open, gate, email, reset, change, take, signIn };
}

onEveryPostgres('accounts', (database) => {
  it('a password that was set anew meanwhile is not changed with the one before it', async () => {
    const { open, gate, reset, change, take, signIn } = await setUp(database);
    const token = await reset();
    gate.meanwhile = () => take(token, 'set by the link');
    const { status, json } = await change('set by a thief');
    expect([status, json.error.code]).toEqual([401, 'sign_in_failed']);
    expect([await signIn('set by a thief'), await signIn('set by the link')]).toEqual([401, 200]);
    expect(open.reports).toEqual([]);
  });

  it('of two changes at once one is made', async () => {
    const { open, change } = await setUp(database);
    const answers = await Promise.all([change('one of the two'), change('other of the two')]);
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 401]);
    expect(open.reports).toEqual([]);
  });

  it('links to set a new password end with the password that they were for', async () => {
    const { reset, change, take } = await setUp(database);
    const token = await reset();
    expect((await change('a new password')).status).toBe(204);
    expect((await take(token, 'set by the link')).json.error.param).toBe('token');
  });

  it('a made-up invitation neither tells who has an account nor has a password hashed', async () => {
    const { open, gate, email } = await setUp(database);
    const signUp = (asked: string) =>
      open.call('', 'POST', '/api/auth/sign-up', {
        email: asked,
        password: 'a password',
        name: 'Eve',
        invitation: 'made up',
      });
    const [known, unknown] = [await signUp(email), await signUp(`${randomUUID()}@example.com`)];
    expect(known.json.error.code).toBe('not_found');
    expect(known.text).toBe(unknown.text);
    expect(gate.hashed).toBe(0);
  });
});
