import type { Readable } from 'node:stream';
import { ApiError } from '@zerogpu/protocol';

/**
 * A caller may be slower than this for a while, not on average: 100 MB over a line of 64 kbit/s arrive in three and a half
 * hours, and who sends a byte now and then to keep a place is told to come again.
 */
const SLOWEST_BYTES_PER_MS = 8;

/** What a form has around its file: boundaries, headers, fields. */
const FORM_BYTES = 64 * 1024;

export interface UploadLimits {
  /** Of the file. */
  readonly maxBytes: number;
  /** Without a byte; also what a caller has beyond the slowest rate. */
  readonly stallMs: number;
}

/**
 * The chunks of a body that is too large to be waited for as a whole. Time in which nobody asks for a chunk, because
 * what came is being stored, is not the caller's. Stopping early leaves the body as it is, for the server to read on.
 * @throws ApiError file_too_large, request_timeout, client_closed_request
 */
export async function* readUpload(body: Readable, limits: UploadLimits): AsyncGenerator<Buffer> {
  const chunks: AsyncIterator<Buffer> = body.iterator({ destroyOnReturn: false });
  let received = 0;
  let waited = 0;
  try {
    for (;;) {
      const left = limits.stallMs + received / SLOWEST_BYTES_PER_MS - waited;
      const since = performance.now();
      const next = await inTime(chunks.next(), Math.min(left, limits.stallMs));
      waited += performance.now() - since;
      if (next.done) return;
      received += next.value.length;
      if (received > limits.maxBytes + FORM_BYTES) throw fileTooLarge(limits.maxBytes);
      yield next.value;
    }
  } finally {
    // Not waited for: it would wait for the chunk that does not come.
    void chunks.return?.();
  }
}

/** @throws ApiError file_too_large, before a byte is read */
export function checkLength(contentLength: string | undefined, maxBytes: number): void {
  if (Number(contentLength ?? 0) > maxBytes + FORM_BYTES) throw fileTooLarge(maxBytes);
}

/** The same bytes, as long as there are not too many. @throws ApiError file_too_large */
export async function* upTo(maxBytes: number, content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of content) {
    size += chunk.length;
    if (size > maxBytes) throw fileTooLarge(maxBytes);
    yield chunk;
  }
}

const fileTooLarge = (maxBytes: number) =>
  new ApiError('file_too_large', {
    message: `The file is larger than ${maxBytes} bytes; upload it as several files`,
    param: 'file',
  });

async function inTime<T>(reading: Promise<T>, timeoutMs: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new ApiError('request_timeout')), timeoutMs);
  try {
    return await Promise.race([reading.catch(goneAway), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** A body that breaks has lost its connection: nothing else breaks one. */
function goneAway(cause: unknown): never {
  throw new ApiError('client_closed_request', { cause });
}
