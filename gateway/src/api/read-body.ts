import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { ApiError } from '@zerogpu/protocol';

/** Deeper than any real request, and shallow enough that no recursion over it can overflow. */
const MAX_DEPTH = 64;

export interface JsonBody {
  readonly bytes: Buffer;
  readonly value: Record<string, unknown>;
}

/**
 * Reads a bounded JSON object.
 * @param timeoutMs for the whole body; default 60 s
 * @throws ApiError unsupported_media_type, request_too_large, request_timeout, invalid_json, client_closed_request
 */
export async function readJsonBody(
  headers: IncomingHttpHeaders,
  body: Readable,
  maxBytes: number,
  timeoutMs = 60_000,
): Promise<JsonBody> {
  checkMediaType(headers);
  const declared = Number(headers['content-length'] ?? 0);
  if (declared > maxBytes) throw tooLarge(maxBytes);
  const bytes = await inTime(collect(body, maxBytes), timeoutMs);
  return { bytes, value: parseObject(bytes) };
}

/**
 * Reads a bounded body as it is, whatever it says it is.
 * @throws ApiError request_too_large, request_timeout, client_closed_request
 */
export async function readRawBody(
  headers: IncomingHttpHeaders,
  body: Readable,
  maxBytes: number,
  timeoutMs: number,
): Promise<Buffer> {
  if (Number(headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes);
  return inTime(collect(body, maxBytes), timeoutMs);
}

/**
 * The `body` of a batch's line, held to the rules of a body that is sent by itself.
 * @param text the line: a JSON object, as it was when its batch was made
 * @throws ApiError request_too_large, invalid_json
 */
export function bodyOfLine(text: Buffer, maxBytes: number): JsonBody {
  const { body } = parseObject(text, MAX_DEPTH + 1);
  const value = objectOf(body);
  const bytes = Buffer.from(JSON.stringify(value));
  if (bytes.length > maxBytes) throw tooLarge(maxBytes);
  return { bytes, value };
}

function checkMediaType(headers: IncomingHttpHeaders): void {
  const type = headers['content-type'] ?? '';
  const [essence = '', ...parameters] = type.split(';');
  // No pattern over the whole: a header of 16 KB of spaces took one a tenth of a second.
  const charset = parameters.map((parameter) => parameter.trim()).find((one) => /^charset=/i.test(one));
  if (essence.trim().toLowerCase() !== 'application/json') {
    throw new ApiError('unsupported_media_type', {
      message: `The content type must be application/json, not "${essence.trim().slice(0, 100)}"`,
    });
  }
  if (charset !== undefined && !/^charset="?utf-?8"?$/i.test(charset)) {
    throw new ApiError('unsupported_media_type', { message: 'The charset must be utf-8' });
  }
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') {
    throw new ApiError('unsupported_media_type', { message: 'The body must not be compressed' });
  }
}

function tooLarge(maxBytes: number): ApiError {
  return new ApiError('request_too_large', { message: `The body is larger than ${maxBytes} bytes` });
}

/** A caller who sends slowly, or stops, must not hold a connection and its memory for ever. */
function inTime<T>(reading: Promise<T>, timeoutMs: number): Promise<T> {
  const late = Promise.withResolvers<T>();
  const timer = setTimeout(() => late.reject(new ApiError('request_timeout')), timeoutMs);
  return Promise.race([reading, late.promise]).finally(() => clearTimeout(timer));
}

function collect(body: Readable, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // Went away while the key was looked up: its events are over, and no further one would ever come.
    if (body.destroyed) {
      reject(new ApiError('client_closed_request'));
      return;
    }
    const chunks: Buffer[] = [];
    let size = 0;
    const take = (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBytes) {
        chunks.push(chunk);
        return;
      }
      // Left to be read to its end by the server, so that the caller gets to read the answer.
      body.off('data', take);
      reject(tooLarge(maxBytes));
    };
    body.on('data', take);
    body.on('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size)));
    body.on('error', (cause) => reject(new ApiError('client_closed_request', { cause })));
    body.on('close', () => {
      // Every body closes; making an error that nobody hears took 4 % of a request's time.
      if (!body.readableEnded) reject(new ApiError('client_closed_request'));
    });
  });
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function parseObject(bytes: Buffer, maxDepth = MAX_DEPTH): Record<string, unknown> {
  if (isTooDeep(bytes, maxDepth)) {
    throw new ApiError('invalid_json', { message: `The body is nested deeper than ${MAX_DEPTH} levels` });
  }
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(bytes));
  } catch (cause) {
    throw new ApiError('invalid_json', { cause });
  }
  return objectOf(value);
}

function objectOf(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ApiError('invalid_json', { message: 'The body must be a JSON object' });
  }
  return value as Record<string, unknown>;
}

const [QUOTE, BACKSLASH, OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = Buffer.from('"\\[]{}');

/** Counts brackets outside strings, over bytes: no byte of a longer UTF-8 sequence looks like one of these. */
function isTooDeep(bytes: Buffer, maxDepth: number): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (inString) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) {
      if (++depth > maxDepth) return true;
    } else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) depth--;
  }
  return false;
}
