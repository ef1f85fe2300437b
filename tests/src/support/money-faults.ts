/** The run: four gateways on one database, callers, killings and changes of budgets at random, and then the reckoning. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkInvariants } from '@zerogpu/ledger';
import type { Pool } from 'pg';
import { makeDatabase } from './database-server.ts';
import { installAudit } from './money-faults-audit.ts';
import { checkAll, installOrders, keepOrders, type Misfit } from './money-faults-checks.ts';
import { Fleet, type FleetMember } from './money-faults-fleet.ts';
import { Load, type Surprise } from './money-faults-load.ts';
import { MODEL } from './money-faults-orders.ts';
import { type Probed, Quiet } from './money-faults-quiet.ts';
import type { Replay } from './money-faults-replay.ts';
import { makeTenants } from './money-faults-tenants.ts';
import { Turmoil } from './money-faults-turmoil.ts';
import { startCountingUpstream } from './money-faults-upstream.ts';
import { upstreamSetting } from './scripted-upstream.ts';
import { mulberry32, type Random } from './seeded-inferences.ts';

export interface FaultsOptions {
  /** Ends when this many were answered and charged. */
  readonly requests: number;
  readonly callers: number;
  /** Orders between two kills, on average. */
  readonly killEvery: number;
  /**
   * Kills come while less than this share of the requests is answered. What a killed gateway worked on under a key
   * cannot be tried again for half a minute, and better while others still run than after them.
   */
  readonly killUntil: number;
  readonly seed: number;
}

export interface FaultsReport {
  readonly seconds: number;
  readonly ended: Load['ended'];
  readonly requests: number;
  readonly replays: number;
  readonly runs: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly changes: Turmoil['done'];
  /** Requests under way at the gateway that was killed, as their callers saw it. */
  readonly inFlight: readonly number[];
  readonly surprises: readonly Surprise[];
  /** Of the books while requests ran. */
  readonly violations: readonly string[];
  readonly misfits: readonly Misfit[];
  readonly replay: Replay;
  readonly probed: readonly Probed[];
}

const GATEWAYS = 4;
/** Short, so that holds of killed gateways are back while others still want the money. */
const DEADLINE_MS = 2_000;
/** Deadline and grace of a claim, as in gateway/src/idempotency/claim.ts, and a little. */
const LOCK_MS = DEADLINE_MS + 30_000 + 500;
/** Deadline, the grace of a hold, and rounds of the sweeper. */
const HOLDS_GONE_MS = 60_000;
/** Of kills: a second gateway goes with the first. */
const TWO_AT_ONCE = 0.15;
/** Two stay up, whatever happens. */
const FEWEST_UP = 2;
const LOOK_EVERY_MS = 2_000;

export async function runMoneyFaults(options: FaultsOptions): Promise<FaultsReport> {
  const random = mulberry32(options.seed);
  const leaving: (() => Promise<unknown>)[] = [];
  try {
    const upstream = await startCountingUpstream(random);
    leaving.push(() => upstream.stop());
    const database = await makeDatabase();
    leaving.push(() => database.drop());
    const secret = randomBytes(32).toString('hex');
    const upstreams = upstreamSetting(upstream, MODEL);
    const fleet = await Fleet.start({
      gateways: GATEWAYS,
      databaseUrl: database.url,
      secret,
      deadlineMs: DEADLINE_MS,
      upstreams,
    });
    leaving.push(() => fleet.stop());
    const report = await run(options, random, database.pool, fleet, secret);
    return { ...report, runs: upstream.runs };
  } finally {
    for (const leave of leaving.reverse()) await leave();
  }
}

async function run(
  options: FaultsOptions,
  random: Random,
  pool: Pool,
  fleet: Fleet,
  secret: string,
): Promise<Omit<FaultsReport, 'runs'>> {
  await installAudit(pool);
  await installOrders(pool);
  const buyers = await makeTenants(pool, secret);
  const { requests: answers, callers } = options;
  const keep = keepOrders.bind(null, pool);
  const load = new Load({ fleet, buyers, random, answers, callers, lockMs: LOCK_MS, keep });
  const turmoil = new Turmoil(pool, buyers, random);
  const fail = (error: Error) => load.stop(error);
  turmoil.start(fail);
  const killing = killAtRandom(fleet, load, options, random).catch((error: Error) => {
    fail(error);
    return [];
  });
  const watching = watchBooks(pool, load);
  await load.run();
  const inFlight = await killing;
  await turmoil.stop();
  await waitForNoHolds(pool);
  const probed = await new Quiet(
    pool,
    fleet.members.map(({ port }) => port),
  ).probe(buyers);
  await keepOrders(
    pool,
    probed.flatMap(({ ends }) => ends),
  );
  const verdict = await checkAll(pool, load.refusals);
  return {
    seconds: load.seconds,
    ended: load.ended,
    requests: load.requests,
    replays: load.replays,
    failures: Object.fromEntries(load.failures),
    changes: turmoil.done,
    inFlight,
    surprises: load.surprises,
    violations: await watching,
    ...verdict,
    probed,
  };
}

/** Kills while new orders come. Resolves when all are up again. @returns in flight at each kill */
async function killAtRandom(
  fleet: Fleet,
  load: Load,
  { requests, killEvery, killUntil }: FaultsOptions,
  random: Random,
): Promise<number[]> {
  const inFlight: number[] = [];
  const restarts: Promise<void>[] = [];
  const kill = async (member: FleetMember) => {
    inFlight.push(load.inFlight.get(member) ?? 0);
    await fleet.kill(member);
    restarts.push(fleet.restart(member).catch((error: Error) => load.stop(error)));
  };
  let next = killEvery;
  while (load.ended.answered < requests * killUntil && !load.stopped) {
    await sleep(5 + 20 * random());
    if (load.finished < next) continue;
    const victims = random() < TWO_AT_ONCE ? 2 : 1;
    for (let i = 0; i < victims && fleet.up.length > FEWEST_UP; i++) {
      await kill(fleet.up[Math.floor(random() * fleet.up.length)]!);
    }
    next = load.finished + killEvery * (0.5 + random());
  }
  await Promise.all(restarts);
  return inFlight;
}

/** Looks at the whole books again and again while they are written. */
async function watchBooks(pool: Pool, load: Load): Promise<string[]> {
  const found: string[] = [];
  while (!load.enough && !load.stopped) {
    const violations = await checkInvariants(pool);
    found.push(...violations.map(({ rule, subject, detail }) => `${rule} ${subject} ${detail}`));
    await sleep(LOOK_EVERY_MS);
  }
  return found.slice(0, 50);
}

async function waitForNoHolds(pool: Pool): Promise<void> {
  const until = Date.now() + HOLDS_GONE_MS;
  while (Date.now() < until) {
    const { rows } = await pool.query<{ none: boolean }>(
      'SELECT NOT EXISTS (SELECT FROM ledger.holds) AS none',
    );
    if (rows[0]?.none) return;
    await sleep(100);
  }
}

/** What happened, for people. */
export function describeRun(options: FaultsOptions, report: FaultsReport): string {
  const { ended, inFlight, replay, changes } = report;
  const total = Object.values(ended).reduce((sum, n) => sum + n, 0);
  return [
    `Seed ${options.seed}: ${total} orders in ${report.seconds.toFixed(0)} s (${Math.round(total / report.seconds)}/s), ${report.requests} requests with retries`,
    `  ${Object.entries(ended)
      .map(([kind, n]) => `${n} ${kind}`)
      .join(
        ', ',
      )}; ${report.replays} replays; ${report.runs} runs upstream; failures ${JSON.stringify(report.failures)}`,
    `  ${JSON.stringify(changes)}`,
    `  ${replay.granted} holds granted, ${replay.refused.size} refused, ${replay.refusedForDead} of these only for money held by killed gateways`,
    `  ${inFlight.length} kills, in flight at each: ${inFlight.join(' ')} (median ${median(inFlight)})`,
    `  spent to the end: ${report.probed.map(({ purse, answers, left, least }) => `${purse} ${answers} answers, ${left} left where ${least} is the least`).join('; ')}`,
  ].join('\n');
}

export function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? 0;
}
