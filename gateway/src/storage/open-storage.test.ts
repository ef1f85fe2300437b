import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openS3Server } from '../testing/s3-server.ts';
import { from } from '../testing/storage-cases.ts';
import { openStorage } from './open-storage.ts';

const NAME = 'project/file-1';

describe('the storage that the operator chose', () => {
  let dataDir: string;
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'zerogpu-storage-'));
  });
  afterEach(() => rm(dataDir, { recursive: true }));

  test('is the data directory without S3_URL', async () => {
    const storage = await openStorage({ dataDir, s3: null });
    await storage.put(NAME, from([Buffer.from('x')]));
    // Another one of the same directory finds it.
    expect(await (await openStorage({ dataDir, s3: null })).exists(NAME)).toBe(true);
  });

  test('is the bucket with it', async () => {
    const server = await openS3Server();
    const storage = await openStorage({ dataDir, s3: server.location });
    await storage.put(NAME, from([Buffer.from('x')]));
    expect([...server.objects.keys()]).toEqual([`a/prefix/${NAME}`]);
    await storage.close();
    await server.close();
  });
});
