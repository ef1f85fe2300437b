/** The edge node as a process of its own: `node node/src/main.ts --gateway ws://127.0.0.1:8080`. */
import { readFile } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextRound } from 'node:timers/promises';
import { MANIFESTS } from '@zerogpu/catalogue';
import { type Hello, VERSION } from '@zerogpu/protocol';
import { zlm } from '@zerogpu/runtimes';
import { SLOWEST_RETRY_MS } from './backoff.ts';
import { EdgeNode, type EdgeNodeEnd } from './edge-node.ts';
import { identityOf } from './identity.ts';
import { ConfigError, helpText, type NodeConfig, readNodeConfig } from './node-platform/config.ts';
import { deviceKeyIn } from './node-platform/device-key-file.ts';
import { diskFiles } from './node-platform/disk-files.ts';
import { connectWs } from './node-platform/ws-transport.ts';

/** A restart cannot mend it: wrong settings, or a gateway that will not have this node. */
const EXIT_FOR_GOOD = 2;
const DRAIN_MS = 10_000;
/** A gateway on this machine has no crowd of nodes to fear, and its user waits. */
const LOCAL_RETRY_MS = 1_000;
/** Measured on the summary model: the first run of a paragraph takes 48 ms, the second 1 ms, later ones 0.6 ms. */
const WARM_UP_RUNS = 3;

async function main(): Promise<void> {
  // A reader of our output that went away is no reason to stop working.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  const config = readNodeConfig(process.argv.slice(2), process.env);
  if (config === null) {
    console.log(helpText());
    return;
  }
  const node = await makeNode(config);
  endWithTheProcess(node);
  node.start().then((models) => {
    if (models === null) return;
    log(models.length > 0 ? `Ready with ${models.join(', ')}` : 'Ready, but no model loads here');
    if (process.connected) process.send?.({ type: 'ready', models }, undefined, undefined, () => undefined);
  });
  exitWith(await node.ended);
}

async function makeNode(config: NodeConfig): Promise<EdgeNode> {
  const { gatewayUrl, name, slots, modelsDir, stateDir, memoryBytes } = config;
  const machineBytes = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
  return new EdgeNode({
    gatewayUrl,
    name,
    slots,
    identity: await identityOf(await deviceKeyIn(stateDir)),
    joinToken: () => readJoinToken(config.joinToken),
    connect: connectWs,
    slowestRetryMs: isOnThisMachine(gatewayUrl) ? LOCAL_RETRY_MS : SLOWEST_RETRY_MS,
    agent: `zerogpu-node/${VERSION} node/${process.versions.node}`,
    capabilities: capabilities(machineBytes),
    manifests: MANIFESTS.filter(({ family, files }) => family === 'built-in' && files.length > 0),
    runtimes: new Map([[zlm.name, zlm]]),
    files: (manifest) => diskFiles(join(modelsDir, manifest.id), manifest),
    memoryBytes: memoryBytes ?? Math.floor(machineBytes / 2),
    warmUpRuns: WARM_UP_RUNS,
    pause: nextRound,
    now: () => performance.now(),
    random: Math.random,
    log,
  });
}

function capabilities(memoryBytes: number): Hello['capabilities'] {
  return {
    cores: availableParallelism(),
    memoryBytes,
    platform: `${process.platform}-${process.arch}`,
    timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  };
}

function isOnThisMachine(url: string): boolean {
  return ['127.0.0.1', '[::1]', 'localhost'].includes(new URL(url).hostname);
}

async function readJoinToken(source: NodeConfig['joinToken']): Promise<string | null> {
  if (source === null) return null;
  return 'text' in source ? source.text : (await readFile(source.file, 'utf8')).trim();
}

/** Drains on the first signal or when the parent is gone; the second signal ends at once. */
function endWithTheProcess(node: EdgeNode): void {
  let signals = 0;
  const drain = () => void node.drain(DRAIN_MS);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (++signals > 1) process.exit(1);
      log('Finishing what is in flight');
      drain();
    });
  }
  if (process.connected) process.once('disconnect', drain);
}

function exitWith(end: EdgeNodeEnd): never {
  if (end.kind === 'drained') process.exit(0);
  console.error(`The gateway refuses this node (${end.code}): ${end.message}`);
  process.exit(EXIT_FOR_GOOD);
}

function log(line: string): void {
  console.log(`node: ${line}`);
}

try {
  await main();
} catch (error) {
  if (error instanceof ConfigError) console.error(error.message);
  else console.error(error);
  process.exit(error instanceof ConfigError ? EXIT_FOR_GOOD : 1);
}
