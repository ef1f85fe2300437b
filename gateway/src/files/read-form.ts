/** Reads the form of an upload: fields are kept, the file is handed on as it comes. */
import { ApiError } from '@zerogpu/protocol';
import { readContentType, readDisposition } from './form-headers.ts';
import { MultipartError, MultipartParser, type PartEvent } from './multipart.ts';

/** The one part that is a file, whether or not it has a file name. */
const FILE = 'file';
const FIELDS = ['purpose', 'expires_after[anchor]', 'expires_after[seconds]'] as const;
type Field = (typeof FIELDS)[number];
/** `batch`, `created_at`, a number of seconds. */
const MAX_FIELD_BYTES = 256;

export interface FormFile {
  /** Safe to show; null when the form says none. */
  readonly filename: string | null;
  readonly content: AsyncIterable<Buffer>;
}

export interface Form<File> {
  readonly fields: ReadonlyMap<Field, string>;
  /** What became of the file; null when there is none. */
  readonly file: File | null;
}

/** What is done with the file. It may look at the fields that came before, and must read all of the content. */
export type TakeFile<File> = (file: FormFile, before: ReadonlyMap<Field, string>) => Promise<File>;

/**
 * @throws ApiError invalid_multipart for what is no form, in words that say where; what `take` and the chunks throw. A
 * file that was taken before is then the caller's to forget.
 */
export async function readForm<File>(
  chunks: AsyncIterable<Buffer>,
  boundary: string,
  take: TakeFile<File>,
): Promise<Form<File>> {
  const events = eventsOf(chunks, new MultipartParser(boundary));
  const fields = new Map<Field, string>();
  let file: File | null = null;
  try {
    for (let next = await events.next(); !next.done; next = await events.next()) {
      if (next.value.kind !== 'part') continue;
      const { name, filename } = readDisposition(next.value.headers);
      if (name === null) throw noForm('a part has no content-disposition with a name');
      if (name === FILE) {
        if (file !== null) throw noForm('it has more than one part named "file"');
        file = await take({ filename, content: contentOf(events) }, fields);
      } else if (isField(name)) {
        if (fields.has(name)) throw noForm(`it has more than one part named "${name}"`);
        fields.set(name, await textOf(name, contentOf(events)));
      }
    }
  } finally {
    await events.return(undefined);
  }
  return { fields, file };
}

/** @throws ApiError invalid_content_type, invalid_multipart */
export function boundaryOf(contentType: string | undefined, contentEncoding: string | undefined): string {
  const { essence, boundary } = readContentType(contentType ?? '');
  if (essence !== 'multipart/form-data') {
    throw new ApiError('invalid_content_type', {
      message: `The content type must be multipart/form-data, not "${essence.slice(0, 100)}"`,
    });
  }
  if (contentEncoding !== undefined && contentEncoding !== 'identity') {
    throw new ApiError('invalid_content_type', { message: 'The body must not be compressed' });
  }
  if (boundary !== null) return boundary;
  throw new ApiError('invalid_multipart', {
    message:
      'The content type names no boundary; leave the content-type header to your HTTP client, which knows it',
  });
}

/** The parser gives some events at once; whoever reads takes one at a time. */
async function* eventsOf(chunks: AsyncIterable<Buffer>, parser: MultipartParser): AsyncGenerator<PartEvent> {
  try {
    for await (const chunk of chunks) yield* parser.push(chunk);
    parser.finish();
  } catch (error) {
    throw error instanceof MultipartError ? noForm(error.message) : error;
  }
}

/** Of the part that has begun, to its end. */
async function* contentOf(events: AsyncGenerator<PartEvent>): AsyncGenerator<Buffer> {
  for (let next = await events.next(); !next.done; next = await events.next()) {
    if (next.value.kind === 'end') return;
    if (next.value.kind === 'data') yield next.value.bytes;
  }
}

async function textOf(name: string, content: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of content) {
    size += chunk.length;
    if (size > MAX_FIELD_BYTES) throw noForm(`the part "${name}" is larger than ${MAX_FIELD_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

const isField = (name: string): name is Field => (FIELDS as readonly string[]).includes(name);

const noForm = (why: string) =>
  new ApiError('invalid_multipart', { message: `The body is not valid multipart/form-data: ${why}` });
