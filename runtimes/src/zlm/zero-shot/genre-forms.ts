/** What a text looks like: key-value lines, sums of money, verse, turns of a dialogue. Each form is from 0 to 1. */
import { isCapital, isDigit, isLetter, isSpace, trim, type Word } from '../words.ts';

/** More lines say nothing new of a text's form. */
const MOST_LINES = 400;
/** No more of a line is looked at. */
const LONGEST_LINE = 240;
const LONGEST_KEY = 30;
const VERSE = { shortest: 8, longest: 64, lines: 3 } as const;
const CURRENCIES = new Set(['$', '€', '£', '¥']);
const CODE_SIGNS = new Set(['{', '}', '(', ')', ';', '=', '<', '>', '[', ']', '_', '"', '`', '|', '*']);
const MEASURES = new Set(
  'g kg ml l litre litres liter liters oz lb cup cups tbsp tsp tablespoons tablespoon teaspoon teaspoons el tl cl dl'.split(
    ' ',
  ),
);
const FIRST_PERSON = new Set(
  'i my me we our us ich wir mein je nous mon yo mi io eu nosotros noi'.split(' '),
);
const SPEAKERS = 2;

/** Names of the forms in the order of the weights' columns. */
export const FORMS = [
  'amountLines',
  'amounts',
  'capitalLines',
  'clauses',
  'code',
  'columns',
  'contacts',
  'exclaimed',
  'firstPerson',
  'indented',
  'keyValueLines',
  'measures',
  'numbers',
  'pictures',
  'prose',
  'questions',
  'ranges',
  'rhymes',
  'stamped',
  'turns',
  'verse',
  'yearRanges',
] as const;
type Form = (typeof FORMS)[number];

/** @param words of the text */
export function formsOf(text: string, words: readonly Word[]): Float64Array {
  const lines = linesOf(text);
  const forms = { ...ofLines(lines), ...ofWords(words), ...ofCharacters(text) };
  return Float64Array.from(FORMS, (form) => Math.max(0, Math.min(1, forms[form])));
}

function linesOf(text: string): string[] {
  const lines: string[] = [];
  for (let at = 0; at < text.length && lines.length < MOST_LINES; ) {
    const found = text.indexOf('\n', at);
    const end = found < 0 ? text.length : found;
    const { start, end: last } = trim(text, at, end);
    if (last > start) lines.push(text.slice(Math.max(at, start - 8), Math.min(last, start + LONGEST_LINE)));
    at = end + 1;
  }
  return lines;
}

type LineForm = Exclude<Form, WordForm | CharacterForm>;

function ofLines(lines: readonly string[]): Record<LineForm, number> {
  const share = (holds: (line: string) => boolean) => lines.filter(holds).length / Math.max(1, lines.length);
  const several = Math.min(1, (lines.length - 1) / 3);
  const keys = lines.map(keyOf);
  const plainLines = lines.filter(isVerse).length;
  const verse = plainLines >= VERSE.lines ? (plainLines / lines.length - 0.5) * 2 : 0;
  return {
    amountLines: several * 1.5 * share(endsInAmount),
    capitalLines: 2 * share((line) => isAllCapitals(line)),
    columns: several * 2 * share(hasColumns),
    indented: several * 2 * share((line) => isSpace(line.charCodeAt(0)) && isSpace(line.charCodeAt(1))),
    keyValueLines: several * share((line) => keyOf(line) !== ''),
    rhymes: verse > 0 ? rhymes(lines.filter(isVerse)) : 0,
    stamped: several * share(isStamped),
    turns: turns(keys),
    verse,
    yearRanges: yearRanges(lines),
  };
}

/** What stands before a line's colon, when that is short. */
function keyOf(line: string): string {
  const colon = line.indexOf(':');
  if (colon < 1 || colon > LONGEST_KEY || colon === line.length - 1) return '';
  const { start, end } = trim(line, 0, colon);
  const key = line.slice(start, end);
  return key.includes('. ') || isDigit(key.charCodeAt(key.length - 1)) || !isSpace(line.charCodeAt(colon + 1))
    ? ''
    : key;
}

/** Two keys or more, one of them again: speakers, not fields. */
function turns(keys: readonly string[]): number {
  const named = keys.filter((key) => key !== '');
  const speakers = new Set(named);
  if (speakers.size < SPEAKERS || named.length < speakers.size + 1) return 0;
  return named.length / keys.length;
}

function endsInAmount(line: string): boolean {
  let digits = 0;
  for (let i = line.length - 1; i >= Math.max(0, line.length - 12); i--) {
    const unit = line.charCodeAt(i);
    if (isLetter(unit) && digits === 0 && line.length - i > 3) return false;
    if (isDigit(unit)) digits++;
    if (CURRENCIES.has(line.charAt(i))) return digits > 0 || line.length - i < 3;
    const isPoint = line.charAt(i) === '.' || line.charAt(i) === ',';
    if (isPoint && digits === 2 && isDigit(line.charCodeAt(i - 1))) return true;
  }
  return false;
}

function isAllCapitals(line: string): boolean {
  let capitals = 0;
  for (let i = 0; i < line.length; i++) {
    const unit = line.charCodeAt(i);
    if (!isLetter(unit)) continue;
    if (!isCapital(unit)) return false;
    capitals++;
  }
  return capitals > 3;
}

/** Two gaps of two spaces or more between words, or two tabs. */
function hasColumns(line: string): boolean {
  let gaps = 0;
  let spaces = 0;
  for (let i = trim(line, 0, line.length).start; i < line.length; i++) {
    if (isSpace(line.charCodeAt(i))) {
      spaces += line.charAt(i) === '\t' ? 2 : 1;
      continue;
    }
    if (spaces >= 2) gaps++;
    spaces = 0;
  }
  return gaps >= 2;
}

/** Begins with a date or time of digits. */
function isStamped(line: string): boolean {
  let digits = 0;
  let signs = 0;
  const { start } = trim(line, 0, line.length);
  for (let i = start; i < Math.min(line.length, start + 24); i++) {
    if (isDigit(line.charCodeAt(i))) digits++;
    else if ('-:/.T[]'.includes(line.charAt(i))) signs++;
    else break;
  }
  return digits >= 6 && signs >= 2;
}

function isVerse(line: string): boolean {
  const { start } = trim(line, 0, line.length);
  const length = line.length - start;
  if (length < VERSE.shortest || length > VERSE.longest || keyOf(line) !== '') return false;
  for (let i = start; i < line.length; i++) {
    if (isDigit(line.charCodeAt(i)) || CODE_SIGNS.has(line.charAt(i))) return false;
  }
  return isLetter(line.charCodeAt(start)) && line.indexOf(' ', start) > 0;
}

/** How many lines end as one of the three after them does. */
function rhymes(lines: readonly string[]): number {
  const endings = lines.map((line) => endingOf(line));
  let found = 0;
  for (const [i, ending] of endings.entries()) {
    if (ending !== '' && endings.slice(i + 1, i + 4).includes(ending)) found++;
  }
  return (2.5 * found) / Math.max(1, lines.length);
}

function endingOf(line: string): string {
  let end = line.length;
  while (end > 0 && !isLetter(line.charCodeAt(end - 1))) end--;
  return end > 2 ? line.slice(end - 2, end) : '';
}

/** "2017–2021", "2021-now" at the start of lines or in them. */
function yearRanges(lines: readonly string[]): number {
  let found = 0;
  for (const line of lines) if (/\b(?:19|20)\d\d ?[–-] ?(?:(?:19|20)\d\d|[a-z]{3,9}\b)/.test(line)) found++;
  return found / 2;
}

type WordForm = 'firstPerson' | 'measures' | 'numbers' | 'prose';

function ofWords(words: readonly Word[]): Record<WordForm, number> {
  let first = 0;
  let measures = 0;
  let numbers = 0;
  for (const [i, { text }] of words.entries()) {
    if (FIRST_PERSON.has(text)) first++;
    const isNumber = isDigit(text.charCodeAt(0));
    if (isNumber) numbers++;
    if (MEASURES.has(text) && i > 0 && isDigit(words[i - 1]!.text.charCodeAt(0))) measures++;
    else if (isNumber && /^\d{1,4}(?:g|ml|kg|cl|oz)$/.test(text)) measures++;
  }
  const count = Math.max(1, words.length);
  return {
    firstPerson: (first / count) * 10,
    measures: measures / 3,
    numbers: words.length >= 5 ? (numbers / count - 0.5) * 2 : 0,
    prose: (count - 15) / 30 - (8 * numbers) / count,
  };
}

type CharacterForm =
  | 'amounts'
  | 'clauses'
  | 'code'
  | 'contacts'
  | 'exclaimed'
  | 'pictures'
  | 'questions'
  | 'ranges';

function ofCharacters(text: string): Record<CharacterForm, number> {
  const counts = {
    amounts: 0,
    clauses: 0,
    signs: 0,
    written: 0,
    contacts: 0,
    exclaimed: 0,
    pictures: 0,
    asked: 0,
    ends: 0,
    ranges: 0,
  };
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (isSpace(unit)) continue;
    counts.written++;
    if (isLetter(unit)) continue;
    const sign = text.charAt(i);
    if (CODE_SIGNS.has(sign)) counts.signs++;
    if (CURRENCIES.has(sign)) counts.amounts++;
    if (sign === '@') counts.contacts++;
    if (sign === '!') counts.exclaimed++;
    if (sign === '?') counts.asked++;
    if (unit >= 0xd83c && unit <= 0xd83e) counts.pictures++;
    if (isEnd(text, i)) counts.ends++;
    if (isClause(text, i)) counts.clauses++;
    if (isRange(text, i)) counts.ranges++;
  }
  const sentences = Math.max(1, counts.ends);
  return {
    amounts: counts.amounts / 3,
    clauses: (counts.clauses - 1) / 3,
    code: (counts.signs / Math.max(20, counts.written) - 0.04) * 12,
    contacts: counts.contacts,
    exclaimed: counts.exclaimed / 2,
    pictures: counts.pictures,
    questions: counts.asked / sentences,
    ranges: counts.ranges / 2,
  };
}

function isEnd(text: string, at: number): boolean {
  return '.!?'.includes(text.charAt(at)) && (at + 1 >= text.length || isSpace(text.charCodeAt(at + 1)));
}

/** "2. " and "§ 3": numbered, at the start of a line or after a sentence. */
function isClause(text: string, at: number): boolean {
  const sign = text.charAt(at);
  if (sign === '§') return true;
  if (
    (sign !== '.' && sign !== ')') ||
    !isSpace(text.charCodeAt(at + 1)) ||
    !isDigit(text.charCodeAt(at - 1))
  )
    return false;
  const before = isDigit(text.charCodeAt(at - 2)) ? at - 3 : at - 2;
  return (
    before < 0 ||
    (isSpace(text.charCodeAt(before)) && (before === 0 || !isLetter(text.charCodeAt(before - 1))))
  );
}

/** The hyphen of "(12.0-15.5)". */
function isRange(text: string, at: number): boolean {
  const sign = text.charAt(at);
  if (sign !== '-' && sign !== '–') return false;
  return (
    isDigit(text.charCodeAt(at - 1)) &&
    isDigit(text.charCodeAt(at + 1)) &&
    text.slice(Math.max(0, at - 8), at).includes('(')
  );
}
