/**
 * How many requests a second the database's part of the way carries: a hold before and a settlement after each, with
 * the real store, on the embedded server (or DATABASE_URL), at a number of concurrent callers.
 *
 *   npm run bench:settlement -- --callers 50 --seconds 5 --concurrency 1 --projects 1
 */
import { randomUUID } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  type Caller,
  HoldBook,
  openStore,
  Secrets,
  type Settlement,
  Settler,
  type Store,
  silentLog,
  UNLIMITED,
} from '@zerogpu/gateway';
import { checkInvariants, credit, openWallet } from '@zerogpu/ledger';
import { newId } from '@zerogpu/protocol';

const { values: args } = parseArgs({
  options: {
    callers: { type: 'string', default: '50' },
    seconds: { type: 'string', default: '5' },
    concurrency: { type: 'string', default: '1' },
    projects: { type: 'string', default: '1' },
  },
});
const options = {
  callers: Number(args.callers),
  seconds: Number(args.seconds),
  concurrency: Number(args.concurrency),
  projects: Number(args.projects),
};

const dataDir = await mkdtemp(join(tmpdir(), 'zerogpu-bench-'));
// As root the database runs as another user, who has to pass through.
await chmod(dataDir, 0o711);
const store = await openStore({ databaseUrl: process.env['DATABASE_URL'] ?? null, dataDir, log: silentLog });
try {
  await race(store);
} finally {
  await store.close();
  await rm(dataDir, { recursive: true, force: true });
}

interface Count {
  statements: number;
}

async function race({ pool }: Store): Promise<void> {
  const callers = await Promise.all(Array.from({ length: options.projects }, () => makeCaller(store)));
  const holdCount: Count = { statements: 0 };
  const settleCount: Count = { statements: 0 };
  const holds = new HoldBook(counted(pool, holdCount), options.concurrency);
  const settler = new Settler({
    pool: counted(pool, settleCount),
    secrets: new Secrets('x'.repeat(32)),
    gatewayName: 'bench',
    concurrency: options.concurrency,
  });
  await drive(callers, holds, settler, 1_000);
  Object.assign(holdCount, { statements: 0 });
  Object.assign(settleCount, { statements: 0 });
  const cpuBefore = await cpuSeconds();
  const started = performance.now();
  const latencies = await drive(callers, holds, settler, options.seconds * 1_000);
  const seconds = (performance.now() - started) / 1_000;
  const cpuAfter = await cpuSeconds();
  await holds.close();
  await settler.close();
  report(latencies, seconds, holdCount, settleCount, {
    node: cpuAfter.node - cpuBefore.node,
    postgres: cpuAfter.postgres - cpuBefore.postgres,
  });
  console.log(`ledger violations: ${(await checkInvariants(pool)).length}`);
}

/** Every caller takes its next request as soon as the last one settled. @returns milliseconds of each pair */
async function drive(
  callers: readonly Caller[],
  holds: HoldBook,
  settler: Settler,
  ms: number,
): Promise<Float64Array> {
  const latencies: number[] = [];
  const end = performance.now() + ms;
  const one = async (n: number) => {
    const caller = callers[n % callers.length]!;
    while (performance.now() < end) {
      const start = performance.now();
      const requestId = newId('request');
      const { result } = await holds.take(asking(requestId, caller));
      if (result !== 'held') throw new Error(`Expected a hold, got ${result}`);
      await settler.settle(settlement(requestId, caller));
      latencies.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: options.callers }, (_, n) => one(n)));
  return Float64Array.from(latencies).sort();
}

function asking(requestId: string, caller: Caller): Parameters<HoldBook['take']>[0] {
  const { walletId: accountId, projectId, keyId, limits } = caller;
  const expiresAt = Date.now() + 60_000;
  return { requestId, accountId, projectId, keyId, amount: 2_000n, expiresAt, tokens: 30, limits };
}

function settlement(requestId: string, caller: Caller): Settlement {
  return {
    requestId,
    startedAt: Date.now(),
    caller,
    endpoint: 'responses',
    requestedModel: 'zlm-v1-summary-cloud',
    servedModel: 'zlm-v1-summary-cloud',
    status: 200,
    errorCode: null,
    inputTokens: 412,
    outputTokens: 96,
    finishReason: 'stop',
    streamed: false,
    tier: 'interactive',
    replayOf: null,
    cost: 1_024n,
    held: true,
    route: {
      kind: 'node',
      target: 'node_01arz3ndektsv4rrffq69g5fav',
      class: 'edge',
      deviceClass: 'server',
      region: null,
      why: '[["e","DE",1.2,0,2.3],["e","DE",1.9,0,2.3],["p","FR",4.1,0,2.4]]',
      attempts: 1,
      fallback: false,
      hedged: false,
      queueMs: 0.12,
      networkMs: 1.4,
      modelMs: 2.25,
    },
    routeClass: 'edge',
    totalMs: 4 + Math.random() * 20,
    idempotency: null,
  };
}

async function makeCaller({ pool }: Store): Promise<Caller> {
  const organizationId = randomUUID();
  const walletId = await openWallet(pool, organizationId);
  const amount = 10n ** 15n;
  await credit(pool, { walletId, amount, reference: null, description: 'bench', at: Date.now() });
  return {
    keyId: randomUUID(),
    projectId: randomUUID(),
    organizationId,
    walletId,
    allowedModels: null,
    limits: UNLIMITED,
    standIns: null,
    privacy: 'own',
    upstreams: false,
    payloadPolicy: 'errors',
    payloadDays: 30,
  };
}

function counted(pool: Store['pool'], count: Count): Store['pool'] {
  return new Proxy(pool, {
    get(target, name) {
      if (name === 'query') count.statements += 1;
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** Of this process, and of all processes that run in the database's folder (Linux only). */
async function cpuSeconds(): Promise<{ node: number; postgres: number }> {
  const { user, system } = process.cpuUsage();
  let ticks = 0;
  for (const name of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(name)) continue;
    const folder = await readlink(`/proc/${name}/cwd`).catch(() => '');
    if (!folder.startsWith(dataDir)) continue;
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    ticks += Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  }
  return { node: (user + system) / 1e6, postgres: ticks / 100 };
}

function report(
  latencies: Float64Array,
  seconds: number,
  holds: Count,
  settles: Count,
  cpu: { node: number; postgres: number },
): void {
  const pairs = latencies.length;
  const at = (share: number) => (latencies[Math.floor((pairs - 1) * share)] ?? Number.NaN).toFixed(2);
  const perPair = (cpuSeconds: number) => ((cpuSeconds / pairs) * 1e6).toFixed(1);
  console.log(`${new Date().toISOString()} ${cpus()[0]?.model} × ${cpus().length}, Node ${process.version}`);
  console.log(
    `callers ${options.callers}, concurrency ${options.concurrency}, projects ${options.projects}, ${seconds.toFixed(1)} s`,
  );
  console.log(`hold+settle pairs/s: ${Math.round(pairs / seconds)}`);
  console.log(`latency of a pair, ms: p50 ${at(0.5)}  p99 ${at(0.99)}  max ${at(1)}`);
  console.log(
    `mean group: holds ${(pairs / holds.statements).toFixed(1)}, settlements ${(pairs / settles.statements).toFixed(1)}`,
  );
  console.log(`CPU per pair, µs: node ${perPair(cpu.node)}, postgres ${perPair(cpu.postgres)}`);
}
