/**
 * Where the sentences of a text begin and end, with exact UTF-16 offsets. Linear in the text: every look back or
 * ahead is bounded. First lines are joined to blocks (hard-wrapped paragraphs) or kept apart (lists, headings,
 * turns of a transcript), then each block is cut at its full stops.
 */
import { ABBREVIATIONS, GERMAN_WORDS, MONTHS, STARTERS } from './sentence-words.ts';
import { isCapital, isDigit, isIdeograph, isLetter, isSpace, lowerCase, trim, wordsOf } from './words.ts';

export interface Sentence {
  /** The first character: no white space, list marker or time stamp before it. */
  readonly start: number;
  /** Behind the last character, closing quotes and brackets included. */
  readonly end: number;
  /** Number of the block that it stands in: a paragraph, list item, heading or turn, from 0. */
  readonly block: number;
  /** True when the text itself ends it, with a full stop or the like. */
  readonly closed: boolean;
}

/** A sentence without any full stop for so long is cut at a comma or space, so that no part is without bound. */
const LONGEST = 1000;
const SHORTEST_CUT = 300;
/** A text with fewer full stops than one in so many characters has none to go by. */
const RUN_ON_CHARACTERS = 500;
const LOOK_BACK = 32;
const LOOK_AHEAD = 64;

interface Style {
  /** Hard-wrapped text: the width of its lines; 0 when line ends mean something. */
  readonly wrapWidth: number;
  /** Written without capitals, as some transcripts are: a small letter may begin a sentence. */
  readonly lowerCase: boolean;
  /** Hardly any full stops at all, as speech recognition gives it. */
  readonly runOn: boolean;
  /** Ordinals have a full stop ("am 3. Oktober"). */
  readonly german: boolean;
}

interface Range {
  readonly start: number;
  readonly end: number;
}

export function splitSentences(text: string): Sentence[] {
  const lines = linesOf(text);
  const style = styleOf(text, lines);
  const sentences: Sentence[] = [];
  blocksOf(text, lines, style).forEach((range, block) => {
    for (const part of splitBlock(text, range, style)) {
      for (const piece of cutLong(text, part, style)) {
        sentences.push({ ...piece, block, closed: isClosed(text, piece) });
      }
    }
  });
  return sentences;
}

/** Lines without the white space around them; blank ones are empty ranges. */
function linesOf(text: string): Range[] {
  const lines: Range[] = [];
  let start = 0;
  while (start <= text.length) {
    let end = text.indexOf('\n', start);
    if (end === -1) end = text.length;
    lines.push(trim(text, start, end));
    start = end + 1;
  }
  return lines;
}

function styleOf(text: string, lines: readonly Range[]): Style {
  let small = 0;
  let capital = 0;
  let stops = 0;
  for (const match of text.matchAll(/[.!?]["'”’)]{0,2}[ \n]["'“‘(]?/g)) {
    const unit = text.charCodeAt(match.index + match[0].length);
    stops++;
    if (isCapital(unit)) capital++;
    else if (isLetter(unit)) small++;
  }
  return {
    wrapWidth: wrapWidthOf(text, lines),
    lowerCase: small >= 2 && small > 3 * capital,
    runOn: text.length > (stops + 1) * RUN_ON_CHARACTERS,
    german: isGerman(text),
  };
}

function isGerman(text: string): boolean {
  const words = wordsOf(text.slice(0, 4000));
  let german = 0;
  for (const word of words) if (GERMAN_WORDS.has(word.text)) german++;
  return german * 12 > words.length;
}

/** Wider lines than these are paragraphs, or what no program wraps. */
const WIDEST_WRAP = 160;

/** Text is hard-wrapped when most of its lines break off without a full stop and go on with a small letter. */
function wrapWidthOf(text: string, lines: readonly Range[]): number {
  let width = 0;
  for (const { start, end } of lines) width = Math.max(width, end - start);
  if (width < 40 || width > WIDEST_WRAP) return 0;
  let breaks = 0;
  let goOn = 0;
  for (let i = 0; i + 1 < lines.length; i++) {
    const line = lines[i]!;
    const next = lines[i + 1]!;
    if (next.end === next.start || line.end - line.start < width * 0.65) continue;
    if (endsSentence(text, line)) continue;
    breaks++;
    const unit = text.charCodeAt(next.start);
    if (isLetter(unit) && !isCapital(unit)) goOn++;
  }
  return goOn > 0 && goOn >= breaks * 0.4 ? width : 0;
}

function blocksOf(text: string, lines: readonly Range[], style: Style): Range[] {
  const blocks: Range[] = [];
  let open: { start: number; last: Range } | null = null;
  for (const line of lines) {
    if (open && !(line.end > line.start && joins(text, open.last, line, style))) {
      blocks.push({ start: open.start, end: open.last.end });
      open = null;
    }
    if (line.end === line.start) continue;
    if (open) open.last = line;
    else open = { start: afterMarker(text, line), last: line };
  }
  if (open) blocks.push({ start: open.start, end: open.last.end });
  return blocks.filter(({ start, end }) => end > start);
}

function joins(text: string, line: Range, next: Range, style: Style): boolean {
  if (afterMarker(text, next) > next.start) return false;
  const length = line.end - line.start;
  if (style.wrapWidth > 0) return length >= style.wrapWidth * 0.6;
  const unit = text.charCodeAt(next.start);
  return (
    length >= 30 && isLetter(unit) && !isCapital(unit) && !isIdeograph(unit) && !endsSentence(text, line)
  );
}

const MARKER =
  /(?:[-*+•·‣▪◦–—>]|#{1,6}|\(?\d{1,3}[.)]|\[?\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?\]?)[ \t\u00a0]+/y;

/** Behind a bullet, number, quote mark or time stamp that begins the line, and the ones behind it. */
function afterMarker(text: string, line: Range): number {
  let start = line.start;
  for (let i = 0; i < 3; i++) {
    MARKER.lastIndex = start;
    const match = MARKER.exec(text);
    if (!match || start + match[0].length >= line.end) break;
    start += match[0].length;
  }
  return start;
}

const CLOSERS = '"\'”’»)]}」』）】';
const OPENERS = '"\'“‘„«‹([{¿¡「『（';

function isTerminal(unit: number): boolean {
  return unit === 0x2e || unit === 0x21 || unit === 0x3f || unit === 0x2026 || isWideTerminal(unit);
}

/** Full stops of scripts that put no space behind them. */
function isWideTerminal(unit: number): boolean {
  return unit === 0x3002 || unit === 0xff01 || unit === 0xff1f || unit === 0xff61;
}

function endsSentence(text: string, range: Range): boolean {
  let last = range.end - 1;
  while (last > range.start && CLOSERS.includes(text.charAt(last))) last--;
  const unit = text.charCodeAt(last);
  return isTerminal(unit) || unit === 0x3a || unit === 0xff1a;
}

const CLOSED = /[.!?…。！？｡](?:["'”’»)\]}」』）】]|\[\d{1,3}\])*$/;

function isClosed(text: string, range: Range): boolean {
  return CLOSED.test(text.slice(Math.max(range.start, range.end - LOOK_BACK), range.end));
}

function splitBlock(text: string, block: Range, style: Style): Range[] {
  const parts: Range[] = [];
  let start = block.start;
  let at = block.start;
  while (at < block.end) {
    if (!isTerminal(text.charCodeAt(at))) {
      at++;
      continue;
    }
    let runEnd = at + 1;
    while (runEnd < block.end && isTerminal(text.charCodeAt(runEnd))) runEnd++;
    const end = afterClosers(text, runEnd, block.end);
    if (end < block.end && isBoundary(text, { start: at, end: runEnd }, end, block, style)) {
      parts.push(trim(text, start, end));
      start = end;
    }
    at = Math.max(runEnd, start);
  }
  parts.push(trim(text, start, block.end));
  return parts.filter((part) => part.end > part.start);
}

const CITATION = /\[\d{1,3}\]/y;

function afterClosers(text: string, from: number, limit: number): number {
  let end = from;
  for (let i = 0; i < 8 && end < limit; i++) {
    CITATION.lastIndex = end;
    const citation = CITATION.exec(text);
    if (citation) end += citation[0].length;
    else if (CLOSERS.includes(text.charAt(end))) end++;
    else break;
  }
  return Math.min(end, limit);
}

/** Is there an end of a sentence at `end`, behind the full stops in `run` and the closing marks after them? */
function isBoundary(text: string, run: Range, end: number, block: Range, style: Style): boolean {
  if (isWideTerminal(text.charCodeAt(run.end - 1))) return true;
  if (!isSpace(text.charCodeAt(end))) return isGlued(text, run, end, block);
  let next = end;
  while (next < block.end && isSpace(text.charCodeAt(next))) next++;
  while (next < block.end && OPENERS.includes(text.charAt(next))) next++;
  const unit = text.charCodeAt(next);
  const small = isLetter(unit) && !isCapital(unit) && !isCaseless(unit);
  if (small && !style.lowerCase) return false;
  const isPlainStop = run.end - run.start === 1 && text.charAt(run.start) === '.';
  if (!isPlainStop) return true;
  return isStop(text, run.start, next, block, style, end > run.end);
}

/** Letters of scripts without capitals: nothing can be told from them. */
function isCaseless(unit: number): boolean {
  return unit >= 0x590;
}

/** "…the end.The next…", as text copied from web pages has it; not "example.Com" or "v1.Final". */
function isGlued(text: string, run: Range, end: number, block: Range): boolean {
  if (run.end - run.start !== 1 || end !== run.end) return false;
  const before = text.slice(Math.max(block.start, run.start - LOOK_BACK), run.start);
  const after = text.slice(end, Math.min(block.end, end + LOOK_BACK));
  return /(?:^|\s)[“"(]?[a-zß-öø-ÿ]{3,}$/.test(before) && /^[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ]*[ ,]/.test(after);
}

/** Does a single full stop at `stop`, followed by a word that may begin a sentence at `next`, end one? */
function isStop(
  text: string,
  stop: number,
  next: number,
  block: Range,
  style: Style,
  hasCloser: boolean,
): boolean {
  const before = wordBefore(text, stop, block.start);
  const after = wordAfter(text, next, block.end);
  if (before === '' || hasCloser) return true;
  if (/^\d+$/.test(before))
    return isStopAfterNumber(before, after, stop - before.length === block.start, style);
  const small = lowerCase(before);
  switch (ABBREVIATIONS.get(small)) {
    case 'never':
      return false;
    case 'before number':
      return !/^\d/.test(after);
    case 'always before capital':
      return !/^[A-Z]{2,4}$/.test(after);
    case 'before starter':
      return STARTERS.has(lowerCase(after));
  }
  if (isInitials(before)) return STARTERS.has(lowerCase(after));
  // "z. B.", "d. h.": the halves of an abbreviation that is written with a space
  if (before.length === 1 && after.length === 1 && text.charAt(next + 1) === '.') return false;
  if (style.german && /^[IVX]+$/.test(before)) return STARTERS.has(lowerCase(after));
  return true;
}

/** "J", "U.S", "a.k.a": single letters with full stops between; a lone one must be a capital. */
function isInitials(word: string): boolean {
  for (let i = 0; i < word.length; i++) {
    if (i % 2 === 0 ? !isLetter(word.charCodeAt(i)) : word.charAt(i) !== '.') return false;
  }
  return word.length % 2 === 1 && (word.length > 1 || isCapital(word.charCodeAt(0)));
}

/** "1." at the start of an item, "3. Oktober", "am 24. Dezember", but "in 2019. The". */
function isStopAfterNumber(number: string, after: string, first: boolean, style: Style): boolean {
  if (first && number.length <= 3) return false;
  const small = lowerCase(after);
  if (number.length <= 2 && MONTHS.has(small)) return false;
  return !(style.german && number.length <= 2 && !STARTERS.has(small));
}

/** Letters, digits and inner full stops before `end`, at most 32 of them. */
function wordBefore(text: string, end: number, limit: number): string {
  const lowest = Math.max(limit, end - LOOK_BACK);
  let start = end;
  while (start > lowest) {
    const unit = text.charCodeAt(start - 1);
    if (!isLetter(unit) && !isDigit(unit) && unit !== 0x2e) break;
    start--;
  }
  while (start < end && text.charAt(start) === '.') start++;
  return text.slice(start, end);
}

function wordAfter(text: string, start: number, limit: number): string {
  const highest = Math.min(limit, start + LOOK_AHEAD);
  let end = start;
  while (end < highest && (isLetter(text.charCodeAt(end)) || isDigit(text.charCodeAt(end)))) end++;
  return text.slice(start, end);
}

function cutLong(text: string, range: Range, style: Style): Range[] {
  const parts: Range[] = [];
  let start = range.start;
  for (;;) {
    const cut = style.runOn ? cutRunOn(text, start, range.end) : cutOverlong(text, start, range.end);
    if (cut === range.end) break;
    parts.push(trim(text, start, cut));
    start = cut;
  }
  parts.push(trim(text, start, range.end));
  return parts.filter((part) => part.end > part.start);
}

const RUN_ON_WINDOW = 240;
const RUN_ON_SHORTEST = 50;
const CLAUSE_OPENER =
  / (?:so|but|well|and (?:then|so|it|they|we|you|your|i|the|that|he|she)|okay|ok|now|because|they|which|that is|aber|und dann|also|mais|donc|pero|entonces|ma|quindi|mas|então) /;

/** Before the first word in the window that often opens a clause, else at its last space. */
function cutRunOn(text: string, start: number, limit: number): number {
  if (limit - start <= RUN_ON_WINDOW) return limit;
  const opener = CLAUSE_OPENER.exec(text.slice(start + RUN_ON_SHORTEST, start + RUN_ON_WINDOW));
  if (opener) return start + RUN_ON_SHORTEST + opener.index + 1;
  return cutBetween(text, start + RUN_ON_SHORTEST, start + RUN_ON_WINDOW, limit);
}

function cutOverlong(text: string, start: number, limit: number): number {
  return limit - start <= LONGEST ? limit : cutBetween(text, start + SHORTEST_CUT, start + LONGEST, limit);
}

/** Behind the last semicolon, else comma, else at the last space in the window; else at the next space after it. */
function cutBetween(text: string, from: number, to: number, limit: number): number {
  const window = text.slice(from, to);
  for (const mark of ['; ', ', ', ' ']) {
    const at = window.lastIndexOf(mark);
    if (at !== -1) return from + at + mark.length;
  }
  let at = to;
  while (at < limit && !isSpace(text.charCodeAt(at))) at++;
  return at;
}
