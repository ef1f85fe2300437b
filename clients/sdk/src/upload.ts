/** A file on its way to the server, as `multipart/form-data`. */
import { ZeroGPUError } from './errors.ts';
import { isProcess } from './surroundings.ts';

/** What a file can be made of. */
export type FileSource =
  | Blob
  | string
  | ArrayBuffer
  | Uint8Array
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array | string>;

/** The part of a request that carries a file. */
export interface Upload {
  readonly init: RequestInit;
  /** Null where `fetch` writes it by itself, with the boundary that it chose. */
  readonly contentType: string | null;
  /** Its bytes can be read once: the call is not tried again. */
  readonly once: boolean;
  /** Why the source of the bytes failed; undefined when it did not. */
  failure(): unknown;
  /** Lets go of the source, wherever the upload ended: not every `fetch` does. */
  end(): void;
}

/** What a browser holds for a source that it cannot send as it comes; servers take less. */
const MOST_HELD_BYTES = 512 * 1024 * 1024;
const DEFAULT_NAME = 'upload.jsonl';

/**
 * What can be read twice is sent by `fetch` as a form. A stream goes as it comes where this is a process; browsers
 * cannot do that over HTTP/1.1, and there it is gathered first.
 * @param fields sent before the file, so that the server knows them when it comes
 * @throws ZeroGPUError when the source is of another kind
 */
export async function uploadOf(
  file: FileSource,
  filename: string | undefined,
  fields: Readonly<Record<string, string>>,
): Promise<Upload> {
  if (!isStream(file)) return formUpload(blobOf(file), filename ?? nameOf(file), fields);
  const name = filename ?? DEFAULT_NAME;
  if (isProcess()) return streamUpload(file, name, fields);
  return formUpload(await gathered(file), name, fields);
}

function isStream(file: FileSource): file is ReadableStream<Uint8Array> | AsyncIterable<Uint8Array | string> {
  if (typeof file !== 'object' || file === null || file instanceof Blob) return false;
  return (
    Symbol.asyncIterator in file || (typeof ReadableStream !== 'undefined' && file instanceof ReadableStream)
  );
}

function blobOf(file: unknown): Blob {
  if (file instanceof Blob) return file;
  if (typeof file === 'string' || file instanceof ArrayBuffer) return new Blob([file]);
  // A copy where the bytes lie in shared memory, which a Blob does not take.
  if (file instanceof Uint8Array) return new Blob([new Uint8Array(file)]);
  throw new ZeroGPUError('file must be a Blob, a string, an ArrayBuffer, a Uint8Array or a stream of these');
}

function nameOf(file: unknown): string {
  const name: unknown = typeof file === 'object' && file !== null && 'name' in file ? file.name : undefined;
  return typeof name === 'string' && name !== '' ? name : DEFAULT_NAME;
}

function formUpload(blob: Blob, name: string, fields: Readonly<Record<string, string>>): Upload {
  const form = new FormData();
  for (const [field, value] of Object.entries(fields)) form.append(field, value);
  form.append('file', blob, name);
  return {
    init: { body: form },
    contentType: null,
    once: false,
    failure: () => undefined,
    end: () => undefined,
  };
}

async function gathered(
  file: AsyncIterable<Uint8Array | string> | ReadableStream<Uint8Array>,
): Promise<Blob> {
  const pieces: Blob[] = [];
  let bytes = 0;
  for await (const piece of piecesOf(file)) {
    const blob = new Blob([typeof piece === 'string' ? piece : new Uint8Array(piece)]);
    bytes += blob.size;
    if (bytes > MOST_HELD_BYTES) throw new ZeroGPUError('The file is too long to be held; send it as a Blob');
    pieces.push(blob);
  }
  return new Blob(pieces);
}

function streamUpload(
  file: AsyncIterable<Uint8Array | string> | ReadableStream<Uint8Array>,
  name: string,
  fields: Readonly<Record<string, string>>,
): Upload {
  const boundary = `zerogpu-${Array.from({ length: 4 }, () => Math.random().toString(36).slice(2)).join('')}`;
  let failure: unknown;
  const pieces = multipart(file, name, fields, boundary);
  // Not awaited: a source that hangs would hold up the error.
  const end = (): void => void pieces.return(undefined).catch(() => undefined);
  const body: ReadableStream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await pieces.next();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        failure = error;
        throw error;
      }
    },
    cancel: () => end(),
  });
  return {
    // Half: the answer comes after the body. Without it no runtime sends a stream.
    init: Object.assign({ body }, { duplex: 'half' as const }),
    contentType: `multipart/form-data; boundary=${boundary}`,
    once: true,
    failure: () => failure,
    end,
  };
}

async function* multipart(
  file: AsyncIterable<Uint8Array | string> | ReadableStream<Uint8Array>,
  name: string,
  fields: Readonly<Record<string, string>>,
  boundary: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  const encoder = new TextEncoder();
  const disposition = (field: string) =>
    `--${boundary}\r\ncontent-disposition: form-data; name="${escaped(field)}"`;
  for (const [field, value] of Object.entries(fields))
    yield encoder.encode(`${disposition(field)}\r\n\r\n${value}\r\n`);
  const head = `${disposition('file')}; filename="${escaped(name)}"\r\ncontent-type: application/octet-stream\r\n\r\n`;
  yield encoder.encode(head);
  for await (const piece of piecesOf(file)) {
    const bytes = typeof piece === 'string' ? encoder.encode(piece) : piece;
    // In chunked encoding a piece without bytes would be the end.
    if (bytes.byteLength > 0) yield bytes;
  }
  yield encoder.encode(`\r\n--${boundary}--\r\n`);
}

/** As browsers write names into forms. */
const escaped = (text: string) => text.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A');

/** Not every platform lets a ReadableStream be looped over. */
async function* piecesOf(
  file: AsyncIterable<Uint8Array | string> | ReadableStream<Uint8Array>,
): AsyncGenerator<Uint8Array | string, void, undefined> {
  if (!('getReader' in file)) {
    yield* file;
    return;
  }
  const reader = file.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
