/** English verbs and nouns in the form that a question needs. */
import type { Lexicon } from './lexicon.ts';

export interface VerbForms {
  readonly base: string;
  readonly thirdPerson: string;
  readonly past: string;
  readonly participle: string;
  readonly gerund: string;
}

/** The base form of an inflected verb ("voted" → "vote", "ran" → "run"); null where no base is known. */
export function baseOf(low: string, lexicon: Lexicon): string | null {
  const irregular = lexicon.irregular.get(low);
  if (irregular) return irregular.base;
  for (const base of possibleBases(low)) {
    if (lexicon.has(base) && lexicon.canBe(base, 'VB')) return base;
  }
  return regularGuess(low, lexicon);
}

/** Forms that may stand behind an ending, the likelier first. */
function possibleBases(low: string): string[] {
  if (low.endsWith('ing') && low.length > 4) return fromStem(low.slice(0, -3), low);
  if (low.endsWith('ied') && low.length > 4) return [`${low.slice(0, -3)}y`];
  if (low.endsWith('ed') && low.length > 3) return fromStem(low.slice(0, -2), low);
  if (low.endsWith('ies') && low.length > 4) return [`${low.slice(0, -3)}y`, low.slice(0, -1)];
  if (low.endsWith('es') && low.length > 3) return [low.slice(0, -1), low.slice(0, -2), low];
  if (low.endsWith('s') && low.length > 2) return [low.slice(0, -1), low];
  return [low];
}

function fromStem(stem: string, low: string): string[] {
  const last = stem.charAt(stem.length - 1);
  const single = last === stem.charAt(stem.length - 2) ? [stem.slice(0, -1)] : [];
  return 'ls'.includes(last) ? [stem, ...single, `${stem}e`, low] : [...single, `${stem}e`, stem, low];
}

/** For words that the lexicon lacks: only endings that leave no doubt. */
function regularGuess(low: string, lexicon: Lexicon): string | null {
  const past = /^(.{2,}(?:iz|is|at|ifi|ify))(?:ed|ing|es)$/.exec(low);
  if (past) return past[1]!.endsWith('ifi') ? `${past[1]!.slice(0, -1)}y` : `${past[1]!}e`;
  return lexicon.known(low) === null && /^.{3,}(?:ize|ise|ify|ate)$/.test(low) ? low : null;
}

const HAVE: VerbForms = {
  base: 'have',
  thirdPerson: 'has',
  past: 'had',
  participle: 'had',
  gerund: 'having',
};
const DO: VerbForms = { base: 'do', thirdPerson: 'does', past: 'did', participle: 'done', gerund: 'doing' };

export function formsOf(base: string, lexicon: Lexicon): VerbForms {
  if (base === 'have') return HAVE;
  if (base === 'do') return DO;
  const irregular = lexicon.irregular.get(base);
  const doubled = doublesLast(base, lexicon) ? base + base.charAt(base.length - 1) : base;
  const past = regularPast(doubled);
  return {
    base,
    thirdPerson: thirdPerson(base),
    past: irregular?.past ?? past,
    participle: irregular?.participle ?? past,
    gerund: gerundOf(doubled, base),
  };
}

function doublesLast(base: string, lexicon: Lexicon): boolean {
  if (!/(?:^|[^aeiou])[aeiou][bdgklmnprtvz]$/.test(base)) return false;
  const last = base.charAt(base.length - 1);
  if (lexicon.has(`${base}${last}ing`) || lexicon.has(`${base}${last}ed`)) return true;
  if (lexicon.has(`${base}ing`) || lexicon.has(`${base}ed`)) return false;
  return base.length <= 4;
}

function regularPast(stem: string): string {
  if (stem.endsWith('e')) return `${stem}d`;
  return /[^aeiou]y$/.test(stem) ? `${stem.slice(0, -1)}ied` : `${stem}ed`;
}

function gerundOf(doubled: string, base: string): string {
  if (base.endsWith('ie')) return `${base.slice(0, -2)}ying`;
  if (base.endsWith('e') && !/(?:ee|oe|ye)$/.test(base)) return `${base.slice(0, -1)}ing`;
  return `${doubled}ing`;
}

function thirdPerson(base: string): string {
  if (/(?:s|x|z|ch|sh|o)$/.test(base)) return `${base}es`;
  return /[^aeiou]y$/.test(base) ? `${base.slice(0, -1)}ies` : `${base}s`;
}

const IRREGULAR_PLURALS: ReadonlyMap<string, string> = new Map(
  (
    'men:man women:woman children:child people:person feet:foot teeth:tooth mice:mouse geese:goose wives:wife ' +
    'lives:life knives:knife leaves:leaf wolves:wolf halves:half shelves:shelf thieves:thief loaves:loaf ' +
    'criteria:criterion phenomena:phenomenon analyses:analysis crises:crisis theses:thesis bases:base ' +
    'hypotheses:hypothesis diagnoses:diagnosis bacteria:bacterium data:data media:media police:police ' +
    'firemen:fireman policemen:policeman spokesmen:spokesman species:species series:series'
  )
    .split(' ')
    .map((pair) => pair.split(':') as [string, string]),
);

export function singularOf(low: string): string {
  const irregular = IRREGULAR_PLURALS.get(low);
  if (irregular) return irregular;
  if (/(?:ss|us|is)$/.test(low) || !low.endsWith('s')) return low;
  if (low.endsWith('ies') && low.length > 4) return `${low.slice(0, -3)}y`;
  return /(?:x|ch|sh|ss)es$/.test(low) ? low.slice(0, -2) : low.slice(0, -1);
}

const ALWAYS_PLURAL = new Set([
  'police',
  'people',
  'men',
  'women',
  'children',
  'feet',
  'teeth',
  'authorities',
]);
const NEVER_PLURAL = new Set([
  'news',
  'politics',
  'physics',
  'mathematics',
  'economics',
  'diabetes',
  'measles',
  'species',
  'series',
]);

/** Does a noun take "are"? */
export function isPluralNoun(low: string, tag: string): boolean {
  if (ALWAYS_PLURAL.has(low)) return true;
  return tag === 'NS' && !NEVER_PLURAL.has(low);
}
