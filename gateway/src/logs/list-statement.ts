/** The statements that list requests. Pure; the indexes that carry them are in migrations/0010_log_queries.sql. */
import { idTime } from '@zerogpu/protocol';
import { SqlValues, type Statement } from '../admin/sql-values.ts';
import { beginningOf, conditionsOf, type IdRange, idRange, isIndexed, narrower } from './log-filter.ts';
import type { LogQuestion } from './log-question.ts';

/** Of `requests`: all that a list shows. */
export const ROW_COLUMNS = `id, created_at, settled_at, cost, key_id, input_tokens, output_tokens, queue_ms, network_ms,
  model_ms, total_ms, latency_ms, half_minute, status, attempts, streamed, fallback, hedged, endpoint, requested_model, served_model,
  error_code, finish_reason, route_class, region`;

const HALF_MINUTE_MS = 30_000;
/** As the column's type has it: the year 4011. What is asked for behind it is narrowed by its id alone. */
const LAST_HALF_MINUTE = 2 ** 31 - 1;

/** One page, and one request more when there is another page. */
export function listStatement(projectId: string, question: LogQuestion): Statement {
  const values = new SqlValues();
  const project = values.add(projectId);
  const place = placeConditions(question, values);
  const order = orderOf(question);
  const conditions = [`project_id = ${project}`, ...place, ...conditionsOf(question.filter, values)];
  const limit = values.add(question.limit + 1);
  const select = (more: readonly string[]) =>
    `SELECT ${ROW_COLUMNS} FROM requests WHERE ${[...conditions, ...more].join(' AND ')} ORDER BY ${order} LIMIT ${limit}`;
  const rows =
    question.filter.statuses === null && question.sort === 'latency'
      ? bothHalves(select, question.order, limit)
      : branches(question, values)
          .map((branch) => `(${select(branch)})`)
          .join(' UNION ALL ');
  const text = `
SELECT r.*, k.name AS key_name, k.masked AS key_masked
FROM (SELECT * FROM (${rows}) AS found ORDER BY ${order} LIMIT ${limit}) r
LEFT JOIN api_keys k ON k.project_id = ${project} AND k.id = r.key_id
ORDER BY ${order.replaceAll(/\w+ (?=ASC|DESC)/g, (column) => `r.${column}`)}`;
  return { text, values: values.list };
}

/**
 * The indexes by latency hold what succeeded and what did not apart. The second is read first, because it is small: when
 * it fills the page, what succeeded matters only up to the page's last latency. Without that bound, the quickest of an
 * endpoint whose models are slow would be looked for among all quick answers.
 */
function bothHalves(
  select: (more: readonly string[]) => string,
  order: LogQuestion['order'],
  limit: string,
): string {
  const [behind, last, open] = order === 'asc' ? ['<=', 'max', 2 ** 31 - 1] : ['>=', 'min', -1];
  const bound = `(SELECT CASE WHEN count(*) = ${limit}::bigint THEN ${last}(latency_ms) ELSE ${open} END FROM failed)`;
  return `
WITH failed AS MATERIALIZED (${select(['status <> 200'])})
SELECT * FROM failed UNION ALL (${select(['status = 200', `latency_ms ${behind} ${bound}`])})`;
}

/** The conditions of each index scan: what they find is merged in order. */
function branches({ filter }: LogQuestion, values: SqlValues): readonly string[][] {
  const { statuses } = filter;
  if (statuses === null) return [[]];
  // An index is in order only below one status.
  return statuses.length === 0 ? [['false']] : statuses.map((status) => [`status = ${values.add(status)}`]);
}

/** Each is a total order, and the same one as by the sort key and the id alone. */
function orderOf({ filter, sort, order }: LogQuestion): string {
  const columns = sort === 'time' ? timeColumns(isIndexed(filter)) : latencyColumns(filter);
  return columns.map((column) => `${column} ${order === 'asc' ? 'ASC' : 'DESC'}`).join(', ');
}

function timeColumns(indexed: boolean): readonly string[] {
  return indexed ? ['half_minute', 'id'] : ['id'];
}

/** As the index that is meant: with half_minute, one without it would never be taken. */
function latencyColumns({ statuses, model, keyId }: LogQuestion['filter']): readonly string[] {
  const errorsOnly = statuses !== null && !statuses.includes(200);
  return errorsOnly || (model === null && keyId === null)
    ? ['latency_ms', 'half_minute', 'id']
    : ['latency_ms', 'id'];
}

function placeConditions(question: LogQuestion, values: SqlValues): string[] {
  const { sort, order, after } = question;
  const range = rangeOf(question);
  const conditions = rangeConditions(range, values);
  if (sort === 'time' || after === null) return conditions;
  const [ms, id] = [`${values.add(after.latencyMs)}::int`, values.add(after.id)];
  const behind = order === 'asc' ? '>' : '<';
  const exact = `(latency_ms, id) ${behind} (${ms}, ${id})`;
  const place = halfMinute(after.id);
  if (place === null) return [...conditions, `latency_ms ${behind}= ${ms}`, exact];
  // Where the index goes on; one more, as in rangeConditions.
  const near = `${values.add(order === 'asc' ? place - 1 : place + 1)}::int`;
  return [...conditions, `(latency_ms, half_minute) ${behind}= (${ms}, ${near})`, exact];
}

/** The ids among which the page is looked for. */
export function rangeOf({ filter, from, to, sort, order, after }: LogQuestion): IdRange {
  const beginning = filter.idPart === null ? null : beginningOf(filter.idPart);
  const range = beginning === null ? idRange(from, to) : narrower(idRange(from, to), beginning);
  if (sort !== 'time' || after === null) return range;
  // `!` sorts before every character of an id: the next text after this one.
  const behind = order === 'asc' ? { lower: `${after.id}!`, upper: '~' } : { lower: '', upper: after.id };
  return narrower(range, behind);
}

/** By id, which is exact and prunes partitions, and by half minute, which the indexes of filters know. */
function rangeConditions({ lower, upper }: IdRange, values: SqlValues): string[] {
  const [first, last] = [halfMinute(lower), halfMinute(upper)];
  return [
    `id >= ${values.add(lower)}`,
    `id < ${values.add(upper)}`,
    // One more at either end: rows of the first version have a created_at a moment after the time of their id.
    ...(first === null ? [] : [`half_minute >= ${values.add(first - 1)}`]),
    ...(last === null ? [] : [`half_minute <= ${values.add(last + 1)}`]),
  ];
}

/** Of an id or the beginning of one; null when it is too short to tell. */
function halfMinute(text: string): number | null {
  const start = text.slice(0, 'req_'.length + 10);
  const time = idTime('request', start + '0'.repeat(16));
  return time === null ? null : Math.min(Math.floor(time / HALF_MINUTE_MS), LAST_HALF_MINUTE - 1);
}

/** Ids that one page looks through for a text within them: 50 ms. */
export const SEARCHED_IDS = 100_000;

/** Looks for a text within ids, newest or oldest first, in the primary key alone. */
export function searchStatement(projectId: string, question: LogQuestion): Statement {
  const values = new SqlValues();
  const direction = question.order === 'asc' ? 'ASC' : 'DESC';
  const { lower, upper } = rangeOf(question);
  const text = `
WITH looked AS MATERIALIZED (
  SELECT id FROM requests WHERE project_id = ${values.add(projectId)} AND id >= ${values.add(lower)} AND id < ${values.add(upper)}
  ORDER BY id ${direction} LIMIT ${SEARCHED_IDS})
SELECT
  ARRAY(SELECT id FROM looked WHERE strpos(id, ${values.add(question.filter.idPart)}) > 0
    ORDER BY id ${direction} LIMIT ${values.add(question.limit)}) AS found,
  (SELECT ${direction === 'ASC' ? 'max' : 'min'}(id) FROM looked) AS last,
  (SELECT count(*) FROM looked) AS looked`;
  return { text, values: values.list };
}

/** Those of some requests that a filter lets through. */
export function amongStatement(projectId: string, question: LogQuestion, ids: readonly string[]): Statement {
  const values = new SqlValues();
  const project = values.add(projectId);
  const { filter, order } = question;
  const conditions = [
    `r.project_id = ${project}`,
    `r.id = ANY (${values.add(ids)})`,
    ...conditionsOf(filter, values),
    ...(filter.statuses === null ? [] : [`r.status = ANY (${values.add(filter.statuses)}::smallint[])`]),
  ];
  const text = `
SELECT ${ROW_COLUMNS}, k.name AS key_name, k.masked AS key_masked FROM (
  SELECT ${ROW_COLUMNS} FROM requests r WHERE ${conditions.join(' AND ')}) r
LEFT JOIN (SELECT id AS named_key, name, masked FROM api_keys WHERE project_id = ${project}) k ON k.named_key = r.key_id
ORDER BY r.id ${order === 'asc' ? 'ASC' : 'DESC'}`;
  return { text, values: values.list };
}
