/** Phrases that say when: a question does better without them. */
import type { Token } from './tokens.ts';

const TIME_WORDS = new Set(
  (
    'monday tuesday wednesday thursday friday saturday sunday january february march april may june july august ' +
    'september october november december today yesterday tomorrow tonight now recently currently week month year ' +
    'morning afternoon evening night weekend day decade century weeks months years days hours minutes decades ' +
    'centuries a.m p.m am pm noon midnight spring summer autumn winter season moment moments shortly already still yet soon later ' +
    'earlier ago then once again meanwhile immediately eventually finally subsequently previously since time'
  ).split(' '),
);
const TIME_PREPOSITIONS = new Set([
  'on',
  'in',
  'at',
  'since',
  'during',
  'by',
  'until',
  'from',
  'after',
  'before',
  'around',
  'for',
  'over',
  'within',
]);
const OPENERS = new Set([
  'last',
  'this',
  'next',
  'the',
  'early',
  'late',
  'earlier',
  'later',
  'a',
  'past',
  'that',
]);

/** Do the tokens from `start` to `end` only say when? */
export function isTimePhrase(tokens: readonly Token[], start: number, end: number): boolean {
  const first = tokens[start];
  const last = tokens[end - 1];
  if (!first || !last) return false;
  if (end - start === 1) return TIME_WORDS.has(first.low) && first.low !== 'time' && first.low !== 'day';
  if (!isTimeWord(last)) return false;
  return (
    TIME_PREPOSITIONS.has(first.low) ||
    OPENERS.has(first.low) ||
    TIME_WORDS.has(first.low) ||
    first.tag === 'CD'
  );
}

function isTimeWord(token: Token): boolean {
  return (
    TIME_WORDS.has(token.low) ||
    /^(?:1[0-9]|20)\d\d(?:s|-\d\d)?$/.test(token.text) ||
    /^\d{1,2}(?::\d\d|st|nd|rd|th)$/.test(token.text)
  );
}
