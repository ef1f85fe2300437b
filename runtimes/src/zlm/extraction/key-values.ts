/** "key: value" and "key = value" in a text: by lines, by columns, and several in a line or sentence. */
import { isCapital, isDigit, isLetter, isSpace, lowerCase } from '../words.ts';

export interface KeyValue {
  /** Lower case, without the signs around it. */
  readonly key: string;
  readonly keyStart: number;
  readonly start: number;
  readonly end: number;
}

const LONGEST_KEY = 48;
const DIVIDERS = ';|\t';
/** Two spaces or more divide columns; so many are looked over for the colon of "Name    : Ann". */
const LONGEST_GAP = 24;

/**
 * All pairs in the text's order. A value ends with its line, at a gap of two spaces, at ";", "|" or a tab, and before
 * ", key:" or ". Key:".
 */
export function keyValuesIn(text: string): KeyValue[] {
  const found: KeyValue[] = [];
  for (let at = 0; at < text.length; ) {
    const newline = text.indexOf('\n', at);
    const end = newline < 0 ? text.length : newline;
    readLine(text, at, end, found);
    at = end + 1;
  }
  return found;
}

function readLine(text: string, start: number, end: number, found: KeyValue[]): void {
  for (let from = start; from < end; ) {
    const sign = signOf(text, from, Math.min(end, from + LONGEST_KEY + 16));
    if (sign < 0) {
      from = partEnd(text, from + 1, end, false) + 1;
      continue;
    }
    const isInline = from > start && ',.'.includes(text.charAt(from - 1));
    const stop = partEnd(text, spacesEnd(text, sign + 1, end), end, isInline);
    const key = readable(lowerCase(text.slice(from, sign)).replace(/^[\s*#>"'{([•·-]+|[\s*"'_)\]]+$/g, ''));
    // A pair in a sentence ends with its full stop.
    const isStopped = isInline && text.charAt(stop - 1) === '.';
    const value = trimmed(text, sign + 1, isStopped ? stop - 1 : stop);
    if (key !== '' && value.start < value.end) found.push({ key, keyStart: from, ...value });
    from = stop + 1;
  }
}

/** As it was before a scanner took letters for digits: "t0tal due", "bi1l to". */
function readable(key: string): string {
  return key.replace(/(?<=[a-z])0(?=[a-z])/g, 'o').replace(/(?<=[a-z])1(?=[a-z])/g, 'l');
}

function spacesEnd(text: string, from: number, end: number): number {
  let at = from;
  while (at < end && isSpace(text.charCodeAt(at))) at++;
  return at;
}

/** Where a key's colon or equals sign stands; −1 when the text does not begin with a key. */
function signOf(text: string, from: number, limit: number): number {
  for (let at = spacesEnd(text, from, limit); at < limit; at++) {
    const sign = text.charAt(at);
    if (sign === '=' || sign === '\t') return at > from ? at : -1;
    if (sign === ':') return isKeySign(text, at) ? at : -1;
    // "Policy no.: 7"
    if (sign === '.' && text.charAt(at + 1) === ':') continue;
    if ('.;|!?'.includes(sign) || (sign === ',' && isKeyAhead(text, at + 1, limit))) return -1;
    if (isGap(text, at) && !isSignBehindGap(text, at)) return -1;
  }
  return -1;
}

function isKeySign(text: string, at: number): boolean {
  const next = text.charAt(at + 1);
  const isTime = isDigit(text.charCodeAt(at - 1)) && isDigit(text.charCodeAt(at + 1));
  return !isTime && next !== '/' && next !== ':';
}

function isGap(text: string, at: number): boolean {
  return text.charAt(at) === ' ' && text.charAt(at + 1) === ' ';
}

function isSignBehindGap(text: string, at: number): boolean {
  const sign = text.charAt(spacesEnd(text, at, at + LONGEST_GAP));
  return sign === ':' || sign === '=' || sign === '\t';
}

/** Where the part of a line that `from` is in ends. @param isInline whether it also ends with its sentence */
function partEnd(text: string, from: number, end: number, isInline: boolean): number {
  for (let at = from; at < end; at++) {
    const sign = text.charAt(at);
    if (DIVIDERS.includes(sign) || isGap(text, at)) return at;
    if (sign !== ',' && sign !== '.') continue;
    // "Size: M, Color: red. Weight: 2 kg": a short key begins another pair.
    if (isKeyAhead(text, at + 1, end) && (sign === ',' || isCapital(text.charCodeAt(at + 2)))) return at;
    if (isInline && sign === '.' && text.charAt(at + 1) === ' ' && isCapital(text.charCodeAt(at + 2)))
      return at;
  }
  return end;
}

function isKeyAhead(text: string, from: number, end: number): boolean {
  const ahead = text.slice(from, Math.min(end, from + 28));
  return /^ ?["']?[A-Za-zÀ-ž_]{1,20}(?: [A-Za-zÀ-ž]{1,20})?["']? ?[:=](?!\/|\d)/.test(ahead);
}

export function trimmed(text: string, from: number, to: number): { start: number; end: number } {
  let start = from;
  let end = to;
  while (start < end && (isSpace(text.charCodeAt(start)) || '"\'*`“”'.includes(text.charAt(start)))) start++;
  while (end > start && (isSpace(text.charCodeAt(end - 1)) || '"\'*`“”,;'.includes(text.charAt(end - 1))))
    end--;
  return { start, end };
}

/** Lines shorter than this are no lines of a paragraph. */
const SHORTEST_WRAPPED = 60;
/** What a line of its own looks like: "Key: …", columns, dots before a price. */
const OWN_LINE = /^[A-Za-zÀ-ž][A-Za-zÀ-ž .]{0,28}[:=]| {2}|\t|\.{4}|\|/;

/**
 * The text with spaces for the line breaks inside paragraphs, so that names and values go on over them. Offsets stay.
 */
export function flowing(text: string): string {
  const lines = text.split('\n');
  let result = lines[0] ?? '';
  for (let i = 1; i < lines.length; i++) {
    result += (isWrapped(lines[i - 1]!, lines[i]!) ? ' ' : '\n') + lines[i]!;
  }
  return result;
}

function isWrapped(line: string, next: string): boolean {
  if (line.length < SHORTEST_WRAPPED || line.length > 400 || line.includes('  ')) return false;
  if (!isLetter(next.charCodeAt(0)) || !isLetterOrComma(line)) return false;
  return !OWN_LINE.test(next.slice(0, 200));
}

/** A full stop ends a paragraph or a sentence: nothing goes on over it. */
function isLetterOrComma(line: string): boolean {
  const last = line.charCodeAt(line.length - 1);
  return isLetter(last) || isDigit(last) || last === 0x2c;
}
