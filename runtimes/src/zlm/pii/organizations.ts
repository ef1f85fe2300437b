/** Organizations by the words that begin or end their names: "University of …", "… & Sons", "… GmbH". */
import type { PatternSpan } from '../entities/patterns/rule.ts';
import { isCapital, isLetter } from '../words.ts';
import type { Line } from './address-parts.ts';
import { KNOWN } from './gazetteer.ts';

const words = (list: string): ReadonlySet<string> => new Set(list.split(' '));

/** Begin a name with "of" or its like behind. */
const HEADS = words(
  'university bank ministry department institute bureau museum college church embassy court city society association federation confederation union council school academy ' +
    'universite banque ministere hopital mairie prefecture institut ecole lycee musee ambassade federation societe caisse conseil ' +
    'universidad banco ministerio hospital ayuntamiento instituto escuela colegio museo embajada federacion sociedad caja asociacion fundacion ' +
    'universita banca ministero ospedale comune istituto scuola museo ambasciata federazione cassa politecnico fondazione azienda ' +
    'universidade ministerio camara prefeitura escola museu embaixada federacao caixa associacao fundacao',
);
const LINKS = words('of de du des del della dell delle dei di do da dos das d');
const ARTICLES = words('the la le les l el los las lo il i gli a o as os');
/** End a name of capitalized words. */
const TAILS = words(
  'hospital university college academy foundation pharmaceuticals pharma airlines airways steelworks bank insurance logistics technologies consulting holdings hydraulics robotics motors foods electronics industries enterprises publishers bakery brewery clinic laboratories labs institute plc llc llp inc ltd limited corp corporation gmbh ag kg ohg srl spa sarl sas lda ltda',
);
const TAIL_FORM =
  /^(?:gmbh|kg|ohg|inc|ltd|limited|llc|llp|plc|corp|corporation|sarl|srl|spa|lda|ltda|kft|zrt|aps|oyj|pty|pte|sro|doo|s\.r\.o|d\.o\.o|s\.l|s\.a|s\.p\.a|s\.r\.l|s\.l\.u|s\.a\.r\.l)$/;
const KIN = words(
  'sons son brothers bros daughters partners co company cie fils freres hijos hermanos figli fratelli filhos irmaos sohne sohn associates',
);
const JOINTS = words('& and und et y e');
/** Open a sentence or a phrase and belong to no name. */
export const OPENERS = words(
  'the a an for of by with from to at in on and or but our their his her my your this that these those when while where if as is was are dear hello hi der die das den dem des ein eine einen fur von mit bei zur zum an auf und oder la le les un une des pour de du par avec chez et el los las una con por para y en lo il gli i uno per da di con e o os as um uma com por em na no staff ask contact only call',
);
const LONGEST = 6;

export function* namedOrganizations(line: Line): Generator<PatternSpan> {
  for (let i = 0; i < line.length; i++) {
    const last = headed(line, i);
    if (last > i) {
      yield spanOf(line, i, last, 0.8);
      i = last;
      continue;
    }
    const first = tailed(line, i);
    if (first >= 0) yield spanOf(line, first, lastOf(line, i), 0.82);
  }
}

function spanOf(line: Line, first: number, last: number, score: number): PatternSpan {
  return { start: line[first]!.start, end: line[last]!.end, label: 'organization', score };
}

function isName(line: Line, at: number): boolean {
  const token = line[at];
  return (
    token !== undefined &&
    isLetter(token.text.charCodeAt(0)) &&
    isCapital(token.text.charCodeAt(0)) &&
    !OPENERS.has(token.key)
  );
}

/** "Banque du Rhône": the last token of the name, or `i` when none begins here. */
function headed(line: Line, i: number): number {
  if (!isName(line, i) || !HEADS.has(line[i]!.key)) return i;
  let at = i + 1;
  if (!LINKS.has(line[at]?.key ?? '')) return i;
  at++;
  if (/^['’]$/.test(line[at]?.text ?? '')) at++;
  if (ARTICLES.has(line[at]?.key ?? '')) at++;
  if (!isName(line, at)) return i;
  // "City of London" and "Church of Rome" are as often a place as an office.
  if (/^(?:city|church|court|union|comune)$/.test(line[i]!.key) && (line[at]!.bits & KNOWN.city) !== 0)
    return i;
  while (at + 1 < line.length && at < i + LONGEST && isName(line, at + 1)) at++;
  return at;
}

/** "Kettering, Doyle and Partners LLP", "Harrow & Sons", "Tolmar Pharmaceuticals": the first token, or -1. */
function tailed(line: Line, i: number): number {
  const { key } = line[i]!;
  if (!isName(line, i) || line[i]!.text.length < 2) return -1;
  const isKin = KIN.has(key) && JOINTS.has(line[i - 1]?.key ?? '');
  if (!isKin && !TAILS.has(key) && !TAIL_FORM.test(key)) return -1;
  const from = nameStart(line, isKin ? i - 2 : i - 1, i);
  return from < (isKin ? i - 1 : i) ? from : -1;
}

/** Where the capitalized words that end at `at` begin; behind `at` when there are none. */
function nameStart(line: Line, at: number, end: number): number {
  let first = at + 1;
  while (first > 0 && end - first < LONGEST) {
    if (isName(line, first - 1) || (line[first - 1]!.text === "'s" && isName(line, first - 2))) first--;
    else if (JOINTS.has(line[first - 1]!.key) && isName(line, first - 2)) first -= 2;
    else if (line[first - 1]!.key === ',' && isJoinedBehind(line, first) && isName(line, first - 2))
      first -= 2;
    else break;
  }
  return first;
}

/** "Doyle and" behind the comma. */
function isJoinedBehind(line: Line, at: number): boolean {
  return JOINTS.has(line[at + 1]?.key ?? '');
}

/** With a legal form behind "& Sons". */
function lastOf(line: Line, i: number): number {
  let last = i;
  while (
    last < i + 2 &&
    (TAIL_FORM.test(line[last + 1]?.key ?? '') ||
      /^(?:ohg|kg|as|ag|sa|sl|co)$/.test(line[last + 1]?.key ?? '')) &&
    isName(line, last + 1)
  )
    last++;
  return last;
}
