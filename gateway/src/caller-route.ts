/** What a route of callers that asks no model is: those of files and batches. Each subject makes its own. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type { Caller } from './flow.ts';

/** What a route is asked. Its body is unread. */
export interface CallerRequest {
  readonly caller: Caller;
  readonly requestId: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: IncomingMessage;
  /** Aborts with an ApiError client_closed_request when the caller goes away. */
  readonly hangup: AbortSignal;
}

export type CallerAnswer =
  /** `status` is 200 unless told; another only where an error is given again. */
  | {
      readonly kind: 'json';
      readonly status?: number;
      readonly body: object;
      readonly replayed?: boolean;
    }
  /** Bytes as they come. What `stream` throws after its first byte breaks the connection off. */
  | {
      readonly kind: 'stream';
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly stream: Readable;
    };

export interface CallerRoute {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Such as `/v1/files/:fileId`. */
  readonly path: string;
  /** @throws ApiError */
  answer(request: CallerRequest): Promise<CallerAnswer>;
}
