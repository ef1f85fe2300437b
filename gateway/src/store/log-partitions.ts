/**
 * The request log's partitions of a week: made ahead, dropped when they are old. What happens inside is in
 * migrations/0006_request_log.sql; any number of gateways may call these at once.
 */
import type { Pool } from 'pg';

const DAY_MS = 24 * 60 * 60 * 1_000;
/** Four weeks: a gateway that cannot make partitions has that long to be noticed before rows go to the default one. */
const AHEAD_MS = 28 * DAY_MS;
/** Two years of both kinds: more than any round finds, unless a long retention was cut short. */
const MAX_DROPS = 210;

/** @param now milliseconds since 1970 @returns how many were made; none while another gateway makes them */
export async function ensureLogPartitions(pool: Pool, now: number): Promise<number> {
  const { rows } = await pool.query<{ made: number }>('SELECT ensure_log_partitions($1, $2) AS made', [
    new Date(now),
    new Date(now + AHEAD_MS),
  ]);
  return rows[0]!.made;
}

/**
 * Drops what is older than so many days: the log and the rollups by minute. Hours and days stay.
 * @param now milliseconds since 1970
 * @returns the partitions that went
 * @throws when a long reader stands in the way; the next round tries again
 */
export async function dropOldLog(pool: Pool, now: number, days: number): Promise<string[]> {
  const before = new Date(now - days * DAY_MS);
  const dropped: string[] = [];
  while (dropped.length < MAX_DROPS) {
    // One transaction each: it locks the log for a moment.
    const { rows } = await pool.query<{ name: string | null }>(
      'SELECT drop_oldest_log_partition($1) AS name',
      [before],
    );
    const name = rows[0]?.name ?? null;
    if (name === null) break;
    dropped.push(name);
  }
  return dropped;
}

/** A month in one round: after a long pause the rest follows in the next. */
const MAX_DAYS_ROLLED = 31;

/** Makes rollups of the days that are over. @returns how many days */
export async function rollUpDays(pool: Pool): Promise<number> {
  let days = 0;
  while (days < MAX_DAYS_ROLLED) {
    // One transaction each: what settles late waits for it.
    const { rows } = await pool.query<{ made: number }>('SELECT roll_up_days(1) AS made');
    if (rows[0]?.made !== 1) break;
    days++;
  }
  return days;
}
