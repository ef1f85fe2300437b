/** Rows whose columns stand apart by two spaces, tabs or a line of dots: prices of a receipt, values of a laboratory. */

import type { FieldPlan } from './field-plan.ts';
import { keyOf } from './label-meaning.ts';
import type { Range, Region } from './regions.ts';

const MOST_ROWS = 200;
const LONGEST_LINE = 400;
const GAP = /[ \t]*(?:\t| {2}|\.{4})[ \t.]*/g;
/** A cell that holds an amount: "10.2 g/dL", "£ 340.00", "x2". */
const AMOUNT = /^(?:[<>≤≥~x×+-] ?)?(?:[A-Z]{0,3}[$€£¥] ?)?(\d[\d.,]{0,14})(?:[ \u00a0]?([^\s(][^(]{0,23}))?/;
const BRACKETS = /^[([].{1,40}[)\]]$/;

interface Row {
  readonly line: Range;
  readonly cells: readonly Range[];
}

/** Regions of the rows; empty when the lines have no such columns, or the fields are not those of a row. */
export function gapRows(text: string, lines: readonly Range[], plans: readonly FieldPlan[]): Region[] {
  const rows = lines.slice(0, 4 * MOST_ROWS).map((line): Row => ({ line, cells: gapCells(text, line) }));
  const named = plans.find(({ isName }) => isName) ?? null;
  for (let i = 0; i < rows.length; i++) {
    const below = rowsFrom(text, rows, i + 1);
    if (below.length === 0) continue;
    const columns = columnsOf(text, rows[i]!.cells, plans, named);
    if (columns) return below.map((row) => regionOf(row, columns));
  }
  return named ? unheadedRows(text, rows, plans, named) : [];
}

function gapCells(text: string, { start, end }: Range): Range[] {
  if (end - start > LONGEST_LINE) return [];
  const cells: Range[] = [];
  let from = start;
  const line = text.slice(start, end);
  for (const gap of line.matchAll(GAP)) {
    if (start + gap.index > from) cells.push({ start: from, end: start + gap.index });
    from = start + gap.index + gap[0].length;
  }
  const last = start + line.trimEnd().length;
  if (last > from) cells.push({ start: from, end: last });
  return cells;
}

/** Neighbouring lines that open with words and have an amount among their other cells. */
function rowsFrom(text: string, rows: readonly Row[], first: number): Row[] {
  const found: Row[] = [];
  for (let i = first; i < rows.length && found.length < MOST_ROWS && isRow(text, rows[i]!); i++) {
    found.push(rows[i]!);
  }
  return found;
}

function isRow(text: string, { cells }: Row): boolean {
  const [name, ...others] = cells;
  if (!name || others.length === 0 || cells.length > 12) return false;
  const written = text.slice(name.start, name.end);
  return (
    /^[A-Za-zÀ-ž]/.test(written) &&
    !written.includes(':') &&
    others.some((cell) => AMOUNT.test(text.slice(cell.start, cell.end)))
  );
}

/** Fields of a header's cells, the first cell's name among them; null when the line is none of these fields' header. */
function columnsOf(
  text: string,
  cells: readonly Range[],
  plans: readonly FieldPlan[],
  named: FieldPlan | null,
): (FieldPlan | null)[] | null {
  if (cells.length < 2) return null;
  const columns = cells.map(({ start, end }) => {
    const key = keyOf(text.slice(start, end));
    return end - start > 40 ? null : (plans.find((plan) => plan.keys.has(key)) ?? null);
  });
  if (!columns[0] && named && !columns.includes(named)) columns[0] = named;
  return new Set(columns.filter((plan) => plan !== null)).size > 1 ? columns : null;
}

function regionOf({ line, cells }: Row, columns: readonly (FieldPlan | null)[]): Region {
  const found = new Map<FieldPlan, Range>();
  cells.forEach((cell, i) => {
    const plan = columns[i];
    if (plan && !found.has(plan)) found.set(plan, cell);
  });
  return { ranges: [line], cells: found, anchor: null };
}

/** Two rows or more without a header, where the fields are a name and an amount, and perhaps its unit and range. */
function unheadedRows(
  text: string,
  rows: readonly Row[],
  plans: readonly FieldPlan[],
  named: FieldPlan,
): Region[] {
  const amount = plans.find((plan) => plan !== named && isAmount(plan));
  if (!amount) return [];
  const found = rows.filter((row) => isRow(text, row)).slice(0, MOST_ROWS);
  if (found.length < 2) return [];
  const roles = { named, amount, unit: withKey(plans, 'unit'), range: withKey(plans, 'range') };
  const held = Object.values(roles).filter((plan) => plan !== undefined).length;
  // A field that a row has not: the rows are of something else.
  if (held * 2 <= plans.length) return [];
  return found.map((row) => ({ ranges: [row.line], cells: cellsOf(text, row, roles), anchor: null }));
}

function isAmount({ field, meaning }: FieldPlan): boolean {
  if (field.choices) return false;
  if (field.type === 'int' || field.type === 'float') return true;
  const isValue = /(?:^| )(?:valu|value|result|amount)$/.test(keyOf(field.name));
  return (
    field.type === 'str' &&
    (isValue || meaning.quantities.some((kind) => kind === 'money' || kind === 'measure'))
  );
}

function withKey(plans: readonly FieldPlan[], word: string): FieldPlan | undefined {
  return plans.find(({ field }) =>
    keyOf(field.name)
      .split(' ')
      .some((term) => term === keyOf(word)),
  );
}

interface Roles {
  readonly named: FieldPlan;
  readonly amount: FieldPlan;
  readonly unit: FieldPlan | undefined;
  readonly range: FieldPlan | undefined;
}

function cellsOf(text: string, { cells }: Row, { named, amount, unit, range }: Roles): Map<FieldPlan, Range> {
  const found = new Map<FieldPlan, Range>([[named, cells[0]!]]);
  for (const cell of cells.slice(1)) {
    const written = text.slice(cell.start, cell.end);
    if (BRACKETS.test(written)) {
      if (range && !found.has(range)) found.set(range, { start: cell.start + 1, end: cell.end - 1 });
      continue;
    }
    const match = AMOUNT.exec(written);
    if (!match || found.has(amount)) continue;
    const number = cell.start + written.indexOf(match[1]!);
    const behind = match[2] === undefined ? 0 : match[0].length;
    found.set(amount, unit || behind === 0 ? { start: number, end: number + match[1]!.length } : cell);
    if (unit && behind > 0)
      found.set(unit, { start: cell.start + behind - match[2]!.length, end: cell.start + behind });
  }
  return found;
}
