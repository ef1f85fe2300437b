/** Who beat whom: the two sides of a contest, told by the verb between them. */
import type { FieldPlan } from './field-plan.ts';
import type { ValueOption } from './field-values.ts';
import { isWithin, type Range, type Region } from './regions.ts';
import type { TextReading } from './text-reading.ts';

const WON =
  /(?<![\w-])(?:beats?|beating|defeat(?:s|ed|ing)|thrash(?:es|ed)|edged|overcame|overcomes|outclassed|crushed|downed|knocked out|saw off|eliminated|won against|winning against|won \d{1,3}[-–:]\d{1,3} (?:against|over|at))(?: past)? /g;
const LOST =
  /(?<![\w-])(?:lost|loses|losing|fell|went down|(?:was|were) (?:beaten|defeated|knocked out|eliminated|thrashed))(?: \d{1,3}[-–:]\d{1,3})? (?:to|against|by) /g;
const SIDE = /^(?:the )?([A-ZÀ-Þ][\wÀ-ɏ'’.&-]{0,24}(?: (?:of |de |the )?[A-ZÀ-Þ][\wÀ-ɏ'’&-]{1,24}){0,3})/;
const NAME = /(?<![\wÀ-ɏ'’-])[A-ZÀ-Þ][\wÀ-ɏ'’&-]{1,24}(?: (?:of |de )?[A-ZÀ-Þ][\wÀ-ɏ'’&-]{1,24}){0,3}/g;
const NO_SIDE =
  /^(?:(?:On|In|At|After|Before|The|A|An|It|He|She|They|We|I|Last|This|But|And|When|While|With|Despite|Yesterday|Today|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|January|February|March|April|May|June|July|August|September|October|November|December)\b ?)+/;
const REACH = 160;
const SCORE = 2.2;
/** A record has few; more verbs than this are not looked at. */
const MOST_CONTESTS = 20;

/** The sides as options of the fields that ask for winner and loser. */
export function contestOptions(
  plans: readonly FieldPlan[],
  region: Region,
  reading: TextReading,
): ValueOption[] {
  const winner = plans.find(({ meaning }) => meaning.terms.some((term) => WINNER.has(term)));
  const loser = plans.find(({ meaning }) => meaning.terms.some((term) => LOSER.has(term)));
  if (!winner && !loser) return [];
  const options: ValueOption[] = [];
  let seen = 0;
  for (const [pattern, subject, object] of [
    [WON, winner, loser],
    [LOST, loser, winner],
  ] as const) {
    for (const { 0: verb, index } of reading.flowing.matchAll(pattern)) {
      const place = { start: index, end: index + verb.length };
      if (!isWithin(place, region)) continue;
      if (++seen > MOST_CONTESTS) return options;
      const sides = [
        [subject, sideBefore(reading, place.start)],
        [object, sideBehind(reading.flowing, place.end)],
      ] as const;
      if (sides.some(([, side]) => side === null)) continue;
      for (const [plan, side] of sides) {
        if (!plan || !side || plan.field.type !== 'str') continue;
        options.push({ plan, value: reading.text.slice(side.start, side.end), place: side, score: SCORE });
      }
    }
  }
  return options;
}

const WINNER = new Set(['winner', 'champion', 'victor']);
const LOSER = new Set(['loser']);

function sideBehind(text: string, from: number): Range | null {
  const match = SIDE.exec(text.slice(from, from + 120));
  if (!match?.[1] || NO_SIDE.test(match[1])) return null;
  const end = from + match[0].length;
  return { start: end - match[1].length, end };
}

/** The name right before the verb, else the first of the sentence: "Rovers came from behind to beat …". */
function sideBefore({ flowing, sentences }: TextReading, at: number): Range | null {
  const sentence = sentences.find(({ start, end }) => start <= at && at < end);
  const from = Math.max(sentence?.start ?? 0, at - REACH);
  const names = [...flowing.slice(from, at).matchAll(NAME)].flatMap(({ 0: name, index }) => {
    const skipped = NO_SIDE.exec(name)?.[0].length ?? 0;
    const start = from + index + skipped;
    return skipped < name.length ? [{ start, end: from + index + name.length }] : [];
  });
  const last = names.at(-1);
  return (last && last.end + 1 === at ? last : names[0]) ?? null;
}
