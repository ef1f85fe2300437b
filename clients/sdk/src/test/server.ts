/** A real HTTP server on loopback that answers each request as a test says, and remembers what it was sent. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { ZeroGPU } from '../client.ts';
import type { ClientOptions } from '../options.ts';

export const KEY = 'zgpu-api-0123456789abcdefghijABCDEFGHIJ0123456789';

export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export type Handler = (response: ServerResponse, seen: Seen, count: number) => void | Promise<void>;

export interface TestServer {
  readonly url: string;
  readonly seen: Seen[];
  /** Requests whose connection the client closed before the answer was complete. */
  readonly cancelled: Promise<void>;
  client(options?: ClientOptions): ZeroGPU;
}

/** Closed, with every connection, when the test ends. `count` given to the handler starts at 1. */
export async function serve(handler: Handler): Promise<TestServer> {
  const seen: Seen[] = [];
  const { promise: cancelled, resolve: onCancelled } = Promise.withResolvers<void>();
  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    try {
      for await (const piece of request) pieces.push(piece);
    } catch {
      // The client broke off in the middle of its request.
      return onCancelled();
    }
    const { method = '', url = '', headers } = request;
    const entry = { method, url, headers, body: Buffer.concat(pieces).toString() };
    seen.push(entry);
    response.on('close', () => {
      if (!response.writableFinished) onCancelled();
    });
    await handler(response, entry, seen.length);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    seen,
    cancelled,
    client: (options = {}) => new ZeroGPU({ apiKey: KEY, baseURL: url, timeout: 10_000, ...options }),
  };
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', 'x-request-id': 'req_1', ...headers });
  response.end(JSON.stringify(body));
}

export function sendError(
  response: ServerResponse,
  status: number,
  error: { type: string; code: string | null; message?: string; param?: string | null },
  headers: Record<string, string> = {},
): void {
  sendJson(response, status, { error: { message: 'Refused', param: null, ...error } }, headers);
}

export function startEvents(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'x-request-id': 'req_1' });
}

export const frame = (event: unknown): string => `data: ${JSON.stringify(event)}\n\n`;

/** Long enough for the other side to have received what was written: its own next turn answers this. */
export const flushed = (response: ServerResponse, text: string): Promise<void> =>
  new Promise((resolve) => {
    response.write(text, () => resolve());
  });
