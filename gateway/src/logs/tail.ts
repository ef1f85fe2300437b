/** Follows the log of a project: requests as they settle, whichever gateway of this database settled them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { idsFrom } from '@zerogpu/protocol';
import type { PoolClient } from 'pg';
import { eventText, remark } from '../admin/event-text.ts';
import { rowsOf, SqlValues, type Statement } from '../admin/sql-values.ts';
import { ROW_COLUMNS } from './list-statement.ts';
import { conditionsOf, type LogFilter } from './log-filter.ts';
import { type LogRow, shown } from './logged-request.ts';

export interface TailOptions {
  readonly projectId: string;
  readonly filter: LogFilter;
  /** The header `last-event-id` of a connection that goes on where another broke. */
  readonly lastEventId: string | null;
  /** Aborts when the reader went away. */
  readonly hangup: AbortSignal;
  read<T>(work: (db: PoolClient) => Promise<T>): Promise<T>;
  /** False when the session or the membership has ended. */
  stillAdmitted(): Promise<boolean>;
  readonly times?: TailTimes;
}

export interface TailTimes {
  /** Between two looks. */
  readonly pollMs: number;
  /** Between two looks whether the reader still may. */
  readonly admitMs: number;
  /** Between two signs of life: proxies cut what is silent for a minute, some for half. */
  readonly heartbeatMs: number;
}

/** A second is soon enough for eyes; a look takes 3 ms. The end of a session is noticed within 5. */
const TIMES: TailTimes = { pollMs: 1_000, admitMs: 5_000, heartbeatMs: 15_000 };
/** `settled_at` is when the settlement's transaction began, and it shows when that commits: each look goes back so far. */
const LOOK_BACK_MS = 5_000;
/** Of one look. A reader that is slower than this many a second falls behind. */
const MOST_ROWS = 500;
/** Ids that are remembered so that looking back tells nothing twice: 400 requests a second. */
const MOST_SEEN = 2_000;
/** Who is further behind is told so and goes on at the present. */
const FURTHEST_BEHIND_MS = 60_000;
/** No request takes longer than this to settle, by far: it prunes old partitions. */
const LONGEST_REQUEST_MS = 7 * 24 * 60 * 60 * 1000;

export async function* tailEvents(options: TailOptions): AsyncGenerator<string> {
  const { hangup, stillAdmitted, times = TIMES } = options;
  const follower = new Follower(options);
  // At once, so that the reader knows that it is connected.
  yield 'retry: 2000\n\n';
  let beat = performance.now();
  let admitted = beat;
  while (!hangup.aborted) {
    const now = performance.now();
    if (now - admitted >= times.admitMs) {
      if (!(await stillAdmitted())) {
        yield eventText('end', {});
        return;
      }
      admitted = now;
    }
    const { events, full } = await follower.look();
    if (events !== '') yield events;
    else if (now - beat >= times.heartbeatMs) yield remark('alive');
    if (events !== '' || now - beat >= times.heartbeatMs) beat = now;
    if (!full) await sleep(times.pollMs, undefined, { signal: hangup }).catch(() => undefined);
  }
}

/** What one connection has been told so far. */
class Follower {
  readonly #options: TailOptions;
  /** Milliseconds since 1970 by the database's clock; null before the first look. */
  #since: number | null;
  /** Nothing that settled before is told. */
  #floor = 0;
  /** When each settled. */
  readonly #seen = new Map<string, number>();

  constructor(options: TailOptions) {
    this.#options = options;
    this.#since = eventTime(options.lastEventId);
  }

  async look(): Promise<{ readonly events: string; readonly full: boolean }> {
    return this.#options.read(async (db) => {
      const { rows: clock } = await db.query<{ now: Date }>('SELECT now()');
      const now = clock[0]?.now.getTime() ?? 0;
      const gap = this.#begin(now);
      const rows = await rowsOf<LogRow>(db, this.#statement());
      for (const { id, settled_at } of rows) this.#seen.set(id, settled_at.getTime());
      const full = rows.length === MOST_ROWS;
      this.#since = full ? (rows.at(-1)?.settled_at.getTime() ?? now) : now;
      this.#forget();
      return { events: gap + rows.map(eventOf).join(''), full };
    });
  }

  /** @returns the event of a gap, where the reader is too far behind to catch up */
  #begin(now: number): string {
    if (this.#since === null) {
      this.#since = now;
      this.#floor = now;
    }
    if (now - this.#since <= FURTHEST_BEHIND_MS) return '';
    const gap = { from: new Date(this.#since), to: new Date(now) };
    this.#since = now;
    this.#floor = now;
    return eventText('gap', gap);
  }

  #statement(): Statement {
    const { projectId, filter } = this.#options;
    const from = Math.max(this.#floor, (this.#since ?? 0) - LOOK_BACK_MS);
    return tailStatement(projectId, filter, from, [...this.#seen.keys()]);
  }

  /** What looking back does not reach; and the oldest of too many, then it reaches less far. */
  #forget(): void {
    const reached = (this.#since ?? 0) - LOOK_BACK_MS;
    for (const [id, settledAt] of this.#seen) if (settledAt < reached) this.#seen.delete(id);
    const excess = this.#seen.size - MOST_SEEN;
    if (excess <= 0) return;
    const oldest = [...this.#seen].sort(([, a], [, b]) => a - b).slice(0, excess);
    for (const [id, settledAt] of oldest) {
      this.#seen.delete(id);
      this.#floor = Math.max(this.#floor, settledAt + 1);
    }
  }
}

/**
 * What has settled since a time, oldest first.
 * @param from milliseconds since 1970
 * @param seen ids that were told already
 */
export function tailStatement(
  projectId: string,
  filter: LogFilter,
  from: number,
  seen: readonly string[],
): Statement {
  const values = new SqlValues();
  const project = values.add(projectId);
  const conditions = [
    `project_id = ${project}`,
    `settled_at >= ${values.add(new Date(from))}`,
    `id >= ${values.add(idsFrom('request', from - LONGEST_REQUEST_MS))}`,
    `id <> ALL (${values.add(seen)}::text[])`,
    ...conditionsOf(filter, values),
    ...(filter.statuses === null ? [] : [`status = ANY (${values.add(filter.statuses)}::smallint[])`]),
    ...(filter.idPart === null ? [] : [`strpos(id, ${values.add(filter.idPart)}) > 0`]),
  ];
  const text = `
SELECT r.*, k.name AS key_name, k.masked AS key_masked FROM (
  SELECT ${ROW_COLUMNS} FROM requests WHERE ${conditions.join(' AND ')}
  ORDER BY settled_at, id LIMIT ${MOST_ROWS}) r
LEFT JOIN api_keys k ON k.project_id = ${project} AND k.id = r.key_id
ORDER BY r.settled_at, r.id`;
  return { text, values: values.list };
}

function eventOf(row: LogRow): string {
  return eventText('request', shown(row), `${row.settled_at.getTime()}-${row.id}`);
}

/** When the last event's request settled; null when the header is none of ours. */
export function eventTime(lastEventId: string | null): number | null {
  const match = /^(\d{1,15})-req_[0-9a-z]{26}$/.exec(lastEventId ?? '');
  return match ? Number(match[1]) : null;
}
