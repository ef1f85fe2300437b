/**
 * The admin API, `/api/…`, as declarations: what each route takes and answers, and who may call it. The gateway checks
 * requests and people by them, the OpenAPI document and the sdk's types are made of them, and a test walks them all.
 */
import type { Static, TSchema } from '@sinclair/typebox';
import type { ErrorCode } from '../errors.ts';

/** Weakest first: each may do what the ones before it may. */
export const ROLES = ['viewer', 'developer', 'admin', 'owner'] as const;
export type MemberRole = (typeof ROLES)[number];

/** True when `role` may do what needs `needed`. */
export function roleSuffices(role: MemberRole, needed: MemberRole): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}

/**
 * Who may call a route: anybody, whoever is signed in, the operators of this installation, or a member with at least this
 * role of the organization or of the project's organization that the path names. To anybody else the organization or
 * project does not exist, nor does what is the operators'.
 */
export type Access =
  | { readonly to: 'anyone' }
  | { readonly to: 'person' }
  | { readonly to: 'operator' }
  | { readonly to: 'organization'; readonly role: MemberRole }
  | { readonly to: 'project'; readonly role: MemberRole };

export const ANYONE: Access = { to: 'anyone' };
export const PERSON: Access = { to: 'person' };
export const OPERATOR: Access = { to: 'operator' };
export const organization = (role: MemberRole): Access => ({ to: 'organization', role });
export const project = (role: MemberRole): Access => ({ to: 'project', role });

export type AdminTag =
  | 'account'
  | 'organizations'
  | 'projects'
  | 'keys'
  | 'budgets'
  | 'billing'
  | 'alerts'
  | 'batches'
  | 'files'
  | 'nodes'
  | 'fleet'
  | 'logs'
  | 'analytics'
  | 'audit';

/** What a route answers when it is not JSON. */
export type TextContent = 'text/csv' | 'application/jsonl' | 'text/html' | 'text/event-stream';

export interface AdminRoute {
  readonly method: 'get' | 'post' | 'patch' | 'put' | 'delete';
  /**
   * With `{name}` for a part of the path. Access to an organization needs `{organizationId}` in it, to a project
   * `{projectId}`.
   */
  readonly path: `/api/${string}`;
  readonly tag: AdminTag;
  readonly summary: string;
  readonly description?: string;
  readonly access: Access;
  /** An object of strings, all optional: what may stand behind `?`. */
  readonly query?: TSchema;
  readonly body?: TSchema;
  /** Instead of `body`: the body as its bytes, for what is signed. A larger one is refused. */
  readonly raw?: { readonly maxBytes: number };
  /** Null is 204, without a body. */
  readonly answer: TSchema | null;
  /** Instead of JSON: the forms that the route can answer in; `answer` then says what each item is. */
  readonly content?: readonly TextContent[];
  /** 200 unless told; 204 when `answer` is null. */
  readonly status?: 200 | 201 | 202;
  /** What the route can refuse besides what its access, query and body do (see `errorsOf`). */
  readonly errors?: readonly ErrorCode[];
  /** Every administrative act is written down: what its line in the audit log is called, such as `key.created`. */
  readonly audit?: string;
  /** Whether it makes or charges something, where its status does not tell: see `isCreation`. */
  readonly creates?: boolean;
}

/**
 * Whether a route makes or charges something: then it accepts an Idempotency-Key. Such is every POST of somebody who is
 * signed in that answers 201 or 202, and what says so. Who is nobody yet has nobody's keys: signing up or in, and setting
 * a new password, are no creations.
 */
export function isCreation({ method, access, status = 200, creates = status > 200 }: AdminRoute): boolean {
  return method === 'post' && access.to !== 'anyone' && creates;
}

/** Keeps the exact type of a declaration while it is held to the interface. */
export function declare<const R extends Record<string, AdminRoute>>(routes: R): R {
  return routes;
}

/** The body of a route, as its schema says. */
export type BodyOf<R extends AdminRoute> = R['raw'] extends { readonly maxBytes: number }
  ? Uint8Array
  : R['body'] extends TSchema
    ? Static<R['body']>
    : undefined;
export type QueryOf<R extends AdminRoute> = R['query'] extends TSchema
  ? Static<R['query']>
  : Record<string, never>;
/** The JSON that a route answers; undefined for 204. */
export type AnswerOf<R extends AdminRoute> = R['answer'] extends TSchema ? Static<R['answer']> : undefined;

type Names<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Names<Rest>
  : never;
/** The parts of a route's path by name. */
export type ParamsOf<R extends AdminRoute> = { readonly [Name in Names<R['path']>]: string };

/** Every error that a route can answer. */
export function errorsOf(route: AdminRoute): readonly ErrorCode[] {
  const codes = new Set<ErrorCode>(['internal_error', ...(route.errors ?? [])]);
  if (route.body !== undefined) {
    for (const code of BODY_ERRORS) codes.add(code);
  }
  if (route.raw !== undefined) codes.add('request_too_large').add('request_timeout');
  if (route.query !== undefined) codes.add('invalid_value');
  if (route.access.to !== 'anyone') codes.add('not_signed_in');
  if (isCreation(route)) {
    for (const code of CREATION_ERRORS) codes.add(code);
  }
  if (route.access.to === 'operator') codes.add('not_found');
  if (route.access.to === 'organization' || route.access.to === 'project') {
    codes.add('not_found').add('no_capacity');
    if (route.access.role !== 'viewer') codes.add('role_insufficient');
  }
  if (route.method !== 'get') codes.add('origin_not_allowed');
  return [...codes];
}

const BODY_ERRORS: readonly ErrorCode[] = [
  'invalid_json',
  'invalid_type',
  'invalid_value',
  'missing_required_parameter',
  'request_timeout',
  'request_too_large',
  'unsupported_media_type',
];

/** What an Idempotency-Key brings with it. */
const CREATION_ERRORS: readonly ErrorCode[] = [
  'invalid_value',
  'idempotency_conflict',
  'no_capacity',
  'upstream_timeout',
];
