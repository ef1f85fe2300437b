import { CONTACT_RULES, CUED_CONTACTS, emails, internationalPhones } from './contact.ts';
import { CUED_NUMBERS, NUMBER_RULES } from './numbers.ts';
import { CUED_PERSONAL, PERSONAL_RULES } from './personal.ts';
import { cuedMatchesOf, matchesOf, type PatternSpan, type Reading, readingOf } from './rule.ts';
import { CUED_SECRETS, SECRET_RULES } from './secrets.ts';

const RULES = [...NUMBER_RULES, ...CONTACT_RULES, ...SECRET_RULES, ...PERSONAL_RULES];
const CUED_RULES = [...CUED_NUMBERS, ...CUED_CONTACTS, ...CUED_SECRETS, ...CUED_PERSONAL];

/**
 * What can be told by its form, its checksum, or the words before it: numbers, addresses of machines, secrets, dates
 * of birth. Spans may overlap; offsets are UTF-16 code units of the text. Takes time linear in the text.
 */
export function findPatterns(text: string, reading: Reading = readingOf(text)): PatternSpan[] {
  const spans = [...emails(reading), ...internationalPhones(reading)];
  for (const rule of RULES) spans.push(...matchesOf(rule, reading));
  for (const rule of CUED_RULES) spans.push(...cuedMatchesOf(rule, reading));
  return spans.map((span) => withoutEdges(text, span)).filter((span) => span.end > span.start);
}

/** Without the signs of the sentence that a greedy form took along: "see www.example.com/a)." */
function withoutEdges(text: string, span: PatternSpan): PatternSpan {
  let { start, end } = span;
  while (start < end && /\s/.test(text.charAt(start))) start++;
  while (end > start && /\s/.test(text.charAt(end - 1))) end--;
  if (span.label === 'url') end = urlEnd(text, start, end);
  return { ...span, start, end };
}

function urlEnd(text: string, start: number, last: number): number {
  let end = last;
  while (end > start && /[.,;:!?'"’”»)*_]/.test(text.charAt(end - 1)) && !isClosing(text, start, end)) end--;
  return end;
}

/** A bracket that was opened inside belongs to the address. */
function isClosing(text: string, start: number, end: number): boolean {
  return text.charAt(end - 1) === ')' && text.slice(start, end).includes('(');
}
