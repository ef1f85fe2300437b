/** Twelve nodes under fire: killed, frozen, slow, cut off, lying; and callers who should notice nothing. */
import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openGateway, readConfig, silentLog } from '@zerogpu/gateway';
import { NANOS_PER_DOLLAR, type NodePool, type PrivacyTier } from '@zerogpu/protocol';
import { makeAsks } from './edge-faults-asks.ts';
import { auditEdge, type EdgeAudit } from './edge-faults-audit.ts';
import { EdgeFleet, type EdgeNode, NODES, stillAlive } from './edge-faults-fleet.ts';
import { type Caller, EdgeLoad, type Failure, type WrongAnswer } from './edge-faults-load.ts';
import {
  becomes,
  killAllAtOnce,
  makeTurmoil,
  type Turmoil,
  type TurmoilOptions,
} from './edge-faults-turmoil.ts';
import type { LyingProxy } from './lying-proxy.ts';
import { median } from './money-faults.ts';
import type { NetworkNamespace } from './network-namespace.ts';
import { freePort } from './platform.ts';
import { poolToken, setReach } from './pools.ts';
import { mulberry32 } from './seeded-inferences.ts';
import { makeProject } from './test-gateway.ts';

export interface EdgeFaultsOptions extends TurmoilOptions {
  readonly seed: number;
  readonly callers: number;
  /** How long everything works, and how long it does not. */
  readonly calmMs: number;
  readonly faultsMs: number;
  /** Times that everything but the fallback is killed at once, afterwards. */
  readonly massacres: number;
  readonly network: NetworkNamespace | null;
}

export interface LiarReport {
  readonly name: string;
  readonly share: number;
  readonly answers: number;
  readonly lies: number;
  readonly caught: LyingProxy['caught'];
  readonly runsAfterwards: number;
}

export interface EdgeFaultsReport {
  readonly turmoil: Turmoil;
  readonly massacres: readonly { readonly nodes: number; readonly inFlight: number }[];
  readonly answered: number;
  readonly failures: readonly Failure[];
  /** Wrong answers of nodes that had earned trust, not yet found out when the request began; and all others. */
  readonly wrongBeforeCaught: number;
  readonly unexplained: readonly WrongAnswer[];
  readonly took: ReadonlyMap<string, readonly number[]>;
  readonly liars: readonly LiarReport[];
  readonly audit: EdgeAudit;
  /** Honest nodes in quarantine. */
  readonly accused: readonly string[];
  readonly leaked: readonly number[];
}

/** Whose requests there are, and of how many callers in twelve. */
const PROJECTS: readonly { name: string; privacy: PrivacyTier; ofTwelve: number; hasNodes: boolean }[] = [
  { name: 'public', privacy: 'public', ofTwelve: 6, hasNodes: false },
  { name: 'own', privacy: 'own', ofTwelve: 2, hasNodes: false },
  { name: 'own, with nodes', privacy: 'own', ofTwelve: 3, hasNodes: true },
  { name: 'cloud', privacy: 'cloud', ofTwelve: 1, hasNodes: false },
];
const POOLS: readonly NodePool[] = ['organization', 'operator', 'public', 'cloud'];
/** In a row, checked, until answers leave at once. */
const RIGHT_TO_EARN = 10;
/** For what is on its way when the faults are over. */
const CATCH_MS = 10_000;

export async function runEdgeFaults(options: EdgeFaultsOptions): Promise<EdgeFaultsReport> {
  const random = mulberry32(options.seed);
  const dataDir = await mkdtemp(path.join(tmpdir(), 'zerogpu-test-'));
  // As root the database runs as another user, who has to pass through.
  await chmod(dataDir, 0o711);
  const [asks, { tokens, callers }] = await Promise.all([
    makeAsks(random),
    prepare(dataDir, options.callers),
  ]);
  const { network } = options;
  const port = await freePort();
  const fleet = await EdgeFleet.start({ dataDir, port, tokens, network, random });
  let load: EdgeLoad | null = null;
  try {
    load = new EdgeLoad(fleet.url, callers, asks, random);
    const fire = await underFire(fleet, load, options, random);
    await load.stop();
    if (fleet.gatewayEnd !== null) throw new Error(`The gateway ended. It wrote:\n${fleet.gatewayEnd}`);
    await fleet.stop();
    const audit = await auditEdge(dataDir, load.answered);
    return { ...fire, ...reportOf(fleet, load, audit) };
  } finally {
    await load?.stop();
    await fleet.stop();
    await fleet.remove();
  }
}

async function underFire(
  fleet: EdgeFleet,
  load: EdgeLoad,
  options: EdgeFaultsOptions,
  random: () => number,
): Promise<Pick<EdgeFaultsReport, 'turmoil' | 'massacres'>> {
  await load.more(options.callers * 4);
  load.phase = 'calm';
  await sleep(options.calmMs);
  load.phase = 'faults';
  const { network } = options;
  const turmoil = await makeTurmoil(
    { fleet, load, network, random },
    options,
    AbortSignal.timeout(options.faultsMs),
  );
  const surest = fleet.nodes.filter(({ liar }) => liar !== null && liar.share === 1);
  await becomes(CATCH_MS, () => surest.every(({ liar }) => liar?.caught !== null));
  load.phase = 'all at once';
  const massacres: EdgeFaultsReport['massacres'][number][] = [];
  for (let left = options.massacres; left > 0; left--) {
    const { inFlight } = load;
    const dead = await killAllAtOnce(fleet);
    massacres.push({ inFlight, nodes: dead.length });
    await load.more(options.callers * 2);
    if (left > 1) await Promise.all(dead.map((node) => node.start()));
  }
  return { turmoil, massacres };
}

/** Tokens of all pools, and callers of every project, made in the database before the gateway starts. */
async function prepare(
  dataDir: string,
  count: number,
): Promise<{ tokens: Record<NodePool, string>; callers: Caller[] }> {
  const gateway = await openGateway(readConfig({ ZEROGPU_DATA_DIR: dataDir, PORT: '0' }), silentLog);
  try {
    const callers: Caller[] = [];
    let owner = '';
    for (const { name, privacy, ofTwelve, hasNodes } of PROJECTS) {
      const project = await makeProject(gateway, { balance: 10_000n * NANOS_PER_DOLLAR });
      await setReach(gateway, project, { privacy });
      if (hasNodes) owner = project.organizationId;
      const { apiKey } = project;
      const share = Math.max(1, Math.round((count * ofTwelve) / 12));
      callers.push(...Array.from({ length: share }, () => ({ project: name, apiKey })));
    }
    const pairs = await Promise.all(
      POOLS.map(async (pool) => [
        pool,
        await poolToken(gateway, pool, pool === 'organization' ? owner : null),
      ]),
    );
    return { tokens: Object.fromEntries(pairs), callers };
  } finally {
    await gateway.close(1_000);
  }
}

function reportOf(
  fleet: EdgeFleet,
  load: EdgeLoad,
  audit: EdgeAudit,
): Omit<EdgeFaultsReport, 'turmoil' | 'massacres'> {
  const liars = fleet.nodes.filter(({ liar }) => liar !== null);
  const names = new Set(liars.map(({ spec }) => spec.name));
  const unexplained = load.wrong.filter((wrong) => !isExplained(wrong, liars));
  return {
    answered: load.answered.length,
    failures: load.failures,
    wrongBeforeCaught: load.wrong.length - unexplained.length,
    unexplained,
    took: load.took,
    liars: liars.flatMap(({ spec, liar }) => (liar === null ? [] : [liarReport(spec.name, liar)])),
    audit,
    accused: audit.quarantined.filter((name) => !names.has(name)),
    leaked: stillAlive(fleet.pids),
  };
}

function liarReport(name: string, { share, answers, lies, caught, runsAfterwards }: LyingProxy): LiarReport {
  return { name, share, answers, lies: lies.length, caught, runsAfterwards };
}

/**
 * A node that has earned trust may lie until it is found out: its answers leave before they are rechecked. A lie for
 * which it could not be trusted yet, and one that was asked for after it was found out, must never leave.
 */
function isExplained(
  { project, model, text, beganAt, endedAt }: WrongAnswer,
  liars: readonly EdgeNode[],
): boolean {
  return liars.some(({ liar }) =>
    liar?.lies.some(
      (lie) =>
        project === 'public' &&
        lie.model === model &&
        lie.text === text &&
        lie.trueBefore >= RIGHT_TO_EARN &&
        lie.at >= beganAt &&
        lie.at <= endedAt &&
        (liar.caught === null || beganAt < liar.caught.at),
    ),
  );
}

export function describeRun(
  { seed, callers, calmMs, faultsMs, network }: EdgeFaultsOptions,
  {
    turmoil,
    massacres,
    answered,
    took,
    liars,
    audit,
    wrongBeforeCaught,
    failures,
    accused,
  }: EdgeFaultsReport,
): string {
  const { kills, freezes, cuts } = turmoil;
  const calm = took.get('calm') ?? [];
  const faults = took.get('faults') ?? [];
  const flights = kills.map(({ inFlight }) => inFlight);
  const percent = (count: number) => `${((100 * count) / Math.max(1, audit.rows.all)).toFixed(2)} %`;
  const classes = Object.entries(audit.byClass).map(([name, count]) => `${name} ${count}`);
  return [
    `seed ${seed}: ${NODES.length} nodes, ${callers} callers, ${answered} answered, ${failures.length} failed`,
    `${kills.length} nodes killed, in flight at each: ${flights.join(' ')} (median ${median(flights)})`,
    `all but the fallback: ${massacres.map(({ nodes, inFlight }) => `${nodes} at once, ${inFlight} in flight`).join('; ') || 'never all'}`,
    `${freezes} freezes, ${network === null ? 'no cable to cut: that needs root and iproute2' : `${cuts} times cut off`}, one slow ×16`,
    `calm: ${timesOf(calm, calmMs)}; with faults: ${timesOf(faults, faultsMs)}; p99 ×${(at(faults, 0.99) / at(calm, 0.99)).toFixed(2)}`,
    `tried again ${audit.rows.retried} (${percent(audit.rows.retried)}), hedged ${audit.hedged} (${percent(audit.hedged)}); ${classes.join(', ')}`,
    ...liars.map(describeLiar),
    `strangers’ answers: ${audit.checked.right} checked and right, ${audit.checked.wrong} wrong, ${audit.checked.unchecked} unchecked; ${wrongBeforeCaught} wrong ones left before their node was found out; honest nodes accused: ${accused.length}`,
  ].join('\n');
}

function describeLiar({ name, share, answers, lies, caught }: LiarReport): string {
  const what = `"${name}" (lies ${share * 100} %)`;
  if (caught === null) return `${what}: ${answers} answers, ${lies} lies, not found out`;
  return `${what}: found out after ${caught.answers} answers, ${caught.lies} lies; ${answers} in all`;
}

function timesOf(times: readonly number[], ms: number): string {
  const perSecond = (times.length / ms) * 1000;
  return `p50 ${at(times, 0.5)} ms, p99 ${at(times, 0.99)} ms, ${perSecond.toFixed(0)} requests/s`;
}

function at(times: readonly number[], quantile: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[Math.floor(quantile * (sorted.length - 1))] ?? 0;
}
