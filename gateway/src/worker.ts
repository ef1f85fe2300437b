/** A worker for lines of batches as a process of its own, beside gateways: `node gateway/src/worker.ts`. */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { type ComposedWorker, composeWorker } from './compose-worker.ts';
import { type Config, DEFAULT_LINES } from './config.ts';
import { endWithTheProcess, runProgram, sayReady } from './program.ts';
import type { ObjectStorage } from './storage/object-storage.ts';
import { openStorage } from './storage/open-storage.ts';
import { checkSecret } from './store/first-boot.ts';
import type { Log } from './store/log.ts';
import { openStoreOfRunning, type Store, StoreError } from './store/open-store.ts';
import { loadSecrets } from './store/secrets.ts';

/** As a gateway's. */
const GRACE_MS = 10_000;

interface Worker {
  /** Within reach when it began; more may come. */
  readonly gateways: number;
  close(): Promise<void>;
}

/** @throws StoreError and its kin, in words for the operator */
async function openWorker(config: Config, log: Log): Promise<Worker> {
  const { databaseUrl, dataDir } = config;
  const store = await openStoreOfRunning({ databaseUrl, dataDir, log });
  try {
    const secrets = await loadSecrets(dataDir, config.secret);
    await checkSecret(store.pool, secrets);
    const storage = await openFiles(config);
    const publicUrl = () => config.publicUrl ?? '';
    const parts = composeWorker({ config, log, store, secrets, storage, publicUrl });
    return await begin(parts, storage, store);
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function begin(parts: ComposedWorker, storage: ObjectStorage, store: Store): Promise<Worker> {
  await parts.start();
  const close = async () => {
    await parts.close(GRACE_MS);
    await storage.close();
    await store.close();
  };
  return { gateways: parts.gateways, close };
}

/** Lines stand in files: a worker that looked in another folder than the gateways would find none, and fail them all. */
async function openFiles({ s3, dataDir }: Config): Promise<ObjectStorage> {
  const folder = join(dataDir, 'files');
  const there = s3 !== null || (await access(folder).then(() => true, isMissing));
  if (there) return openStorage({ s3, dataDir });
  throw new StoreError(
    `The gateway's files are not in ${folder}. Set ZEROGPU_DATA_DIR to its data directory, or S3_URL to its bucket`,
  );
}

const isMissing = () => false;

/** A gateway that leaves its lines to workers shares its settings with them: 0 is its own number. */
function asWorker(config: Config): Config {
  const concurrency = config.batches.concurrency || DEFAULT_LINES;
  // Rollups have one writer each, and machines that share a name do not share process ids.
  const gatewayName = `${config.gatewayName}/worker-${process.pid}`;
  return { ...config, gatewayName, batches: { ...config.batches, concurrency } };
}

await runProgram(async (config, log) => {
  const worker = await openWorker(asWorker(config), log);
  endWithTheProcess(worker.close);
  const { gateways } = worker;
  sayReady({ gateways }, `The worker takes lines of batches; gateways within reach: ${gateways}`);
});
