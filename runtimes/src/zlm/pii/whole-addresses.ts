import type { PatternSpan } from '../entities/patterns/rule.ts';

const PARTS = new Set<string>(['street', 'zip code', 'city', 'country']);
/** What stands between the parts of one address. */
const BETWEEN = /^[\s,;/–-]{0,4}(?:\b[A-Z]{2}\b[\s,]{0,3})?$/;
const LONGEST_BETWEEN = 10;

/** Neighbouring streets, postal codes, cities and countries as one address; a city or country alone stays what it is. */
export function withWholeAddresses(text: string, spans: readonly PatternSpan[]): PatternSpan[] {
  const whole: PatternSpan[] = [];
  for (let i = 0; i < spans.length; ) {
    let next = i + 1;
    if (PARTS.has(spans[i]!.label))
      while (next < spans.length && goesOn(text, spans[next - 1]!, spans[next]!)) next++;
    const parts = spans.slice(i, next);
    const isAddress = parts.some(
      ({ label }) => label === 'street' || (label === 'zip code' && parts.length > 1),
    );
    whole.push(...(isAddress ? [joined(parts)] : parts));
    i = next;
  }
  return whole;
}

function goesOn(text: string, before: PatternSpan, after: PatternSpan): boolean {
  if (!PARTS.has(after.label) || after.start - before.end > LONGEST_BETWEEN) return false;
  // A second street begins another address.
  return after.label !== 'street' && BETWEEN.test(text.slice(before.end, after.start));
}

function joined(parts: readonly PatternSpan[]): PatternSpan {
  let best = 0;
  for (const { score } of parts) best = Math.max(best, score);
  return { start: parts[0]!.start, end: parts[parts.length - 1]!.end, label: 'address', score: best };
}
