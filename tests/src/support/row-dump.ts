/** Everything that a database holds, to show that nothing of it changed. */
import type { Pool } from 'pg';

/** What changes by itself: written for everybody who is let in, refused afterwards or not; signs of life; or tried again and again. */
const RESTLESS_COLUMNS: Readonly<Record<string, readonly string[]>> = {
  'public.sessions': ['last_seen_at'],
  'public.api_keys': ['last_used_at'],
  'public.batch_workers': ['alive_until'],
  'public.gateways': ['alive_until'],
  'public.nodes': [
    'rtt_ms',
    'models',
    'runs_done',
    'runs_failed',
    'runs_day',
    'day_done',
    'day_failed',
    'joined_told_at',
    'away_told_at',
    'quarantine_told_at',
  ],
  'public.webhook_deliveries': ['tries', 'status', 'next_at', 'attempts'],
};

/** Tables that change by themselves, and why. */
const RESTLESS: Readonly<Record<string, string>> = {
  'public.alert_rounds': 'when a gateway last looked whether anybody has to be told of something',
  'public.fleet_minutes': 'what nodes did, written a few seconds later',
  'public.rate_limits': 'what is left of an allowance: a refused request may have drawn on it',
};

/** `schema.table` → its rows as text, in order. */
export type Dump = ReadonlyMap<string, readonly string[]>;

const TABLES = `
SELECT n.nspname || '.' || c.relname AS name, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS quoted
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname IN ('public', 'ledger') ORDER BY 1`;

export async function dumpRows(pool: Pool): Promise<Dump> {
  const { rows } = await pool.query<{ name: string; quoted: string }>(TABLES);
  const dump = new Map<string, readonly string[]>();
  for (const { name, quoted } of rows) {
    if (name in RESTLESS) continue;
    const text = `SELECT (to_jsonb(t) - $1::text[])::text AS row FROM ${quoted} t ORDER BY 1`;
    const table = await pool.query<{ row: string }>(text, [RESTLESS_COLUMNS[name] ?? []]);
    dump.set(
      name,
      table.rows.map(({ row }) => row),
    );
  }
  return dump;
}

/** Looks this often before it gives up: what runs in the background ends in a second or two. */
const LOOKS = 100;
const PAUSE_MS = 200;

/** When what was started in the background has come to its end: two looks in a row show the same. */
export async function settledRows(pool: Pool): Promise<Dump> {
  let before = await dumpRows(pool);
  for (let look = 0; look < LOOKS; look++) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    const now = await dumpRows(pool);
    if (JSON.stringify([...now]) === JSON.stringify([...before])) return now;
    before = now;
  }
  throw new Error('The database does not come to rest');
}
