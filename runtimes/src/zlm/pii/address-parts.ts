/** Streets with their numbers, postal codes, and the places beside them, in the forms of six languages' countries. */
import type { PatternSpan } from '../entities/patterns/rule.ts';
import { isCapital, isDigit, isLetter } from '../words.ts';
import { type KeyedToken, KNOWN } from './gazetteer.ts';

const words = (list: string): ReadonlySet<string> => new Set(list.split(' '));

/** "12 Main Street" */
const ENDINGS_OF_STREETS = words(
  'street st avenue ave av road rd boulevard blvd lane ln drive dr court ct circle cir place pl plaza square sq terrace ter trail trl parkway pkwy highway hwy way walk row crescent cres close mews grove gardens gate hill alley loop path pike ridge run turnpike expressway freeway broadway heights landing manor meadow crossing bend estate estates green grange rise view wharf yard quay parade esplanade annex arcade bayou bluff bluffs bottom branch bridge brook burg bypass camp canyon cape causeway center centre cliff cliffs common corner corners course courts cove creek crest crossroad curve dale dam divide extension extensions fall falls ferry field fields flats ford forest forge fork forks fort gateway glen harbor haven hills hollow inlet island isle junction key keys knoll knolls lake lakes land light lights lock locks lodge mall meadows mill mills mission motorway mount mountain mountains neck orchard oval overpass park parks parkways pass passage pine pines plain plains plazas point points port ports prairie radial ramp ranch rapid rapids rest ridges river roads route shoal shoals shore shores skyway spring springs spur squares station stravenue stream streets summit throughway trace track trafficway tunnel underpass union unions valley valleys via viaduct views village villages ville vista walks wall ways well wells',
);
/** Endings that are hardly ever anything else. */
const SURE_ENDINGS = words(
  'street avenue ave road rd boulevard blvd lane ln drive dr court parkway pkwy highway crescent terrace',
);
/** "rue de la Paix 12" */
const BEGINNINGS_OF_STREETS = words(
  'rue avenue av avda avenida ave boulevard bd blvd chemin allee impasse quai route cours square passage faubourg place sentier ruelle calle carrer paseo plaza pza camino carretera ctra ronda travesia glorieta pasaje via viale piazza piazzale corso largo vicolo strada lungomare contrada localita rua travessa praca alameda estrada rodovia beco ladeira ulica ul c/ calzada jiron carrera',
);
const SURE_BEGINNINGS = words(
  'rue boulevard chemin impasse calle rua travessa praca viale piazza vicolo avenida avda paseo rodovia alameda',
);
/** "Hauptstraße 5" */
const STREET_SUFFIX =
  /(?:stras+e|strase|str|weg|platz|allee|gasse|ring|damm|ufer|chaussee|steig|stieg|pfad|markt|graben|promenade|gatan|gata|gade|vej|veien|vegen|straat|laan|plein|dijk|kade|utca|katu|tie)$/;
const PARTICLES = words(
  'de du des la le les l del los las el dei di della delle degli da do dos das e y et of the d st saint sainte san santa sao der dem den zum zur am an im in der auf von van unter alte neue kleine lange na nad pod ved sur sous lez',
);
const ARTICLES_OF_STREETS = words('am an im in auf unter zum zur beim hinter vor');
const UNITS = words(
  'apt apartment suite ste unit floor fl room rm flat bldg building apto piso puerta escalera esc portal planta interno int scala appt appartement etage bat batiment andar bloco casa sala lote top stiege etg wohnung whg',
);
const NUMBER_WORDS = words('n no nr num numero º ° n° nº');
const DIRECTIONS = words('n s e w north south east west ne nw se sw northeast northwest southeast southwest');
const STATES = words(
  'al ak az ar ca co ct de dc fl ga hi id il in ia ks ky la me md ma mi mn ms mo mt ne nv nh nj nm ny nc nd oh ok or pa ri sc sd tn tx ut vt va wa wv wi wy pr ab bc mb nb nl ns nt nu on pe qc sk yt nsw vic qld tas',
);
const BRAZIL = words('ac al ap am ba ce df es go ma mt ms mg pa pb pr pe pi rj rn rs ro rr sc sp se to');
const LONGEST_NAME = 6;

/** A run of tokens of a line, the last included. */
interface Run {
  readonly first: number;
  readonly last: number;
}

export type Line = readonly KeyedToken[];

export function* addressParts(line: Line, casing: number): Generator<PatternSpan> {
  const streets: Run[] = [];
  for (let i = 0; i < line.length; i++) {
    const found = streetFrom(line, i, casing);
    if (!found) continue;
    streets.push(found);
    yield spanOf(line, found, 'street', found.score);
    i = found.last;
  }
  yield* postalCodes(line);
  for (const street of streets) yield* placeAfter(line, street);
}

function spanOf(line: Line, { first, last }: Run, label: PatternSpan['label'], score: number): PatternSpan {
  return { start: line[first]!.start, end: line[last]!.end, label, score };
}

type Street = Run & { readonly score: number };

function streetFrom(line: Line, i: number, casing: number): Street | null {
  return (
    numberFirst(line, i, casing) ??
    typeFirst(line, i, casing) ??
    german(line, i, casing) ??
    bareGerman(line, i) ??
    armedForces(line, i) ??
    box(line, i) ??
    cued(line, i, casing)
  );
}

function isNumber(token: KeyedToken | undefined): boolean {
  return token !== undefined && /^\d{1,6}(?:[a-z]|[-/]\d{1,5}[a-z]?|bis|ter)?$/.test(token.key);
}

function isCapitalized(token: KeyedToken | undefined): boolean {
  return token !== undefined && isCapital(token.text.charCodeAt(0));
}

function isWord(token: KeyedToken | undefined): boolean {
  return token !== undefined && isLetter(token.text.charCodeAt(0));
}

/** A word that a street may be called by: with a capital, an ordinal, or anything in a text without capitals. */
function names(token: KeyedToken | undefined, casing: number): boolean {
  if (!token || /^(?:19|20)\d\d$/.test(token.key)) return false;
  if (/^\d{1,3}(?:st|nd|rd|th)$/.test(token.key)) return true;
  return isWord(token) && (isCapitalized(token) || (casing === 1 && !(token.bits & KNOWN.common)));
}

/** "12 Main Street", "221B N. Baker St., Apt 4"; "Abbey Road" by itself. */
function numberFirst(line: Line, i: number, casing: number): Street | null {
  const hasNumber = isNumber(line[i]);
  let at = hasNumber ? i + 1 : i;
  if (hasNumber && line[at]?.key === ',') at++;
  if (DIRECTIONS.has(line[at]?.key ?? '') && hasNumber) at += line[at + 1]?.key === '.' ? 2 : 1;
  for (let count = 0; count <= 4; count++, at++) {
    const token = line[at];
    if (!token) return null;
    if (
      count > 0 &&
      ENDINGS_OF_STREETS.has(token.key) &&
      (isCapitalized(token) || casing === 1 || hasNumber)
    ) {
      const next = line[at + 1];
      const goesOn = names(next, casing) && ENDINGS_OF_STREETS.has(next!.key) && isCapitalized(next);
      if (!goesOn) return endOfStreet(line, i, at, hasNumber, SURE_ENDINGS.has(token.key), casing);
    }
    const joins = token.key === '.' && count > 0 && line[at - 1]!.key.length <= 3;
    if (!names(token, casing) && !joins) return null;
    if (!hasNumber && count === 0 && casing === 1) return null;
  }
  return null;
}

function endOfStreet(
  line: Line,
  first: number,
  type: number,
  hasNumber: boolean,
  isSure: boolean,
  casing: number,
): Street | null {
  if (!hasNumber && (!isSure || casing !== 0)) return null;
  if (!hasNumber && line[type]!.key.length < 4) return null;
  let last = type;
  if (
    line[last + 1]?.key === '.' &&
    line[last + 1]!.start === line[last]!.end &&
    line[type]!.key.length <= 5
  ) {
    const afterStop = line[last + 2];
    // The stop of an abbreviation, and not the one that ends the sentence.
    if (
      afterStop &&
      (afterStop.key === ',' ||
        isNumber(afterStop) ||
        DIRECTIONS.has(afterStop.key) ||
        UNITS.has(afterStop.key))
    )
      last++;
  }
  if (DIRECTIONS.has(line[last + 1]?.key ?? '') && isCapitalized(line[last + 1])) last++;
  return { first, last: unitEnd(line, last), score: hasNumber ? 0.95 : 0.55 };
}

/** ", Apt. 4B", "Suite #100", "3º B" */
function unitEnd(line: Line, from: number): number {
  let at = from + 1;
  if (line[at]?.key === ',') at++;
  const token = line[at];
  if (!token) return from;
  if (token.key === '#' || /^#\w/.test(token.key)) return token.key === '#' && line[at + 1] ? at + 1 : at;
  if (!UNITS.has(token.key)) return from;
  let last = at + 1;
  while (line[last] && /^[.:#ºª°]$|^n[.º°]?$/.test(line[last]!.key) && last < at + 4) last++;
  const value = line[last];
  return value && /^#?(?:\d{1,5}[a-z]?|[a-z]|\d{1,4}-\d{1,4}|[a-z]-?\d{1,4})$/.test(value.key) ? last : from;
}

/** "rue de la Paix 12", "12 bis, rue de la Paix", "C/ Mayor, 5, 3º B", "Rua Augusta, nº 100" */
function typeFirst(line: Line, i: number, casing: number): Street | null {
  let type = i;
  const leads = isNumber(line[i]);
  if (leads) {
    type++;
    if (/^(?:bis|ter|quater|[a-d])$/.test(line[type]?.key ?? '')) type++;
    if (line[type]?.key === ',') type++;
  }
  const token = line[type];
  if (!token) return null;
  const isSlashed = token.key === 'c' && line[type + 1]?.key === '/';
  const isShort = token.text === 'R' || token.text === 'Str' || token.text === 'Tv';
  if (!BEGINNINGS_OF_STREETS.has(token.key) && !isSlashed && !isShort) return null;
  let at = type + (isSlashed ? 2 : 1);
  if (line[at]?.key === '.') at++;
  const last = nameEnd(line, at, casing);
  if (last < at) return null;
  const number = leads ? last : trailingNumber(line, last);
  if (!leads && number === last) {
    return SURE_BEGINNINGS.has(token.key) && isCapitalized(token) ? { first: i, last, score: 0.6 } : null;
  }
  return { first: i, last: unitEnd(line, number), score: 0.95 };
}

/** The last token of a street's name, which has a word with a capital; before `from` when there is none. */
function nameEnd(line: Line, from: number, casing: number): number {
  let last = from - 1;
  for (let at = from; at < line.length && at < from + LONGEST_NAME + 2; at++) {
    const token = line[at]!;
    if (isWord(token) && (isCapitalized(token) || casing === 1) && (casing !== 1 || at < from + 3)) last = at;
    else if (token.key === '.' && at > from && line[at - 1]!.key.length <= 4) continue;
    else if (PARTICLES.has(token.key) || token.key === "'" || token.key === '-') continue;
    else if (
      isNumber(token) &&
      isWord(line[at + 1]) &&
      !isNumber(line[at + 1]) &&
      /^(?:de|mai|mars|juin|juillet|aout|septembre|octobre|novembre|decembre|settembre|aprile|maggio|novembre|di|maio|abril|setembro|dezembro|mayo|[a-z]{3,9}bre)$/.test(
        line[at + 1]!.key,
      )
    )
      continue;
    else break;
  }
  return last;
}

/** ", nº 12", " 12 A", ", s/n": the last token of a number behind a street's name, or the name's. */
function trailingNumber(line: Line, last: number): number {
  let at = last + 1;
  if (line[at]?.key === ',') at++;
  while (line[at] && (NUMBER_WORDS.has(line[at]!.key) || (/^[.º°:]$/.test(line[at]!.key) && at <= last + 4)))
    at++;
  const token = line[at];
  if (token?.key === 's' && line[at + 1]?.key === '/' && line[at + 2]?.key === 'n') return at + 2;
  if (!isNumber(token) || token!.key.length > 5) return last;
  // Five digits are a postal code.
  if (/^\d{5}$/.test(token!.key)) return last;
  const door = line[at + 1];
  if (door && /^(?:bis|ter|[a-h])$/.test(door.key) && door.start - token!.end <= 1 && isCapitalized(door))
    at++;
  return floorEnd(line, at);
}

/** ", 3º B", ", 2 izq" behind a number. */
function floorEnd(line: Line, from: number): number {
  const floor = line[from + 2]?.key ?? '';
  if (line[from + 1]?.key !== ',' || !/^\d{1,2}[ºª°]?$/.test(floor)) return from;
  let at = from + 2;
  const isMarked = /[ºª°]$/.test(floor) || /^[ºª°]$/.test(line[at + 1]?.key ?? '');
  if (isMarked && !/[ºª°]$/.test(floor)) at++;
  const door = line[at + 1]?.key ?? '';
  if (/^(?:izq|dcha|dto|esq|izquierda|derecha|direito|esquerdo|frente)$/.test(door)) return at + 1;
  if (!isMarked) return from;
  return /^[a-h\d]$/.test(door) ? at + 1 : at;
}

/** "Hauptstraße 5a", "Alte Landstr. 12-14", "Straße des 17. Juni 135", "Am Markt 3" before a postal code. */
function german(line: Line, i: number, casing: number): Street | null {
  const token = line[i]!;
  if (!isWord(token) || (casing === 0 && !isCapitalized(token))) return null;
  let last = i;
  const isStreet = (at: number) =>
    STREET_SUFFIX.test(line[at]?.key ?? '') &&
    line[at]!.key.length > (/^(?:str|stras+e|strase)$/.test(line[at]!.key) ? 2 : 4);
  if (/^(?:stras+e|strase)$/.test(token.key)) last = nameEnd(line, i, casing);
  else if (isStreet(i)) last = i;
  else if (
    isCapitalized(token) &&
    /^(?:gate|gata|gade|vei|veg|vag|utca|u|ut|ter)$/.test(line[i + 1]?.key ?? '')
  )
    last = i + 1;
  else if (isWord(line[i + 1]) && isStreet(i + 1) && isCapitalized(line[i + 1])) last = i + 1;
  else if (ARTICLES_OF_STREETS.has(token.key) && i + 1 < line.length) return articled(line, i, casing);
  else return null;
  if (line[last + 1]?.key === '.') last++;
  const number = line[last + 1];
  if (!number || !/^\d{1,4}[a-z]?(?:[-/]\d{1,4}[a-z]?)?$/.test(number.key)) return null;
  last++;
  if (/^[a-h]$/.test(line[last + 1]?.key ?? '') && line[last + 1]!.start - number.end <= 1) last++;
  return { first: i, last, score: 0.95 };
}

const NO_STREET_NAMES = words(
  'bundesstrasse landstrasse hauptstrasse seitenstrasse einbahnstrasse nebenstrasse spielstrasse milchstrasse sackgasse strasse gasse kreisstrasse',
);

/** "in der Poststraße": a German street without its number. */
function bareGerman(line: Line, i: number): Street | null {
  const { key } = line[i]!;
  if (!/^[a-z-]{4,}(?:stras+e|gasse)$/.test(key) || !isCapitalized(line[i]) || NO_STREET_NAMES.has(key))
    return null;
  return /^(?:der|die)$/.test(line[i - 1]?.key ?? '') ? { first: i, last: i, score: 0.6 } : null;
}

const NUMBERED_THINGS = words(
  'seat flight gate terminal room table figure chapter version page section article paragraph level grade class platform volume appendix step item part unit track line bus train season episode sitz flug tor zimmer tisch seite kapitel abschnitt gleis linie version siege vol porte salle page chapitre ligne asiento vuelo sala pagina capitulo linea posto volo capitolo assento voo',
);

/** Whether words or what is beside them tell that "Linden 4" is a street, and "Firefox 131" is none. */
export function isLikeStreet(line: Line, first: number, last: number): boolean {
  if (NUMBERED_THINGS.has(line[first]!.key)) return false;
  if (last !== first + 1 || !isNumber(line[last])) return true;
  const { key } = line[first]!;
  if (STREET_SUFFIX.test(key) || ENDINGS_OF_STREETS.has(key) || isCued(line, first)) return true;
  const at = line[last + 1]?.key === ',' ? last + 2 : last + 1;
  const next = line[at];
  return next !== undefined && (isPlace(next) || /^\d{4,5}$/.test(next.key));
}

/** "Grove Street", "Via Roma": a name that the tagger takes for a place. */
export function isStreetName(line: Line, first: number, last: number): boolean {
  return last > first && (SURE_ENDINGS.has(line[last]!.key) || SURE_BEGINNINGS.has(line[first]!.key));
}

/** "Am Alten Markt 5" is a street where a postal code comes next. */
function articled(line: Line, i: number, casing: number): Street | null {
  const last = nameEnd(line, i + 1, casing);
  if (last <= i) return null;
  const number = line[last + 1];
  if (!number || !/^\d{1,3}[a-z]?$/.test(number.key)) return null;
  const next = line[last + 2]?.key === ',' ? line[last + 3] : line[last + 2];
  return next && /^\d{4,5}$/.test(next.key) ? { first: i, last: last + 1, score: 0.85 } : null;
}

const ADDRESS_CUES = words(
  'live lives living lived reside resides residing located address adresse anschrift direccion indirizzo endereco morada at to deliver delivered ship shipped visit send sent moved house branch office home wohne wohnt wohnhaft habite vivo vive domicilie resident residente moro mora',
);
const NO_STREETS = words(
  'january february march april may june july august september october november december monday tuesday wednesday thursday friday saturday sunday am pm noon midnight januar februar marz mai juni juli oktober dezember enero febrero mayo junio julio janvier fevrier mars avril juin juillet gennaio febbraio marzo aprile maggio giugno luglio usd eur gbp dollars euros i level chapter page room version grade class platform gate',
);

/** "lives at 88 Skolegade", "address: Linden 4a": any capitalized words beside a number, where words say so. */
function cued(line: Line, i: number, casing: number): Street | null {
  if (casing === 1 || !isCued(line, i)) return null;
  const run = numberedRun(line, i);
  return run ? { ...run, last: unitEnd(line, run.last), score: 0.7 } : null;
}

function isCued(line: Line, i: number): boolean {
  for (let at = i - 1; at >= 0 && at >= i - 3; at--) {
    if (ADDRESS_CUES.has(line[at]!.key)) return true;
    if (
      !/^(?:is|:|in|at|on|the|a|my|our|en|a|au|ist|lautet|es|est|e|number|street|,|"|to|from|postal|mailing|new|home|=)$/.test(
        line[at]!.key,
      )
    )
      return false;
  }
  return false;
}

/** "88 Skolegade" or "Store Kongensgade 88": one to four words and a number. */
function numberedRun(line: Line, i: number): Run | null {
  const leads = isNumber(line[i]);
  let at = leads ? i + 1 : i;
  const from = at;
  while (
    line[at] &&
    at < from + 4 &&
    (isStreetWord(line[at]!) ||
      (at > from && PARTICLES.has(line[at]!.key) && line[at + 1] && isStreetWord(line[at + 1]!)))
  )
    at++;
  if (at === from) return null;
  if (leads) return { first: i, last: at - 1 };
  const number = line[at];
  return number &&
    /^\d{1,4}[a-z]?(?:[-/]\d{1,4}[a-z]?)?$/.test(number.key) &&
    !/^(?:19|20)\d\d$/.test(number.key)
    ? { first: i, last: at }
    : null;
}

function isStreetWord(token: KeyedToken): boolean {
  return isWord(token) && isCapitalized(token) && !NO_STREETS.has(token.key) && !(token.bits & KNOWN.country);
}

/**
 * Blocks of short lines: a line of a name and a number above a line with a postal code or a known place is a street,
 * and the words of the line below are a city.
 */
export function* addressBlocks(lines: readonly Line[]): Generator<PatternSpan> {
  for (let i = 0; i + 1 < lines.length; i++) {
    const line = lines[i]!;
    if (line.length > 7) continue;
    const street = streetFrom(line, 0, 0) ?? numberedRun(line, 0);
    if (!street || street.last < line.length - 3) continue;
    const below = lines[i + 1]!;
    const next = lines[i + 2] ?? [];
    if (
      !isPlaceLine(below) ||
      ![...below, ...next].some(
        (token) => isPlace(token) || /^(?:[a-z]{1,2}-)?\d{4,5}(?:-\d{3,4})?$/.test(token.key),
      )
    )
      continue;
    yield spanOf(line, street, 'street', 0.75);
    yield* citiesOf(below);
  }
}

/** Short, and of nothing but capitalized words, codes and commas. */
function isPlaceLine(line: Line): boolean {
  return (
    line.length <= 7 &&
    line.every((token) => !isWord(token) || isCapitalized(token) || PARTICLES.has(token.key))
  );
}

/** The first run of words that is no state, country or code. */
function* citiesOf(line: Line): Generator<PatternSpan> {
  let first = 0;
  while (line[first] && (!isWord(line[first]) || /\d/.test(line[first]!.key) || STATES.has(line[first]!.key)))
    first++;
  let last = first;
  while (
    line[last + 1] &&
    isWord(line[last + 1]) &&
    !STATES.has(line[last + 1]!.key) &&
    !/\d/.test(line[last + 1]!.key)
  )
    last++;
  if (
    !line[first] ||
    (line[first]!.bits | line[first]!.phrase) & KNOWN.country ||
    !isCapitalized(line[first])
  )
    return;
  yield spanOf(line, { first, last }, 'city', 0.66);
}

/** "PSC 1234, Box 567", "Unit 12 Box 34": mail of the armed forces. */
function armedForces(line: Line, i: number): Street | null {
  if (!/^(?:psc|unit|cmr)$/.test(line[i]!.key) || !isNumber(line[i + 1])) return null;
  const at = line[i + 2]?.key === ',' ? i + 3 : i + 2;
  return line[at]?.key === 'box' && isNumber(line[at + 1]) ? { first: i, last: at + 1, score: 0.9 } : null;
}

/** "P.O. Box 123", "Postfach 10 20 30", "Apartado 12" */
function box(line: Line, i: number): Street | null {
  const key = line[i]!.key;
  let at = i + 1;
  if (/^p\.?o\.?$/.test(key)) {
    if (line[at]?.key === '.') at++;
    if (line[at]?.key !== 'box') return null;
    at++;
  } else if (!/^(?:postfach|pobox|psc)$/.test(key)) return null;
  if (!line[at] || !/^\d{1,8}$/.test(line[at]!.key)) return null;
  // "Postfach 10 20 30"
  while (/^\d{2}$/.test(line[at]!.key) && /^\d{2}$/.test(line[at + 1]?.key ?? '')) at++;
  return { first: i, last: at, score: 0.85 };
}

function* postalCodes(line: Line): Generator<PatternSpan> {
  for (let i = 0; i < line.length; i++) {
    const found = postalCodeAt(line, i);
    if (!found) continue;
    yield spanOf(line, found, 'zip code', found.score);
    const street = streetBefore(line, found.first);
    if (street) yield spanOf(line, street, 'street', street.score);
    const city = cityBeside(line, found);
    if (city) yield spanOf(line, city, 'city', city.score);
    const state = line[found.first - 1];
    if (state && STATES.has(state.key) && isAllCapitals(state)) {
      yield { start: state.start, end: state.end, label: 'city', score: 0.8 };
    }
  }
}

function isAllCapitals(token: KeyedToken): boolean {
  return token.text.length >= 2 && isCapital(token.text.charCodeAt(0)) && isCapital(token.text.charCodeAt(1));
}

function postalCodeAt(line: Line, i: number): Street | null {
  const { key } = line[i]!;
  const before = line[i - 1];
  const next = line[i + 1];
  if (/^(?:zip|zipcode|zips|plz|cep|cap|postcode|postleitzahl|postal)$/.test(key))
    return namedPostalCode(line, i);
  if (
    /^[a-z]{1,2}\d[a-z\d]?$/.test(key) &&
    next &&
    /^\d[abd-hjlnp-uw-z]{2}$/.test(next.key) &&
    isAllCaps(line[i]!) &&
    isAllCaps(next)
  )
    return { first: i, last: i + 1, score: 0.9 };
  if (/^[a-ceghj-nprstvxy]\d[a-z]$/.test(key) && next && /^\d[a-z]\d$/.test(next.key) && isAllCaps(line[i]!))
    return { first: i, last: i + 1, score: 0.88 };
  if (/^\d{3}$/.test(key) && /^\d{2}$/.test(next?.key ?? '')) return spacedDigits(line, i);
  if (/^\d{2}-\d{3}$/.test(key) && next && isPlaceWord(next)) return { first: i, last: i, score: 0.75 };
  if (/^\d{4}$/.test(key) && next && /^[A-Z]{2}$/.test(next.text) && isCapitalized(line[i + 2]))
    return { first: i, last: i + 1, score: 0.8 };
  if (/^\d{4,6}$/.test(key) && i === line.length - 1 && endsPlaceLine(line, i))
    return { first: i, last: i, score: 0.8 };
  if (/^\d{5}-\d{4}$/.test(key)) return { first: i, last: i, score: before && isPlace(before) ? 0.95 : 0.75 };
  if (/^\d{5}-\d{3}$/.test(key)) return { first: i, last: i, score: 0.8 };
  if (/^\d{4}-\d{3}$/.test(key)) return isCapitalized(next) ? { first: i, last: i, score: 0.85 } : null;
  if (/^(?:d|a|ch|f|i|e|l|b|nl|dk|s|fin)-\d{4,5}$/.test(key) && isCapitalized(next))
    return { first: i, last: i, score: 0.92 };
  if (/^\d{5}$/.test(key)) return fiveDigits(line, i);
  return /^\d{4}$/.test(key) ? fourDigits(line, i) : null;
}

function isPlaceWord(token: KeyedToken): boolean {
  return isWord(token) && isCapitalized(token);
}

/** "Denmark 4500": a short line of capitalized words, of which the last is a known place, and the code. */
function endsPlaceLine(line: Line, i: number): boolean {
  const before = line[i - 1];
  return i <= 5 && before !== undefined && isPlace(before) && isPlaceLine(line);
}

function isAllCaps({ text }: KeyedToken): boolean {
  for (let i = 0; i < text.length; i++)
    if (isLetter(text.charCodeAt(i)) && !isCapital(text.charCodeAt(i))) return false;
  return true;
}

function namedPostalCode(line: Line, i: number): Street | null {
  for (let at = i + 1; at < line.length && at <= i + 4; at++) {
    const { key } = line[at]!;
    if (/^(?:[a-z]{1,2}-)?\d{4,6}(?:-\d{3,4})?$|^\d{2}-\d{3}$/.test(key))
      return { first: at, last: at, score: 0.95 };
    if (!/^(?:codes?|of|is|ist|es|est|number|:|=|"|'|#|\.)$/.test(key)) return null;
  }
  return null;
}

function isPlace({ bits, phrase, key, text }: KeyedToken): boolean {
  if (isCapital(text.charCodeAt(0)) && ((bits | phrase) & (KNOWN.city | KNOWN.region | KNOWN.country)) !== 0)
    return true;
  return STATES.has(key) && text.length <= 3 && isCapital(text.charCodeAt(text.length - 1));
}

/** Five digits beside a place: "CA 90210", "10115 Berlin", and "code postal 75001". */
function fiveDigits(line: Line, i: number): Street | null {
  const before = line[i - 1];
  const before2 = before?.key === ',' ? line[i - 2] : before;
  const next = line[i + 1];
  const named =
    /^(?:postal|zip|code|plz|cap|cp|postale|codigo|postleitzahl)$/.test(before?.key ?? '') ||
    /^(?:postal|postale|cp|zip|code)$/.test(line[i - 2]?.key ?? '');
  if (named) return { first: i, last: i, score: 0.93 };
  if (next && isPlace(next) && isCapitalized(next)) return { first: i, last: i, score: 0.92 };
  if (before2 && isPlace(before2)) return { first: i, last: i, score: 0.9 };
  const isAfterNumber = before2 !== undefined && isNumber(before2);
  return isAfterNumber && isCapitalized(next) && before?.key === ','
    ? { first: i, last: i, score: 0.85 }
    : null;
}

const POSTAL_CUE = /^(?:zip|zipcode|postcode|postal|plz|postleitzahl|cep|zipcodes)$/;

/** A word for postal codes shortly before or behind. */
function hasPostalCue(line: Line, i: number): boolean {
  for (let at = Math.max(0, i - 7); at <= i + 5 && at < line.length; at++)
    if (POSTAL_CUE.test(line[at]!.key)) return true;
  return false;
}

function fourDigits(line: Line, i: number): Street | null {
  const next = line[i + 1];
  const before = line[i - 1];
  if (hasPostalCue(line, i)) return { first: i, last: i, score: 0.8 };
  if (endsWithCity(line, i)) return { first: i, last: i, score: 0.62 };
  if (!next || !isCapitalized(next) || !(before === undefined || before.key === ',' || isNumber(before)))
    return null;
  const isYear = /^(?:19|20)\d\d$/.test(line[i]!.key);
  if (isYear && (before === undefined || !STREET_SUFFIX.test(line[i - 3]?.key ?? ''))) return null;
  if (((next.bits | next.phrase) & KNOWN.city) === 0 && !isNumber(line[i - 2])) return null;
  return { first: i, last: i, score: 0.8 };
}

/** "in 1010 Wien.": a known city that nothing else is told of; a year is none. */
function endsWithCity(line: Line, i: number): boolean {
  const next = line[i + 1];
  if (!next || /^(?:19|20)/.test(line[i]!.key) || !isCapitalized(next)) return false;
  if ((next.bits & KNOWN.city) === 0 || next.bits & (KNOWN.common | KNOWN.first | KNOWN.org)) return false;
  const behind = line[i + 2];
  return !behind || /^[.,;)]$/.test(behind.key);
}

/** "Lange Poten 14" before "2511 CL Den Haag": capitalized words and a number, whatever the street is called. */
function streetBefore(line: Line, zip: number): Street | null {
  let last = zip - 1;
  if (line[last]?.key === ',') last--;
  if (!line[last] || !/^\d{1,4}[a-z]?(?:[-/]\d{1,4}[a-z]?)?$/.test(line[last]!.key)) return null;
  let first = last;
  while (first > 0 && last - first < 5) {
    const before = line[first - 1]!;
    if (isStreetWord(before)) first--;
    else if (
      first > 1 &&
      first < last &&
      before.key.length <= 3 &&
      isWord(before) &&
      isStreetWord(line[first - 2]!)
    )
      first -= 2;
    else break;
  }
  // "Add Lange Poten 14"
  if (last - first > 2 && line[first]!.bits & KNOWN.common) first++;
  const start = line[first - 1];
  if (first === last) return null;
  const isCut = !start || /^[,:;("•|-]$/.test(start.key);
  if (isCut) return { first, last, score: 0.95 };
  return first === 1 || !isCapitalized(start) ? { first, last, score: 0.72 } : null;
}

/** "111 34 Stockholm", "110 00 Praha": a space inside, and a place behind. */
function spacedDigits(line: Line, i: number): Street | null {
  const second = line[i + 1];
  const place = line[i + 2];
  if (!second || !place || !isPlaceWord(place) || second.start !== line[i]!.end + 1) return null;
  if (isNumber(line[i - 1])) return null;
  const before = line[i - 1]?.key ?? ',';
  const isKnown = isPlace(place);
  return isKnown || before === ',' ? { first: i, last: i + 1, score: isKnown ? 0.85 : 0.7 } : null;
}

/** The city behind a postal code ("10115 Berlin-Mitte"), or before a state and a code ("Palo Alto, CA 94301"). */
function cityBeside(line: Line, { first, last }: Run): Street | null {
  const next = line[last + 1];
  if (
    next &&
    isCapitalized(next) &&
    !STATES.has(next.key) &&
    (isDigit(line[last]!.key.charCodeAt(line[last]!.key.length - 1)) || isDutch(line, first, last))
  ) {
    return { first: last + 1, last: cityEnd(line, last + 1), score: 0.85 };
  }
  let at = first - 1;
  if (line[at] && STATES.has(line[at]!.key)) at--;
  if (line[at]?.key === ',') at--;
  const name = line[at];
  if (!name || !isCapitalized(name) || !isWord(name) || at === first - 1) return null;
  let start = at;
  while (
    start > 0 &&
    isCapitalized(line[start - 1]) &&
    isWord(line[start - 1]) &&
    at - start < 2 &&
    !ENDINGS_OF_STREETS.has(line[start - 1]!.key)
  )
    start--;
  return { first: start, last: at, score: 0.8 };
}

/** "2511 CL" */
function isDutch(line: Line, first: number, last: number): boolean {
  return last === first + 1 && /^\d{4}$/.test(line[first]!.key) && line[last]!.text.length === 2;
}

function cityEnd(line: Line, from: number): number {
  if (line[from]!.length > 1 && line[from]!.phrase & KNOWN.city) return from + line[from]!.length - 1;
  let last = from;
  while (last + 1 < line.length && last < from + 3) {
    const next = line[last + 1]!;
    const joins =
      /^(?:am|an|der|im|la|le|de|do|da|del|di|sur|los|las|-|d)$/.test(next.key) &&
      isCapitalized(line[last + 2]);
    if (joins) last += 2;
    else if (isCapitalized(next) && isWord(next) && !(line[from]!.bits & KNOWN.city)) last++;
    else break;
  }
  return last;
}

/** "12 Main Street, Springfield": what follows a street with a number and a comma. */
function* placeAfter(line: Line, street: Run): Generator<PatternSpan> {
  let at = street.last + 1;
  if (line[at]?.key !== ',' && line[at]?.key !== '-') return;
  at++;
  const token = line[at];
  if (!token || !isCapitalized(token) || !isWord(token) || token.bits & KNOWN.country) return;
  const last = cityEnd(line, at);
  const next = line[last + 1];
  const isSure =
    token.bits & KNOWN.city ||
    token.phrase & KNOWN.city ||
    next?.key === ',' ||
    next === undefined ||
    BRAZIL.has(next.key) ||
    STATES.has(next.key);
  yield spanOf(line, { first: at, last }, 'city', isSure ? 0.8 : 0.6);
}
