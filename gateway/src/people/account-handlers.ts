import { ApiError, type accountRoutes } from '@zerogpu/protocol';
import type { PoolClient } from 'pg';
import { isOperator, notThere } from '../admin/access.ts';
import type { AdminContext, Handlers, Person } from '../admin/handler.ts';
import { isUuid } from '../store/tenant-fence.ts';
import { inTransaction } from '../store/transaction.ts';
import { takeAttempt } from './attempts.ts';
import { acceptInvitation, viewInvitation } from './invitations.ts';
import { dropResets, isReset, makeReset, takeReset } from './password-reset.ts';
import { linkTo, type PeopleServices } from './people-services.ts';
import {
  addPerson,
  findByEmail,
  keepsPasswordHash,
  type PersonRow,
  readPasswordHash,
  readPerson,
  renamePerson,
  replacePasswordHash,
  setPasswordHash,
} from './people-store.ts';
import { auditPerson } from './person-audit.ts';
import { sessionCookie } from './session-token.ts';
import type { SessionRow } from './sessions.ts';

const LONG_AGO = new Date(0);

export function makeAccountHandlers(services: PeopleServices): Handlers<keyof typeof accountRoutes> {
  const { pool, secrets, sessions, mailer } = services;
  return {
    async getSignInOptions() {
      return { sign_up: services.signUp, mails: mailer !== null };
    },
    signUp: (context) => signUp(services, context),
    signIn: (context) => signIn(services, context),

    async signOut({ person, headers, setCookie }) {
      const { id } = signedIn(person);
      await inTransaction(pool, async (db) => {
        await sessions.endCurrent(db, id, headers);
        await auditPerson(db, 'signOut', id);
      });
      setCookie(sessionCookie('', LONG_AGO, isSecure(services)));
    },

    async requestPasswordReset({ body, ip, now }) {
      const email = body.email.toLowerCase();
      takeAttempt(services.attempts, { ip, now, email: `reset ${email}` });
      if (mailer === null) return { mails: false };
      mailer.post(async () => {
        const token = await makeReset(pool, secrets, email);
        if (token === null) return null;
        return resetMail(email, linkTo(services.publicUrl(), 'reset-password', token));
      });
      return { mails: true };
    },

    resetPassword: (context) => resetPassword(services, context),

    async getSession({ person, headers }) {
      const { id } = signedIn(person);
      const session = (await sessions.list(id, headers)).find(({ current }) => current);
      // It ended since this call came in.
      if (session === undefined) throw new ApiError('not_signed_in');
      const shown = { person: shownPerson(await readPerson(pool, id)), session: shownSession(session) };
      return { ...shown, operator: await isOperator(pool, id) };
    },

    async listSessions({ person, headers }) {
      const rows = await sessions.list(signedIn(person).id, headers);
      return { object: 'list', data: rows.map(shownSession), next: null };
    },

    async endSession({ person, params }) {
      const { id } = signedIn(person);
      if (!isUuid(params.sessionId)) throw notThere('session');
      await inTransaction(pool, async (db) => {
        if (!(await sessions.end(db, id, params.sessionId))) throw notThere('session');
        await auditPerson(db, 'endSession', id);
      });
    },

    async updatePerson({ person, body }) {
      const { id } = signedIn(person);
      return inTransaction(pool, async (db) => {
        const row = await renamePerson(db, id, body.name);
        await auditPerson(db, 'updatePerson', id);
        return shownPerson(row);
      });
    },

    changePassword: (context) => changePassword(services, context),
  };
}

async function signUp(services: PeopleServices, context: AdminContext<'signUp'>) {
  const { body, ip, now } = context;
  const email = body.email.toLowerCase();
  takeAttempt(services.attempts, { ip, now });
  refuseStrangers(services, body.invitation);
  // First, so that whoever has none learns nothing of accounts, and has no password hashed.
  if (body.invitation !== undefined) await viewInvitation(services.pool, services.secrets, body.invitation);
  const passwordHash = await services.passwords.hash(body.password);
  return inTransaction(services.pool, async (db) => {
    const person = await addPerson(db, email, body.name, passwordHash);
    if (person === null) {
      const message = 'There is an account with this email address; sign in, or reset its password';
      throw new ApiError('state_conflict', { message, param: 'email' });
    }
    if (body.invitation !== undefined) await acceptInvitation(db, services.secrets, body.invitation, person);
    await auditPerson(db, 'signUp', person.id);
    return openSession(services, context, db, person);
  });
}

function refuseStrangers({ signUp }: PeopleServices, invitation: string | undefined): void {
  if (signUp === 'open' || (signUp === 'invited' && invitation !== undefined)) return;
  const message =
    signUp === 'invited'
      ? 'This server takes new people only by invitation; ask an owner or administrator of an organization for one'
      : 'This server takes no new people';
  throw new ApiError('state_conflict', { message });
}

async function signIn(services: PeopleServices, context: AdminContext<'signIn'>) {
  const { body, ip, now } = context;
  const email = body.email.toLowerCase();
  takeAttempt(services.attempts, { ip, now, email });
  // A text that is no address is looked for like one: what the database cannot hold is nobody's.
  const person = email.includes('\0') ? null : await findByEmail(services.pool, email);
  const right = await services.passwords.check(body.password, person?.password_hash ?? null);
  if (person === null || !right) throw new ApiError('sign_in_failed');
  return inTransaction(services.pool, async (db) => {
    // Unless it was changed meanwhile: then all sessions have just been ended.
    if (!(await keepsPasswordHash(db, person.id, person.password_hash))) throw new ApiError('sign_in_failed');
    await auditPerson(db, 'signIn', person.id);
    return openSession(services, context, db, person);
  });
}

/** Carried by a cookie or given as a token, as the caller asks. */
async function openSession(
  services: PeopleServices,
  { body, headers, setCookie }: AdminContext<'signIn' | 'signUp'>,
  db: PoolClient,
  person: PersonRow,
) {
  const agent = headers['user-agent'] ?? '';
  const { token, expiresAt } = await services.sessions.open(db, person.id, agent);
  const asToken = body.session === 'token';
  if (!asToken) setCookie(sessionCookie(token, expiresAt, isSecure(services)));
  return {
    person: shownPerson(person),
    token: asToken ? token : null,
    expires_at: expiresAt.toISOString(),
  };
}

async function resetPassword(services: PeopleServices, context: AdminContext<'resetPassword'>) {
  const { pool, secrets, sessions, passwords } = services;
  const { token, password } = context.body;
  takeAttempt(services.attempts, context);
  if (!(await isReset(pool, secrets, token))) throw linkIsOver();
  const passwordHash = await passwords.hash(password);
  await inTransaction(pool, async (db) => {
    const personId = await takeReset(db, secrets, token);
    if (personId === null) throw linkIsOver();
    await setPasswordHash(db, personId, passwordHash);
    await sessions.endOthers(db, personId, null);
    await auditPerson(db, 'resetPassword', personId);
  });
}

function linkIsOver(): ApiError {
  const message = 'This link is not valid any more, or was used; ask for a new one';
  return new ApiError('invalid_value', { message, param: 'token' });
}

async function changePassword(services: PeopleServices, context: AdminContext<'changePassword'>) {
  const { pool, sessions, passwords } = services;
  const { body, ip, now, headers } = context;
  const { id, email } = signedIn(context.person);
  takeAttempt(services.attempts, { ip, now, email });
  const before = await readPasswordHash(pool, id);
  if (before === null || !(await passwords.check(body.current_password, before))) throw wrongPassword();
  const passwordHash = await passwords.hash(body.new_password);
  await inTransaction(pool, async (db) => {
    // Unless it was set anew meanwhile, perhaps against whoever is asking here.
    if (!(await replacePasswordHash(db, id, before, passwordHash))) throw wrongPassword();
    await dropResets(db, id);
    await sessions.endOthers(db, id, headers);
    await auditPerson(db, 'changePassword', id);
  });
}

function wrongPassword(): ApiError {
  const message = 'The current password is wrong';
  return new ApiError('sign_in_failed', { message, param: 'current_password' });
}

/** The declaration says who may call; this says it to the compiler. */
export function signedIn(person: Person | null): Person {
  if (person === null) throw new ApiError('not_signed_in');
  return person;
}

const isSecure = (services: PeopleServices) => services.publicUrl().startsWith('https:');

function shownPerson({ id, email, name, created_at }: PersonRow) {
  return { id, email, name, created_at: created_at.toISOString() };
}

function shownSession({ created_at, expires_at, last_seen_at, ...row }: SessionRow) {
  return {
    ...row,
    created_at: created_at.toISOString(),
    expires_at: expires_at.toISOString(),
    last_seen_at: last_seen_at.toISOString(),
  };
}

function resetMail(to: string, link: string) {
  const text = `Somebody, you perhaps, wants to set a new password for this address.\n\nTo do so, open this link within an hour:\n${link}\n\nIf it was not you, nothing has to be done: without the link nothing changes.\n`;
  return { to, subject: 'Set a new password', text };
}
