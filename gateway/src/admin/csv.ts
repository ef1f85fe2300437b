export type Cell = string | number | bigint | boolean | null;

/** RFC 4180: one line, with its end. */
export function csvLine(cells: readonly Cell[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`;
}

/** Amounts are texts, because JSON numbers are not exact. */
const NUMBER = /^-?\d+(\.\d+)?$/;
/** What some spreadsheet runs, or skips before what it runs. */
const FORMULA = /^[\s=+\-@|%]/;

/**
 * A text that begins like a formula gets an apostrophe in front: a spreadsheet would run it, and names of keys and
 * models are written by people. Numbers stay numbers.
 */
function csvCell(cell: Cell): string {
  if (cell === null) return '';
  if (typeof cell !== 'string') return String(cell);
  const harmless = FORMULA.test(cell) && !NUMBER.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
