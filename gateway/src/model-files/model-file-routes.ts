/**
 * `GET /v1/nodes/models/{sha256}`: open to all, as the weights are, and to pages of any origin: nodes in browsers come
 * from wherever they were opened. What has a hash for its name never changes.
 */
import { createReadStream } from 'node:fs';
import { finished } from 'node:stream';
import { ApiError, NODE_MODELS_PATH, newId } from '@zerogpu/protocol';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { readRange } from '../storage/byte-range.ts';
import type { ModelWeights, VerifiedFile } from './model-files.ts';

export interface ModelFileServices {
  readonly weights: Pick<ModelWeights, 'find'>;
  /** Files on their way at once; more are asked to come back. */
  readonly maxAtOnce?: number;
  /** Who takes nothing for so long is cut off: a node goes on where it was. */
  readonly stallMs?: number;
}

/** Each keeps some 128 KB and a file open: 64 MB, and a quarter of the files that a process may usually open. */
const MAX_AT_ONCE = 256;
/** Of these, those that one address may have: nobody alone keeps the door shut. */
const SHARE_OF_ADDRESS = 0.5;
const STALL_MS = 30_000;
const RETRY_AFTER_SECONDS = 5;
const YEAR_SECONDS = 31_536_000;

type Asked = FastifyRequest<{ Params: { sha256: string } }>;

export function addModelFiles(
  app: FastifyInstance,
  { weights, maxAtOnce = MAX_AT_ONCE, stallMs = STALL_MS }: ModelFileServices,
): void {
  const places = new Places(maxAtOnce);
  app.route<{ Params: { sha256: string } }>({
    method: ['GET', 'HEAD'],
    url: `${NODE_MODELS_PATH}/:sha256`,
    async handler(request, reply) {
      const { sha256 } = request.params;
      const file = await weights.find(sha256);
      if (file === null) throw notThere(sha256);
      if (request.headers['if-none-match']?.includes(sha256))
        return reply.code(304).headers(common(sha256)).send();
      const { status, start, end } = part(request, reply, sha256, file);
      reply
        .code(status)
        .headers(common(sha256))
        .headers({
          'content-type': 'application/octet-stream',
          'content-length': String(end - start),
          ...(status === 206 ? { 'content-range': `bytes ${start}-${end - 1}/${file.bytes}` } : {}),
        });
      if (request.method === 'HEAD' || end === start) return reply.send('');
      const leave = places.enter(request.ip);
      // Also of a caller who was gone before the file was found, of whom no more is heard.
      finished(reply.raw, leave);
      reply.raw.setTimeout(stallMs, () => reply.raw.destroy());
      return reply.send(createReadStream(file.path, { start, end: end - 1 }));
    },
  });
}

/** Files on their way. */
class Places {
  readonly #most: number;
  readonly #byAddress = new Map<string, number>();
  #taken = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /**
   * @returns gives the place back
   * @throws ApiError no_capacity
   */
  enter(address: string): () => void {
    const ofAddress = this.#byAddress.get(address) ?? 0;
    if (this.#taken >= this.#most || ofAddress >= Math.ceil(this.#most * SHARE_OF_ADDRESS)) throw tooMany();
    this.#count(address, 1);
    return () => this.#count(address, -1);
  }

  #count(address: string, by: 1 | -1): void {
    this.#taken += by;
    const ofAddress = (this.#byAddress.get(address) ?? 0) + by;
    if (ofAddress > 0) this.#byAddress.set(address, ofAddress);
    else this.#byAddress.delete(address);
  }
}

/** @throws ApiError range_not_satisfiable */
function part({ headers }: Asked, reply: FastifyReply, sha256: string, { bytes }: VerifiedFile) {
  const isTheSame = headers['if-range'] === undefined || headers['if-range'] === etag(sha256);
  const range = isTheSame ? readRange(headers.range, bytes) : null;
  if (range === 'unsatisfiable') {
    reply.raw.setHeader('content-range', `bytes */${bytes}`);
    throw new ApiError('range_not_satisfiable', {
      message: `The file has ${bytes} bytes, and none of them is in the range that was asked for`,
    });
  }
  return range === null ? { status: 200, start: 0, end: bytes } : { status: 206, ...range };
}

function common(sha256: string): Record<string, string> {
  return {
    'x-request-id': newId('request'),
    'access-control-allow-origin': '*',
    'access-control-expose-headers': 'x-request-id, content-range, etag',
    // Pages that are isolated from others may use it too.
    'cross-origin-resource-policy': 'cross-origin',
    'accept-ranges': 'bytes',
    'cache-control': `public, max-age=${YEAR_SECONDS}, immutable`,
    etag: etag(sha256),
    'x-content-type-options': 'nosniff',
  };
}

function etag(sha256: string): string {
  return `"${sha256}"`;
}

function notThere(sha256: string): ApiError {
  const name = JSON.stringify(sha256.slice(0, 64));
  return new ApiError('not_found', { message: `This gateway has no model file whose SHA-256 is ${name}` });
}

function tooMany(): ApiError {
  return new ApiError('no_capacity', {
    message: 'This gateway gives as many model files at once as it can; try again in a moment',
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });
}
