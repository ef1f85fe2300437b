import { Readable } from 'node:stream';
import { told } from './storage-fault.ts';

/**
 * A stream whose first piece is there: what is missing or damaged at its beginning is told in place of an answer.
 * @throws ApiError storage_error; what else `content` throws
 */
export async function begun(content: AsyncIterable<Buffer>): Promise<Readable> {
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
