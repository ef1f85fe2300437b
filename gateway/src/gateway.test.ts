import { readdir, rm } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { readConfig } from './config.ts';
import { openGateway } from './gateway.ts';
import { silentLog } from './store/log.ts';
import { SecretError } from './store/secrets.ts';
import { temporaryDataDir } from './testing/postgres.ts';
import { openS3Server, s3UrlOf } from './testing/s3-server.ts';

test('a gateway that cannot start leaves nothing behind: not its address, not its database', async () => {
  const dataDir = await temporaryDataDir();
  const open = (secret: string, port: string) =>
    openGateway(
      readConfig({ ZEROGPU_DATA_DIR: dataDir, ZEROGPU_SECRET: secret.repeat(32), PORT: port }),
      silentLog,
    );
  try {
    const first = await open('a', '0');
    await first.close(0);
    const { port } = new URL(first.url);
    await expect(open('b', port)).rejects.toThrow(SecretError);
    const again = await open('a', port);
    expect(again.url).toBe(first.url);
    expect((await fetch(`${again.url}/health/ready`)).status).toBe(200);
    await again.close(0);
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});

test('with S3_URL files lie in the bucket, and none in the data directory', async () => {
  const dataDir = await temporaryDataDir();
  const s3 = await openS3Server();
  const env = { ZEROGPU_DATA_DIR: dataDir, PORT: '0', S3_URL: s3UrlOf(s3.location) };
  const gateway = await openGateway(readConfig(env), silentLog);
  try {
    const headers = { 'x-api-key': gateway.firstBoot?.apiKey ?? '' };
    const body = new FormData();
    body.append('purpose', 'batch');
    body.append('file', new Blob(['{"custom_id":"a"}\n']), 'a.jsonl');
    const made = await fetch(`${gateway.url}/v1/files`, { method: 'POST', headers, body });
    const { id } = (await made.json()) as { id: string };
    expect([...s3.objects]).toEqual([
      [
        expect.stringMatching(new RegExp(`^a/prefix/[0-9a-f-]{36}/${id}$`)),
        Buffer.from('{"custom_id":"a"}\n'),
      ],
    ]);
    const content = await fetch(`${gateway.url}/v1/files/${id}/content`, { headers });
    expect(await content.text()).toBe('{"custom_id":"a"}\n');
    expect(await readdir(dataDir)).not.toContain('files');
  } finally {
    await gateway.close(0);
    await s3.close();
    await rm(dataDir, { recursive: true, force: true });
  }
});
