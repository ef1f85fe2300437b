/** Lines that were broken to a width, as mail and old files have them, are read as the one line that they were. */
import { LONGEST_LINE, type TokenLine } from '../entities/tagger-tokens.ts';
import { isCapital, isLetter } from '../words.ts';

/** A line that was broken to a width is at least so long, in code units. */
const SHORTEST_WRAPPED = 30;

/** Joined lines are no longer than the longest line; a blank line, or one of a form or a table, ends the run. */
export function withoutHardWraps(text: string, lines: readonly TokenLine[]): TokenLine[] {
  const joined: TokenLine[] = [];
  let run: TokenLine[number][] = [];
  let last: TokenLine = [];
  for (const line of lines) {
    if (run.length + line.length <= LONGEST_LINE && isWrapped(text, last, line)) run.push(...line);
    else {
      if (run.length > 0) joined.push(run);
      run = [...line];
    }
    last = line;
  }
  if (run.length > 0) joined.push(run);
  return joined;
}

function isWrapped(text: string, above: TokenLine, below: TokenLine): boolean {
  const end = above[above.length - 1];
  const start = below[0];
  if (!end || !start || end.end - above[0]!.start < SHORTEST_WRAPPED) return false;
  if (!(isLetter(end.text.charCodeAt(0)) || end.text === ',')) return false;
  // "Priya: perfect" is a line of its own.
  if (below.slice(1, 4).some(({ text: sign }) => /^[:=|;]$/.test(sign))) return false;
  return isLetter(start.text.charCodeAt(0)) && isOneBreak(text, end.end, start.start) && isProse(below);
}

/** Spaces and a single line feed: what stands between is looked at no further than a few signs. */
function isOneBreak(text: string, from: number, to: number): boolean {
  if (to - from > 8) return false;
  const between = text.slice(from, to);
  return between.indexOf('\n') >= 0 && between.indexOf('\n') === between.lastIndexOf('\n');
}

/** A line of an address, a form or a list has few small words. */
function isProse(line: TokenLine): boolean {
  let small = 0;
  for (const { text } of line)
    if (text.length >= 2 && isLetter(text.charCodeAt(0)) && !isCapital(text.charCodeAt(0))) small++;
  return small >= 2;
}
