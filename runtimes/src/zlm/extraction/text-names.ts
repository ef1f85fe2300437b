/** Names of a text as two taggers together find them: the one with many types, the other at home in six languages. */
import type { NameSpan, NameType } from '../entities/name-tagger.ts';
import type { PatternSpan } from '../entities/patterns/rule.ts';
import { withoutOverlaps } from '../entities/span.ts';
import { isLetter, lowerCase } from '../words.ts';

/** What the tagger of personal data calls a name → the type here. */
const TYPES: Readonly<Record<string, NameType>> = {
  person: 'person',
  organization: 'corporation',
  city: 'location',
  country: 'location',
};
/** A lone guess of that tagger is less sure than its score says: it reads letters and forms. */
const LEAST_PERSONAL = 0.75;
/** What the English tagger alone takes for a name in another language. */
const FOREIGN = 0.5;

export interface NameSources {
  readonly text: string;
  readonly tagged: readonly NameSpan[];
  /** Of the model of personal data. */
  readonly personal: readonly PatternSpan[];
  /** Places of e-mail addresses, links and other things with a form. */
  readonly forms: readonly PatternSpan[];
  readonly isCaseless: boolean;
  isCommon(word: string): boolean;
}

/** Spans may overlap where the taggers differ; in the order of the text. */
export function namesOf(sources: NameSources): NameSpan[] {
  const { text, tagged, personal } = sources;
  const isForeign = isOtherLanguage(text);
  const isConfirmed = overlaps(personal.filter(({ label }) => label in TYPES));
  const isInForm = overlaps(withoutOverlaps(sources.forms));
  const isNamed = (name: NameSpan) => !isInForm(name) && isName(name, sources);
  const own = tagged
    .map((name) => withoutTitle(text, name))
    .filter(isNamed)
    .map((name) => (isForeign && !isConfirmed(name) ? { ...name, score: name.score * FOREIGN } : name));
  const others = sources.isCaseless ? [] : added(personal, own, text).filter(isNamed);
  return [...own, ...others].sort((a, b) => a.start - b.start || a.end - b.end);
}

interface Place {
  readonly start: number;
  readonly end: number;
}

/** Whether a span overlaps one of these; both in the order of the text, none of these overlapping. */
function overlaps(places: readonly Place[]): (one: Place) => boolean {
  const starts = places.map(({ start }) => start);
  return ({ start, end }) => {
    let low = 0;
    let high = starts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (starts[middle]! < end) low = middle + 1;
      else high = middle;
    }
    const last = places[low - 1];
    return last !== undefined && last.end > start;
  };
}

function added(personal: readonly PatternSpan[], own: readonly NameSpan[], text: string): NameSpan[] {
  const known = new Set(own.filter(({ score }) => score >= 0.5).map((one) => keyOf(one)));
  return personal.flatMap(({ label, start, end, score }) => {
    const type = TYPES[label];
    if (type === undefined || score < LEAST_PERSONAL) return [];
    const name = withoutTitle(text, { label: type, start, end, score });
    return known.has(keyOf(name)) ? [] : [name];
  });
}

function keyOf({ label, start, end }: NameSpan): string {
  return `${label} ${start} ${end}`;
}

const TITLE =
  /^(?:(?:Mr|Mrs|Ms|Mx|Herr|Frau|Sr|Sra|Srta|Monsieur|Madame|Mme|Mlle|Don|Doña|Signor|Signora|Senhor|Senhora|(?:Lord |Lady |Chief )?Justice|Judge|Richter(?:in)?|[A-ZÄÖÜ][a-zäöüß]{0,12}(?:meister|minister|kanzler|präsident)(?:in)?|Kanzler(?:in)?|Präsident(?:in)?|Minister(?:in)?)\.? )+(?=[A-ZÀ-Þ])/;

/** "Fabrik der Weber GmbH" → "Weber GmbH". */
const OWNED =
  /^[A-ZÄÖÜ][a-zäöüß]{1,24} (?:der|des|von|bei|de la|della|de) (?=[^\n]{1,40}(?:GmbH|AG|KG|SE|S\.?L\.|S\.?A\.|SAS|SARL|S\.?p\.?A\.?|Ltda?\.?)$)/;

/** "Ms Oluchi Mensah" → "Oluchi Mensah". */
function withoutTitle(text: string, name: NameSpan): NameSpan {
  if (name.label === 'corporation') {
    const noun = OWNED.exec(text.slice(name.start, Math.min(name.end, name.start + 80)));
    return noun ? { ...name, start: name.start + noun[0].length } : name;
  }
  if (name.label !== 'person') return name;
  const title = TITLE.exec(text.slice(name.start, Math.min(name.end, name.start + 60)));
  return title ? { ...name, start: name.start + title[0].length } : name;
}

const ARTICLE =
  /^(?:Der|Die|Das|Den|Dem|Ein|Eine|El|La|Los|Las|Le|Les|Un|Une|Il|Lo|Gli|The|A|An|Our|Your|This) /;
const PARTICLES = new Set(
  (
    'von van der den de del della di da do dos das du des la le el al bin ibn ben y e i und and of the zu zum zur ter ten af av ' +
    "d'"
  ).split(' '),
);

/** What the tagger takes along in lists, addresses and headings is no name. */
function isName({ start, end, label }: NameSpan, sources: NameSources): boolean {
  const written = sources.text.slice(start, end);
  if (written.length < 2) return false;
  if (sources.isCaseless) return true;
  const words = written.split(/[ \n]+/).filter((word) => isLetter(word.charCodeAt(0)));
  const isHeading = words.length > 0 && words.every((word) => isUpper(word) && sources.isCommon(word));
  if (isHeading) return false;
  if (label !== 'person' || written.length > 80) return true;
  if (words.length > 1 && ARTICLE.test(written)) return false;
  // "Poststraße fürchten Einbußen": a small word inside that joins no names.
  const isMixed = /^[A-ZÀ-Þ]/.test(written);
  return !isMixed || words.every((word) => word !== lowerCase(word) || PARTICLES.has(word));
}

function isUpper(word: string): boolean {
  return word.length > 1 && !/[a-zß-ÿ]/.test(word);
}

const SAMPLE = 4000;
const FOREIGN_WORDS =
  /(?<![\wÀ-ɏ])(?:der|die|das|und|den|von|mit|für|auf|ist|nicht|ein|eine|el|los|las|del|y|con|para|por|que|una|le|les|des|et|est|dans|pour|qui|sur|une|il|che|di|per|della|gli|sono|o|os|da|em|um|uma|não|com|fecha|cliente|kunde|datum)(?![\wÀ-ɏ])/g;
const ENGLISH_WORDS =
  /(?<![\wÀ-ɏ])(?:the|of|and|to|in|is|was|for|with|on|at|by|an|from|that|it|are|as|this|has|we|you|i)(?![\wÀ-ɏ])/g;

/** Whether more function words of other languages stand in it than of English. */
export function isOtherLanguage(text: string): boolean {
  const small = lowerCase(text.slice(0, SAMPLE));
  const others = small.match(FOREIGN_WORDS)?.length ?? 0;
  return others > 2 && others > (small.match(ENGLISH_WORDS)?.length ?? 0);
}
