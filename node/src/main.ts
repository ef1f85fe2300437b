/** The edge node as a process of its own: `node node/src/main.ts --gateway ws://127.0.0.1:8080`. */
import type { EdgeNode, EdgeNodeEnd } from './edge-node.ts';
import { ConfigError, helpText, readNodeConfig } from './node-platform/config.ts';
import { makeNode } from './node-platform/make-node.ts';

/** A restart cannot mend it: wrong settings, or a gateway that will not have this node. */
const EXIT_FOR_GOOD = 2;
const DRAIN_MS = 10_000;

async function main(): Promise<void> {
  // A reader of our output that went away is no reason to stop working.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  const config = readNodeConfig(process.argv.slice(2), process.env);
  if (config === null) {
    console.log(helpText());
    return;
  }
  const node = await makeNode(config, log);
  endWithTheProcess(node);
  node.start().then((models) => {
    if (models === null) return;
    log(models.length > 0 ? `Ready with ${models.join(', ')}` : 'Ready, but no model loads here');
    if (process.connected) process.send?.({ type: 'ready', models }, undefined, undefined, () => undefined);
  });
  exitWith(await node.ended);
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
