/** Persons by titles, introductions and known names: what the tagger may miss, and what its spans should not hold. */
import type { PatternSpan } from '../entities/patterns/rule.ts';
import { isCapital, isLetter } from '../words.ts';
import type { Line } from './address-parts.ts';
import { type KeyedToken, KNOWN } from './gazetteer.ts';
import { OPENERS } from './organizations.ts';

const words = (list: string): ReadonlySet<string> => new Set(list.split(' '));

export const TITLES = words(
  'mr mrs ms miss mister dr prof professor sir madam dame lord lady rev reverend fr father sister capt captain sgt lt col gen judge justice senator herr herrn frau fraulein hr fr dipl-ing monsieur madame mademoiselle m mme mlle mm me maitre docteur professeur senor senora senorita sr sra srta don dona signor signora signorina sig dott dottor dottore dottoressa avv ing prof geom rag senhor senhora sr dra doutor doutora eng arq exmo exma',
);
/** Titles that are other words too, and tell only with a stop behind. */
const STOPPED = words('m me fr hr sr sra dr mr mrs ms sig dott avv ing prof rev capt sgt lt col gen st');
const PARTICLES = words(
  'von van der den de la le du del della di da dos das do de’ zu zum bin ibn al el y e',
);

/** What somebody is, before the name: no part of it. */
const ROLES = words(
  'coach striker substitute captain minister goalkeeper midfielder defender winger forward manager president mayor governor senator congressman congresswoman spokesman spokeswoman spokesperson director chairman chairwoman chancellor secretary ambassador professor detective inspector sergeant officer colonel major general prosecutor singer actor actress author president king queen prince princess pope bishop archbishop cardinal justice neighbour neighbor colleague ' +
    'trainer trainerin minister ministerin burgermeister burgermeisterin kanzler kanzlerin prasident prasidentin sprecher sprecherin torwart sturmer kapitan richter richterin direktor direktorin autor autorin schauspieler schauspielerin sanger sangerin nachbar nachbarin kollege kollegin ' +
    'entraineur ministre maire president presidente capitaine attaquant gardien directeur directrice juge avocat avocate chanteur chanteuse acteur actrice depute deputee senateur senatrice voisin voisine collegue ' +
    'delantero entrenador entrenadora ministro ministra alcalde alcaldesa presidente presidenta capitan portero director directora juez jueza abogado abogada cantante portavoz diputado diputada vecino vecina ' +
    'allenatore allenatrice sindaco sindaca capitano attaccante portiere direttore direttrice giudice cantante portavoce deputato deputata vicino collega ' +
    'treinador treinadora prefeito prefeita capitao atacante avancado goleiro diretor diretora juiz juiza cantora vereador vereadora',
);
/** "Oberbürgermeisterin", "Staatssekretär", "Bundespräsident" */
const ROLE_ENDING =
  /.(?:minister|meister|sekretar|prasident|trainer|sprecher|direktor|kanzler|leiter|vorsitzender|vorsitzende)(?:in)?$/;

export function isRole(key: string): boolean {
  return ROLES.has(key) || ROLE_ENDING.test(key);
}

/** "coach Marta Ruiz", "Ministerin Pohlmeier": capitalized words behind what somebody is. */
export function* personsByRole(line: Line, casing: number): Generator<PatternSpan> {
  if (casing !== 0) return;
  for (let i = 0; i + 1 < line.length; i++) {
    if (!isRole(line[i]!.key)) continue;
    const last = nameEnd(line, i + 1, casing, 4);
    if (last <= i) continue;
    const { bits, phrase, key } = line[i + 1]!;
    const isElse = ((bits | phrase) & (KNOWN.country | KNOWN.org | KNOWN.nationality)) !== 0 || isRole(key);
    // One word may be anything: a club, a title, a month.
    if (isElse || (last === i + 1 && bits & (KNOWN.common | KNOWN.city | KNOWN.region | KNOWN.job))) continue;
    yield {
      start: line[i + 1]!.start,
      end: line[last]!.end,
      label: 'person',
      score: last > i + 1 ? 0.76 : bits & (KNOWN.first | KNOWN.surname) ? 0.7 : 0.56,
    };
    i = last;
  }
}

function isName(token: KeyedToken | undefined, casing: number): boolean {
  if (!token || !isLetter(token.text.charCodeAt(0))) return false;
  return casing === 1
    ? (token.bits & (KNOWN.first | KNOWN.surname)) !== 0 && !(token.bits & KNOWN.common)
    : isCapital(token.text.charCodeAt(0)) &&
        !TITLES.has(token.key) &&
        !(casing === 2 && OPENERS.has(token.key));
}

export function* titledPersons(line: Line, casing: number): Generator<PatternSpan> {
  for (let i = 0; i + 1 < line.length; i++) {
    const from = afterCue(line, i);
    if (from === 0) continue;
    const last = nameEnd(line, from, casing, 4);
    if (last < from) continue;
    yield { start: line[from]!.start, end: line[last]!.end, label: 'person', score: 0.82 };
    i = last;
  }
}

/** The token behind a title; 0 when there is none. */
function afterCue(line: Line, i: number): number {
  const { key, text } = line[i]!;
  if (!TITLES.has(key)) return 0;
  const isStopped = line[i + 1]?.key === '.' && line[i + 1]!.start === line[i]!.end;
  if (key.length <= 2 && !isStopped && !isCapital(text.charCodeAt(0))) return 0;
  if (key.length === 1 && !isStopped) return 0;
  // "to me." is no Maître.
  if (key === 'me' && !isCapital(text.charCodeAt(0))) return 0;
  if (STOPPED.has(key) && !isStopped && !isCapital(text.charCodeAt(0))) return 0;
  return i + (isStopped ? 2 : 1);
}

/** The last token of a name that begins at `from`; before it when none does. */
export function nameEnd(line: Line, from: number, casing: number, most: number): number {
  let last = from - 1;
  for (let at = from; at < line.length && at < from + most; at++) {
    const token = line[at]!;
    if (isName(token, casing)) {
      last = at;
      // An initial has its stop: "J. Smith".
      if (token.text.length === 1 && line[at + 1]?.key === '.' && isName(line[at + 2], casing)) {
        at++;
        most++;
      }
    } else if (at === from || !(PARTICLES.has(token.key) && isName(line[at + 1], casing))) break;
  }
  return last;
}

/** "my name is X", "ich heiße X", "je m'appelle X" */
const INTRODUCTION =
  /(?<![a-z])(?:my name(?:'s| is)|(?:first|last|full|middle|given|family|sur|customer|client|patient|employee|contact|cardholder|account holder) ?name ?[:=]|name ?[:=]|i am called|this is(?= [a-z]+ [a-z]+ (?:from|speaking|calling))|call me|signed[,:]|mein name ist|ich hei(?:ss|s)e|ich bin(?= [a-z]+ [a-z]+ (?:und|aus))|(?:vor|nach)name ?:|je m'appelle|(?:mon |pre)?nom(?: est)? ?:?|me llamo|mi nombre es|nombre(?: completo| y apellidos?)? ?:|apellidos? ?:|mi chiamo|il mio nome e|(?:nome(?: completo)?|cognome|nome e cognome) ?:|meu nome e|(?:chamo|me chamo)(?:-me)?|o meu nome e|atenciosamente,|best regards,|kind regards,|sincerely,|regards,|cheers,|mit freundlichen gru(?:ss|s)en|viele grus+e|cordialement,?|bien a vous,|atentamente,?|un saludo,|saludos,|cordiali saluti,?|distinti saluti,?|cumprimentos,) {0,3}(?:\r?\n){0,3} {0,3}["']?/g;

/** Where introductions end: the offset at which a name is to begin. */
export function introductions(folded: string): ReadonlySet<number> {
  const ends = new Set<number>();
  for (const match of folded.matchAll(INTRODUCTION)) ends.add(match.index + match[0].length);
  return ends;
}

export function* introducedPersons(
  line: Line,
  casing: number,
  starts: ReadonlySet<number>,
): Generator<PatternSpan> {
  for (let i = 0; i < line.length; i++) {
    if (!starts.has(line[i]!.start)) continue;
    let from = i;
    while (TITLES.has(line[from]?.key ?? '') || (line[from]?.key === '.' && from > i)) from++;
    const last = nameEnd(line, from, casing, 4);
    if (last < from) continue;
    yield { start: line[from]!.start, end: line[last]!.end, label: 'person', score: 0.85 };
  }
}

/** A known first name before a known surname, of which at least one is no usual word. */
export function* namedPersons(line: Line, casing: number): Generator<PatternSpan> {
  for (let i = 0; i + 1 < line.length; i++) {
    const own = line[i]!;
    if (!(own.bits & KNOWN.first) || own.bits & KNOWN.common || !isName(own, casing)) continue;
    let last = i;
    while (
      last < i + 3 &&
      isName(line[last + 1], casing) &&
      line[last + 1]!.bits & (KNOWN.first | KNOWN.surname)
    )
      last++;
    if (last === i || !(line[last]!.bits & KNOWN.surname)) continue;
    if (casing !== 0 && line[last]!.bits & KNOWN.common) continue;
    yield { start: own.start, end: line[last]!.end, label: 'person', score: casing === 1 ? 0.62 : 0.72 };
    i = last;
  }
}

export const GREETINGS = words(
  'hi hello hey dear hallo liebe lieber salut bonjour coucou cher chere hola querido querida estimado estimada ciao caro cara ola oi querida prezado prezada thanks danke merci gracias grazie obrigado obrigada',
);

/** "Salut Maëlys," */
export function* greetedPersons(line: Line): Generator<PatternSpan> {
  for (let i = 0; i + 1 < line.length; i++) {
    const name = line[i + 1]!;
    if (!GREETINGS.has(line[i]!.key) || !isName(name, 0) || name.bits & (KNOWN.common | KNOWN.country))
      continue;
    const last = nameEnd(line, i + 1, 0, 3);
    const next = line[last + 1];
    if (!next || /^[,!.:?]$/.test(next.key)) {
      yield {
        start: name.start,
        end: line[last]!.end,
        label: 'person',
        score: name.bits & KNOWN.first ? 0.8 : 0.62,
      };
    }
  }
}
