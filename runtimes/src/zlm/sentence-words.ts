/** Words that tell whether a full stop ends a sentence, in English, German, French, Spanish, Italian, Portuguese. */

/** What a full stop behind an abbreviation means when a capital or a number follows. */
export type AbbreviationKind =
  /** A title or the like: the name follows. */
  | 'never'
  /** Abbreviation only before a number: "No. 5", but "He said no. Then". */
  | 'before number'
  /** Ends the sentence whenever a capital follows: "etc. The", "5 p.m. Police". */
  | 'always before capital'
  /** May stand inside a name: it ends the sentence only before a word that begins sentences ("Inc. The"). */
  | 'before starter';

const NEVER =
  'mr mrs ms messrs mx dr drs prof gen sen rep reps sens gov lt col sgt capt cpt cmdr adm maj cpl pvt rev fr hon pres ' +
  'amb supt det insp mme mlle mm vs cf viz e.g i.e eg ie z.b d.h u.a s.o i.d.r v.a z.t o.ä p.ex p.e hr bzw ggf evtl ' +
  'ca vgl inkl exkl sog geb gest stv sra srta srs dña ud uds sig dott dra exmo exma av pza ing arch avv on approx';
const BEFORE_NUMBER =
  'no nos nr núm num n fig figs eq eqs sec secs art arts p pp pg vol vols ch chap ver v tab abs s pág págs cap hs';
const ALWAYS = 'etc usw ecc p.m a.m pm am u.s.w sqq ff';
const BEFORE_STARTER =
  'inc ltd co corp llc llp plc bros jr sr esq ph.d m.d b.a m.a d.c u.s u.k u.n u.s.a e.u st ave blvd rd mt ft dept ' +
  'univ assn al est jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thur thurs fri sat sun ' +
  'str mio mrd tsd jh jhd gmbh bd hrsg op ibid no.s min max avg tel ext gal lb lbs oz sq yr yrs hr hrs dgl';

export const ABBREVIATIONS: ReadonlyMap<string, AbbreviationKind> = new Map([
  ...kind(BEFORE_STARTER, 'before starter'),
  ...kind(ALWAYS, 'always before capital'),
  ...kind(BEFORE_NUMBER, 'before number'),
  ...kind(NEVER, 'never'),
]);

function kind(words: string, value: AbbreviationKind): [string, AbbreviationKind][] {
  return words.split(' ').map((word) => [word, value]);
}

/** Words that often begin a sentence and seldom a name. */
export const STARTERS: ReadonlySet<string> = new Set(
  (
    'the a an in on at it its he she they we you i this that these those but and so or however there when while after ' +
    'before if as for with without by from his her their our my your what who why how where no not one two some many ' +
    'most all both each every since although though because despite during according meanwhile also then now here ' +
    'other another several few more such to of under over until once yet still only even just ' +
    'der die das dem den ein eine einer eines es er sie wir ich ihr im am auf mit nach bei für von vom zu zum zur aus ' +
    'dies diese dieser dieses doch aber und wenn als auch dann dort hier jedoch nun damit da durch seit weil ' +
    'le la les un une des il elle ils elles nous vous je ce cette ces cet mais et dans en pour après selon avec sur ' +
    'el los las una unos se su sus pero y es por para con según cuando como tras desde ' +
    'lo gli uno di del della nel nella per ma è si quando dopo secondo ' +
    'o os as um uma em na nas nos do da dos das ao mas e ele ela eles depois segundo quando'
  ).split(' '),
);

export const MONTHS: ReadonlySet<string> = new Set(
  (
    'januar jänner februar märz april mai juni juli august september oktober november dezember ' +
    'january february march may june july october december ' +
    'januari februari maart mei augustus stycznia lutego marca kwietnia maja czerwca lipca sierpnia września ' +
    'października listopada grudnia jahrhundert jahrhunderts'
  ).split(' '),
);

export const GERMAN_WORDS: ReadonlySet<string> = new Set(
  'der die das und nicht ist den dem des ein eine einen einem mit von auf für im zu sich auch wird wurde sind'.split(
    ' ',
  ),
);
