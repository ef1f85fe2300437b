/** Routes of callers that ask no model: files and batches. What they share, on Fastify; each is made by its subject. */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { ApiError, newId } from '@zerogpu/protocol';
import type { FastifyInstance } from 'fastify';
import { Places } from '../admin/places.ts';
import type { CallerAnswer, CallerRequest, CallerRoute } from '../caller-route.ts';
import type { Caller } from '../flow.ts';
import { Reply, toApiError } from './respond.ts';

export interface CallerRouteServices {
  /** With the requests for inferences: whoever closes the server waits for them. */
  readonly inFlight: { count: number };
  readonly maxInFlight: number;
  /** A caller who reads nothing of a stream for so long has gone away. */
  readonly bodyTimeoutMs: number;
  authenticate(headers: IncomingHttpHeaders, now: number): Promise<Caller>;
  now(): number;
  report(requestId: string, cause: unknown): void;
}

/** Longer answers are sent piece by piece, as they are read, and a bounded number of them at once. */
const LONG_CHARACTERS = 64 * 1024;
/** Of one gateway: a hundred batches with all the metadata that they may have are 3 MB. */
const MOST_LONG = 64;
const LONG_OF_ORGANIZATION = 16;

interface Serving extends CallerRouteServices {
  /** Who asks for many and reads none had a gateway hold 2 GB. */
  readonly long: Places;
}

export function addCallerRoutes(
  app: FastifyInstance,
  routes: readonly CallerRoute[],
  services: CallerRouteServices,
): void {
  const serving = { ...services, long: new Places(MOST_LONG, LONG_OF_ORGANIZATION, 'long answers') };
  for (const route of routes) {
    app.route({
      method: route.method,
      url: route.path,
      // As on the inference routes: the body is for the route itself, whatever its type.
      onRequest: (request, reply) => {
        reply.hijack();
        const params = request.params as Record<string, string>;
        void serve(route, serving, request.raw, reply.raw, params);
      },
      handler: () => undefined,
    });
  }
}

async function serve(
  route: CallerRoute,
  services: Serving,
  body: IncomingMessage,
  response: ServerResponse,
  params: Readonly<Record<string, string>>,
): Promise<void> {
  const requestId = newId('request');
  const reply = new Reply(response, requestId);
  if (services.inFlight.count >= services.maxInFlight) return reply.error(overloaded());
  services.inFlight.count++;
  try {
    const request = await asked(services, requestId, body, response, params);
    await send(reply, await route.answer(request), request.caller, services);
  } catch (thrown) {
    const error = toApiError(thrown);
    if (error.row.fault === 'platform') services.report(requestId, error.cause);
    reply.error(error);
  } finally {
    services.inFlight.count--;
    // What is left of it is read and thrown away, so that the answer is read and the connection can be used again.
    body.resume();
  }
}

async function asked(
  services: CallerRouteServices,
  requestId: string,
  body: IncomingMessage,
  response: ServerResponse,
  params: Readonly<Record<string, string>>,
): Promise<CallerRequest> {
  const hangup = new AbortController();
  response.on('close', () => {
    if (!response.writableFinished) hangup.abort(new ApiError('client_closed_request'));
  });
  const { headers } = body;
  const now = services.now();
  const caller = await services.authenticate(headers, now);
  const query = new URL(body.url ?? '', 'http://localhost').searchParams;
  return { caller, requestId, now, params, query, headers, body, hangup: hangup.signal };
}

async function send(
  reply: Reply,
  answer: CallerAnswer,
  { organizationId }: Caller,
  { long, bodyTimeoutMs }: Serving,
): Promise<void> {
  if (answer.kind === 'stream') {
    return reply.pipe(answer.status, answer.headers, answer.stream, bodyTimeoutMs);
  }
  if (answer.replayed) reply.replayed();
  const { status = 200, body } = answer;
  const text = JSON.stringify(body);
  if (text.length <= LONG_CHARACTERS) return reply.json(status, body);
  const bytes = Buffer.from(text);
  const headers = {
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(bytes.length),
  };
  const pieces = long.during(organizationId, piecesOf(bytes));
  return reply.pipe(status, headers, Readable.from(pieces, { objectMode: false }), bodyTimeoutMs);
}

async function* piecesOf(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += LONG_CHARACTERS) yield bytes.subarray(at, at + LONG_CHARACTERS);
}

const overloaded = () =>
  new ApiError('no_capacity', {
    message: 'This gateway has as many requests under way as it takes; try again in a moment',
    retryAfterSeconds: 1,
  });
