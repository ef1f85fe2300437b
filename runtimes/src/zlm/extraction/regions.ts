/** Where each instance of a group stands in a text: rows of a table, blocks of lines, items of a list, or sentences. */
import type { Candidate } from './entity-finder.ts';
import type { FieldPlan } from './field-plan.ts';
import { gapRows } from './gap-tables.ts';
import type { KeyValue } from './key-values.ts';
import { keyOf } from './label-meaning.ts';

export interface Range {
  readonly start: number;
  readonly end: number;
}

/** The parts of a text that tell of one instance. */
export interface Region {
  readonly ranges: readonly Range[];
  /** Values that the structure itself gives: of a table's row. */
  readonly cells: ReadonlyMap<FieldPlan, Range>;
  /** Where the instance itself is named; null when it is not. */
  readonly anchor: Range | null;
  /** True for one of several sentences that each may tell of an instance. */
  readonly isSentence?: boolean;
  /** True when nothing but the mention of a name tells that there is an instance. */
  readonly isMention?: boolean;
}

const NO_CELLS: ReadonlyMap<FieldPlan, Range> = new Map();
/** More instances than this are not told apart. */
const MOST_REGIONS = 200;

export function whole(text: string): Region {
  return { ranges: [{ start: 0, end: text.length }], cells: NO_CELLS, anchor: null };
}

export function isWithin(range: Range, region: Region): boolean {
  return region.ranges.some(({ start, end }) => start <= range.start && range.end <= end);
}

export function linesOf(text: string): Range[] {
  const lines: Range[] = [];
  for (let at = 0; at <= text.length; ) {
    const newline = text.indexOf('\n', at);
    const end = newline < 0 ? text.length : newline;
    lines.push({ start: at, end });
    at = end + 1;
  }
  return lines;
}

/** Rows below a header that names fields; empty when the text has no such table. */
export function tableRows(text: string, plans: readonly FieldPlan[], isNamedByKey: boolean): Region[] {
  const lines = linesOf(text);
  for (let i = 0; i < lines.length && i < 200; i++) {
    for (const divider of ['|', '\t', ';', ',']) {
      const header = cellsOf(text, lines[i]!, divider);
      const columns = header.map((cell) => columnOf(text.slice(cell.start, cell.end), plans));
      if (header.length < 2 || new Set(columns.filter((plan) => plan !== null)).size < 2) continue;
      const rows = rowsBelow(text, lines.slice(i + 1), divider, columns);
      if (rows.length > 0) return rows;
    }
  }
  // Columns of spaces beside a "Name: …" line are of something else.
  return isNamedByKey ? [] : gapRows(text, lines, plans);
}

function columnOf(cell: string, plans: readonly FieldPlan[]): FieldPlan | null {
  const key = keyOf(cell);
  return cell.length > 40 ? null : (plans.find((plan) => plan.keys.has(key)) ?? null);
}

function rowsBelow(
  text: string,
  lines: readonly Range[],
  divider: string,
  columns: readonly (FieldPlan | null)[],
): Region[] {
  const rows: Region[] = [];
  for (const line of lines.slice(0, MOST_REGIONS)) {
    const cells = cellsOf(text, line, divider);
    if (/^[\s|:+=-]*$/.test(text.slice(line.start, Math.min(line.end, line.start + 500)))) continue;
    if (Math.abs(cells.length - columns.length) > 1 || cells.length < 2) break;
    const found = new Map<FieldPlan, Range>();
    cells.forEach((cell, i) => {
      const plan = columns[i];
      if (plan && cell.end > cell.start && !found.has(plan)) found.set(plan, cell);
    });
    rows.push({ ranges: [line], cells: found, anchor: null });
  }
  return rows;
}

function cellsOf(text: string, line: Range, divider: string): Range[] {
  const cells: Range[] = [];
  let from = line.start;
  for (let at = line.start; at <= line.end && cells.length < 64; at++) {
    if (at < line.end && text.charAt(at) !== divider) continue;
    cells.push(withoutSpace(text, from, at));
    from = at + 1;
  }
  // "| a | b |" has an empty cell at both ends.
  if (divider === '|' && cells.length > 1) {
    if (isEmpty(cells[0]!)) cells.shift();
    if (isEmpty(cells.at(-1)!)) cells.pop();
  }
  return cells;
}

function isEmpty({ start, end }: Range): boolean {
  return start >= end;
}

function withoutSpace(text: string, from: number, to: number): Range {
  let start = from;
  let end = to;
  while (start < end && ' \t\r"*'.includes(text.charAt(start))) start++;
  while (end > start && ' \t\r"*'.includes(text.charAt(end - 1))) end--;
  return { start, end };
}

/** Blocks of "key: value" lines: a new one begins where the key that opened the first comes again. */
export function keyedBlocks(text: string, pairs: readonly KeyValue[], plans: readonly FieldPlan[]): Region[] {
  const own = pairs.filter(({ key }) => plans.some((plan) => plan.keys.has(keyOf(key))));
  const first = own[0];
  if (!first) return [];
  const opening = keyOf(first.key);
  const starts = own.filter(({ key }) => keyOf(key) === opening).map(({ keyStart }) => keyStart);
  if (starts.length < 2) return [];
  return starts.slice(0, MOST_REGIONS).map((start, i) => ({
    ranges: [{ start, end: starts[i + 1] ?? text.length }],
    cells: NO_CELLS,
    anchor: null,
  }));
}

const ITEM = /^\s*(?:[-*•–·‣]|\(?\d{1,3}[.)]|[a-z]\))\s+\S/;
/** "2017–2021  Software Engineer, …": the years belong to what they open. */
const YEARS =
  /^\s*(?:\d{1,2}[/.])?(?:19|20)\d\d ?[-–—] ?(?:(?:\d{1,2}[/.])?(?:19|20)\d\d|\d\d|[Nn]ow|NOW|[Pp]resent|PRESENT|[Tt]oday|[Cc]urrent|[Hh]eute|[Aa]ctual(?:idad)?|[Aa]ujourd['’]hui|[Oo]ggi|[Hh]oje)?:?,? {1,8}\S/;
const HEADING = /^[A-ZÀ-Þ][A-ZÀ-Þ &/-]{3,60}$/;

export interface Item extends Range {
  /** Where the item begins with its years; `start` is behind them. */
  readonly from: number;
}

/** Items of a list, each to where the next begins, or a blank line, or a heading. */
export function listItems(text: string): Item[] {
  const items: { from: number; start: number; end: number }[] = [];
  for (const line of linesOf(text)) {
    const last = items.at(-1);
    const opening = text.slice(line.start, Math.min(line.end, line.start + 40));
    const years = YEARS.exec(opening);
    const marker = years ?? ITEM.exec(opening);
    if (marker) {
      const start = line.start + marker[0].length - 1;
      items.push({ from: years ? line.start : start, start, end: line.end });
    } else if (
      last &&
      last.end + 1 === line.start &&
      line.end > line.start &&
      !HEADING.test(text.slice(line.start, Math.min(line.end, line.start + 70)))
    )
      last.end = line.end;
  }
  return items;
}

const SEPARATOR = /[;,.!?\n]|\b(?:and|while|but|whereas|und|y|et|e|or)\b/g;

/** Regions between the mentions of instances; mentions with the same text are one instance. */
export function anchoredRegions(
  text: string,
  anchors: readonly Candidate[],
  sentences: readonly Range[],
): Region[] {
  const found = new Map<string, { ranges: Range[]; anchor: Range }>();
  const firsts = boundaries(text, anchors, sentences);
  anchors.forEach((anchor, i) => {
    const key = aliasOf(text.slice(anchor.start, anchor.end), found);
    const range = { start: i === 0 ? 0 : firsts[i]!, end: firsts[i + 1] ?? text.length };
    const known = found.get(key);
    if (known) known.ranges.push(range);
    else if (found.size < MOST_REGIONS) found.set(key, { ranges: [range], anchor });
  });
  return [...found.values()].map(({ ranges, anchor }) => ({
    ranges,
    anchor,
    cells: NO_CELLS,
    isMention: true,
  }));
}

/** A name that ends or begins one seen before is that one: "Cook" after "Tim Cook". */
function aliasOf(name: string, found: ReadonlyMap<string, unknown>): string {
  const key = keyOf(name);
  if (found.has(key)) return key;
  let looked = 0;
  for (const other of found.keys()) {
    if (++looked > 50) break;
    if (other.endsWith(` ${key}`) || other.startsWith(`${key} `)) return other;
  }
  return key;
}

/** Where the region of each anchor begins. */
function boundaries(text: string, anchors: readonly Candidate[], sentences: readonly Range[]): number[] {
  let sentence = 0;
  return anchors.map((anchor, i) => {
    while (sentence < sentences.length - 1 && sentences[sentence + 1]!.start <= anchor.start) sentence++;
    const start = sentences[sentence]?.start ?? 0;
    const before = anchors[i - 1];
    if (!before || before.end <= start) return Math.min(start, anchor.start);
    return lastSeparator(text, before.end, anchor.start);
  });
}

function lastSeparator(text: string, from: number, to: number): number {
  const first = Math.max(from, to - 200);
  let last = to;
  for (const match of text.slice(first, to).matchAll(SEPARATOR)) last = first + match.index + match[0].length;
  return last;
}
