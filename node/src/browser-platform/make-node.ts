import { type ModelManifest, type Place, VERSION } from '@zerogpu/protocol';
import { zlm } from '@zerogpu/runtimes';
import { SLOWEST_RETRY_MS } from '../backoff.ts';
import { EdgeNode } from '../edge-node.ts';
import { ModelFiles } from '../model-files.ts';
import { capabilitiesHere } from './capabilities.ts';
import { openDatabase } from './database.ts';
import { deviceIdentityIn } from './device-key-store.ts';
import { indexedSpeeds } from './indexed-speeds.ts';
import { IndexedStore } from './indexed-store.ts';
import { nextRound } from './next-round.ts';
import { connectSocket } from './socket-transport.ts';

export interface BrowserNodeOptions {
  /** Of the gateway's socket. */
  readonly gatewayUrl: string;
  /** Null when this device may be known already. */
  readonly joinToken: string | null;
  readonly name: string;
  readonly place: Place | null;
  readonly manifests: readonly ModelManifest[];
  /** Ids of those that the owner offers. */
  readonly modelsAllowed: readonly string[];
  readonly slots: number;
  readonly cpuShare: number;
  readonly memoryBytes: number;
  readonly storageBytes: number;
}

export interface BrowserNode {
  readonly core: EdgeNode;
  readonly keyKept: 'sealed' | 'readable';
  /** Bytes of models that this browser keeps now. */
  storedBytes(): Promise<number>;
  /** When the node is over: lets go of the database, so that it can be removed. */
  close(): void;
}

/** Measured on the summary model: the first run of a paragraph takes 48 ms, the second 1 ms, later ones 0.6 ms. */
const WARM_UP_RUNS = 2;

/** @throws Error in words for the owner when the browser keeps nothing for this page */
export async function makeBrowserNode(options: BrowserNodeOptions): Promise<BrowserNode> {
  const { gatewayUrl, joinToken, name, place, manifests, modelsAllowed, storageBytes } = options;
  const database = await openDatabase();
  const store = new IndexedStore(database);
  const { identity, kept } = await deviceIdentityIn(database);
  const log = () => undefined;
  const files = new ModelFiles({
    store,
    gatewayUrl,
    capBytes: storageBytes,
    // Called as a method of something else it would be refused.
    fetch: (...request) => fetch(...request),
    random: Math.random,
    log,
  });
  const core = new EdgeNode({
    gatewayUrl,
    name,
    manifests,
    modelsAllowed,
    identity,
    slots: options.slots,
    cpuShare: options.cpuShare,
    memoryBytes: options.memoryBytes,
    joinToken: async () => joinToken,
    connect: connectSocket,
    slowestRetryMs: SLOWEST_RETRY_MS,
    agent: `zerogpu-browser/${VERSION}`,
    capabilities: capabilitiesHere([zlm.name], place),
    runtimes: new Map([[zlm.name, zlm]]),
    files: (manifest, wishes) => files.source(manifest, wishes),
    speeds: indexedSpeeds(database),
    warmUpRuns: WARM_UP_RUNS,
    pause: nextRound,
    now: () => performance.now(),
    random: Math.random,
    log,
  });
  return {
    core,
    keyKept: kept,
    storedBytes: async () => (await store.list()).reduce((sum, { bytes }) => sum + bytes, 0),
    close: () => database.close(),
  };
}
