/** Objects in a bucket of S3, or of a server that speaks its language. */
import { Readable } from 'node:stream';
import { type ByteRange, checkName, type ObjectStorage, StorageError } from './object-storage.ts';
import { Bucket, type S3Options } from './s3-bucket.ts';
import { asking, isBehindTheEnd, isMissing, reasonOf, storageError } from './s3-errors.ts';
import { putInParts } from './s3-put.ts';
import type { S3Location } from './s3-url.ts';
import { StorageSettingError } from './storage-setting-error.ts';

/** A server under load may be silent for seconds; half a minute is a machine that is gone. */
const OPTIONS: S3Options = { idleMs: 30_000 };
/** How often a body may break without a byte in between, before whoever reads is told. */
const READ_ATTEMPTS = 3;
const RIGHTS =
  's3:PutObject, s3:GetObject, s3:DeleteObject, s3:ListBucket, s3:AbortMultipartUpload and s3:ListBucketMultipartUploads';

/**
 * Opens a bucket, and tries whether it can be used.
 * @throws StorageSettingError
 */
export async function openS3Storage(location: S3Location, options = OPTIONS): Promise<ObjectStorage> {
  const bucket = new Bucket(location, options);
  try {
    await bucket.tryOut();
  } catch (cause) {
    bucket.close();
    throw new StorageSettingError(
      `Cannot use the bucket "${location.bucket}" of S3_URL at ${location.endpoint}: ${reasonOf(cause)}. Check that it exists, its region, and that the key has the rights ${RIGHTS}`,
    );
  }
  return {
    put: async (name, source) => await putInParts(bucket, checkName(name), source),
    read: (name, range) => read(bucket, name, range),
    exists: async (name) => {
      checkName(name);
      return await asking(`look for ${name}`, () => bucket.has(name));
    },
    remove: async (name) => {
      checkName(name);
      await asking(`remove ${name}`, () => bucket.remove(name));
    },
    sweep: async (before) => await asking('sweep', () => bucket.sweep(before)),
    close: async () => bucket.close(),
  };
}

/**
 * A connection that breaks is opened again where it broke: one whose reader is slow stands still, and servers end what
 * stands still.
 */
async function* read(bucket: Bucket, name: string, range: ByteRange): AsyncGenerator<Buffer> {
  checkName(name);
  let position = range.start;
  let failures = 0;
  while (position < range.end) {
    const body = await open(bucket, name, { start: position, end: range.end });
    try {
      for await (const chunk of body) {
        position += chunk.length;
        failures = 0;
        yield chunk;
      }
      return;
    } catch (cause) {
      if (++failures >= READ_ATTEMPTS) throw storageError(`read ${name}`, cause);
    }
  }
}

async function open(bucket: Bucket, name: string, range: ByteRange): Promise<AsyncIterable<Buffer>> {
  try {
    return await bucket.open(name, range);
  } catch (cause) {
    if (isBehindTheEnd(cause)) return Readable.from([]);
    if (isMissing(cause)) throw new StorageError('missing', `Nothing is stored as ${name} in the bucket`);
    throw storageError(`read ${name}`, cause);
  }
}
