// `npm start`: installs what is missing, then runs one gateway, the local nodes and workers, starts again what crashes,
// and ends everything in order. Plain JavaScript for any Node from 18 on, because it is what brings the newer one.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureInstalled, findNode, InstallationError } from './tools/ensure-installed.mjs';

const root = path.dirname(fileURLToPath(import.meta.url));
/** Without types and compiled, from the second start on: 28 MB less in each process. Written where the installed packages are. */
const compileCache = path.join(root, 'node_modules/.cache/compiled');

/**
 * Room for young objects in MB, in place of 32: what a request needs is garbage within milliseconds. Without it a gateway
 * kept 109 MB for them during a batch of 50,000 lines (379 MB resident instead of 241, and no faster).
 */
const YOUNG_OBJECTS = '--max-semi-space-size=8';

/** A child that ends so has told its user what is wrong with a setting; starting it again cannot mend that. */
const EXIT_FOR_GOOD = 2;
/** Starts in a row that end before the child was ready. */
const MAX_FAILED_STARTS = 5;
const FIRST_RESTART_MS = 250;
const SLOWEST_RESTART_MS = 10_000;
/** A child that lived this long is started again as if it had never crashed. */
const STEADY_MS = 30_000;
/** A node finishes what is in flight within 10 s, and a gateway then has its database to close. */
const NODE_STOP_MS = 15_000;
const GATEWAY_STOP_MS = 30_000;
const FORCED_STOP_MS = 1_000;
const PARENT_POLL_MS = 500;
const MAX_LOCAL_NODES = 64;
/** Lines of batches that are under way get 10 s to be finished. */
const WORKER_STOP_MS = 15_000;
/** Each has 8 connections to the database, and the embedded one has 50 for all. */
const MAX_LOCAL_WORKERS = 4;
/** Makes the software for other devices, when it is not there or old: a second or two of one core. */
const NODE_SOFTWARE = 'tools/build-node.ts';
const MAX_BUILD_WORDS = 2_000;

/** @param {string} line */
const say = (line) => console.log(line);

/** @param {number} ms @returns {Promise<void>} */
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * @typedef {{type: 'ready', [field: string]: any}} Ready what a child says over its channel when it can work
 * @typedef {object} Supervision
 * @property {string} name for people
 * @property {string} program the TypeScript file, relative to the root
 * @property {() => string[]} args asked for at every start
 * @property {(ready: Ready) => void} ready called at every start that succeeds
 * @property {(exitCode: number) => void} gaveUp called once, when it will not be started any more
 */

/** One child that is kept running. It hears of our end by its channel, so that even a killed starter leaves nothing behind. */
class Child {
  /** @param {string} node the Node to run it with @param {Supervision} supervision */
  constructor(node, supervision) {
    this.node = node;
    this.supervision = supervision;
    /** @type {import('node:child_process').ChildProcess | null} */
    this.process = null;
    /** @type {NodeJS.Timeout | undefined} */
    this.restart = undefined;
    this.failedStarts = 0;
    /** Ends in a row of which none came after a steady time. */
    this.crashes = 0;
    this.stopping = false;
  }

  start() {
    const { program, args } = this.supervision;
    const child = spawn(this.node, [YOUNG_OBJECTS, path.join(root, program), ...args()], {
      env: { NODE_COMPILE_CACHE: compileCache, ...process.env, ZEROGPU_DATA_DIR: dataDirectory() },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      // A terminal sends Ctrl-C to its whole process group; the children are to hear of it from here, in order.
      detached: process.platform !== 'win32',
    });
    this.process = child;
    const startedAt = performance.now();
    let ready = false;
    child.on('message', (message) => {
      if (!isReady(message)) return;
      ready = true;
      this.failedStarts = 0;
      this.supervision.ready(message);
    });
    const ended = (/** @type {number | null} */ code, /** @type {string} */ how) => {
      if (!ready) this.failedStarts++;
      this.crashes = performance.now() - startedAt >= STEADY_MS ? 1 : this.crashes + 1;
      this.ended(code, how);
    };
    child.once('error', (error) => ended(1, error.message));
    child.once('exit', (code, signal) => ended(code, signal ?? `exit code ${code}`));
  }

  /** @param {number | null} code @param {string} how */
  ended(code, how) {
    if (this.process === null) return;
    this.process = null;
    if (this.stopping) return;
    const { name, gaveUp } = this.supervision;
    if (code === EXIT_FOR_GOOD) {
      gaveUp(EXIT_FOR_GOOD);
    } else if (this.failedStarts >= MAX_FAILED_STARTS) {
      say(
        `The ${name} ended ${this.failedStarts} times before it was ready, last with ${how}; not trying again`,
      );
      gaveUp(1);
    } else {
      const delay = restartDelay(this.crashes);
      say(`The ${name} ended with ${how}; starting it again in ${(delay / 1000).toFixed(1)} s`);
      this.restart = setTimeout(() => this.start(), delay);
    }
  }

  /** Ends it now and starts it again as after a crash. */
  recycle() {
    this.process?.kill('SIGTERM');
  }

  /** Asks it to end, ends it by force when it takes too long. @param {number} patienceMs */
  async stop(patienceMs) {
    this.stopping = true;
    clearTimeout(this.restart);
    const child = this.process;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    const force = setTimeout(() => child.kill('SIGKILL'), patienceMs);
    await exited;
    clearTimeout(force);
  }

  kill(signal) {
    this.process?.kill(signal);
  }
}

/** The gateway, its local nodes and workers, and what is said of them. */
class Platform {
  /** @param {string} node @param {number} localNodes @param {number} localWorkers */
  constructor(node, localNodes, localWorkers) {
    this.node = node;
    this.localWorkers = localWorkers;
    /** @type {Ready | null} */
    this.gatewayReady = null;
    this.exitCode = 0;
    this.stopping = false;
    this.announced = false;
    /** Local nodes of which we do not know yet whether they will run. */
    this.awaited = new Set(Array.from({ length: localNodes }, (_, i) => i + 1));
    /** @type {Child[]} */
    this.nodes = [];
    /** @type {Child[]} */
    this.workers = [];
    /** @type {import('node:child_process').ChildProcess | null} */
    this.build = null;
    this.gateway = new Child(node, {
      name: 'gateway',
      program: 'gateway/src/main.ts',
      args: () => [],
      ready: (ready) => this.gatewayIsReady(ready),
      gaveUp: (exitCode) => {
        this.exitCode = exitCode;
        this.stop();
      },
    });
  }

  start() {
    this.gateway.start();
  }

  /** @param {Ready} ready */
  gatewayIsReady(ready) {
    const before = this.gatewayReady;
    this.gatewayReady = ready;
    if (before === null) {
      this.nodes = [...this.awaited].map((number) => this.makeNode(number));
      this.workers = Array.from({ length: this.localWorkers }, (_, i) => this.makeWorker(i + 1));
      for (const child of [...this.nodes, ...this.workers]) child.start();
      this.announce();
    } else {
      say(`The gateway is back at ${ready.url}`);
      // Nodes find a gateway again where they knew it; one that came back elsewhere they must be told of.
      if (before.url !== ready.url) for (const node of this.nodes) node.recycle();
    }
  }

  /** @param {number} number */
  makeNode(number) {
    const name = `local node ${number}`;
    const heard = () => {
      this.awaited.delete(number);
      this.announce();
    };
    return new Child(this.node, {
      name,
      program: 'node/src/main.ts',
      args: () => {
        const { url, nodeTokenFile, dataDir } = this.gatewayReady ?? {};
        const state = path.join(dataDir, `node-${number}`);
        return ['--gateway', url, '--token-file', nodeTokenFile, '--state', state, '--name', name];
      },
      ready: heard,
      gaveUp: () => {
        say(`The ${name} does not run; the gateway goes on without it`);
        heard();
      },
    });
  }

  /** Finds the gateway by the database, also when that comes back elsewhere. @param {number} number */
  makeWorker(number) {
    const name = `local worker ${number}`;
    return new Child(this.node, {
      name,
      program: 'gateway/src/worker.ts',
      args: () => [],
      ready: () => {},
      gaveUp: () => say(`The ${name} does not run; the gateway goes on without it`),
    });
  }

  /** Once, when the gateway and every local node have been heard of. */
  announce() {
    if (this.announced || this.stopping || this.awaited.size > 0 || this.gatewayReady === null) return;
    this.announced = true;
    for (const line of readyLines(this.gatewayReady)) say(line);
    this.buildNodeSoftware();
  }

  /** What other devices get from the gateway. Beside everything else and last, so that the first answer does not wait for it. */
  buildNodeSoftware() {
    const program = path.join(root, NODE_SOFTWARE);
    if (!existsSync(program)) return;
    const build = spawn(this.node, [program], { stdio: ['ignore', 'ignore', 'pipe'] });
    let words = '';
    build.stderr.on('data', (data) => {
      words = (words + data).slice(0, MAX_BUILD_WORDS);
    });
    build.once('error', (error) => say(`Other devices cannot get their software here: ${error.message}`));
    build.once('spawn', () => lowerPriority(build.pid));
    build.once('close', (code) => {
      if (code !== 0 && !this.stopping) say(`Other devices cannot get their software here. ${words.trim()}`);
      this.build = null;
    });
    this.build = build;
  }

  /** Workers first, whose lines need nodes; then nodes, so that what they have in flight is answered and settled. */
  async stop() {
    if (this.stopping) return;
    this.stopping = true;
    this.build?.kill();
    await Promise.all(this.workers.map((worker) => worker.stop(WORKER_STOP_MS)));
    await Promise.all(this.nodes.map((node) => node.stop(NODE_STOP_MS)));
    await this.gateway.stop(GATEWAY_STOP_MS);
    process.exit(this.exitCode);
  }

  async force() {
    const children = [...this.workers, ...this.nodes, this.gateway];
    for (const child of children) child.kill('SIGTERM');
    await sleep(FORCED_STOP_MS);
    for (const child of children) child.kill('SIGKILL');
    process.exit(1);
  }
}

/** @param {unknown} message @returns {message is Ready} */
function isReady(message) {
  return typeof message === 'object' && message !== null && 'type' in message && message.type === 'ready';
}

/** @param {number} crashes 1 or more */
function restartDelay(crashes) {
  return Math.min(SLOWEST_RESTART_MS, FIRST_RESTART_MS * 2 ** (crashes - 1));
}

/** As given by the user, seen from where they are; else beside this file, wherever it is started from. */
function dataDirectory() {
  const given = process.env.ZEROGPU_DATA_DIR;
  return given ? path.resolve(given) : path.join(root, '.zerogpu');
}

/** @param {Ready} ready */
function readyLines({ url, credentialsFile, nodeTokenFile }) {
  return [
    '',
    `ZeroGPU is ready at ${url}`,
    '',
    'Ask a model, in another terminal:',
    '',
    `  source ${shown(credentialsFile)}`,
    '  curl -s "$ZEROGPU_BASE_URL/responses" -H "x-api-key: $ZEROGPU_API_KEY" -H "content-type: application/json" \\',
    `    -d '{"model":"zlm-v1-iab-classify-edge","input":"The central bank raised interest rates again."}'`,
    '',
    ...joinLines(url, nodeTokenFile),
    '',
    'Ctrl-C ends it.',
    '',
  ];
}

/** How other devices join, which reach this machine only where the gateway listens for them. @param {string} url @param {string} nodeTokenFile */
function joinLines(url, nodeTokenFile) {
  const token = `the join token is in ${shown(nodeTokenFile)}`;
  const address = addressForOthers(url);
  if (address === null) {
    return [`To add other devices start with HOST=0.0.0.0; ${token}`];
  }
  return [
    `Add another device, with Node 20 or newer (or open ${address}/node in its browser); ${token}:`,
    '',
    // npx keeps what it once got from an address: a new version needs another.
    `  npx --yes '${address}/node/zerogpu.tgz?${ownVersion()}' node join ${address} TOKEN`,
  ];
}

/** @returns {string} */
const ownVersion = () => JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')).version;

/** Where other devices reach the gateway, or null when they do not. @param {string} url */
function addressForOthers(url) {
  const given = process.env.ZEROGPU_PUBLIC_URL;
  if (given) return given.replace(/\/+$/, '');
  const host = process.env.HOST || '127.0.0.1';
  if (/^(?:127\.|localhost$|\[?::1)/.test(host)) return null;
  const { port } = new URL(url);
  const everywhere = ['0.0.0.0', '::', '[::]'].includes(host);
  return `http://${everywhere ? ownAddress() : host}${port === '' ? '' : `:${port}`}`;
}

/** The first that is not of this machine alone. */
function ownAddress() {
  const addresses = Object.values(os.networkInterfaces()).flat();
  return addresses.find((one) => one?.family === 'IPv4' && !one.internal)?.address ?? os.hostname();
}

/** @param {number | undefined} pid */
function lowerPriority(pid) {
  try {
    if (pid !== undefined) os.setPriority(pid, os.constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // It ended already, or may not: it is quick anyway.
  }
}

/** A path as one would type it from here. @param {string} file */
function shown(file) {
  const near = path.relative(process.cwd(), file);
  const short = near.startsWith('..') ? file : near;
  return /^[\w@%+=:,./-]+$/.test(short) ? short : `'${short.replaceAll("'", "'\\''")}'`;
}

/** @param {string} name @param {string} otherwise @param {number} max @returns {number} */
function localNumber(name, otherwise, max) {
  const text = process.env[name] || otherwise;
  const number = /^\d{1,2}$/.test(text) ? Number(text) : Number.NaN;
  if (number <= max) return number;
  console.error(`${name} must be an integer from 0 to ${max}, not "${text}"`);
  return process.exit(EXIT_FOR_GOOD);
}

/** @param {number} number @param {string} what */
const counted = (number, what) => `${number} local ${what}${number === 1 ? '' : 's'}`;

/**
 * npm passes a SIGTERM on to the shell between it and us, which ends without passing it on to us.
 * @param {Platform} platform
 */
function endWithNpm(platform) {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    platform.stop();
  }, PARENT_POLL_MS);
}

function main() {
  const nodes = localNumber('ZEROGPU_LOCAL_NODES', '1', MAX_LOCAL_NODES);
  const workers = localNumber('ZEROGPU_LOCAL_WORKERS', '0', MAX_LOCAL_WORKERS);
  ensureInstalled(say);
  const beside = workers === 0 ? '' : `, ${counted(workers, 'worker')}`;
  say(`Starting ZeroGPU ${ownVersion()}: one gateway, ${counted(nodes, 'node')}${beside}`);
  const platform = new Platform(findNode(), nodes, workers);
  let signals = 0;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      signals++;
      if (signals === 1) {
        say('Ending: nodes finish what they have, then the gateway. The same signal again ends it at once');
        platform.stop();
      } else if (signals === 2) {
        platform.force();
      }
    });
  }
  endWithNpm(platform);
  // A reader of our output that went away is no reason to take the platform down.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  platform.start();
}

try {
  main();
} catch (error) {
  if (!(error instanceof InstallationError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
