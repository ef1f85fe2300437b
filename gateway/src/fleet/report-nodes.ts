/** Writes down what this gateway sees of its nodes: in groups, and of each only what changed. */
import type { Pool } from 'pg';
import type { LiveNode, LiveNodes } from '../live-nodes.ts';
import { type Rounds, startRounds } from '../rounds.ts';
import type { Log } from '../store/log.ts';
import { inTransaction } from '../store/transaction.ts';

/** So old may be what other gateways show of this one's nodes, and counts of runs. */
const REPORT_MS = 5_000;
/** Of sockets that ended: who looks sees within a second or so that a node is away. */
const LEFT_MS = 1_000;
/** Between two looks for nodes that are said to be here and are not. */
const RECONCILE_MS = 30_000;
/** Of one statement: 1,000 nodes take some 20 ms. */
const MAX_GROUP = 1_000;
/** More sockets that ended than a gateway has in a database's outage; those beyond it are found by `reconcile`. */
const MAX_LEFT = 100_000;
/** A round trip that moved by less is no news. */
const RTT_STEP_MS = 5;

interface Ended {
  readonly id: string;
  readonly session: number;
  readonly ms: number;
}

/** In one order, as those who let nodes in take their locks. Of a socket that was followed by another, nothing. */
const LEAVE = `
UPDATE nodes n SET gateway_id = NULL, last_seen_at = now(), connected_ms = n.connected_ms + l.ms FROM (
  SELECT u.* FROM jsonb_to_recordset($1) AS u (id text, session bigint, ms bigint)
  JOIN nodes m ON m.id = u.id ORDER BY m.id FOR NO KEY UPDATE OF m) l
WHERE n.id = l.id AND n.sessions = l.session`;

/** Admitted and then sent away, or gone before they were welcome: nobody saw a socket of theirs end. */
const RECONCILE = `
UPDATE nodes SET gateway_id = NULL, last_seen_at = connected_at
WHERE gateway_id = $1 AND connected_at < now() - interval '30 seconds'
  AND NOT EXISTS (SELECT FROM unnest($2::text[]) AS here (id) WHERE here.id = nodes.id)`;

interface Report {
  readonly id: string;
  readonly session: number;
  readonly rtt: number | null;
  /** Undefined stays as it is. */
  readonly models: unknown;
  readonly done: number;
  readonly failed: number;
}

/** A day (UTC) begins anew with its first run. */
const today = `(now() AT TIME ZONE 'UTC')::date`;
const REPORT = `
UPDATE nodes n SET rtt_ms = coalesce(r.rtt, n.rtt_ms), models = coalesce(r.models, n.models),
  runs_done = n.runs_done + r.done, runs_failed = n.runs_failed + r.failed,
  day_done = CASE WHEN n.runs_day = ${today} THEN n.day_done ELSE 0 END + r.done,
  day_failed = CASE WHEN n.runs_day = ${today} THEN n.day_failed ELSE 0 END + r.failed, runs_day = ${today}
FROM (
  SELECT u.* FROM jsonb_to_recordset($1) AS u (id text, rtt real, models jsonb, done bigint, failed bigint)
  JOIN nodes m ON m.id = u.id ORDER BY m.id FOR NO KEY UPDATE OF m) r
WHERE n.id = r.id`;
const MINUTES = `
INSERT INTO fleet_minutes AS f (pool, organization_id, minute, done, failed)
SELECT u.pool, u.organization_id, date_trunc('minute', now()), u.done, u.failed
FROM jsonb_to_recordset($1) AS u (pool text, organization_id uuid, done bigint, failed bigint)
ORDER BY u.pool, u.organization_id
ON CONFLICT (pool, organization_id, minute) DO UPDATE SET done = f.done + excluded.done, failed = f.failed + excluded.failed`;

export interface ReporterOptions {
  readonly gatewayId: string;
  readonly pool: Pool;
  readonly log: Log;
  readonly live: LiveNodes;
  now(): number;
}

/** What was written last of a socket. */
interface Told {
  readonly session: number;
  readonly done: number;
  readonly failed: number;
  readonly rtt: number;
  /** Of what `report` tells. */
  readonly changes: number;
}

export class NodeReporter {
  readonly #options: ReporterOptions;
  readonly #told = new Map<string, Told>();
  /** By node and socket; of sockets that ended. */
  readonly #left = new Map<string, Ended>();
  /** Of sockets that ended, not yet written. */
  #lateRuns: (RunsOf & Pick<Report, 'id'>)[] = [];
  readonly #rounds: readonly Rounds[];

  constructor(options: ReporterOptions) {
    this.#options = options;
    const { log } = options;
    const failed = 'What nodes do could not be written down';
    this.#rounds = [
      startRounds({ everyMs: REPORT_MS, round: () => this.report(), log, failed }),
      startRounds({ everyMs: RECONCILE_MS, round: () => this.reconcile(), log, failed }),
      startRounds({ everyMs: LEFT_MS, round: () => this.#writeLeft(), log, failed }),
    ];
  }

  /** A node's socket ended. */
  left(node: LiveNode): void {
    if (node.session === 0) return;
    const { id, session, connectedAt } = node;
    const ms = Math.max(0, Math.round(this.#options.now() - connectedAt));
    this.#left.set(`${id} ${session}`, { id, session, ms });
    const { done, failed } = this.#runsSince(node);
    if (done + failed > 0) this.#lateRuns.push({ id, ...ownerOf(node), done, failed });
    if (this.#told.get(id)?.session === session) this.#told.delete(id);
    for (const oldest of this.#left.keys()) {
      if (this.#left.size <= MAX_LEFT) break;
      this.#left.delete(oldest);
    }
    this.#lateRuns.splice(0, this.#lateRuns.length - MAX_LEFT);
  }

  /** Writes down what changed since the last time. Runs by itself; public for tests. */
  async report(): Promise<void> {
    const nodes = [...this.#options.live.nodes()].filter(({ session }) => session > 0);
    for (let from = 0; from < nodes.length; from += MAX_GROUP) {
      await this.#reportGroup(nodes.slice(from, from + MAX_GROUP));
    }
    while (this.#lateRuns.length > 0) {
      const late = this.#lateRuns.slice(0, MAX_GROUP);
      await this.#write(late.map(quiet), late);
      this.#lateRuns = this.#lateRuns.slice(late.length);
    }
  }

  /** Nodes that are said to be here and are not, are away. Runs by itself; public for tests. */
  async reconcile(): Promise<void> {
    const { pool, live, gatewayId } = this.#options;
    // Those that come meanwhile are too new to be asked for.
    await pool.query(RECONCILE, [gatewayId, [...live.nodes()].map(({ id }) => id)]);
  }

  /** Writes what is left to write. */
  async close(): Promise<void> {
    await Promise.all(this.#rounds.map((rounds) => rounds.stop()));
    try {
      await this.report();
      await this.#writeLeft();
    } catch {
      // The database is away. Counts are for people; that the nodes are away, other gateways find by this one's end.
      this.#options.log.warn({}, 'What nodes did last could not be written down');
    }
  }

  async #reportGroup(nodes: readonly LiveNode[]): Promise<void> {
    const reports: Report[] = [];
    const runs: RunsOf[] = [];
    const before = new Map<string, Told | undefined>();
    for (const node of nodes) {
      const { report, now } = this.#newsOf(node);
      if (report === null) continue;
      reports.push(report);
      runs.push({ ...ownerOf(node), done: report.done, failed: report.failed });
      before.set(node.id, this.#told.get(node.id));
      // Before it is written: what a socket that ends meanwhile did besides is counted by itself.
      this.#told.set(node.id, now);
    }
    if (reports.length === 0) return;
    try {
      await this.#write(reports, runs);
    } catch (error) {
      this.#forget(before);
      throw error;
    }
  }

  /** What failed is written the next time, of those that are still here. */
  #forget(before: ReadonlyMap<string, Told | undefined>): void {
    for (const [id, told] of before) {
      if (!this.#told.has(id)) continue;
      if (told === undefined) this.#told.delete(id);
      else this.#told.set(id, told);
    }
  }

  /** Of most nodes there is none: ten thousand are looked through in a few milliseconds. */
  #newsOf(node: LiveNode): { readonly report: Report | null; readonly now: Told } {
    const { id, session, rttMs, changes } = node;
    const before = this.#told.get(id);
    // What it announced was written as it was let in.
    const { rtt = 0, changes: told = 0 } = before?.session === session ? before : {};
    const runs = this.#runsSince(node);
    const moved = Math.abs(rttMs - rtt) >= RTT_STEP_MS;
    const now = { session, ...node.runs, rtt: moved ? rttMs : rtt, changes };
    if (changes === told && runs.done + runs.failed === 0 && !moved) return { report: null, now };
    const models = changes === told ? null : node.report();
    return { report: { id, session, rtt: rttMs === 0 ? null : rttMs, models, ...runs }, now };
  }

  #runsSince({ id, session, runs }: LiveNode): { readonly done: number; readonly failed: number } {
    const told = this.#told.get(id);
    if (told?.session !== session) return { ...runs };
    return { done: runs.done - told.done, failed: runs.failed - told.failed };
  }

  async #write(reports: readonly Report[], runs: readonly RunsOf[]): Promise<void> {
    await inTransaction(this.#options.pool, async (db) => {
      await db.query(REPORT, [JSON.stringify(reports)]);
      const sums = sumsOf(runs);
      if (sums.length > 0) await db.query(MINUTES, [JSON.stringify(sums)]);
    });
  }

  async #writeLeft(): Promise<void> {
    while (this.#left.size > 0) {
      const group = [...this.#left].slice(0, MAX_GROUP);
      await this.#options.pool.query(LEAVE, [JSON.stringify(group.map(([, ended]) => ended))]);
      for (const [key] of group) this.#left.delete(key);
    }
  }
}

interface RunsOf {
  readonly pool: string;
  readonly organization_id: string | null;
  readonly done: number;
  readonly failed: number;
}

const ownerOf = ({ facts: { pool, organizationId } }: LiveNode) => ({
  pool,
  organization_id: organizationId,
});

/** Of a socket that ended nothing but its runs is news. */
function quiet({ id, done, failed }: RunsOf & Pick<Report, 'id'>): Report {
  return { id, session: 0, rtt: null, models: null, done, failed };
}

/** A row each of whose runs they are. */
function sumsOf(runs: readonly RunsOf[]): RunsOf[] {
  const sums = new Map<string, RunsOf>();
  for (const one of runs) {
    if (one.done + one.failed === 0) continue;
    const key = `${one.pool} ${one.organization_id}`;
    const sum = sums.get(key);
    sums.set(key, sum ? { ...sum, done: sum.done + one.done, failed: sum.failed + one.failed } : one);
  }
  return [...sums.values()];
}
