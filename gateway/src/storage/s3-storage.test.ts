import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openS3Server, type S3Asked, type S3Fault, type S3Server } from '../testing/s3-server.ts';
import { all, chunked, expectSame, from, someBytes, storageCases } from '../testing/storage-cases.ts';
import { readVerified } from './blocks.ts';
import type { ObjectStorage } from './object-storage.ts';
import { openS3Storage } from './s3-storage.ts';

const PREFIX = 'a/prefix/';
const NAME = 'project/file-1';
const LONG = 12 * 1024 * 1024 + 77;
/** Short, because some tests wait for it. */
const OPTIONS = { idleMs: 300 };

storageCases('files in a bucket', async () => {
  const server = await openS3Server();
  const storage = await openS3Storage(server.location);
  return {
    storage,
    names: async () => [...server.objects.keys()].map((key) => key.slice(PREFIX.length)),
    async tamper(name, change) {
      server.objects.set(PREFIX + name, change(server.objects.get(PREFIX + name) ?? Buffer.alloc(0)));
    },
    partialBytes: async () => [...server.uploads.values()].map(bytesOf),
    async leavePartial(name) {
      const parts = new Map([[1, Buffer.from('left')]]);
      server.uploads.set(`upload-${name}`, { key: PREFIX + name, initiated: new Date(), parts });
    },
    async away() {
      server.fault = () => ({ status: 503, code: 'ServiceUnavailable' });
      return async () => {
        server.fault = () => null;
      };
    },
    async clear() {
      server.objects.clear();
      server.uploads.clear();
    },
    async close() {
      await storage.close();
      await server.close();
    },
  };
});

function bytesOf({ parts }: { parts: ReadonlyMap<number, Buffer> }): number {
  return [...parts.values()].reduce((sum, part) => sum + part.length, 0);
}

describe('a bucket that does badly', () => {
  let server: S3Server;
  let storage: ObjectStorage;
  beforeEach(async () => {
    server = await openS3Server();
    storage = await openS3Storage(server.location, OPTIONS);
    server.asked.length = 0;
  });
  afterEach(async () => {
    await storage.close();
    await server.close();
  });

  const faultyIn = (operation: S3Asked['operation'], fault: S3Fault, times = Number.POSITIVE_INFINITY) => {
    server.fault = (asked) => (asked.operation === operation && asked.before < times ? fault : null);
  };
  const count = (operation: S3Asked['operation']) =>
    server.asked.filter((one) => one.operation === operation).length;
  const putLong = () => storage.put(NAME, chunked(someBytes(LONG), 100_000));

  test.each([
    ['PutObject', { status: 500, code: 'InternalError' }],
    ['PutObject', { status: 503, code: 'SlowDown' }],
    ['PutObject', { after: 'nothing', end: 'cut' }],
    ['PutObject', { after: 'nothing', end: 'hang' }],
    ['UploadPart', { status: 500, code: 'InternalError' }],
    ['UploadPart', { after: 'nothing', end: 'cut' }],
    ['UploadPart', { after: 'nothing', end: 'hang' }],
    ['CompleteMultipartUpload', { status: 500, code: 'InternalError' }],
  ] as const)('%s: %j once is tried again', async (operation, fault) => {
    faultyIn(operation, fault, 1);
    const bytes = someBytes(operation === 'PutObject' ? 1000 : LONG);
    const stored = await storage.put(NAME, chunked(bytes, 100_000));
    expectSame(server.objects.get(PREFIX + NAME), bytes);
    expect(stored.bytes).toBe(bytes.length);
    expect(count(operation)).toBeGreaterThan(1);
  });

  test.each([
    ['PutObject', { status: 500, code: 'InternalError' }, 'unavailable'],
    ['PutObject', { status: 507, code: 'XMinioStorageFull' }, 'full'],
    ['PutObject', { status: 403, code: 'QuotaExceeded' }, 'full'],
    ['PutObject', { status: 404, code: 'NoSuchBucket' }, 'unavailable'],
    ['CreateMultipartUpload', { status: 503, code: 'SlowDown' }, 'unavailable'],
    ['UploadPart', { status: 507, code: 'XMinioStorageFull' }, 'full'],
    ['UploadPart', { after: 'nothing', end: 'hang' }, 'unavailable'],
    ['CompleteMultipartUpload', { status: 403, code: 'AccessDenied' }, 'unavailable'],
  ] as const)('%s: %j every time is %s, and leaves nothing', async (operation, fault, kind) => {
    faultyIn(operation, fault);
    const putting = operation === 'PutObject' ? storage.put(NAME, from([Buffer.from('x')])) : putLong();
    await expect(putting).rejects.toMatchObject({ name: 'StorageError', kind });
    expect(server.objects.size).toBe(0);
    expect(server.uploads.size).toBe(0);
    expect(count(operation)).toBeLessThanOrEqual(3);
  });

  test('parts whose upload cannot be ended are swept', async () => {
    server.fault = ({ operation }) =>
      operation === 'UploadPart' || operation === 'AbortMultipartUpload'
        ? { status: 403, code: 'AccessDenied' }
        : null;
    await expect(putLong()).rejects.toMatchObject({ kind: 'unavailable' });
    expect(server.uploads.size).toBe(1);
    server.fault = () => null;
    await storage.sweep(new Date(Date.now() + 60_000));
    expect(server.uploads.size).toBe(0);
  });

  test('uploads of others in the bucket are not swept', async () => {
    const others = ['elsewhere/project/file-1', `${PREFIX}not/one/of/ours`, `${PREFIX}photo.jpg`];
    for (const key of others) server.uploads.set(key, { key, initiated: new Date(0), parts: new Map() });
    await storage.sweep(new Date());
    expect([...server.uploads.keys()].sort()).toEqual([...others].sort());
    // Pages were turned.
    expect(count('ListMultipartUploads')).toBe(2);
  });

  test.each([
    { after: 'half', end: 'cut' },
    { after: 'half', end: 'hang' },
  ] as const)('a read that breaks goes on where it broke: %j', async (fault) => {
    const stored = await putLong();
    faultyIn('GetObject', fault, 4);
    const range = { start: 12_345, end: LONG - 6 };
    expectSame(
      await all(readVerified(storage, NAME, stored, range)),
      someBytes(LONG).subarray(range.start, range.end),
    );
    expect(count('GetObject')).toBe(5);
  });

  test.each([
    [{ status: 500, code: 'InternalError' }, 'unavailable'],
    [{ status: 403, code: 'AccessDenied' }, 'unavailable'],
    [{ status: 404, code: 'NoSuchBucket' }, 'unavailable'],
    [{ status: 404, code: 'NoSuchKey' }, 'missing'],
    [{ after: 'nothing', end: 'cut' }, 'unavailable'],
    [{ after: 'nothing', end: 'hang' }, 'unavailable'],
  ] as const)('a read that never comes through: %j is %s', async (fault, kind) => {
    await storage.put(NAME, from([Buffer.from('x')]));
    faultyIn('GetObject', fault);
    await expect(all(storage.read(NAME, { start: 0, end: 1 }))).rejects.toMatchObject({ kind });
    expect(count('GetObject')).toBeLessThanOrEqual(3);
  });

  test('a reader who stands still for longer than a connection may gets everything', async () => {
    const stored = await putLong();
    const given: Buffer[] = [];
    for await (const chunk of readVerified(storage, NAME, stored, { start: 0, end: LONG })) {
      if (given.length % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 3 * OPTIONS.idleMs));
      given.push(chunk);
    }
    expectSame(Buffer.concat(given), someBytes(LONG));
    expect(count('GetObject')).toBeGreaterThan(1);
  });

  test('asking, removing and sweeping say that the bucket is away', async () => {
    server.fault = () => ({ status: 403, code: 'AccessDenied' });
    const unavailable = { kind: 'unavailable', message: expect.stringContaining('AccessDenied (403)') };
    // An answer to HEAD has no body that could say more.
    await expect(storage.exists(NAME)).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(storage.remove(NAME)).rejects.toMatchObject(unavailable);
    await expect(storage.sweep(new Date())).rejects.toMatchObject(unavailable);
  });

  test('a server that is gone is unavailable', async () => {
    await server.close();
    await expect(storage.put(NAME, from([Buffer.from('x')]))).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  test('no error repeats what the server said, nor what was sent', async () => {
    // The test's server quotes the secret in every refusal.
    faultyIn('PutObject', { status: 403, code: 'AccessDenied' });
    const error = await storage.put(NAME, from([Buffer.from('x')])).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ message: `Cannot store ${NAME} in the bucket: AccessDenied (403)` });
    expect(error).not.toHaveProperty('cause.message');
  });
});

describe('opening a bucket', () => {
  let server: S3Server;
  beforeEach(async () => {
    server = await openS3Server();
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await server.close();
  });

  test('leaves nothing in it', async () => {
    const storage = await openS3Storage(server.location, OPTIONS);
    expect(server.objects.size).toBe(0);
    await storage.close();
  });

  test.each([
    [
      'another secret',
      { credentials: { accessKeyId: 'KEYEXAMPLE', secretAccessKey: 'WRONG' } },
      'SignatureDoesNotMatch (403)',
    ],
    [
      'another key',
      { credentials: { accessKeyId: 'OTHER', secretAccessKey: 'WRONG' } },
      'InvalidAccessKeyId (403)',
    ],
    ['another bucket', { bucket: 'elsewhere' }, 'NoSuchBucket (404)'],
    ['a port where nobody listens', { endpoint: 'http://127.0.0.1:1' }, 'ECONNREFUSED'],
  ])('%s is told in words', async (_, changes, reason) => {
    const opening = openS3Storage({ ...server.location, ...changes }, OPTIONS);
    const error = await opening.catch((caught: unknown) => caught);
    expect(error).toMatchObject({ name: 'StorageSettingError', message: expect.stringContaining(reason) });
    expect(String(error)).toContain('of S3_URL at http://127.0.0.1');
    expect(String(error)).not.toContain('WRONG');
    expect(String(error)).not.toContain('secret/EXAMPLE');
  });

  test('without a key in the address it is found as AWS’s programs find theirs', async () => {
    const open = () => openS3Storage({ ...server.location, credentials: null }, OPTIONS);
    // Nothing of the machine on which the test runs.
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nowhere');
    vi.stubEnv('AWS_CONFIG_FILE', '/nowhere');
    vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
    await expect(open()).rejects.toThrow('Could not load credentials');
    vi.stubEnv('AWS_ACCESS_KEY_ID', server.location.credentials?.accessKeyId);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', server.location.credentials?.secretAccessKey);
    await (await open()).close();
  });

  test('a key that may not be told what is missing is refused at once', async () => {
    server.fault = ({ operation, before }) =>
      operation === 'HeadObject' && before > 0 ? { status: 403, code: 'AccessDenied' } : null;
    await expect(openS3Storage(server.location, OPTIONS)).rejects.toThrow('s3:ListBucket');
  });
});
