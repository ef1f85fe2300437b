/** A gateway from its start to its end: opens the database, composes the parts, listens, and closes in order. */
import { join } from 'node:path';
import { MANIFESTS, tokenizerOf } from '@zerogpu/catalogue';
import type { FastifyInstance } from 'fastify';
import type { Pool } from 'pg';
import { compose } from './compose.ts';
import type { Config } from './config.ts';
import { explainListenError } from './listen-error.ts';
import { addressForOthers } from './own-address.ts';
import { makeServer, type ServerServices } from './server.ts';
import type { ObjectStorage } from './storage/object-storage.ts';
import { openStorage } from './storage/open-storage.ts';
import { type FirstBoot, firstBoot, keepBaseUrl, localNodeToken } from './store/first-boot.ts';
import type { Log } from './store/log.ts';
import { openStore, type Store } from './store/open-store.ts';
import { loadSecrets, type Secrets } from './store/secrets.ts';

/** A running gateway. */
export interface Gateway {
  /** Where it listens, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly dataDir: string;
  /** Holds a join token of the operator's pool, for nodes on this machine. */
  readonly nodeTokenFile: string;
  readonly credentialsFile: string;
  /** What was made, when this was the first start on an empty database. */
  readonly firstBoot: FirstBoot | null;
  /** The database, for operators' programs and tests. */
  readonly pool: Pool;
  readonly secrets: Secrets;
  /** Takes no new requests, finishes those in flight within `graceMs`, and stops everything that it started. */
  close(graceMs: number): Promise<void>;
}

/** In-flight requests are looked at this often while the gateway closes. */
const CLOSING_LOOK_MS = 20;

/** @throws ConfigError, StoreError and their kin, in words for the operator */
export async function openGateway(config: Config, log: Log): Promise<Gateway> {
  const secrets = await loadSecrets(config.dataDir, config.secret);
  const store = await openStore({ databaseUrl: config.databaseUrl, dataDir: config.dataDir, log });
  try {
    return await serve(config, log, store, secrets, await openStorage(config));
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function serve(
  config: Config,
  log: Log,
  store: Store,
  secrets: Secrets,
  storage: ObjectStorage,
): Promise<Gateway> {
  // Known for certain once it listens: the port may be any free one.
  const address = { publicUrl: config.publicUrl ?? '' };
  const parts = compose({ config, log, store, secrets, storage, publicUrl: () => address.publicUrl });
  const app = makeServer(parts.services);
  const stop = async (graceMs: number) => {
    // Lines are finished beside requests: both need their nodes.
    const lines = parts.finishLines(graceMs);
    await closeServer(app, parts.services, graceMs, lines);
    await parts.close();
  };
  try {
    warmUp();
    const { host, port } = config;
    const url = await app.listen({ host, port }).catch((error: unknown) => {
      throw explainListenError(error, host, port);
    });
    address.publicUrl = config.publicUrl ?? addressForOthers(url, host);
    const made = await fillDataDir(config.dataDir, store.pool, secrets, `${url}/v1`);
    const rounds = parts.startRounds();
    const beats = parts.beat(url);
    const close = async (graceMs: number) => {
      // First, so that workers beside it turn to others.
      await beats.stop();
      await stop(graceMs);
      await rounds.stop();
      await storage.close();
      await store.close();
    };
    return { url, ...filesIn(config.dataDir), firstBoot: made, pool: store.pool, secrets, close };
  } catch (error) {
    // It may listen already, with a database behind it that is about to close.
    await stop(0);
    await storage.close();
    throw error;
  }
}

async function fillDataDir(
  dataDir: string,
  pool: Pool,
  secrets: Secrets,
  baseUrl: string,
): Promise<FirstBoot | null> {
  const made = await firstBoot({ pool, dataDir, secrets, baseUrl });
  if (made === null) await keepBaseUrl(dataDir, baseUrl);
  await localNodeToken(pool, dataDir, secrets);
  return made;
}

function filesIn(dataDir: string): Pick<Gateway, 'dataDir' | 'nodeTokenFile' | 'credentialsFile'> {
  return {
    dataDir,
    nodeTokenFile: join(dataDir, 'node-token'),
    credentialsFile: join(dataDir, 'credentials.env'),
  };
}

/** What is built at its first use is built now, so that the first caller does not wait for it. */
function warmUp(): void {
  for (const name of new Set(MANIFESTS.map((manifest) => manifest.tokenizer)))
    tokenizerOf(name).count('warm');
}

async function closeServer(
  app: FastifyInstance,
  services: ServerServices,
  graceMs: number,
  lines: Promise<void>,
): Promise<void> {
  const until = Date.now() + graceMs;
  // Stops listening at once; requests in flight go on, and their nodes stay connected for them.
  app.server.close();
  app.server.closeIdleConnections();
  while (services.inFlight.count > 0 && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, CLOSING_LOOK_MS));
  }
  await lines;
  services.registry.close();
  app.server.closeAllConnections();
  await app.close();
}
