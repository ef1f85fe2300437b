/** The edge node with everything that Node gives it: for `main.ts` and the commands of a terminal alike. */
import { readFile } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextRound } from 'node:timers/promises';
import { MANIFESTS } from '@zerogpu/catalogue';
import { type DeviceClass, type Hello, VERSION } from '@zerogpu/protocol';
import { zlm } from '@zerogpu/runtimes';
import { SLOWEST_RETRY_MS } from '../backoff.ts';
import { EdgeNode } from '../edge-node.ts';
import { identityOf } from '../identity.ts';
import { ModelFiles } from '../model-files.ts';
import { watchMachine } from './busy.ts';
import type { NodeConfig } from './config.ts';
import { deviceKeyIn } from './device-key-file.ts';
import { diskFiles } from './disk-files.ts';
import { DiskModelStore } from './disk-model-store.ts';
import { speedFile } from './speed-file.ts';
import { connectWs } from './ws-transport.ts';

/** A gateway on this machine has no crowd of nodes to fear, and its user waits. */
const LOCAL_RETRY_MS = 1_000;
/** Measured on the summary model: the first run of a paragraph takes 48 ms, the second 1 ms, later ones 0.6 ms. */
const WARM_UP_RUNS = 3;

/** A node as its owner set it, not yet started. @param log called with lines that hold nothing of a request */
export async function makeNode(config: NodeConfig, log: (line: string) => void): Promise<EdgeNode> {
  const { gatewayUrl, name, slots, stateDir, memoryBytes, cpuShare, modelsAllowed } = config;
  const machineBytes = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
  const files = modelFiles(config, log);
  return new EdgeNode({
    gatewayUrl,
    name,
    slots,
    identity: await identityOf(await deviceKeyIn(stateDir)),
    joinToken: () => readJoinToken(config.joinToken),
    connect: connectWs,
    slowestRetryMs: isOnThisMachine(gatewayUrl) ? LOCAL_RETRY_MS : SLOWEST_RETRY_MS,
    agent: `zerogpu-node/${VERSION} node/${process.versions.node}`,
    capabilities: capabilities(machineBytes, config),
    manifests: MANIFESTS.filter(({ family, files }) => family === 'built-in' && files.length > 0),
    runtimes: new Map([[zlm.name, zlm]]),
    files: (manifest, wishes) => files.source(manifest, wishes),
    speeds: speedFile(join(stateDir, 'speeds.json')),
    cpuShare,
    modelsAllowed,
    ...(config.idleOnly ? { watchBusy: watchMachine } : {}),
    memoryBytes: memoryBytes ?? Math.floor(machineBytes / 2),
    warmUpRuns: WARM_UP_RUNS,
    pause: nextRound,
    now: () => performance.now(),
    random: Math.random,
    log,
  });
}

function modelFiles({ gatewayUrl, modelsDir, stateDir, diskBytes }: NodeConfig, log: (line: string) => void) {
  return new ModelFiles({
    store: new DiskModelStore(join(stateDir, 'models')),
    gatewayUrl,
    capBytes: diskBytes,
    fetch,
    local: (manifest) => diskFiles(join(modelsDir, manifest.id), manifest),
    random: Math.random,
    log,
  });
}

function capabilities(memoryBytes: number, { place, deviceClass }: NodeConfig): Hello['capabilities'] {
  return {
    cores: availableParallelism(),
    memoryBytes,
    platform: `${process.platform}-${process.arch}`,
    timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    deviceClass: deviceClass ?? classOf(process.platform, process.env),
    ...(place ? { place } : {}),
  };
}

/** A machine without a screen is nobody's desk. */
function classOf(platform: NodeJS.Platform, env: NodeJS.ProcessEnv): DeviceClass {
  if (platform === 'android') return 'phone';
  if (platform === 'darwin' || platform === 'win32') return 'desktop';
  return env['DISPLAY'] || env['WAYLAND_DISPLAY'] ? 'desktop' : 'server';
}

function isOnThisMachine(url: string): boolean {
  return ['127.0.0.1', '[::1]', 'localhost'].includes(new URL(url).hostname);
}

async function readJoinToken(source: NodeConfig['joinToken']): Promise<string | null> {
  if (source === null) return null;
  return 'text' in source ? source.text : (await readFile(source.file, 'utf8')).trim();
}
