/** Makes HTTP routes of the declarations in protocol: who may call, what is read, what is answered. Knows no subject. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TSchema } from '@sinclair/typebox';
import {
  ADMIN_ROUTES,
  type AdminRoute,
  type AdminRouteName,
  ApiError,
  isCreation,
  newId,
} from '@zerogpu/protocol';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Pool, PoolClient } from 'pg';
import { inTenant } from '../store/tenant-fence.ts';
import { type Admitted, admitPerson, type PersonFinder } from './access.ts';
import { writeAuditLine } from './audit-line.ts';
import type { AdminCreateOnce, AdminCreation, Created, KeepCreated } from './creation.ts';
import type { Act, AdminContext, Handlers } from './handler.ts';
import { queryOf, refuseUnknownNames } from './known-names.ts';
import { refuseUnstorable } from './refuse-unstorable.ts';
import { STALLED_MS, sendAnswer, sendError } from './send-answer.ts';
import { Turns } from './turns.ts';

export interface AdminServices {
  readonly pool: Pool;
  readonly people: PersonFinder;
  readonly handlers: Handlers<AdminRouteName>;
  /** For every route that makes or charges something. */
  readonly createOnce: AdminCreateOnce;
  /** @throws ApiError of the kinds of a body */
  readBody(request: IncomingMessage): Promise<Record<string, unknown>>;
  /** The body as its bytes. @throws ApiError of the kinds of a body */
  readRaw(request: IncomingMessage, maxBytes: number): Promise<Uint8Array>;
  /** Makes a check of a schema; null in a body is a value here. @throws ApiError of the kinds of a body */
  checker(schema: TSchema): (value: Record<string, unknown>) => unknown;
  /** Origins, such as `https://ai.example.com`, whose pages may act with a session besides this server's own. */
  readonly origins: readonly string[];
  /** For tests. Default a minute. */
  readonly stalledMs?: number;
  now(): number;
  /** Something on our side went wrong with a request. */
  report(requestId: string, cause: unknown): void;
}

/**
 * What each organization has the database do at once, the rest in line: so that none, however many calls it makes, keeps
 * the others and the requests of the API from it. 200 searches at once of one viewer took everybody else's sign-in 6
 * seconds. Four are a third of a gateway's 12 connections; each that waits is an open call of some kilobytes, and reads
 * that take as long as a page may (50 ms) are through in 3 seconds.
 */
const TURNS = {
  mostOfOrganization: 4,
  mostWaitingOfOrganization: 200,
  full: {
    message: 'As many calls of this organization are under way as this gateway takes; try again in a moment',
    retryAfterSeconds: 1,
  },
};

export function addAdminRoutes(app: FastifyInstance, services: AdminServices): void {
  const turns = new Turns(TURNS);
  for (const [name, route] of Object.entries<AdminRoute>(ADMIN_ROUTES)) {
    const work = workOf(name as AdminRouteName, route, services, turns);
    const url = route.path.replaceAll(/\{(\w+)\}/g, ':$1');
    // Taken over before the framework looks at the body: it is read after it is known who asks.
    const onRequest = (request: FastifyRequest, reply: FastifyReply) => {
      reply.hijack();
      void work(request, request.raw, reply.raw);
    };
    app.route({ method: route.method.toUpperCase(), url, onRequest, handler: () => undefined });
  }
}

type Work = (request: FastifyRequest, raw: IncomingMessage, response: ServerResponse) => Promise<void>;

/** A value of a handler's own types, after the declaration's schemas have checked it. */
type AnyHandler = (context: AdminContext<AdminRouteName>) => Promise<unknown>;

function workOf(name: AdminRouteName, route: AdminRoute, services: AdminServices, turns: Turns): Work {
  // The declaration of the same name gives both the schemas below and the handler's type.
  const handler = services.handlers[name] as AnyHandler;
  const readQuery = queryReader(route.query, services);
  const checkBody = route.body && checkerOf(route.body, services);
  const readBody = async (raw: IncomingMessage) => {
    if (route.raw) return services.readRaw(raw, route.raw.maxBytes);
    return checkBody ? checkBody(await services.readBody(raw)) : undefined;
  };
  const answerOnce = onceBy(name, route, services, turns);
  return async (request, raw, response) => {
    const requestId = newId('request');
    const hangup = new AbortController();
    response.on('close', () => hangup.abort(new ApiError('client_closed_request')));
    const cookies: string[] = [];
    const { stalledMs = STALLED_MS } = services;
    const outgoing = { response, requestId, cookies, hangup: hangup.signal, stalledMs };
    try {
      refuseForeignPages(route, raw, services.origins);
      const params = paramsOf(request);
      const admitted = await admitPerson(services.people, services.pool, route.access, raw.headers, params);
      const query = readQuery(request.url);
      const body = await readBody(raw);
      const asked = {
        params,
        query,
        body,
        requestId,
        now: services.now(),
        headers: raw.headers,
        ip: request.ip,
        hangup: hangup.signal,
        setCookie: (cookie: string) => void cookies.push(cookie),
      };
      const { answer, replayed } = await answerOnce(admitted, asked, (keep) =>
        handler(contextOf(route, services, turns, admitted, asked, keep)),
      );
      await sendAnswer({ ...outgoing, replayed }, route, answer);
    } catch (thrown) {
      const error = thrown instanceof ApiError ? thrown : new ApiError('internal_error', { cause: thrown });
      if (error.row.status === 500) services.report(requestId, error.cause);
      sendError(outgoing, error);
    }
  };
}

function checkerOf(schema: TSchema, { checker }: AdminServices): ReturnType<AdminServices['checker']> {
  const check = checker(schema);
  const declared = Object.keys(schema['properties'] ?? {});
  return (value) => {
    refuseUnknownNames('field', value, declared);
    const checked = check(value);
    refuseUnstorable(checked);
    return checked;
  };
}

function queryReader(schema: TSchema | undefined, services: AdminServices): (url: string) => unknown {
  if (schema === undefined) return () => ({});
  const known = Object.keys(schema['properties'] ?? {});
  const check = checkerOf(schema, services);
  return (url) => {
    const query = queryOf(url);
    refuseUnknownNames('query parameter', query, known);
    return check(query);
  };
}

type Asked = Pick<
  AdminContext<AdminRouteName>,
  'requestId' | 'now' | 'headers' | 'ip' | 'hangup' | 'setCookie'
> & { readonly params: unknown; readonly query: unknown; readonly body: unknown };

type AnswerOnce = (
  admitted: Admitted,
  asked: Asked,
  make: (keep: KeepCreated) => Promise<unknown>,
) => Promise<Created>;

/** What makes or charges something does it once per Idempotency-Key; all else, each time. */
function onceBy(
  name: AdminRouteName,
  route: AdminRoute,
  { createOnce }: AdminServices,
  turns: Turns,
): AnswerOnce {
  const notHere: KeepCreated = async () => {
    throw new Error(`The route ${route.path} declares that it makes nothing`);
  };
  if (!isCreation(route)) {
    return async (_admitted, _asked, make) => ({ answer: await make(notHere), replayed: false });
  }
  return (admitted, asked, make) => createOnce(creationOf(name, turns, admitted, asked), make);
}

function creationOf(
  name: AdminRouteName,
  turns: Turns,
  { organizationId, person }: Admitted,
  { params, query, body, headers, requestId, hangup }: Asked,
): AdminCreation {
  if (person === null) throw new Error(`Nobody is to make anything: ${name}`);
  return {
    organizationId: organizationId === '' ? null : organizationId,
    personId: person.id,
    headers,
    // Also what the path says: the same body for another thing is another request.
    asked: JSON.stringify([name, params, query, body]),
    requestId,
    hangup,
    turn: (look) => turns.during(organizationId === '' ? person.id : organizationId, look),
  };
}

function contextOf(
  route: AdminRoute,
  { pool }: AdminServices,
  turns: Turns,
  admitted: Admitted,
  asked: Asked,
  keep: KeepCreated,
): AdminContext<AdminRouteName> {
  const { organizationId, projectId, person } = admitted;
  const scope = { organizationId, projectId: projectId === '' ? null : projectId };
  const context = {
    ...asked,
    ...admitted,
    tenant: <T>(work: (db: PoolClient) => Promise<T>) =>
      turns.during(organizationId, () => inTenant(pool, scope, work)),
    audit: async (db: PoolClient, act: Act) => {
      if (route.audit === undefined) throw new Error(`The route ${route.path} declares no audited act`);
      const by = { ...scope, personId: person?.id ?? null };
      const named = act.organizationId ?? organizationId;
      const organization = route.access.to === 'operator' ? null : named;
      await writeAuditLine(db, { ...by, organizationId: organization }, route.audit, act);
    },
    keep: async (db: PoolClient, answer: unknown) => {
      await keep(db, answer);
      return answer;
    },
  };
  return context as AdminContext<AdminRouteName>;
}

/** A page of another site can send a session's cookie along, but not hide where it is from. */
function refuseForeignPages(
  route: AdminRoute,
  { headers }: IncomingMessage,
  origins: readonly string[],
): void {
  const { origin, host } = headers;
  if (route.method === 'get' || origin === undefined || origins.includes(origin)) return;
  if (URL.canParse(origin) && new URL(origin).host === host) return;
  throw new ApiError('origin_not_allowed');
}

function paramsOf(request: FastifyRequest): Record<string, string> {
  const { params } = request;
  return typeof params === 'object' && params !== null ? Object.fromEntries(Object.entries(params)) : {};
}
