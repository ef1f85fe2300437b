/** The billing history: one list of what came in and went out, newest first, page by page. */
import { dollarsText, type HISTORY_KINDS, type PAYMENT_STATES } from '@zerogpu/protocol';
import type { PoolClient } from 'pg';
import { csvLine } from '../admin/csv.ts';
import { declineMessage } from './provider.ts';

type Kind = (typeof HISTORY_KINDS)[number];
type Status = (typeof PAYMENT_STATES)[number] | 'open';

interface Row {
  readonly key: string;
  readonly kind: Kind;
  readonly at: Date;
  readonly amount: bigint;
  readonly status: Status;
  readonly payment_id: string | null;
  readonly text: string | null;
  readonly code: string | null;
  readonly month: Date | null;
  readonly test_money: boolean;
}

/**
 * Each part gives at most a page behind the cursor (`$2` time, `$3` key), by its own index; together at most four. The
 * month that is not over counts as of now (`$5`), so it leads the first page and is on no other.
 */
const PAGE = `
WITH paid AS (
  SELECT 'payment:' || id AS key, CASE source WHEN 'manual' THEN 'credit' ELSE 'auto_recharge' END AS kind,
    created_at AS at, amount, state AS status, id AS payment_id, brand || ' •••• ' || last_four AS text,
    failure_code AS code, NULL::timestamptz AS month, provider <> 'stripe-live' AS test_money
  FROM payments WHERE organization_id = $1 AND created_at <= $2
    AND (created_at, 'payment:' || id) < ($2, $3 COLLATE "C")
  ORDER BY created_at DESC, id DESC LIMIT $4
), returned AS (
  SELECT 'refund:' || r.id AS key, 'refund' AS kind, r.created_at AS at, -r.amount AS amount, r.state AS status,
    r.payment_id, p.brand || ' •••• ' || p.last_four AS text, r.failure_code AS code, NULL::timestamptz AS month,
    p.provider <> 'stripe-live' AS test_money
  FROM refunds r JOIN payments p ON p.organization_id = r.organization_id AND p.id = r.payment_id
  WHERE r.organization_id = $1 AND r.created_at <= $2 AND (r.created_at, 'refund:' || r.id) < ($2, $3 COLLATE "C")
  ORDER BY r.created_at DESC, r.id DESC LIMIT $4
), given AS (
  SELECT 'credit:' || id AS key, 'credit' AS kind, at, amount, 'succeeded' AS status, NULL::uuid AS payment_id,
    description AS text, NULL AS code, NULL::timestamptz AS month, true AS test_money
  FROM billing_other_credits() WHERE (at, 'credit:' || id) < ($2, $3 COLLATE "C")
), used AS (
  SELECT 'usage:' || to_char(month AT TIME ZONE 'UTC', 'YYYY-MM') AS key, 'usage' AS kind,
    least(month_end, $5) AS at, -cost AS amount, CASE WHEN month_end > $5 THEN 'open' ELSE 'succeeded' END AS status,
    NULL::uuid AS payment_id, NULL AS text, NULL AS code, month, $6::boolean AS test_money
  FROM billing_usage_months(least($2, $5), $4::int)
)
SELECT * FROM (
  SELECT * FROM paid UNION ALL SELECT * FROM returned UNION ALL SELECT * FROM given UNION ALL SELECT * FROM used
) all_entries
WHERE (at, key) < ($2, $3 COLLATE "C") ORDER BY at DESC, key COLLATE "C" DESC LIMIT $4`;

/** Behind everything: where the first page begins. */
const BEGIN: Place = { at: new Date('9999-12-31T00:00:00Z'), key: '' };

export interface Place {
  readonly at: Date;
  readonly key: string;
}

export interface HistoryPage {
  readonly organizationId: string;
  readonly behind: Place | null;
  readonly limit: number;
  readonly now: Date;
  readonly testMoney: boolean;
}

/** Behind the tenant fence. @returns at most `limit` rows */
export async function readHistory(db: PoolClient, page: HistoryPage): Promise<Row[]> {
  const { at, key } = page.behind ?? BEGIN;
  const values = [page.organizationId, at, key, page.limit, page.now, page.testMoney];
  const { rows } = await db.query<Row>(PAGE, values);
  return rows;
}

export function shownEntry(row: Row) {
  return {
    id: row.key,
    kind: row.kind,
    at: row.at.toISOString(),
    description: describe(row),
    amount: dollarsText(row.amount),
    status: row.status,
    payment_id: row.payment_id,
    test_money: row.test_money,
  };
}

const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

function describe({ kind, text, code, month, payment_id }: Row): string {
  if (month !== null) return `Usage in ${MONTHS[month.getUTCMonth()]} ${month.getUTCFullYear()}`;
  const why = code === null ? '' : `: ${declineMessage(code)}`;
  if (kind === 'refund') return `Refund to ${text}${why}`;
  if (kind === 'auto_recharge') return `Auto recharge, ${text}${why}`;
  return payment_id === null ? (text ?? 'Credit') : `Credit, ${text}${why}`;
}

const COLUMNS = ['at', 'description', 'amount', 'status', 'kind', 'id', 'test_money'] as const;

export const HISTORY_HEAD = csvLine(COLUMNS);

export function historyLine(entry: ReturnType<typeof shownEntry>): string {
  return csvLine(COLUMNS.map((column) => entry[column]));
}
