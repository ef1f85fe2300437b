import { rm } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { readConfig } from './config.ts';
import { openGateway } from './gateway.ts';
import { silentLog } from './store/log.ts';
import { SecretError } from './store/secrets.ts';
import { temporaryDataDir } from './testing/postgres.ts';

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
