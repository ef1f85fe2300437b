/**
 * Ten thousand idle nodes on one gateway: `npm run bench:nodes [-- --nodes 10000 --seconds 60 --profile <folder> --no-write]`. A real gateway
 * process as `npm start` runs it, on its embedded database, and nodes that are real sockets with real handshakes but for the
 * models. Writes bench/results/nodes.md. Needs two sockets a node: `ulimit -n` of more than the nodes in either process.
 */
import type { ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { MANIFESTS } from '@zerogpu/catalogue';
import { chooseNodes, FleetIndex } from '@zerogpu/gateway';
import { residentMb } from './batches/watch.ts';
import type { IdleReport } from './nodes/idle-nodes.ts';
import { credential } from './overhead/racers.ts';
import { AS_STARTED, Children, endChild, isRecord, messageFrom } from './support/children.ts';
import { ownCpuSeconds } from './support/cpu.ts';
import { circumstances, circumstancesLine } from './support/machine.ts';
import { seededRandom } from './support/random.ts';
import { percentile } from './support/statistics.ts';
import { figure, markdownTable } from './support/table.ts';

const { values: options } = parseArgs({
  options: {
    nodes: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '60' },
    profile: { type: 'string' },
    write: { type: 'boolean', default: true },
  },
  allowNegative: true,
});
const NODES = Number(options.nodes);
const IDLE_MS = 1_000 * Number(options.seconds);
const HEARTBEAT_MS = 5_000;
/** Sockets that begin together at first; after the restart all come when their own pauses say so. */
const AT_ONCE = 200;
const START_MS = 120_000;
/** All have to be there by then, at first and after the restart; on two idle cores it is a quarter of a minute. */
const STORM_MS = 150_000;
/** A gateway that takes its leave of ten thousand nodes on a machine that does other things as well. */
const END_MS = 30_000;
/** Below those that systems give to sockets that ask for any: whoever else runs here would have it by the time of the restart. */
const PORTS = { from: 20_000, to: 30_000 } as const;
const REQUESTS = 200;
const MODEL = 'zlm-v1-summary-cloud';
const BUILT_INS = MANIFESTS.filter(({ runtime }) => runtime === 'zlm').length;
const PROFILE =
  options.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${path.resolve(options.profile)}`];
const ROOT = path.join(import.meta.dirname, '../..');

interface Running {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly url: string;
  readonly token: string;
  readonly apiKey: string;
}

interface LoopDelay {
  readonly p50: number;
  readonly p99: number;
  readonly most: number;
}

type Row = readonly [what: string, value: string];

async function startGateway(children: Children, dataDir: string, port: string): Promise<Running> {
  const watch = path.join(import.meta.dirname, 'nodes/gateway-watch.ts');
  const gateway = children.start('gateway', path.join(ROOT, 'gateway/src/main.ts'), {
    nodeArgs: [...AS_STARTED, '--import', watch, ...PROFILE],
    env: { HOST: '127.0.0.1', PORT: port, ZEROGPU_DATA_DIR: dataDir },
  });
  const ready = await messageFrom(
    gateway,
    (m) => (isRecord(m) && m['type'] === 'ready' ? m : null),
    START_MS,
  );
  return {
    process: gateway,
    pid: gateway.pid ?? 0,
    url: String(ready['url']),
    token: readFileSync(String(ready['nodeTokenFile']), 'utf8').trim(),
    apiKey: credential(readFileSync(String(ready['credentialsFile']), 'utf8'), 'ZEROGPU_API_KEY'),
  };
}

/** One that nobody listens on. */
async function freePort(): Promise<string> {
  for (;;) {
    const port = randomInt(PORTS.from, PORTS.to);
    const server = createServer();
    const listens = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!listens) continue;
    await new Promise((resolve) => server.close(resolve));
    return String(port);
  }
}

async function loopDelay(gateway: Running): Promise<LoopDelay> {
  const answer = messageFrom(
    gateway.process,
    (m) => (isRecord(m) && m['type'] === 'loop' ? m : null),
    60_000,
  );
  gateway.process.send('loop');
  const { p50, p99, most } = await answer;
  return { p50: Number(p50), p99: Number(p99), most: Number(most) };
}

async function reportOf(nodes: ChildProcess): Promise<IdleReport> {
  const answer = messageFrom(nodes, asReport, 60_000);
  nodes.send({ type: 'report' });
  return answer;
}

function asReport(message: unknown): IdleReport | null {
  if (!isRecord(message) || message['type'] !== 'report') return null;
  const { connected, lost, tries, turnedAway, gaps, welcomes } = message;
  if (!(gaps instanceof Float64Array) || !(welcomes instanceof Float64Array)) return null;
  const counts = { connected: Number(connected), lost: Number(lost), tries: Number(tries) };
  return { type: 'report', ...counts, turnedAway: Number(turnedAway), gaps, welcomes };
}

async function untilConnected(nodes: ChildProcess, count: number): Promise<void> {
  const deadline = performance.now() + STORM_MS;
  for (;;) {
    const answer = messageFrom(nodes, (m) => (isRecord(m) && m['type'] === 'count' ? m : null), 60_000);
    nodes.send({ type: 'count' });
    const { connected } = await answer;
    if (connected === count) return;
    if (performance.now() > deadline) throw new Error(`Only ${String(connected)} of ${count} are connected`);
    await sleep(100);
  }
}

/** One after the other, as a caller feels it. */
async function requests({ url, apiKey }: Running, count: number): Promise<number[]> {
  const taken: number[] = [];
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': apiKey },
      body: JSON.stringify({
        model: MODEL,
        messages: [{ role: 'user', content: `Text ${i}. It is short.` }],
      }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${response.status}: ${text.slice(0, 500)}`);
    taken.push(performance.now() - start);
  }
  return taken;
}

/** Microseconds of one choice among as many nodes as are connected, in an index of this process. */
function choices(): number[] {
  const random = seededRandom(1);
  const index = new FleetIndex();
  const speed = { baseMs: 0.2, perThousandMs: 3 };
  const load = { slots: 16, inFlight: 0, batchRoom: 12, resident: true, serviceMs: null, failures: 0, speed };
  for (let i = 0; i < NODES; i++) {
    const facts = {
      id: `node_${i}`,
      organizationId: null,
      pool: 'operator',
      deviceClass: 'server',
      region: null,
    } as const;
    const place = { latitude: 180 * random() - 90, longitude: 360 * random() - 180 };
    index.put(MODEL, { ...facts, ...load, place, rttMs: 5 + 200 * random() });
  }
  const ask = {
    model: MODEL,
    tier: 'interactive',
    tokens: 20,
    place: null,
    organizationId: 'o',
    privacy: 'own',
    strangersMay: false,
  } as const;
  const taken: number[] = [];
  for (let i = 0; i < 40_000; i++) {
    const start = performance.now();
    chooseNodes(index, ask, { limit: 4, random });
    if (i >= 10_000) taken.push(1_000 * (performance.now() - start));
  }
  return taken;
}

/** @throws Error when nothing was measured */
const spread = (measured: Iterable<number>, unit = 'ms') => {
  const all = [...measured];
  if (all.length === 0) throw new Error('Nothing was measured');
  const at = [percentile(all, 0.5), percentile(all, 0.99), percentile(all, 1)];
  return `${at.map((value) => figure(known(value))).join(' / ')} ${unit}`;
};
const delay = ({ p50, p99, most }: LoopDelay) =>
  `${[p50, p99, most].map((ms) => figure(known(ms))).join(' / ')} ms`;
const cpuOf = ({ pid }: Running) => known(ownCpuSeconds(pid) ?? Number.NaN);
const memoryOf = ({ pid }: Running) => `${figure(known(residentMb(pid)))} MB`;

function known(value: number): number {
  if (!Number.isFinite(value)) throw new Error(`This was not measured: ${value}`);
  return value;
}

async function joining(gateway: Running, nodes: ChildProcess): Promise<Row[]> {
  await loopDelay(gateway);
  const cpu = cpuOf(gateway);
  const start = performance.now();
  const { url, token } = gateway;
  nodes.send({ type: 'begin', url, token, count: NODES, atOnce: AT_ONCE });
  await untilConnected(nodes, NODES);
  const seconds = (performance.now() - start) / 1_000;
  const { turnedAway } = await reportOf(nodes);
  return [
    [`all ${NODES.toLocaleString('en-US')} new nodes joined, ${AT_ONCE} at a time`, `${figure(seconds)} s`],
    ['turned away meanwhile', String(turnedAway)],
    ['processor time of the gateway for it', `${figure(cpuOf(gateway) - cpu)} s`],
    ['event loop of the gateway meanwhile, late by p50 / p99 / most', delay(await loopDelay(gateway))],
  ];
}

async function idling(gateway: Running, nodes: ChildProcess): Promise<Row[]> {
  await sleep(2 * HEARTBEAT_MS);
  await reportOf(nodes);
  await loopDelay(gateway);
  const cpu = cpuOf(gateway);
  const start = performance.now();
  await sleep(IDLE_MS);
  const seconds = (performance.now() - start) / 1_000;
  const share = (cpuOf(gateway) - cpu) / seconds;
  const loop = await loopDelay(gateway);
  const { connected, lost, gaps } = await reportOf(nodes);
  const late = gaps.filter((gap) => gap > 1.2 * HEARTBEAT_MS).length;
  const expected = (NODES * seconds * 1_000) / HEARTBEAT_MS;
  return [
    [`idle for ${figure(seconds)} s: nodes that stayed connected`, `${connected - lost} of ${NODES}`],
    ['pings that reached them, of those due', `${((100 * gaps.length) / expected).toFixed(1)} %`],
    ['pings more than a fifth of a heartbeat late', `${late} of ${gaps.length.toLocaleString('en-US')}`],
    ['between two pings (5 s are meant), p50 / p99 / most', spread(gaps)],
    ['memory of the gateway', memoryOf(gateway)],
    ['processor time of the gateway', `${(100 * share).toFixed(1)} % of a core`],
    ['event loop, late by p50 / p99 / most', delay(loop)],
  ];
}

/** Every socket breaks at once, and each node comes back when its own pause is over. */
async function restarting(children: Children, before: Running, dataDir: string, nodes: ChildProcess) {
  await reportOf(nodes);
  const { port } = new URL(before.url);
  const stopAt = performance.now();
  await endChild(before.process, END_MS);
  if (before.process.signalCode !== null)
    throw new Error('The gateway had not ended in time, and was killed');
  const closed = (performance.now() - stopAt) / 1_000;
  const gateway = await startGateway(children, dataDir, port);
  const away = (performance.now() - stopAt) / 1_000;
  await untilConnected(nodes, NODES);
  const { welcomes, turnedAway, tries } = await reportOf(nodes);
  const rows: Row[] = [
    ['the gateway was away for', `${figure(away)} s, of which its end took ${figure(closed)} s`],
    ['nodes were back after, from when they were lost, p50 / p99 / last', spread(welcomes)],
    [
      'connections tried, and turned away',
      `${tries.toLocaleString('en-US')}, ${turnedAway.toLocaleString('en-US')}`,
    ],
    ['event loop meanwhile, late by p50 / p99 / most', delay(await loopDelay(gateway))],
    ['memory of the gateway', memoryOf(gateway)],
  ];
  return { gateway, rows };
}

async function measure(dataDir: string): Promise<string> {
  await using children = new Children();
  const told = `${circumstancesLine(circumstances(1))} Load average of the machine before: ${figure(loadavg()[1] ?? 0)}.`;
  const first = await startGateway(children, dataDir, await freePort());
  const nodes = children.start('nodes', path.join(import.meta.dirname, 'nodes/idle-nodes.ts'), {
    nodeArgs: ['--max-old-space-size=4096'],
  });
  await messageFrom(nodes, (m) => (isRecord(m) && m['type'] === 'ready' ? m : null), START_MS);
  const { url, token } = first;
  nodes.send({ type: 'begin', url, token, count: 1, atOnce: 1 });
  await untilConnected(nodes, 1);
  await requests(first, REQUESTS);
  const alone: Row[] = [
    ['memory of the gateway', memoryOf(first)],
    ['a request through it, p50 / p99 / most', spread(await requests(first, REQUESTS))],
  ];
  show(alone);
  const joined = show(await joining(first, nodes));
  const idle = show(await idling(first, nodes));
  const through: Row[] = show([
    ['a request through it, p50 / p99 / most', spread(await requests(first, REQUESTS))],
    [`one choice among ${NODES.toLocaleString('en-US')} nodes, p50 / p99 / most`, spread(choices(), 'µs')],
  ]);
  const restarted = await restarting(children, first, dataDir, nodes);
  show(restarted.rows);
  const after: Row[] = show([
    ['a request through it, p50 / p99 / most', spread(await requests(restarted.gateway, REQUESTS))],
  ]);
  const section = (title: string, rows: readonly Row[]) => `## ${title}\n\n${markdownTable(['', ''], rows)}`;
  return `${[
    `# ${NODES === 10_000 ? 'Ten thousand' : NODES.toLocaleString('en-US')} idle nodes on one gateway`,
    told,
    `Made by \`npm run bench:nodes\`. The gateway runs as \`npm start\` runs it, with its embedded database; the nodes are one other process on the same machine, which makes their keys, signs, tells the load of ${BUILT_INS} models every 5 s and answers pings. Goals: less than 1 GB, heartbeats on time.`,
    section('With one node', alone),
    section('Joining', joined),
    section('Idle', [...idle, ...through]),
    section('The gateway is restarted', [...restarted.rows, ...after]),
  ].join('\n\n')}\n`;
}

function show(rows: Row[]): Row[] {
  for (const [what, value] of rows) console.log(`${what}: ${value}`);
  return rows;
}

const dataDir = mkdtempSync(path.join(tmpdir(), 'zerogpu-bench-'));
// As root the database runs as another user, who has to pass through.
chmodSync(dataDir, 0o711);
try {
  const report = await measure(dataDir);
  if (options.write) writeFileSync(path.join(import.meta.dirname, '../results/nodes.md'), report);
} finally {
  rmSync(dataDir, { recursive: true, force: true });
}
