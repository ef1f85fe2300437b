/** A batch whose gateway, worker and node are killed while it runs. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BatchObject } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import { giveBackHolds, readBooks, readEnd } from './batch-audit.ts';
import { BatchClient, doneOf, good } from './batch-client.ts';
import { BatchFleet, type BatchFleetOptions, type Member, type Role } from './batch-fleet.ts';
import { type Fault, judgeBatch } from './batch-judge.ts';
import { chatBody, type MadeBatch, makeBatch, type SyncAnswer, TEXTS } from './batch-lines.ts';
import { mulberry32 } from './seeded-inferences.ts';

export interface BatchKillsOptions {
  readonly lines: number;
  /** Of each role so many, in a random order. */
  readonly kills: Readonly<Partial<Record<Role, number>>>;
  readonly seed: number;
  readonly fleet: BatchFleetOptions;
  /** For the whole batch. */
  readonly patienceMs: number;
}

export interface Kill {
  readonly role: Role;
  /** Lines handed out and not yet done when it was killed. */
  readonly underWay: number;
  /** Lines done by then. */
  readonly done: number;
}

export interface BatchKillsReport {
  readonly kills: readonly Kill[];
  readonly seconds: number;
  readonly faults: readonly Fault[];
  readonly batch: BatchObject;
  /** Attempts of lines that failed, by their error. */
  readonly failures: readonly string[];
  /** What all wrote last; empty when all is well. */
  readonly output: string;
}

/** Longest pause between a restart and the next kill, when lines are being answered again. */
const PAUSE_MS = 1_500;
const LOOK_MS = 5;

/**
 * Kills are spread over the batch: the nth comes when its share of the lines is done, so that each meets a batch that
 * works, however fast the machine is.
 */
export async function killDuringBatch(options: BatchKillsOptions): Promise<BatchKillsReport> {
  const fleet = await BatchFleet.start(options.fleet);
  try {
    const random = mulberry32(options.seed);
    const client = new BatchClient(fleet);
    const made = makeBatch(options.lines, await askAll(client), random);
    const startedAt = performance.now();
    const begun = await client.begin(made.file);
    const kills = await killInTurn(fleet, client, begun.id, options, random);
    const batch = await client.ended(begun.id, options.patienceMs);
    const seconds = (performance.now() - startedAt) / 1000;
    const faults = await judge(fleet, client, batch, made);
    const failures = await fleet.withPool(failuresOf);
    return { kills, seconds, batch, faults, failures, output: faults.length > 0 ? fleet.output : '' };
  } catch (error) {
    throw new Error(`Seed ${options.seed}. ${fleet.output}`, { cause: error });
  } finally {
    await fleet.stop();
  }
}

/** What the model says to each text when it is asked by itself. */
export async function askAll(client: BatchClient): Promise<SyncAnswer[]> {
  const answers: SyncAnswer[] = [];
  for (const text of TEXTS) {
    const { choices, usage } = good(await client.post('/v1/chat/completions', chatBody(text)));
    const { prompt_tokens: inputTokens, completion_tokens: outputTokens } = usage;
    answers.push({ content: choices[0].message.content, usage: { inputTokens, outputTokens } });
  }
  return answers;
}

export async function judge(
  fleet: BatchFleet,
  client: BatchClient,
  batch: BatchObject,
  made: MadeBatch,
): Promise<Fault[]> {
  return fleet.withPool(async (pool) => {
    await giveBackHolds(pool);
    const end = await readEnd(client, pool, batch);
    return judgeBatch(made.lines, end, await readBooks(pool, fleet.files));
  });
}

async function failuresOf(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ told: string }>(
    `SELECT count(*) || ' ' || error_code AS told FROM requests WHERE half_price AND status <> 200
     GROUP BY error_code ORDER BY count(*) DESC`,
  );
  return rows.map(({ told }) => told);
}

async function killInTurn(
  fleet: BatchFleet,
  client: BatchClient,
  batchId: string,
  { lines, kills, patienceMs }: BatchKillsOptions,
  random: () => number,
): Promise<Kill[]> {
  const roles = shuffledRoles(kills, random);
  const told: Kill[] = [];
  // Nobody waits for a restart but the next kill of the same one: what is left goes on meanwhile.
  const restarts = new Map<Member, Promise<void>>();
  try {
    for (const [i, role] of roles.entries()) {
      const wanted = Math.floor((lines * (i + random())) / (roles.length + 1));
      const batch = await client.progressed(batchId, wanted, patienceMs);
      if (batch.status !== 'in_progress') break;
      await sleep(PAUSE_MS * random() * random());
      const member = fleet.member(role, random());
      await restarts.get(member);
      const before = await fleet.withPool((pool) => underWayOf(pool, batchId));
      await fleet.kill(member);
      told.push({ role, ...before });
      const restarted = sleep(PAUSE_MS * random() * random()).then(() => fleet.restart(member));
      // Thrown below, or before its next kill.
      restarted.catch(() => undefined);
      restarts.set(member, restarted);
    }
    await Promise.all(restarts.values());
    return told;
  } finally {
    // What is started after the fleet has stopped would never end.
    await Promise.allSettled(restarts.values());
  }
}

/** Of a batch that works: looks until lines are under way, or gives up soon. */
async function underWayOf(pool: Pool, batchId: string): Promise<Pick<Kill, 'underWay' | 'done'>> {
  const text = `SELECT completed + failed AS done,
      (SELECT count(*)::int FROM batch_lines l WHERE l.batch_id = b.id AND l.state = 'running') AS "underWay"
    FROM batches b WHERE id = $1`;
  for (let look = 0; ; look++) {
    const { rows } = await pool.query<{ done: number; underWay: number }>(text, [batchId]);
    const found = rows[0] ?? { done: 0, underWay: 0 };
    if (found.underWay > 0 || look === 200) return found;
    await sleep(LOOK_MS);
  }
}

function shuffledRoles(kills: BatchKillsOptions['kills'], random: () => number): Role[] {
  const roles = (['gateway', 'second', 'worker', 'node'] as const).flatMap((role) =>
    Array.from({ length: kills[role] ?? 0 }, () => role),
  );
  return roles
    .map((role) => ({ role, place: random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ role }) => role);
}

export function describeKills({ lines, seed }: BatchKillsOptions, report: BatchKillsReport): string {
  const { kills, seconds, batch } = report;
  const each = kills.map(({ role, underWay, done }) => `${role} at ${done} with ${underWay}`);
  return [
    `${lines} lines of seed ${seed} in ${seconds.toFixed(1)} s; ${kills.length} kills (lines done, lines under way): ${each.join(', ')}`,
    `Ended ${batch.status} with ${JSON.stringify(batch.request_counts)}, ${doneOf(batch)} in files; attempts that failed: ${report.failures.join(', ')}`,
    report.output,
  ].join('\n');
}
