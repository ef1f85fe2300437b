/** What kind of text this is, since a recipe leaves other things open than a ruling does. */
import { termOf } from '../terms.ts';
import { isCapital, isDigit, isIdeograph, isLetter, lowerCase, wordsOf } from '../words.ts';

/** A kind with the terms that speak for it, as `follow-up-kinds.tsv` has them. */
export interface Kind {
  readonly name: string;
  readonly least: number;
  readonly points: ReadonlyMap<string, number>;
}

export function readKinds(lines: readonly string[]): Kind[] {
  return lines.map((line) => {
    const [name = '', least, words = ''] = line.split('\t');
    return { name, least: Number(least), points: new Map(words.split(' ').map(readPoint)) };
  });
}

function readPoint(word: string): [string, number] {
  const [own = '', points] = word.split('^');
  return [termOf(own), points === undefined ? 1 : Number(points)];
}

/** Terms that tell the kind from words alone. */
export function termsOf(text: string): Set<string> {
  return new Set(wordsOf(text).map((word) => termOf(word.text.replaceAll('’', "'"))));
}

/** The kind of a text, by its looks first and then by its words. */
export function kindOf(text: string, terms: ReadonlySet<string>, kinds: readonly Kind[]): string {
  return kindByLooks(text) ?? kindByWords(text, terms, kinds);
}

function kindByLooks(text: string): string | null {
  const counts = countCharacters(text);
  if (counts.letters + counts.digits === 0) return counts.other > 0 ? 'emoji' : 'empty';
  if (counts.digits > 2 * counts.letters) return 'numbers';
  if (counts.letters < 4) return counts.other > counts.letters ? 'emoji' : 'empty';
  if (looksLikeCode(text)) return 'code';
  if (isNonsense(text)) return 'nonsense';
  if (isQuestion(text)) return 'question';
  if (/^\W*(?:Hi|Hello|Dear|Hey|Good morning)\b[^\n.!?]{0,40},/.test(text)) return 'email';
  if (hasTurns(text)) return /\b(?:Agent|Support|Customer|Advisor|Operator):/.test(text) ? 'support' : 'chat';
  return looksLikePoem(text) ? 'poem' : null;
}

/** Ends in a question, with at most one sentence before it. */
function isQuestion(text: string): boolean {
  if (!/\?["”»)\s]*$/.test(text.slice(-12)) || text.length > 400) return false;
  return text.split(/[.!?]\s/).length <= 2 && wordsOf(text).length <= 45;
}

function countCharacters(text: string): { letters: number; digits: number; other: number } {
  const counts = { letters: 0, digits: 0, other: 0 };
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (isDigit(unit)) counts.digits++;
    else if (isLetter(unit)) counts.letters++;
    else if (unit > 0x7f) counts.other++;
  }
  return counts;
}

const CODE_LINE =
  /^(?:\s*(?:def |class |import |from \w+ import|function |const |let |var |public |private |return\b|if \(|for \(|while \(|#include|package |SELECT |FROM |JOIN |WHERE |GROUP BY |ORDER BY |INSERT |UPDATE |fn |func |use |export |async |@\w+|\}|\{|<\/?\w+|\/\/|#!))|[;{}]\s*$|=>|^\s*[A-Za-z_][\w.]* = ["'[{(\d]|\w\(.{0,60}\)[:;{]?\s*$/;

function looksLikeCode(text: string): boolean {
  const lines = text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(0, 60);
  const like = lines.filter((line) => line.length < 300 && CODE_LINE.test(line)).length;
  return like >= 2 && like >= lines.length * 0.45;
}

/** Hardly a word that could be read: no vowels, or one character again and again. */
function isNonsense(text: string): boolean {
  const words = wordsOf(text)
    .map((word) => word.text)
    .filter((word) => /^[a-z]+$/.test(word))
    .slice(0, 200);
  const letters = [...new Set(text.slice(0, 4000))].filter((c) => isLetter(c.charCodeAt(0))).length;
  if (letters <= 2) return true;
  if (words.length === 0) return !hasOtherScript(text) && letters < 3;
  const unreadable = words.filter((word) => isUnreadable(word)).length;
  return unreadable * 2 >= words.length && unreadable > 0;
}

function isUnreadable(word: string): boolean {
  if (word.length < 4) return false;
  return (
    !/[aeiouy]/.test(word) ||
    /[^aeiouy]{5}/.test(word) ||
    /(.)\1\1/.test(word) ||
    word.length > 30 ||
    /[qxzj][qxzjwkv]/.test(word)
  );
}

function hasOtherScript(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x24f && (isIdeograph(unit) || isLetter(unit))) return true;
  }
  return false;
}

/** At least three lines that begin with a speaker and a colon, or with a time. */
function hasTurns(text: string): boolean {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const turns = lines.map(
    (line) =>
      /^\s*(?:\[?\d{1,2}:\d\d[^\]]{0,8}\]?\s*)?[-–<*]*\s*([A-Za-z][\w .]{0,20})[>*]*:\s/.exec(line)?.[1],
  );
  const speakers = turns.filter((speaker) => speaker !== undefined);
  return (
    speakers.length >= 3 && speakers.length >= lines.length * 0.6 && new Set(speakers).size < speakers.length
  );
}

function looksLikePoem(text: string): boolean {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (lines.length < 4) return false;
  const verses = lines.filter(
    (line) => line.length < 62 && line.length > 8 && !/^[-*•\d]|[:|]$|\t|\d/.test(line),
  );
  const open = lines.filter((line) => !/[.!?]$/.test(line)).length;
  const capitals = lines.filter((line) => isCapital(line.charCodeAt(0))).length;
  return (
    verses.length >= lines.length * 0.9 &&
    open >= lines.length * 0.4 &&
    (capitals >= lines.length * 0.4 || areVerses(lines)) &&
    hasSmallWords(lines)
  );
}

/** Short lines of much the same length, as in songs written without capitals. */
function areVerses(lines: readonly string[]): boolean {
  return lines.length >= 6 && lines.every((line) => line.length < 50);
}

/** Sentences run through the lines, as they do not in a list. */
function hasSmallWords(lines: readonly string[]): boolean {
  const small = lines.filter((line) =>
    / (?:the|a|of|and|in|to|my|is|with|i|on|that) /.test(` ${lowerCase(line)} `),
  ).length;
  return small >= lines.length * 0.6;
}

const LEAD = 400;
/** The lead says what the matter is; what follows may speak of much else. */
const LEAD_WEIGHT = 2;

/** Texts of fewer terms show fewer of any subject. */
const BRIEF = 80;

/** What most terms speak of, those of the lead above all; empty where nothing has the points that it takes. */
export function subjectOf(text: string, terms: ReadonlySet<string>, subjects: readonly Kind[]): string {
  const lead = termsOf(text.slice(0, LEAD));
  let best = '';
  let most = LEAD_WEIGHT - 0.01;
  for (const { name, least, points } of subjects) {
    let sum = 0;
    for (const [term, own] of points)
      sum += own * ((terms.has(term) ? 1 : 0) + (lead.has(term) ? LEAD_WEIGHT : 0));
    const ratio = terms.size < BRIEF ? (1.6 * sum) / least : sum / least;
    if (ratio > most) {
      best = name;
      most = ratio;
    }
  }
  return best;
}

const BIOGRAPHY = /\((?:born|b\.|né)|\bwas born\b|\(\D{0,30}\b\d{3,4}\s?[–-]/;
const DEFINITION =
  /^\W*(?:The |An? )?[\w'-]+(?: [\w'-]+){0,6}(?: \([^)]{0,80}\))?,? (?:is|are|was|were|refers to) (?:an?|the|one|any|also|both)\b/;

function kindByWords(text: string, terms: ReadonlySet<string>, kinds: readonly Kind[]): string {
  const lead = text.slice(0, 400);
  // A long text has some words of every kind.
  const lengthy = terms.size > 130 ? 1.6 : terms.size > 80 ? 1.25 : terms.size > 55 ? 1 : 0.7;
  let best = '';
  let most = 0.99;
  for (const { name, least, points } of kinds) {
    let sum = 0;
    for (const [term, own] of points) if (terms.has(term)) sum += own;
    const ratio = sum / (name === 'news' ? least * Math.min(lengthy, 1) : least * lengthy);
    if (ratio > most) {
      best = name;
      most = ratio;
    }
  }
  if (BIOGRAPHY.test(lead) && most < 2) return 'bio';
  if (DEFINITION.test(lead) && (best === '' || best === 'news' || (terms.size > 80 && most < 1.3)))
    return 'definition';
  return best === '' ? 'general' : best;
}
