/** Routes of callers that ask no model: files and batches. What they share, on Fastify; each is made by its subject. */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { ApiError, newId } from '@zerogpu/protocol';
import type { FastifyInstance } from 'fastify';
import type { CallerRoute } from '../caller-route.ts';
import type { Caller } from '../flow.ts';
import { Reply, toApiError } from './respond.ts';

export interface CallerRouteServices {
  authenticate(headers: IncomingHttpHeaders, now: number): Promise<Caller>;
  now(): number;
  report(requestId: string, cause: unknown): void;
}

export function addCallerRoutes(
  app: FastifyInstance,
  routes: readonly CallerRoute[],
  services: CallerRouteServices,
): void {
  for (const route of routes) {
    app.route({
      method: route.method,
      url: route.path,
      // As on the inference routes: the body is for the route itself, whatever its type.
      onRequest: (request, reply) => {
        reply.hijack();
        const params = request.params as Record<string, string>;
        void serve(route, services, request.raw, reply.raw, params);
      },
      handler: () => undefined,
    });
  }
}

async function serve(
  route: CallerRoute,
  services: CallerRouteServices,
  body: IncomingMessage,
  response: ServerResponse,
  params: Readonly<Record<string, string>>,
): Promise<void> {
  const requestId = newId('request');
  const reply = new Reply(response, requestId);
  const hangup = new AbortController();
  response.on('close', () => {
    if (!response.writableFinished) hangup.abort(new ApiError('client_closed_request'));
  });
  try {
    const { headers } = body;
    const now = services.now();
    const caller = await services.authenticate(headers, now);
    const query = new URL(body.url ?? '', 'http://localhost').searchParams;
    const request = { caller, requestId, now, params, query, headers, body, hangup: hangup.signal };
    const answer = await route.answer(request);
    if (answer.kind === 'stream') {
      await reply.pipe(answer.status, answer.headers, answer.stream);
      return;
    }
    if (answer.replayed) reply.replayed();
    reply.json(answer.status ?? 200, answer.body);
  } catch (thrown) {
    const error = toApiError(thrown);
    if (error.row.fault === 'platform') services.report(requestId, error.cause);
    reply.error(error);
  }
}
