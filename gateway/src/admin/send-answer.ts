/** Answers of the admin API on their way out: JSON, texts as they come, errors. */
import type { ServerResponse } from 'node:http';
import { type AdminRoute, type ApiError, errorEnvelope } from '@zerogpu/protocol';
import { isTextAnswer, type TextAnswer } from './handler.ts';

export interface Outgoing {
  readonly response: ServerResponse;
  readonly requestId: string;
  /** The answer was given before, under the same Idempotency-Key. */
  readonly replayed?: boolean;
  /** Each a `set-cookie` header; a handler may still add some. */
  readonly cookies: readonly string[];
  /** Aborts when the caller went away. */
  readonly hangup: AbortSignal;
  /** Who reads nothing for so many milliseconds is cut off. */
  readonly stalledMs: number;
}

/** Who reads nothing for so long is gone, or holds a place that others wait for. */
export const STALLED_MS = 60_000;

/** @param result what the handler gave */
export async function sendAnswer(outgoing: Outgoing, route: AdminRoute, result: unknown): Promise<void> {
  if (isTextAnswer(result)) return sendText(outgoing, result);
  const { response } = outgoing;
  if (route.answer === null) response.writeHead(204, ownHeaders(outgoing)).end();
  else sendJson(response, route.status ?? 200, ownHeaders(outgoing), result);
}

/** Where the answer has begun, breaking it off is all that can still be told. */
export function sendError(outgoing: Outgoing, error: ApiError): void {
  const { response } = outgoing;
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const retry = error.retryAfterSeconds === null ? {} : { 'retry-after': String(error.retryAfterSeconds) };
  // No cookie of an act that failed. The rest of a body that was not read would be taken for the next request's.
  const headers = { ...ownHeaders({ ...outgoing, cookies: [] }), ...retry, connection: 'close' };
  sendJson(response, error.row.status, headers, errorEnvelope(error));
}

function sendJson(response: ServerResponse, status: number, headers: object, value: unknown): void {
  const text = JSON.stringify(value);
  response
    .writeHead(status, {
      ...headers,
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(text),
    })
    .end(text);
}

async function sendText(outgoing: Outgoing, { content, filename, text }: TextAnswer): Promise<void> {
  const { response, hangup } = outgoing;
  response.writeHead(200, {
    ...ownHeaders(outgoing),
    'content-type': `${content}; charset=utf-8`,
    ...(filename === undefined ? {} : { 'content-disposition': `attachment; filename="${filename}"` }),
    ...(content === 'text/event-stream' ? { 'x-accel-buffering': 'no' } : {}),
    ...(content === 'text/html'
      ? { 'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'" }
      : {}),
  });
  response.flushHeaders();
  for await (const piece of text) {
    if (hangup.aborted) return;
    if (!response.write(piece)) await drained(outgoing);
  }
  response.end();
}

async function drained({ response, stalledMs, hangup }: Outgoing): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(() => response.destroy(), stalledMs);
  const goOn = () => resolve();
  response.once('drain', goOn);
  hangup.addEventListener('abort', goOn, { once: true });
  await promise;
  clearTimeout(timer);
  // Else a long stream gathers one listener a piece.
  hangup.removeEventListener('abort', goOn);
}

/** Nothing of it is kept by browsers or proxies. */
function ownHeaders({ requestId, cookies, replayed = false }: Outgoing): Record<string, string | string[]> {
  return {
    'x-request-id': requestId,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(replayed ? { 'idempotent-replayed': 'true' } : {}),
    ...(cookies.length > 0 ? { 'set-cookie': [...cookies] } : {}),
  };
}
