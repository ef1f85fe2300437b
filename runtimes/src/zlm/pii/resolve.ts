/** Which of the spans that were found stay, and what the text is with them masked. */
import { type PiiLabel, type PiiOptions, piiLabelOf } from '@zerogpu/catalogue';
import type { PatternSpan } from '../entities/patterns/rule.ts';
import { withoutOverlaps } from '../entities/span.ts';

/** How much a longer span is preferred, by code unit: a whole address of a server before the name in it. */
const LENGTH_BONUS = 0.002;
const LONGEST_BONUS = 60;

/** Without overlaps, in the order of the text; what redaction left as a mask is nothing to find. */
export function resolved(text: string, spans: readonly PatternSpan[]): PatternSpan[] {
  const masks = masksOf(text);
  const candidates = spans.map((span) => {
    const whole = wholeCharacters(text, span);
    const bonus = Math.min(whole.end - whole.start, LONGEST_BONUS) * LENGTH_BONUS;
    return { ...whole, score: whole.score + bonus, given: whole.score };
  });
  const free = candidates.filter((span) => !touches(masks, span));
  return withoutOverlaps(free).map(({ given, ...span }) => ({ ...span, score: given }));
}

/** No half of a surrogate pair, no letter without its combining mark. */
function wholeCharacters(text: string, span: PatternSpan): PatternSpan {
  let { start, end } = span;
  if (isSecondHalf(text, start)) start--;
  if (isSecondHalf(text, end)) end++;
  while (isCombining(text.charCodeAt(end))) end++;
  return { ...span, start, end };
}

function isSecondHalf(text: string, at: number): boolean {
  return at > 0 && (text.charCodeAt(at) & 0xfc00) === 0xdc00 && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800;
}

function isCombining(unit: number): boolean {
  return (unit >= 0x300 && unit <= 0x36f) || unit === 0xfe0f || unit === 0x200d;
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/** `[PERSON]` and its like, in order. */
function masksOf(text: string): Range[] {
  const masks: Range[] = [];
  for (const match of text.matchAll(/\[([A-Z][A-Z_'-]{1,60})\]/g)) {
    if (piiLabelOf(match[1] ?? '')) masks.push({ start: match.index, end: match.index + match[0].length });
  }
  return masks;
}

/** Whether a range in order overlaps the span: by halving. */
function touches(ranges: readonly Range[], { start, end }: Range): boolean {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ranges[middle]!.end <= start) low = middle + 1;
    else high = middle;
  }
  return low < ranges.length && ranges[low]!.start < end;
}

/** The text with each span replaced; spans are in order and do not overlap. */
export function redacted(
  text: string,
  spans: readonly PatternSpan[],
  labels: ReadonlyMap<PiiLabel, string>,
  mask: PiiOptions['mask'],
): string {
  let answer = '';
  let from = 0;
  for (const { start, end, label } of spans) {
    answer += text.slice(from, start);
    answer +=
      mask.kind === 'label' ? maskOf(labels.get(label) ?? label) : repeated(mask.character, end - start);
    from = end;
  }
  return answer + text.slice(from);
}

/** "phone number" → "[PHONE_NUMBER]" */
function maskOf(name: string): string {
  let mask = '';
  for (const sign of name)
    mask += sign >= 'a' && sign <= 'z' ? String.fromCharCode(sign.charCodeAt(0) - 32) : sign;
  return `[${mask.replace(/[\s-]+/g, '_')}]`;
}

/** So many code units, or one more where the character has two and the span is odd. */
function repeated(character: string, length: number): string {
  return character.repeat(Math.ceil(length / character.length));
}
