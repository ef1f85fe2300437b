/** What single words and known names tell: countries, cities, conditions, medication, jobs, nationalities. */
import type { PiiLabel } from '@zerogpu/catalogue';
import type { PatternSpan } from '../entities/patterns/rule.ts';
import { isCapital, isLetter } from '../words.ts';
import type { Line } from './address-parts.ts';
import { KNOWN } from './gazetteer.ts';
import { isRole } from './persons.ts';

export function* knownWords(line: Line, casing: number): Generator<PatternSpan> {
  for (let i = 0; i < line.length; i++) {
    const token = line[i]!;
    if (token.length === 0) continue;
    const last = i + token.length - 1;
    const bits = token.length > 1 ? token.phrase : token.bits;
    const found = kindOf(line, i, last, bits, casing);
    if (!found) continue;
    const first = found.label === 'medical condition' ? conditionStart(line, i) : i;
    yield { start: line[first]!.start, end: line[last]!.end, label: found.label, score: found.score };
  }
}

const MODIFIERS =
  /^(?:severe|mild|moderate|acute|chronic|advanced|metastatic|recurrent|congenital|early-onset|late-onset|terminal|untreated|schwere[rsnm]?|leichte[rsnm]?|akute[rsnm]?|chronische[rsnm]?)$/;

/** "severe asthma", "stage 3 lung cancer" */
function conditionStart(line: Line, i: number): number {
  let first = i;
  while (first > 0 && i - first < 3 && MODIFIERS.test(line[first - 1]!.key)) first--;
  const isStage =
    line[first - 2]?.key === 'stage' && /^(?:[0-4][abc]?|i{1,3}|iv)[abc]?$/.test(line[first - 1]!.key);
  return isStage ? first - 2 : first;
}

/** Cities that are ordinary words of some language: only the words around them tell, and the tagger hears those. */
const AMBIGUOUS = new Set(
  'essen halle hamm worms zug celle hagen siegen bath reading nice tours mesa mobile orange lens pau como massa latina prato guarda praia natal salvador vitoria faro beja maia porto rosario cali hull derby york lugo lima leon split bar most cork perth toledo santos barreiro queens phoenix buffalo lincoln madison henderson chandler gilbert irving garland richmond aurora columbus eugene carpi matera andria imola lodi asti trani gela fano lucca enna massa'.split(
    ' ',
  ),
);

interface Kind {
  readonly label: PiiLabel;
  readonly score: number;
}

function kindOf(line: Line, first: number, last: number, bits: number, casing: number): Kind | null {
  const token = line[first]!;
  const isCapitalized = isCapital(token.text.charCodeAt(0));
  const isCommon = (bits & KNOWN.common) !== 0;
  if (bits & KNOWN.medication) return { label: 'medication', score: 0.85 };
  if (bits & KNOWN.condition && !(isCommon && casing === 0 && isCapitalized && first > 0))
    return { label: 'medical condition', score: isShort(line, first, last) ? shortScore(token.text) : 0.75 };
  if (bits & KNOWN.country && !isShortWord(token.text, token.key))
    return placed(line, first, isCapitalized || (casing === 1 && !isCommon), 'country', bits);
  if (bits & (KNOWN.city | KNOWN.region) && bits & KNOWN.job) return null;
  if (bits & KNOWN.job) return { label: 'job title', score: jobScore(line, first, last) };
  if (bits & KNOWN.nationality) return { label: 'nationality', score: nationalityScore(line, first, last) };
  if (AMBIGUOUS.has(token.key) && first === last) return null;
  if (bits & KNOWN.city && !(bits & (KNOWN.first | KNOWN.surname | KNOWN.org)) && !isCommon) {
    return isCapitalized || casing === 1 ? { label: 'city', score: isCapitalized ? 0.7 : 0.52 } : null;
  }
  if (bits & KNOWN.region && !(bits & KNOWN.first) && !isCommon && isCapitalized)
    return { label: 'city', score: 0.62 };
  return null;
}

function isShort(line: Line, first: number, last: number): boolean {
  return first === last && line[first]!.text.length <= 4;
}

/** "AIDS" and "ALS" are conditions in capitals only. */
function shortScore(text: string): number {
  return isCapital(text.charCodeAt(1)) ? 0.7 : 0;
}

/** "us" and "uk" are countries in capitals only. */
function isShortWord(text: string, key: string): boolean {
  return key.length <= 3 && !isCapital(text.charCodeAt(1));
}

function placed(line: Line, first: number, isWritten: boolean, label: PiiLabel, bits: number): Kind | null {
  if (!isWritten) return null;
  const isName = (bits & (KNOWN.first | KNOWN.surname)) !== 0;
  if (isName && isCapital(line[first - 1]?.text.charCodeAt(0) ?? 0)) return null;
  return { label, score: isName ? 0.52 : 0.75 };
}

const JOB_CUES =
  /^(?:as|a|an|als|ist|eine?|is|am|was|are|comme|est|suis|soy|es|como|sono|come|sou|e|un|une|una|um|uma|works?|worked|working|hired|senior|junior|lead|chief|profession|occupation|position|title|job|role|beruf|metier|poste|profesion|puesto|cargo|professione|profissao|the|our|their|my|former|:|")$/;

function jobScore(line: Line, first: number, last: number): number {
  const before = line[first - 1]?.key ?? '';
  const before2 = line[first - 2]?.key ?? '';
  if (last > first) return 0.65;
  const named =
    /^(?:title|job|role|position|occupation|profession|beruf|poste|puesto|cargo|professione|profissao|metier|profesion)$/;
  if (before === ':' && named.test(before2)) return 0.9;
  if (/^(?:as|als|comme|como|come)$/.test(before) || /^(?:as|als|comme|como|come)$/.test(before2))
    return 0.65;
  return JOB_CUES.test(before) &&
    /^(?:am|is|i'm|'m|bin|ist|suis|est|soy|es|sono|e|sou|a|an)$/.test(
      `${/^(?:an?|une?|uma?|eine?|un)$/.test(before) ? before2 : before}`,
    )
    ? 0.6
    : 0.4;
}

const PERSON_NOUNS = new Set(
  (
    'citizen citizens national nationals nationality passport origin descent immigrant immigrants migrant migrants refugee refugees expat expats man men woman women boy girl boys girls child children mother father wife husband son daughter brother sister girlfriend boyfriend friend neighbour neighbor family parents couple guy lady gentleman born tourist tourists student students worker workers patient customer passenger passengers traveller traveler colleague resident residents soldier soldiers national-team player footballer striker singer actor actress writer author artist journalist politician businessman businesswoman ' +
    'staatsburger staatsburgerin staatsburgers staatsangehoriger staatsangehorige staatsangehorigen staatsangehorigkeit herkunft abstammung tourist touristin touristen student studentin ' +
    'nationalite citoyen citoyenne ressortissant ressortissante touriste etudiant etudiante origine ciudadano ciudadana turista estudiante pasaporte cittadino cittadina passaporto studente studentessa cidadao cidada passaporte'
  ).split(' '),
);
const NATIONALITY_CUES = new Set(
  "nationality citizenship i'm m am is are was were she's he's nationalitat staatsangehorigkeit staatsburgerschaft nationalite nationnalite nacionalidad nacionalidade nazionalita cittadinanza ciudadania cidadania soy eres somos sono sei sou somos suis bin bist ist sind es est son sont e citoyen citoyenne citoyens ressortissant ressortissante ciudadano ciudadana ciudadanos cittadino cittadina cittadini cidadao cidada staatsburger staatsburgerin origine origen origem become became".split(
    ' ',
  ),
);
const PRONOUNS = new Set(
  'i you he she they we who ich er sie wir du je il elle tu nous vous yo el ella usted io lui lei eu ele ela voce husband wife mother father son daughter friend mann frau vater mutter mari femme marido mujer esposa marito moglie esposo nationality nationalitat nationalite nacionalidad nazionalita nacionalidade m citizenship'.split(
    ' ',
  ),
);
const FILLERS =
  /^(?:an?|the|:|=|"|une?|una?|um|uma|eine?|de|di|da|now|also|both|auch|aussi|half|originally|proudly)$/;

/** Of a person, and not of a wine: told by the words beside it. Languages ("French, fluent") and goods are none. */
function nationalityScore(line: Line, first: number, last: number): number {
  const next = line[last + 1];
  if (next && isPersonNoun(next)) return 0.75;
  const isPredicate = !next || !isLetter(next.text.charCodeAt(0)) || isFunctionWord(next);
  for (let at = first - 1; at >= 0 && at >= first - 4; at--) {
    const { key } = line[at]!;
    if (PRONOUNS.has(key) && isVerbBehind(line, at, first)) return isPredicate ? 0.85 : 0.45;
    if (NATIONALITY_CUES.has(key)) {
      if (key.length > 5) return 0.85;
      return isPredicate && isOfPerson(line, at) ? 0.85 : 0.45;
    }
    const joinsAnother = /^(?:or|and|und|oder|et|ou|y|o|e)$/.test(key) && isNationality(line[at - 1]);
    if (joinsAnother || isNationality(line[at])) continue;
    if (!FILLERS.test(key)) break;
  }
  return 0.45;
}

function isNationality(token: Line[number] | undefined): boolean {
  return token !== undefined && (token.bits & KNOWN.nationality) !== 0;
}

function isPersonNoun({ key, bits, text }: Line[number]): boolean {
  return PERSON_NOUNS.has(key) || isRole(key) || ((bits & KNOWN.job) !== 0 && !isCapital(text.charCodeAt(0)));
}

/** "She is Brazilian", and not "The wine is Italian": a person before the verb, or nothing. */
function isOfPerson(line: Line, verb: number): boolean {
  const before = line[verb - 1];
  if (!before || !isLetter(before.text.charCodeAt(0))) return true;
  if (PRONOUNS.has(before.key) || /^(?:i'm|m|soy|sono|sou|suis|bin|am)$/.test(line[verb]!.key)) return true;
  if (PRONOUNS.has(line[verb + 1]?.key ?? '')) return true;
  const isName = isCapital(before.text.charCodeAt(0)) && !(before.bits & (KNOWN.common | KNOWN.org));
  return isName && verb > 0;
}

/** "Are you American?": the verb stands before the pronoun. */
function isVerbBehind(line: Line, pronoun: number, first: number): boolean {
  const verb = line[pronoun - 1]?.key ?? '';
  return pronoun < first && /^(?:are|is|am|were|was|bist|ist|sind|es|est|etes|eres|sei|e)$/.test(verb);
}

const FUNCTION_WORDS = new Set(
  'and or but by who from with in at since und oder et ou y o e mais pero ma mas aber from living born und mit aus de di da and by citizens'.split(
    ' ',
  ),
);

function isFunctionWord({ key }: Line[number]): boolean {
  return FUNCTION_WORDS.has(key);
}
