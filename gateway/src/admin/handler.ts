/** What a handler of the admin API is given and gives: one function a route, named as its declaration in protocol. */
import type { IncomingHttpHeaders } from 'node:http';
import type {
  AdminRouteName,
  AdminRoutes,
  AnswerOf,
  BodyOf,
  MemberRole,
  ParamsOf,
  QueryOf,
  TextContent,
} from '@zerogpu/protocol';
import type { PoolClient } from 'pg';

/** Who is signed in. */
export interface Person {
  readonly id: string;
  readonly email: string;
  readonly name: string;
}

/** What an administrative act was done to, for the audit log. Never a secret. */
export interface Act {
  /** Such as `key`. */
  readonly kind: string;
  readonly id: string;
  readonly details?: Readonly<Record<string, unknown>>;
  /** Where the route's path names none, such as of an organization that was just made. */
  readonly organizationId?: string;
}

export interface AdminContext<Name extends AdminRouteName> {
  readonly params: ParamsOf<AdminRoutes[Name]>;
  readonly query: QueryOf<AdminRoutes[Name]>;
  readonly body: BodyOf<AdminRoutes[Name]>;
  readonly requestId: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly headers: IncomingHttpHeaders;
  /** The address of the other end of the connection. */
  readonly ip: string;
  /** Aborts when the caller went away: for what streams. */
  readonly hangup: AbortSignal;
  /** Null only on routes for anyone. */
  readonly person: Person | null;
  /** Null unless the route's access is to an organization or project. */
  readonly role: MemberRole | null;
  /** The organization that the path names, or that owns the project it names; empty on other routes. */
  readonly organizationId: string;
  /** Empty on routes that name no project. */
  readonly projectId: string;
  /**
   * One transaction that row-level security binds to this organization and project: for every statement on tenants'
   * tables. Only on routes whose access is to an organization or project. An organization has a few at once; none
   * begins another before it has ended.
   */
  tenant<T>(work: (db: PoolClient) => Promise<T>): Promise<T>;
  /** Writes the route's line of the audit log, in the transaction of the act itself. */
  audit(db: PoolClient, act: Act): Promise<void>;
  /**
   * On routes that make or charge something: writes the answer down for their Idempotency-Key, in the transaction of the
   * act itself, and gives it back. Without this it is written when the handler has ended, and what a gateway's death
   * in between leaves is the route's own to deal with.
   * @throws ApiError upstream_timeout
   */
  keep<Answer>(db: PoolClient, answer: Answer): Promise<Answer>;
  /** A `set-cookie` header of the answer. */
  setCookie(cookie: string): void;
}

/** An answer that is not JSON: sent as it comes. */
export interface TextAnswer {
  readonly content: TextContent;
  /** What a browser would save it as. */
  readonly filename?: string;
  readonly text: AsyncIterable<string | Uint8Array> | Iterable<string>;
}

type Result<Name extends AdminRouteName> = AdminRoutes[Name] extends {
  readonly content: readonly TextContent[];
}
  ? Promise<AnswerOf<AdminRoutes[Name]> | TextAnswer>
  : AnswerOf<AdminRoutes[Name]> extends undefined
    ? Promise<void>
    : Promise<AnswerOf<AdminRoutes[Name]>>;

/** @throws ApiError of the route's errors */
export type Handler<Name extends AdminRouteName> = (context: AdminContext<Name>) => Result<Name>;

/** The handlers of one subject; the compiler misses none. */
export type Handlers<Names extends AdminRouteName> = { readonly [Name in Names]: Handler<Name> };

export function isTextAnswer(result: unknown): result is TextAnswer {
  return typeof result === 'object' && result !== null && 'content' in result && 'text' in result;
}
