/** Reads of the log, each within a transaction behind the tenant fence. */
import type { PoolClient } from 'pg';
import { type Page, pageOf } from '../admin/paging.ts';
import { rowsOf } from '../admin/sql-values.ts';
import {
  amongStatement,
  listStatement,
  ROW_COLUMNS,
  SEARCHED_IDS,
  searchStatement,
} from './list-statement.ts';
import { beginningOf } from './log-filter.ts';
import { cursorOf, cursorParts, type LogQuestion, type PageQuery, questionOf } from './log-question.ts';
import { type LogRow, type Shown, shown } from './logged-request.ts';

/**
 * @param now milliseconds since 1970
 * @throws ApiError invalid_value
 */
export async function readPage(
  db: PoolClient,
  projectId: string,
  query: PageQuery,
  now: number,
): Promise<Page<Shown>> {
  const question = questionOf(query, now);
  const { idPart } = question.filter;
  if (idPart !== null && beginningOf(idPart) === null) return searchPage(db, projectId, query, question);
  const rows = await readRows(db, projectId, question);
  return pageOf(rows, question.limit, shown, (row) => cursorParts(query, question, row));
}

/** One request more than asked for when there are more. */
export async function readRows(
  db: PoolClient,
  projectId: string,
  question: LogQuestion,
): Promise<readonly LogRow[]> {
  return rowsOf<LogRow>(db, listStatement(projectId, question));
}

interface Looked {
  readonly found: readonly string[];
  readonly last: string | null;
  readonly looked: bigint;
}

/** A page goes as far as its bound, and the next one goes on there. */
async function searchPage(
  db: PoolClient,
  projectId: string,
  query: PageQuery,
  question: LogQuestion,
): Promise<Page<Shown>> {
  const { rows, next } = await search(db, projectId, question);
  const cursor = next === null ? null : cursorOf(query, question, { id: next, latency_ms: 0 });
  return { object: 'list', data: rows.map(shown), next: cursor };
}

/** @returns what was found in this stretch of the log, and the id at which the next begins; null at the end */
export async function search(
  db: PoolClient,
  projectId: string,
  question: LogQuestion,
): Promise<{ readonly rows: readonly LogRow[]; readonly next: string | null }> {
  const [stretch] = await rowsOf<Looked>(db, searchStatement(projectId, question));
  if (stretch === undefined) return { rows: [], next: null };
  const { found, last, looked } = stretch;
  const full = found.length === question.limit;
  const next = full ? (found.at(-1) ?? null) : Number(looked) === SEARCHED_IDS ? last : null;
  const rows = found.length === 0 ? [] : await rowsOf<LogRow>(db, amongStatement(projectId, question, found));
  return { rows, next };
}

export interface DetailRow extends LogRow {
  readonly node_id: string | null;
  readonly node_name: string | null;
  readonly why: string | null;
  readonly has_payload: boolean;
}

const DETAIL = `
SELECT ${ROW_COLUMNS.replaceAll(/\b(\w+)\b/g, 'r.$1')}, k.name AS key_name, k.masked AS key_masked,
  r.why, n.id AS node_id, n.name AS node_name,
  EXISTS (SELECT FROM request_payloads p WHERE p.project_id = $1 AND p.request_id = $2 AND p.expires_at > now()) AS has_payload
FROM requests r
LEFT JOIN api_keys k ON k.project_id = $1 AND k.id = r.key_id
LEFT JOIN nodes n ON n.id = r.route_target AND r.route_kind = 'node' AND n.organization_id = $3
WHERE r.project_id = $1 AND r.id = $2`;

/** A node is named only to the organization that owns it. */
export async function readDetail(
  db: PoolClient,
  organizationId: string,
  projectId: string,
  requestId: string,
): Promise<DetailRow | null> {
  const { rows } = await db.query<DetailRow>(DETAIL, [projectId, requestId, organizationId]);
  return rows[0] ?? null;
}
