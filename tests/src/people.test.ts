/** People and tenants over HTTP, on the real gateway: accounts, sessions, organizations, members, invitations. */
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PASSWORD, type TestPerson } from './support/people.ts';
import { SmtpServer, textOf, tokenIn } from './support/smtp-server.ts';
import { type Json, TestGateway } from './support/test-gateway.ts';

const newEmail = () => `${randomUUID()}@example.com`;

async function newOrganization(gateway: TestGateway, owner: TestPerson, name = 'An organization') {
  const made = await gateway.admin(owner, '/api/organizations', { name });
  expect(made.status).toBe(201);
  return made.json as { id: string; name: string; role: string };
}

async function invite(gateway: TestGateway, by: TestPerson, organizationId: string, body: object) {
  const made = await gateway.admin(by, `/api/organizations/${organizationId}/invitations`, body);
  expect(made.status).toBe(201);
  return made.json as { id: string; token: string; link: string; mailed: boolean };
}

describe('accounts and sessions', () => {
  let gateway: TestGateway;
  let smtp: SmtpServer;
  beforeAll(async () => {
    smtp = await SmtpServer.start();
    gateway = await TestGateway.start({ SMTP_URL: smtp.url, ZEROGPU_TRUSTED_PROXIES: '127.0.0.1' });
  });
  afterAll(async () => {
    await gateway.stop();
    await smtp.stop();
    expect(gateway.strayings).toEqual([]);
  });

  const post = (route: string, body: unknown, headers = {}) => gateway.admin(null, route, body, { headers });

  it('signs in the owner of the first start', async () => {
    const owner = await gateway.signIn();
    const mine = await gateway.admin(owner, '/api/organizations');
    expect(mine.json.data).toMatchObject([
      { id: gateway.first.organizationId, name: 'my-company', role: 'owner' },
    ]);
    const session = await gateway.admin(owner, '/api/session');
    expect(session.json).toMatchObject({
      person: { email: 'admin@zerogpu.localhost' },
      session: { current: true },
    });
  });

  it('says what it offers', async () => {
    const options = await gateway.admin(null, '/api/auth/options');
    expect(options.json).toEqual({ sign_up: 'open', mails: true });
  });

  it('signs up, out and in again with a cookie that scripts cannot read', async () => {
    const email = newEmail();
    const up = await post('/api/auth/sign-up', {
      email: email.toUpperCase(),
      password: PASSWORD,
      name: 'Ada',
    });
    expect(up.status).toBe(201);
    expect(up.json).toMatchObject({ person: { email, name: 'Ada' }, token: null });
    const set = up.headers.get('set-cookie') ?? '';
    expect(set).toMatch(/^zerogpu_session=zgpu-session-\w+; Path=\/; Expires=.*; HttpOnly; SameSite=Lax$/);
    const cookie = set.split(';')[0] ?? '';
    const session = () =>
      gateway.admin(null, '/api/session', undefined, { headers: { cookie: `a=b; ${cookie}` } });
    expect((await session()).json.person.email).toBe(email);
    const out = await post('/api/auth/sign-out', undefined, {}).then(() =>
      gateway.admin(null, '/api/auth/sign-out', undefined, { method: 'POST', headers: { cookie } }),
    );
    expect(out.status).toBe(204);
    expect(out.headers.get('set-cookie')).toContain('zerogpu_session=;');
    expect((await session()).json.error.code).toBe('not_signed_in');
    const again = await post('/api/auth/sign-in', { email, password: PASSWORD });
    expect(again.status).toBe(200);
  });

  it('refuses a taken address, a short password, what is no address', async () => {
    const { email } = await gateway.signUp();
    const up = (changes: object) =>
      post('/api/auth/sign-up', { email: newEmail(), password: PASSWORD, name: 'Ada', ...changes });
    const taken = await up({ email });
    expect([taken.status, taken.json.error.code, taken.json.error.param]).toEqual([
      409,
      'state_conflict',
      'email',
    ]);
    const cases: readonly (readonly [object, string])[] = [
      [{ password: 'short' }, 'password'],
      [{ email: 'nobody' }, 'email'],
      [{ email: 'a@b.c, d@e.f' }, 'email'],
      [{ email: 'a\n@example.com' }, 'email'],
      [{ name: '' }, 'name'],
    ];
    for (const [changes, param] of cases) {
      const { status, json } = await up(changes);
      expect([status, json.error.param], JSON.stringify(changes)).toEqual([400, param]);
    }
  });

  it('answers a wrong password and a missing account with the same bytes', async () => {
    const { email } = await gateway.signUp();
    const wrong = await post('/api/auth/sign-in', { email, password: 'not the password' });
    const nobody = await post('/api/auth/sign-in', { email: newEmail(), password: 'not the password' });
    expect(wrong.status).toBe(401);
    expect(wrong.json.error.code).toBe('sign_in_failed');
    expect(nobody.text).toBe(wrong.text);
    const noAddress = await post('/api/auth/sign-in', { email: 'no address', password: '' });
    expect(noAddress.text).toBe(wrong.text);
  });

  it('holds back who guesses, by account', async () => {
    const { email } = await gateway.signUp();
    // From elsewhere, so that the other tests keep their address's attempts.
    const elsewhere = { 'x-forwarded-for': '192.0.2.1' };
    const guess = (of: string) => post('/api/auth/sign-in', { email: of, password: 'a guess' }, elsewhere);
    const answers = await Promise.all(Array.from({ length: 30 }, () => guess(email.toUpperCase())));
    const of401 = answers.filter(({ status }) => status === 401).length;
    // Ten, and one more for every six seconds that a slow machine takes.
    expect(of401).toBeGreaterThanOrEqual(10);
    expect(of401).toBeLessThan(20);
    const refused = answers.find(({ status }) => status === 429);
    expect(refused?.json.error.code).toBe('rate_limit_exceeded');
    expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect((await guess(newEmail())).status).toBe(401);
  });

  it('holds back an address, and believes what a proxy says only of a trusted one', async () => {
    const trusting = await TestGateway.start({ ZEROGPU_TRUSTED_PROXIES: '127.0.0.1' });
    // More than a machine that is ever so slow lets through.
    const statuses = async (of: TestGateway) => {
      const looks = Array.from({ length: 200 }, (_, i) => {
        const headers = { 'x-forwarded-for': `192.0.2.${i}` };
        return of.admin(null, '/api/invitations/view', { token: 'x' }, { headers });
      });
      return new Set((await Promise.all(looks)).map(({ status }) => status));
    };
    const strict = await TestGateway.start();
    try {
      expect(await statuses(strict)).toEqual(new Set([404, 429]));
      expect(await statuses(trusting)).toEqual(new Set([404]));
    } finally {
      await Promise.all([strict.stop(), trusting.stop()]);
    }
  });

  it('ends a session that expired or was long not used', async () => {
    const member = await gateway.newMember(null);
    expect((await gateway.admin(member, '/api/session')).status).toBe(200);
    for (const change of [
      "last_seen_at = now() - interval '8 days'",
      'expires_at = now(), last_seen_at = now()',
    ]) {
      await gateway.pool.query(`UPDATE sessions SET ${change} WHERE person_id = $1`, [member.id]);
      const { status, json } = await gateway.admin(member, '/api/session');
      expect([status, json.error.code]).toEqual([401, 'not_signed_in']);
    }
  });

  it('writes when a session was last seen, but not at every call', async () => {
    const member = await gateway.newMember(null);
    const seen = async () =>
      (await gateway.pool.query('SELECT last_seen_at FROM sessions WHERE person_id = $1', [member.id]))
        .rows[0];
    const before = await seen();
    await gateway.admin(member, '/api/organizations');
    expect(await seen()).toEqual(before);
    await gateway.pool.query(
      "UPDATE sessions SET last_seen_at = now() - interval '6 minutes' WHERE person_id = $1",
      [member.id],
    );
    await gateway.admin(member, '/api/organizations');
    expect((await seen()).last_seen_at.getTime()).toBeGreaterThanOrEqual(before.last_seen_at.getTime());
  });

  it('lists and ends sessions of one’s own only', async () => {
    const one = await gateway.signUp();
    const other = await gateway.signIn(one.email, PASSWORD);
    const stranger = await gateway.newMember(null);
    const list = (await gateway.admin(one, '/api/sessions')).json.data;
    expect(list.map(({ current }: Json) => current)).toEqual([false, true]);
    const end = (who: TestPerson, id: string) =>
      gateway.admin(who, `/api/sessions/${id}`, undefined, { method: 'DELETE' });
    const foreign = await end(stranger, list[0].id);
    const missing = await end(stranger, randomUUID());
    const nonsense = await end(stranger, 'nonsense');
    expect([foreign.status, missing.text, nonsense.text]).toEqual([404, foreign.text, foreign.text]);
    expect((await end(one, list[0].id)).status).toBe(204);
    expect((await gateway.admin(other, '/api/session')).status).toBe(401);
    expect((await gateway.admin(one, '/api/session')).status).toBe(200);
  });

  it('keeps at most fifty sessions of a person', async () => {
    const one = await gateway.signUp();
    await gateway.pool.query(
      `INSERT INTO sessions (person_id, hash, expires_at, created_at)
       SELECT $1::uuid, sha256(concat(i, $1::uuid)::bytea), now() + interval '1 day', now() - interval '1 hour'
       FROM generate_series(1, 60) i`,
      [one.id],
    );
    const newest = await gateway.signIn(one.email, PASSWORD);
    expect((await gateway.admin(newest, '/api/sessions')).json.data).toHaveLength(50);
    expect((await gateway.admin(one, '/api/session')).status).toBe(200);
  });

  it('changes the name and the password, which ends the other sessions', async () => {
    const one = await gateway.signUp();
    const other = await gateway.signIn(one.email, PASSWORD);
    const renamed = await gateway.admin(one, '/api/person', { name: 'Grace' }, { method: 'PATCH' });
    expect(renamed.json.name).toBe('Grace');
    const change = (current: string) =>
      gateway.admin(one, '/api/person/password', {
        current_password: current,
        new_password: 'another password',
      });
    const wrong = await change('not the password');
    expect([wrong.status, wrong.json.error.param]).toEqual([401, 'current_password']);
    expect((await change(PASSWORD)).status).toBe(204);
    expect((await gateway.admin(other, '/api/session')).status).toBe(401);
    expect((await gateway.admin(one, '/api/session')).status).toBe(200);
    const old = await post('/api/auth/sign-in', { email: one.email, password: PASSWORD });
    expect(old.status).toBe(401);
    await gateway.signIn(one.email, 'another password');
  });

  it('resets a password by mail, once, and ends every session', async () => {
    const one = await gateway.signUp();
    const asked = await post('/api/auth/request-password-reset', { email: one.email });
    const nobody = await post('/api/auth/request-password-reset', { email: newEmail() });
    expect([asked.status, asked.json]).toEqual([202, { mails: true }]);
    expect(nobody.text).toBe(asked.text);
    const mail = await smtp.take(one.email);
    expect(mail.from).toBe('platform@example.com');
    expect(textOf(mail)).toContain(`${gateway.url}/reset-password#`);
    const token = tokenIn(mail);
    const reset = (changes = {}) =>
      post('/api/auth/reset-password', { token, password: 'the new password', ...changes });
    const wrong = await reset({ token: `${token.slice(0, -1)}0` });
    expect([wrong.status, wrong.json.error.param]).toEqual([400, 'token']);
    expect((await reset({ password: 'short' })).json.error.param).toBe('password');
    const at_once = await Promise.all([reset(), reset(), reset()]);
    expect(at_once.map(({ status }) => status).sort()).toEqual([204, 400, 400]);
    expect((await gateway.admin(one, '/api/session')).status).toBe(401);
    await gateway.signIn(one.email, 'the new password');
    expect(smtp.mails).toEqual([]);
  });

  it('refuses a reset link that is older than an hour', async () => {
    const one = await gateway.signUp();
    await post('/api/auth/request-password-reset', { email: one.email });
    const token = tokenIn(await smtp.take(one.email));
    await gateway.pool.query('UPDATE password_resets SET expires_at = now() WHERE person_id = $1', [one.id]);
    const late = await post('/api/auth/reset-password', { token, password: 'the new password' });
    expect([late.status, late.json.error.param]).toEqual([400, 'token']);
  });

  it('mails an invitation, in which nobody’s name writes more than a name', async () => {
    const owner = await gateway.signUp({
      name: 'Olga\n\nOpen https://evil.example\r\n.\r\nMAIL FROM:<x@y.z>',
    });
    const { id } = await newOrganization(gateway, owner);
    const email = newEmail();
    const { token, mailed } = await invite(gateway, owner, id, { role: 'viewer', email });
    expect(mailed).toBe(true);
    const mail = await smtp.take(email);
    expect(tokenIn(mail)).toBe(token);
    expect(textOf(mail)).toContain('\nOlga Open https://evil.example . MAIL FROM:<x@y.z> invites you');
    expect(smtp.mails).toEqual([]);
  });

  it('writes what people do with their accounts into the audit log of each of their organizations', async () => {
    const one = await gateway.signUp();
    const [a, b] = [await newOrganization(gateway, one), await newOrganization(gateway, one)];
    const again = await gateway.signIn(one.email, PASSWORD);
    await gateway.admin(one, '/api/person', { name: 'Grace' }, { method: 'PATCH' });
    const passwords = { current_password: PASSWORD, new_password: 'another password' };
    await gateway.admin(one, '/api/person/password', passwords);
    await gateway.admin(again, '/api/auth/sign-out', undefined, { method: 'POST' });
    await gateway.admin(one, '/api/auth/sign-out', undefined, { method: 'POST' });
    const later = await gateway.signIn(one.email, 'another password');
    for (const { id } of [a, b]) {
      const audit = await gateway.admin(later, `/api/organizations/${id}/audit`);
      expect(audit.json.data.map(({ action }: Json) => action)).toEqual([
        'person.signed_in',
        'person.signed_out',
        'person.password_changed',
        'person.updated',
        'person.signed_in',
        'organization.created',
      ]);
      expect(audit.text).not.toContain('password"');
    }
  });

  it('refuses pages of other sites', async () => {
    const member = await gateway.newMember(null);
    const cookie = `zerogpu_session=${member.token}`;
    const create = (headers: Record<string, string>) =>
      gateway.admin(null, '/api/organizations', { name: 'x' }, { headers: { cookie, ...headers } });
    const foreign = await create({ origin: 'https://evil.example' });
    expect([foreign.status, foreign.json.error.code]).toEqual([403, 'origin_not_allowed']);
    expect((await create({ origin: 'null' })).status).toBe(403);
    expect((await create({ origin: gateway.url })).status).toBe(201);
    // Something that a form of another page could send without being asked about it first.
    const form = await gateway.admin(null, '/api/organizations', undefined, {
      raw: 'name=x',
      headers: { cookie, 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(form.status).toBe(415);
  });

  it('keeps nothing in the database that signs in', async () => {
    const one = await gateway.signUp();
    await post('/api/auth/request-password-reset', { email: one.email });
    const reset = tokenIn(await smtp.take(one.email));
    const organization = await newOrganization(gateway, one);
    const invitation = await invite(gateway, one, organization.id, { role: 'viewer' });
    const { rows } = await gateway.pool.query(
      `SELECT table_name FROM information_schema.tables
       WHERE table_schema IN ('public', 'ledger') AND table_type = 'BASE TABLE'`,
    );
    const dump: string[] = [];
    for (const { table_name } of rows) {
      const schema = table_name === 'organizations' ? 'public.' : '';
      const text = `SELECT coalesce(string_agg(t::text, E'\\n'), '') AS all FROM ${schema}"${table_name}" t`;
      dump.push(
        await gateway.pool.query(text).then(
          ({ rows: [row] }) => row.all,
          () => '',
        ),
      );
    }
    const all = dump.join('\n');
    expect(all).toContain(one.email);
    for (const secret of [one.token, reset, invitation.token, PASSWORD]) expect(all).not.toContain(secret);
    // Nor does what is there open anything when it is sent back.
    const hash = (
      await gateway.pool.query('SELECT encode(hash, $2) AS h FROM sessions WHERE person_id = $1', [
        one.id,
        'hex',
      ])
    ).rows[0].h;
    for (const authorization of [`Bearer ${hash}`, `Bearer zgpu-session-${hash}`]) {
      expect(
        (await gateway.admin(null, '/api/session', undefined, { headers: { authorization } })).status,
      ).toBe(401);
    }
    expect(gateway.told.join('\n')).not.toContain('zgpu-');
  });

  it('answers any body with 4xx', async () => {
    const member = await gateway.newMember(null);
    const routes = ['/api/auth/reset-password', '/api/organizations', '/api/invitations/accept'];
    const body = fc.dictionary(
      fc.constantFrom('email', 'password', 'name', 'token', 'role', '__proto__', 'constructor'),
      fc.oneof(
        fc.string({ unit: 'binary', maxLength: 120 }),
        fc.constant('\0'),
        fc.constant('\ud800'),
        fc.jsonValue(),
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...routes), body, async (route, sent) => {
        const headers = { 'x-forwarded-for': '192.0.2.2' };
        const { status } = await gateway.admin(member, route, sent, { headers });
        expect(status === 201 || (status >= 400 && status < 500)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
});

describe('organizations, members, invitations', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await TestGateway.start();
  });
  afterAll(async () => {
    await gateway.stop();
    expect(gateway.strayings).toEqual([]);
  });

  const of = (id: string) => `/api/organizations/${id}`;
  const call = (who: TestPerson | null, method: string, route: string, body?: unknown) =>
    gateway.admin(who, route, body, { method });
  const accept = (who: TestPerson, token: string) => gateway.admin(who, '/api/invitations/accept', { token });
  const members = async (who: TestPerson, id: string) =>
    (await gateway.admin(who, `${of(id)}/members`)).json.data.map(({ person_id, role }: Json) => [
      person_id,
      role,
    ]);

  async function withOwner() {
    const owner = await gateway.newMember(null);
    const { id } = await newOrganization(gateway, owner);
    return { owner, id };
  }

  it('goes the whole way: sign-up, organization, invitation, roles, removal', async () => {
    const owner = await gateway.signUp({ name: 'Olga' });
    const { id, role } = await newOrganization(gateway, owner, 'Lab');
    expect(role).toBe('owner');
    const wallet = await gateway.pool.query(
      'SELECT a.balance FROM organizations o JOIN ledger.accounts a ON a.id = o.wallet_id WHERE o.id = $1',
      [id],
    );
    expect(wallet.rows).toEqual([{ balance: 0n }]);

    const { token, link, mailed } = await invite(gateway, owner, id, { role: 'developer' });
    expect([link, mailed]).toEqual([`${gateway.url}/invitation#${token}`, false]);
    const view = await gateway.admin(null, '/api/invitations/view', { token });
    expect(view.json).toMatchObject({ organization_name: 'Lab', role: 'developer', email: null });
    const dora = await gateway.signUp({ name: 'Dora', invitation: token });
    expect((await gateway.admin(dora, '/api/organizations')).json.data).toMatchObject([
      { id, role: 'developer' },
    ]);
    expect((await call(dora, 'PATCH', of(id), { name: 'Mine' })).json.error.code).toBe('role_insufficient');

    const changed = await call(owner, 'PATCH', `${of(id)}/members/${dora.id}`, { role: 'admin' });
    expect(changed.json).toMatchObject({ person_id: dora.id, name: 'Dora', role: 'admin' });
    expect((await call(dora, 'PATCH', of(id), { name: 'Ours' })).json).toMatchObject({
      name: 'Ours',
      role: 'admin',
    });
    const project = await gateway.admin(dora, `${of(id)}/projects`, { name: 'One' });
    expect(project.status).toBe(201);

    expect((await call(owner, 'DELETE', `${of(id)}/members/${dora.id}`)).status).toBe(204);
    for (const route of [of(id), `/api/projects/${project.json.id}`]) {
      expect((await gateway.admin(dora, route)).status).toBe(404);
    }
    expect(await members(owner, id)).toEqual([[owner.id, 'owner']]);
    expect((await gateway.admin(dora, '/api/organizations')).json.data).toEqual([]);

    const audit = await gateway.admin(owner, `${of(id)}/audit`);
    expect(audit.json.data.map(({ action, person }: Json) => [action, person.name])).toEqual([
      ['member.removed', 'Olga'],
      ['project.created', 'Dora'],
      ['organization.updated', 'Dora'],
      ['member.updated', 'Olga'],
      ['person.signed_up', 'Dora'],
      ['invitation.accepted', 'Dora'],
      ['invitation.created', 'Olga'],
      ['organization.created', 'Olga'],
    ]);
  });

  it('lets one person be in several organizations, and keeps them apart', async () => {
    const [one, other] = [await withOwner(), await withOwner()];
    const { token } = await invite(gateway, other.owner, other.id, { role: 'viewer' });
    expect((await accept(one.owner, token)).json).toMatchObject({ id: other.id, role: 'viewer' });
    const mine = (await gateway.admin(one.owner, '/api/organizations')).json.data;
    expect(mine.map(({ id, role }: Json) => [id, role]).sort()).toEqual(
      [
        [one.id, 'owner'],
        [other.id, 'viewer'],
      ].sort(),
    );
    const foreign = await gateway.admin(other.owner, of(one.id));
    const missing = await gateway.admin(other.owner, of(randomUUID()));
    expect([foreign.status, missing.text]).toEqual([404, foreign.text]);
    const strange = await call(one.owner, 'PATCH', `${of(one.id)}/members/${other.owner.id}`, {
      role: 'viewer',
    });
    const nobody = await call(one.owner, 'PATCH', `${of(one.id)}/members/${randomUUID()}`, {
      role: 'viewer',
    });
    expect([strange.status, nobody.text]).toEqual([404, strange.text]);
    const { id } = await invite(gateway, other.owner, other.id, { role: 'viewer' });
    expect((await call(one.owner, 'DELETE', `${of(one.id)}/invitations/${id}`)).status).toBe(404);
  });

  it('never has no owner, whatever happens at once', async () => {
    const { owner, id } = await withOwner();
    const alone = [
      await call(owner, 'PATCH', `${of(id)}/members/${owner.id}`, { role: 'admin' }),
      await call(owner, 'DELETE', `${of(id)}/members/${owner.id}`),
      await call(owner, 'POST', `${of(id)}/leave`),
    ];
    for (const { status, json } of alone) expect([status, json.error.code]).toEqual([409, 'state_conflict']);
    for (let round = 0; round < 5; round++) {
      const organization = await withOwner();
      const second = await gateway.newMember(organization.id, 'owner');
      const third = await gateway.newMember(organization.id, 'owner');
      const all = [organization.owner, second, third];
      const member = ({ id }: TestPerson) => `${of(organization.id)}/members/${id}`;
      await Promise.all([
        ...all.map((who) => call(who, 'POST', `${of(organization.id)}/leave`)),
        call(second, 'PATCH', member(third), { role: 'viewer' }),
        call(third, 'DELETE', member(organization.owner)),
        call(organization.owner, 'PATCH', member(second), { role: 'developer' }),
      ]);
      const { rows } = await gateway.pool.query(
        "SELECT count(*)::int AS owners FROM members WHERE organization_id = $1 AND role = 'owner'",
        [organization.id],
      );
      expect(rows[0].owners).toBeGreaterThanOrEqual(1);
    }
  });

  it('lets administrators change everybody but owners', async () => {
    const { owner, id } = await withOwner();
    const admin = await gateway.newMember(id, 'admin');
    const viewer = await gateway.newMember(id, 'viewer');
    const role = (of_: TestPerson, to: string) =>
      call(admin, 'PATCH', `${of(id)}/members/${of_.id}`, { role: to });
    for (const refused of [
      await role(viewer, 'owner'),
      await role(admin, 'owner'),
      await role(owner, 'viewer'),
      await call(admin, 'DELETE', `${of(id)}/members/${owner.id}`),
      await gateway.admin(admin, `${of(id)}/invitations`, { role: 'owner' }),
    ]) {
      expect([refused.status, refused.json.error.code]).toEqual([403, 'role_insufficient']);
    }
    expect((await role(viewer, 'admin')).status).toBe(200);
    expect((await role(viewer, 'lord')).json.error.param).toBe('role');
    expect((await call(viewer, 'POST', `${of(id)}/leave`)).status).toBe(204);
    expect(await members(admin, id)).toEqual([
      [owner.id, 'owner'],
      [admin.id, 'admin'],
    ]);
  });

  it('lets viewers look and leave, and no more', async () => {
    const { id } = await withOwner();
    const viewer = await gateway.newMember(id, 'viewer');
    expect((await gateway.admin(viewer, `${of(id)}/members`)).status).toBe(200);
    for (const route of ['invitations', 'audit']) {
      expect((await gateway.admin(viewer, `${of(id)}/${route}`)).status).toBe(403);
    }
    expect((await call(viewer, 'POST', `${of(id)}/leave`)).status).toBe(204);
    expect((await gateway.admin(viewer, of(id))).status).toBe(404);
  });

  it('accepts an invitation once, for the address that it names, until it is revoked or old', async () => {
    const { owner, id } = await withOwner();
    const [one, two] = [await gateway.newMember(null), await gateway.newMember(null)];
    const named = await invite(gateway, owner, id, { role: 'viewer', email: one.email.toUpperCase() });
    expect((await accept(two, named.token)).json.error.code).toBe('state_conflict');
    const raced = await Promise.all([accept(one, named.token), accept(one, named.token)]);
    expect(raced.map(({ status }) => status).sort()).toEqual([200, 404]);
    const anybody = await invite(gateway, owner, id, { role: 'viewer' });
    expect((await accept(one, anybody.token)).json.error.code).toBe('state_conflict');
    const both = await Promise.all([
      accept(two, anybody.token),
      accept(await gateway.newMember(null), anybody.token),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual([200, 404]);

    const revoked = await invite(gateway, owner, id, { role: 'viewer' });
    const old = await invite(gateway, owner, id, { role: 'viewer' });
    await gateway.pool.query('UPDATE invitations SET expires_at = now() WHERE id = $1', [old.id]);
    const list = (await gateway.admin(owner, `${of(id)}/invitations`)).json.data;
    expect(list.map(({ id: listed, status }: Json) => [listed, status])).toEqual([
      [old.id, 'expired'],
      [revoked.id, 'pending'],
    ]);
    expect((await call(owner, 'DELETE', `${of(id)}/invitations/${revoked.id}`)).status).toBe(204);
    expect((await call(owner, 'DELETE', `${of(id)}/invitations/${revoked.id}`)).status).toBe(404);
    const stranger = await gateway.newMember(null);
    const answers = [revoked.token, old.token, anybody.token, 'zgpu-invite-nonsense'].map(async (token) => {
      expect((await gateway.admin(null, '/api/invitations/view', { token })).status).toBe(404);
      return (await accept(stranger, token)).text;
    });
    expect(new Set(await Promise.all(answers)).size).toBe(1);
  });

  it('takes back the invitations of whoever may not make them any more', async () => {
    const { owner, id } = await withOwner();
    const admin = await gateway.newMember(id, 'admin');
    const second = await gateway.newMember(id, 'owner');
    const byAdmin = await invite(gateway, admin, id, { role: 'viewer' });
    const byOwner = await invite(gateway, second, id, { role: 'owner' });
    const alsoByOwner = await invite(gateway, second, id, { role: 'viewer' });
    await call(owner, 'DELETE', `${of(id)}/members/${admin.id}`);
    await call(owner, 'PATCH', `${of(id)}/members/${second.id}`, { role: 'admin' });
    const stranger = await gateway.newMember(null);
    expect((await accept(stranger, byAdmin.token)).status).toBe(404);
    expect((await accept(stranger, byOwner.token)).status).toBe(404);
    expect((await accept(stranger, alsoByOwner.token)).status).toBe(200);
  });

  it('leaves no invitation of an administrator who is removed while they invite', async () => {
    for (let round = 0; round < 5; round++) {
      const { owner, id } = await withOwner();
      const admin = await gateway.newMember(id, 'admin');
      const inviting = Array.from({ length: 8 }, () =>
        gateway.admin(admin, `${of(id)}/invitations`, { role: 'admin' }),
      );
      await Promise.all([...inviting, call(owner, 'DELETE', `${of(id)}/members/${admin.id}`)]);
      expect((await gateway.admin(owner, `${of(id)}/invitations`)).json.data).toEqual([]);
    }
  });

  it('opens at most fifty organizations for one owner, also at once', async () => {
    const owner = await gateway.newMember(null);
    const make = () => gateway.admin(owner, '/api/organizations', { name: 'x' });
    const made = await Promise.all(Array.from({ length: 55 }, make));
    expect(made.filter(({ status }) => status === 201)).toHaveLength(50);
    expect(made.filter(({ status }) => status === 409)).toHaveLength(5);
    expect(await gateway.violations()).toEqual([]);
  });

  it('pages the audit log by action, person and project; former members keep their names', async () => {
    const { owner, id } = await withOwner();
    const admin = await gateway.newMember(id, 'admin');
    const ids: string[] = [];
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      ids.push((await gateway.admin(admin, `${of(id)}/projects`, { name })).json.id);
    }
    await gateway.admin(admin, `/api/projects/${ids[0]}/archive`, undefined, { method: 'POST' });
    await call(owner, 'DELETE', `${of(id)}/members/${admin.id}`);
    await gateway.admin(admin, '/api/person', { name: 'Renamed later' }, { method: 'PATCH' });
    const list = (query: string) => gateway.admin(owner, `${of(id)}/audit?${query}`);
    const seen: Json[] = [];
    for (let after: string | null = ''; after !== null; ) {
      const page: Json = (await list(`action=project.created&limit=2${after && `&after=${after}`}`)).json;
      seen.push(...page.data);
      after = page.next;
    }
    expect(seen.map(({ object }) => object.id)).toEqual(ids.toReversed());
    expect(new Set(seen.map(({ person }) => person.name))).toEqual(new Set(['Test admin']));
    expect((await list(`person_id=${owner.id}`)).json.data.map(({ action }: Json) => action)).toEqual([
      'member.removed',
      'organization.created',
    ]);
    const inProject = await gateway.admin(owner, `/api/projects/${ids[0]}/audit`);
    expect(inProject.json.data.map(({ action }: Json) => action)).toEqual(['project.archived']);
    for (const wrong of ['after=nonsense', 'limit=0', 'person_id=x', 'action=%27']) {
      expect((await list(wrong)).status, wrong).toBe(400);
    }
  });
});

describe('a server that takes people by invitation, behind https', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await TestGateway.start({
      ZEROGPU_SIGN_UP: 'invited',
      ZEROGPU_PUBLIC_URL: 'https://ai.example.com/',
    });
  });
  afterAll(() => gateway.stop());

  it('signs up whoever has an invitation, and nobody else', async () => {
    const owner = await gateway.signIn();
    const account = { email: newEmail(), password: PASSWORD, name: 'Ada' };
    const up = (body: object) => gateway.admin(null, '/api/auth/sign-up', { ...account, ...body });
    expect((await up({})).json.error.code).toBe('state_conflict');
    expect((await up({ invitation: 'zgpu-invite-nonsense' })).status).toBe(404);
    const named = await invite(gateway, owner, gateway.first.organizationId, {
      role: 'viewer',
      email: account.email,
    });
    expect(named.link).toBe(`https://ai.example.com/invitation#${named.token}`);
    expect((await up({ invitation: named.token, email: newEmail() })).json.error.code).toBe('state_conflict');
    const welcome = await up({ invitation: named.token });
    expect(welcome.status).toBe(201);
    expect(welcome.headers.get('set-cookie')).toMatch(/^__Host-zerogpu_session=.*; Path=\/; .*; Secure$/);
    // What was refused has left nothing behind.
    const { rows } = await gateway.pool.query('SELECT count(*)::int AS people FROM people');
    expect(rows).toEqual([{ people: 2 }]);
  });

  it('gives cookies that only this host gets, over https, and lets its own pages in', async () => {
    const owner = await gateway.signIn();
    const created = await gateway.admin(
      owner,
      '/api/organizations',
      { name: 'x' },
      {
        headers: { origin: 'https://ai.example.com' },
      },
    );
    expect(created.status).toBe(201);
    const plain = await gateway.admin(null, '/api/session', undefined, {
      headers: { cookie: `zerogpu_session=${owner.token}` },
    });
    expect(plain.status).toBe(401);
    const host = await gateway.admin(null, '/api/session', undefined, {
      headers: { cookie: `__Host-zerogpu_session=${owner.token}` },
    });
    expect(host.status).toBe(200);
  });
});
