/** `GET /v1/files/{id}/content`: the bytes as they were stored, or a range of them; none of which is unchecked. */
import { Readable } from 'node:stream';
import { ApiError, errorEnvelope } from '@zerogpu/protocol';
import type { CallerAnswer, CallerRequest } from '../caller-route.ts';
import { readRange } from '../storage/byte-range.ts';
import type { ReadableFile } from '../storage/file.ts';
import { type DownloadServices, download } from './download.ts';

/** @throws ApiError storage_error when not even the first byte can be given, rate_limit_exceeded */
export async function fileContent(
  services: DownloadServices,
  { caller, headers, body }: CallerRequest,
  file: ReadableFile,
): Promise<CallerAnswer> {
  const size = Number(file.bytes);
  // What `if-range` names we never said: then the whole is right.
  const range = headers['if-range'] === undefined ? readRange(headers.range, size) : null;
  if (range === 'unsatisfiable') return unsatisfiable(headers.range, size);
  const { start, end } = range ?? { start: 0, end: size };
  return {
    kind: 'stream',
    status: range === null ? 200 : 206,
    headers: {
      'content-type': 'application/jsonl',
      'content-length': String(end - start),
      'accept-ranges': 'bytes',
      'content-disposition': disposition(file.filename),
      // What a project stored is nothing that a browser should run.
      'x-content-type-options': 'nosniff',
      ...(range === null ? {} : { 'content-range': `bytes ${start}-${end - 1}/${size}` }),
    },
    stream:
      body.method === 'HEAD'
        ? Readable.from([])
        : await download(services, caller.organizationId, file, { start, end }),
  };
}

function unsatisfiable(range: string | undefined, size: number): CallerAnswer {
  const error = new ApiError('range_not_satisfiable', {
    message: `The file has ${size} bytes, and none of them is in the range ${JSON.stringify(range?.slice(0, 100))}`,
  });
  const text = JSON.stringify(errorEnvelope(error));
  return {
    kind: 'stream',
    status: error.row.status,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'content-length': String(Buffer.byteLength(text)),
      'content-range': `bytes */${size}`,
    },
    stream: Readable.from([Buffer.from(text)]),
  };
}

/** For clients of old a name of plain letters, for others the true one (RFC 6266). */
function disposition(filename: string): string {
  const plain = filename.replaceAll(/[^\w. -]/g, '_');
  const encoded = encodeURIComponent(filename.toWellFormed()).replaceAll(
    /['()*!]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
