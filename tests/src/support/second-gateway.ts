import { randomBytes } from 'node:crypto';
import { chmod, copyFile, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { TestGateway } from './test-gateway.ts';

export interface TwoGateways {
  readonly one: TestGateway;
  readonly two: TestGateway;
  stop(): Promise<void>;
}

/** Two gateways that share one database, which is the first one's own. */
export async function startTwoGateways(env: Readonly<Record<string, string>> = {}): Promise<TwoGateways> {
  const shared = { ...env, ZEROGPU_SECRET: randomBytes(32).toString('hex') };
  const one = await TestGateway.start({ ...shared, ZEROGPU_GATEWAY_NAME: 'one' });
  try {
    const two = await joinGateway(one, { ...shared, ZEROGPU_GATEWAY_NAME: 'two' });
    const stop = async () => {
      await two.stop();
      await one.stop();
    };
    return { one, two, stop };
  } catch (error) {
    await one.stop();
    throw error;
  }
}

async function joinGateway(one: TestGateway, env: Readonly<Record<string, string>>): Promise<TestGateway> {
  const folder = await mkdtemp(path.join(tmpdir(), 'zerogpu-test-'));
  await chmod(folder, 0o711);
  // The second finds a filled database and makes nothing; its operator brings the credentials along.
  await copyFile(one.gateway.credentialsFile, path.join(folder, 'credentials.env'));
  return TestGateway.open(folder, { ...env, DATABASE_URL: databaseUrlOf(one) });
}

/** The embedded server listens on a socket in a folder, which an address names as its host. */
function databaseUrlOf({ pool }: TestGateway): string {
  const { host = '', port = 5432, user = '', database = '' } = pool.options;
  const where = new URLSearchParams({ host, port: String(port) });
  return `postgres://${user}@localhost/${database}?${where}`;
}
