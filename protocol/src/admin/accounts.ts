import { Type } from '@sinclair/typebox';
import { listOf, Name, nullable, Time, Uuid } from './common.ts';
import { ANYONE, declare, PERSON } from './route.ts';

/**
 * As browsers check an address (the HTML standard), in ASCII: nothing of it means anything to a mail header, and its
 * lower case is the same everywhere.
 */
export const Email = Type.String({
  pattern:
    "^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?){0,8}$",
  maxLength: 254,
  description: 'an email address',
});

/** Long enough for any sentence; scrypt takes as long for it as for a short one. */
export const Password = Type.String({
  minLength: 8,
  maxLength: 256,
  description: 'a password of 8 to 256 characters',
});

/** A password as somebody types it to sign in: how long it may be is not told there. */
const TypedPassword = Type.String({ maxLength: 256, description: 'a password' });
const LinkToken = Type.String({ minLength: 1, maxLength: 100, description: 'the token of the link' });

export const PersonSchema = Type.Object(
  { id: Uuid, email: Type.String(), name: Type.String(), created_at: Time },
  { $id: 'Person' },
);

const session = {
  id: Uuid,
  created_at: Time,
  expires_at: Time,
  last_seen_at: Time,
  agent: Type.String({ description: 'what the browser or program called itself' }),
};

export const SessionSchema = Type.Object(
  { ...session, current: Type.Boolean({ description: 'whether this call was made with it' }) },
  { $id: 'Session' },
);

export const SignedIn = Type.Object(
  {
    person: PersonSchema,
    token: nullable(
      Type.String({ description: 'for `authorization: Bearer …`; null when a cookie was set instead' }),
    ),
    expires_at: Time,
  },
  { $id: 'SignedIn' },
);

/** How the session is carried from here on. */
const carrier = Type.Optional(
  Type.Union([Type.Literal('cookie'), Type.Literal('token')], {
    description:
      '"cookie" (a browser keeps it, out of reach of scripts) or "token" (a program sends it itself)',
  }),
);

export const SignUp = Type.Object(
  {
    email: Email,
    password: Password,
    name: Name,
    invitation: Type.Optional(LinkToken),
    session: carrier,
  },
  { $id: 'SignUp' },
);

export const SignIn = Type.Object(
  {
    email: Type.String({ maxLength: 254, description: 'an email address' }),
    password: TypedPassword,
    session: carrier,
  },
  { $id: 'SignIn' },
);

export const SignUpPolicy = Type.Union(
  [Type.Literal('open'), Type.Literal('invited'), Type.Literal('closed')],
  { description: 'who may sign up: anybody, whoever has an invitation, nobody' },
);

export const accountRoutes = declare({
  getSignInOptions: {
    method: 'get',
    path: '/api/auth/options',
    tag: 'account',
    summary: 'What this server offers those who are not signed in',
    access: ANYONE,
    answer: Type.Object({
      sign_up: SignUpPolicy,
      mails: Type.Boolean({
        description: 'whether this server sends mails; otherwise its operator hands out links',
      }),
    }),
  },
  signUp: {
    method: 'post',
    path: '/api/auth/sign-up',
    tag: 'account',
    summary: 'A new account, signed in; with an invitation also a membership',
    access: ANYONE,
    body: SignUp,
    answer: SignedIn,
    status: 201,
    errors: ['not_found', 'rate_limit_exceeded', 'no_capacity', 'state_conflict'],
    audit: 'person.signed_up',
  },
  signIn: {
    method: 'post',
    path: '/api/auth/sign-in',
    tag: 'account',
    summary: 'Opens a session',
    description:
      'The answer is the same, and takes as long, whether the account or only its password is wrong. Ten attempts a minute for an account.',
    access: ANYONE,
    body: SignIn,
    answer: SignedIn,
    errors: ['sign_in_failed', 'rate_limit_exceeded', 'no_capacity'],
    audit: 'person.signed_in',
  },
  signOut: {
    method: 'post',
    path: '/api/auth/sign-out',
    tag: 'account',
    summary: 'Ends this session',
    access: PERSON,
    answer: null,
    audit: 'person.signed_out',
  },
  requestPasswordReset: {
    method: 'post',
    path: '/api/auth/request-password-reset',
    tag: 'account',
    summary: 'Mails a link that sets a new password',
    description: 'The answer is the same whether there is such an account or not.',
    access: ANYONE,
    body: Type.Object({ email: Email }),
    answer: Type.Object({
      mails: Type.Boolean({
        description:
          'false: this server sends no mails, and its operator makes the link with `npm run admin -- reset-link <email>`',
      }),
    }),
    status: 202,
    errors: ['rate_limit_exceeded'],
  },
  resetPassword: {
    method: 'post',
    path: '/api/auth/reset-password',
    tag: 'account',
    summary: 'Sets a new password by a link’s token, and ends all sessions of the account',
    access: ANYONE,
    body: Type.Object({ token: LinkToken, password: Password }),
    answer: null,
    errors: ['invalid_value', 'rate_limit_exceeded', 'no_capacity'],
    audit: 'person.password_reset',
  },
  getSession: {
    method: 'get',
    path: '/api/session',
    tag: 'account',
    summary: 'Who is signed in, and until when',
    access: PERSON,
    answer: Type.Object({
      person: PersonSchema,
      session: SessionSchema,
      operator: Type.Boolean({ description: 'whether I run this installation' }),
    }),
  },
  listSessions: {
    method: 'get',
    path: '/api/sessions',
    tag: 'account',
    summary: 'My sessions, newest first',
    access: PERSON,
    answer: listOf(SessionSchema),
  },
  endSession: {
    method: 'delete',
    path: '/api/sessions/{sessionId}',
    tag: 'account',
    summary: 'Ends one of my sessions',
    access: PERSON,
    answer: null,
    errors: ['not_found'],
    audit: 'person.session_ended',
  },
  updatePerson: {
    method: 'patch',
    path: '/api/person',
    tag: 'account',
    summary: 'Changes my name',
    access: PERSON,
    body: Type.Object({ name: Name }, { $id: 'PersonChanges' }),
    answer: PersonSchema,
    audit: 'person.updated',
  },
  changePassword: {
    method: 'post',
    path: '/api/person/password',
    tag: 'account',
    summary: 'Changes my password, and ends my other sessions',
    access: PERSON,
    body: Type.Object({ current_password: TypedPassword, new_password: Password }),
    answer: null,
    errors: ['sign_in_failed', 'rate_limit_exceeded', 'no_capacity'],
    audit: 'person.password_changed',
  },
});
