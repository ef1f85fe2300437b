/** How files leave: checked, a few at once, and begun only when the first piece is there. */
import { Readable } from 'node:stream';
import type { Places } from '../admin/places.ts';
import { readVerified } from '../storage/blocks.ts';
import { objectName, type ReadableFile, storedOf } from '../storage/file.ts';
import type { ByteRange, ObjectStorage } from '../storage/object-storage.ts';
import { told } from './storage-fault.ts';

export interface DownloadServices {
  readonly storage: Pick<ObjectStorage, 'read'>;
  /** Downloads under way. */
  readonly places: Places;
}

/**
 * The bytes of a file, or a range of them.
 * @throws ApiError storage_error when not even the first can be given, rate_limit_exceeded
 */
export function download(
  { storage, places }: DownloadServices,
  organizationId: string,
  file: ReadableFile,
  range: ByteRange = { start: 0, end: Number(file.bytes) },
): Promise<Readable> {
  const content = readVerified(storage, objectName(file.project_id, file.id), storedOf(file), range);
  return begun(places.during(organizationId, content));
}

/** A stream whose first piece is there: what is missing or damaged at its beginning is told in place of an answer. */
async function begun(content: AsyncIterable<Buffer>): Promise<Readable> {
  const pieces = content[Symbol.asyncIterator]();
  const first = await pieces.next().catch((thrown: unknown) => {
    throw told(thrown);
  });
  const stream = Readable.from(followed(first, pieces), { objectMode: false });
  // Also where nobody reads a byte of it, because the caller went away meanwhile: then the generator never begins.
  stream.once('close', () => void pieces.return?.());
  return stream;
}

async function* followed(
  first: IteratorResult<Buffer>,
  pieces: AsyncIterator<Buffer>,
): AsyncGenerator<Buffer> {
  for (let next = first; !next.done; next = await pieces.next()) yield next.value;
}
