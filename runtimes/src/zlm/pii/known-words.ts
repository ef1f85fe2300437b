/** What single words and known names tell: countries, cities, conditions, medication, jobs, nationalities. */
import type { PiiLabel } from '@zerogpu/catalogue';
import type { PatternSpan } from '../entities/patterns/rule.ts';
import { isCapital } from '../words.ts';
import type { Line } from './address-parts.ts';
import { KNOWN } from './gazetteer.ts';

export function* knownWords(line: Line, casing: number): Generator<PatternSpan> {
  for (let i = 0; i < line.length; i++) {
    const token = line[i]!;
    if (token.length === 0) continue;
    const last = i + token.length - 1;
    const bits = token.length > 1 ? token.phrase : token.bits;
    const found = kindOf(line, i, last, bits, casing);
    if (!found) continue;
    yield { start: token.start, end: line[last]!.end, label: found.label, score: found.score };
  }
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

const NATIONALITY_NOUNS =
  /^(?:citizen|citizens|national|nationals|nationality|passport|origin|descent|immigrant|man|woman|mother|father|wife|husband|born|staatsburger|staatsburgerin|staatsangehoriger|nationalite|citoyen|citoyenne|ciudadano|ciudadana|cittadino|cittadina|cidadao|cidada|staatsangehorigkeit)$/;
const NATIONALITY_CUES =
  /^(?:nationality|citizenship|i'm|m|am|is|are|nationalitat|staatsangehorigkeit|staatsburgerschaft|nationalite|nationnalite|nacionalidad|nacionalidade|nazionalita|cittadinanza|ciudadania|cidadania|soy|sono|sou|suis|bin|ist|es|est|citoyen|citoyenne|ciudadano|ciudadana|cittadino|cittadina|cidadao|cidada)$/;

/** Of a person, and not of a wine: told by the words beside it. */
function nationalityScore(line: Line, first: number, last: number): number {
  const next = line[last + 1]?.key ?? '';
  for (let at = first - 1; at >= 0 && at >= first - 3; at--) {
    const { key } = line[at]!;
    if (NATIONALITY_CUES.test(key))
      return next === '' || !/^[a-z]/.test(next) || NATIONALITY_NOUNS.test(next) || key.length > 5
        ? 0.85
        : 0.5;
    if (!/^(?:an?|the|:|=|"|une?|una?|um|uma|eine?|de|di|is|ist|e|es|est)$/.test(key)) break;
  }
  return NATIONALITY_NOUNS.test(next) ? 0.75 : 0.45;
}
