/** What each field of a schema asks for, worked out once for a request. */
import type { FieldOption, GroupOption } from '@zerogpu/catalogue';
import type { KindLexicon } from '../entities/kind-lexicon.ts';
import { NAME_TYPES } from '../entities/name-tagger.ts';
import { termOf } from '../terms.ts';
import { type Meaning, meaningOf, termsOf } from './label-meaning.ts';

export type CueSide = 'before' | 'after' | 'either';

export interface FieldPlan {
  readonly field: FieldOption;
  readonly meaning: Meaning;
  /** Terms that say in a text that the field's value is near, and on which side of it they stand. */
  readonly cues: ReadonlyMap<string, CueSide>;
  /** Names that a "key: value" line may have for it, as terms. */
  readonly keys: ReadonlySet<string>;
  /** True when the field holds what the record is about: its name or title. */
  readonly isName: boolean;
}

const NAME_WORDS = new Set(['name', 'title', 'label', 'nam', 'titl']);
const EMPTY = new Set(
  (
    'the a an of in on at to for with and or is are be by from as any all each this that if whether it its their his her ' +
    'full short type kind value text string number list date name total main primary exact given such eg g e when what ' +
    'which who has have was were been not no format including include mentioned specified item person product'
  )
    .split(' ')
    .map(termOf),
);

/**
 * Words that stand near a value, by the word that the field is called: `<` before the value only, `>` behind it only.
 */
const CUES: Readonly<Record<string, string>> = {
  price: 'costs priced for at sells retails only just preis kostet precio prix',
  cost: 'costs priced for price total',
  amount: 'total sum pay paid due of for worth',
  total: 'total sum altogether amount due gesamt gesamtbetrag importe',
  salary: 'earns pays paying pay compensation earning annually per',
  rating: '<rated >stars >star <score >out <rate <gave',
  score: 'scored points rated',
  release: 'released launched launches launch debuted available published out',
  launch: 'launched released launches',
  start: '<from <starts <begins <beginning <starting <since <started <joined',
  begin: 'from starts begins starting',
  end: '<until <till <to <through <ends <ending <ended <left',
  due: '<due <by <before <until <payable <fällig <vencimiento',
  deadline: '<due <by <before <until <deadline',
  founded: 'founded established started since in',
  founding: 'founded established',
  founder: '<by >founded <founder <founders >founder',
  author: '<by <written <author >wrote >authored',
  director: '<by <director >directed',
  ceo: 'ceo chief executive >leads >heads <by',
  manufacturer: '<by <from <maker >manufactures >makes',
  brand: 'by from made brand',
  company: '<at <with <for <joined <company <by <from',
  employer: '<at <with <for <joined',
  acquirer: '>acquires >acquired >buys >bought >acquiring >buy >acquire <by',
  buyer: '>buys >bought >acquires >acquired >buy <to <by',
  seller: '>sold >sells <from <by',
  acquired: '<acquired <acquires <buys <bought <buy <acquire <of',
  target: '<acquired <acquires <buys <bought <buy <acquire <of',
  location: '<in <at <located <near <based <from <place',
  city: 'in at from near based',
  country: 'in from',
  headquarter: 'headquartered based in',
  origin: '<from <leaving <departing',
  departure: '<from <departs <leaves <departing <leaving',
  destination: '<to <for <arriving <into',
  arrival: '<to <arrives <arriving <lands',
  venue: 'at in held',
  weight: '<weighs <weight <weighing',
  height: 'tall height high',
  age: '<aged >old <age >year',
  quantity: 'x of quantity ordered qty bought units',
  color: 'color colour comes available in',
  skill: 'skills proficient experienced in knows with',
  symptom: '<symptoms <complains <complaining <presents <with',
  dosage: 'take dose daily prescribed of',
  medication: 'prescribed take taking',
  diagnosis: 'diagnosed with diagnosis',
  winner: '>won >beat >defeated >beats >wins >win >edged',
  loser: '>lost <beat <defeated <beats <against <edged <over',
  room: 'rooms bedroom bedrooms',
  bedroom: 'bedrooms bedroom bed beds br',
  bathroom: 'bathrooms bathroom bath baths ba',
  duration: 'for lasts took takes lasting',
  sender: '<from <by',
  recipient: '<to <for <dear',
  vendor: '<from <by',
  customer: 'to customer client bill',
  storage: 'storage gb tb',
  warranty: 'warranty guarantee',
  employee: 'employees staff employs workers people mitarbeiter empleados employés',
  judge: '<judge <justice >presiding',
  appellant: '<appeal <appellant >appealed',
  claimant: '<favour <favor <claimant >claimed >sued >claims',
  plaintiff: '<favour <favor <plaintiff >sued >claimed >alleges',
  defendant: '<against <defendant <sued <sues',
  respondent: '<against <respondent',
  population: 'population inhabitants people residents',
  student: 'students enrolled',
  revenue: 'revenue sales turnover earned',
  funding: 'raised raises funding round',
  speaker: '<by <speaker >speaks >talks',
  organizer: 'by organized hosted',
};

/** Words for a field that another may stand for in a "key: value" line. */
const SAME_KEYS: readonly (readonly string[])[] = [
  ['name', 'full name', 'contact', 'contact name', 'nombre', 'nom', 'nome'],
  ['phone', 'phone number', 'tel', 'telephone', 'mobile', 'cell', 'teléfono', 'telefon'],
  ['email', 'e mail', 'email address', 'mail', 'correo'],
  ['date', 'datum', 'fecha', 'data'],
  [
    'total',
    'total amount',
    'amount due',
    'grand total',
    'total due',
    'amount',
    'gesamtbetrag',
    'summe',
    'importe total',
    'montant total',
    'balance due',
    'invoice total',
  ],
  [
    'invoice number',
    'invoice no',
    'invoice',
    'invoice id',
    'rechnungsnummer',
    'rechnung nr',
    'factura',
    'número de factura',
    'factura nº',
    'inv',
    'number',
  ],
  ['vendor', 'seller', 'from', 'supplier', 'proveedor', 'verkäufer', 'company', 'lieferant', 'emisor'],
  ['customer', 'bill to', 'client', 'cliente', 'kunde', 'sold to', 'to', 'buyer'],
  ['due date', 'payment due', 'due', 'fecha de vencimiento', 'fällig am', 'vencimiento', 'fällig'],
  ['address', 'adresse', 'dirección', 'indirizzo', 'location'],
  ['price', 'cost', 'preis', 'precio', 'prix', 'prezzo'],
  ['quantity', 'qty', 'menge', 'cantidad'],
  ['ingredient', 'zutaten', 'ingredientes', 'ingrédients', 'ingredients'],
  ['prep time', 'preparation time', 'prep'],
  ['cook time', 'cooking time', 'cook', 'bake time'],
  ['serving', 'servings', 'serves', 'yield', 'portions', 'portionen'],
  ['position', 'job title', 'title', 'role', 'job'],
  ['date of birth', 'dob', 'birth date', 'born', 'geburtsdatum', 'fecha de nacimiento'],
  ['subject', 'topic', 'betreff', 'asunto', 'title'],
  ['status', 'state'],
  ['priority', 'severity'],
  ['version', 'app version', 'release'],
  ['os', 'operating system', 'platform'],
  ['patient', 'patient name'],
  ['doctor', 'physician', 'doctor name', 'provider'],
  ['colour', 'color', 'farbe'],
];

const SAME_KEY_TERMS = SAME_KEYS.map((keys) => keys.map((key) => termsOf(key).join(' ')));

export function planOf(field: FieldOption, group: GroupOption, kinds: KindLexicon): FieldPlan {
  const terms = termsOf(field.name);
  const groupTerms = new Set(termsOf(group.name));
  const own = terms.filter((term) => !groupTerms.has(term) || terms.length === 1);
  const isName = NAME_WORDS.has(own.at(-1) ?? '') && own.length <= 2 && field.type === 'str';
  const key = own.join(' ');
  const keys = new Set([terms.join(' '), key, ...SAME_KEY_TERMS.filter((same) => same.includes(key)).flat()]);
  if (isName && own.length === 1) keys.add([...groupTerms].join(' '));
  return {
    field,
    meaning: meaningFor(field, group, own, isName, kinds),
    cues: cuesOf(field, own),
    keys,
    isName,
  };
}

function cuesOf(field: FieldOption, own: readonly string[]): Map<string, CueSide> {
  const cues = new Map<string, CueSide>();
  for (const term of termsOf(field.description)) {
    if (!EMPTY.has(term) && term.length > 2) cues.set(term, 'either');
  }
  for (const term of own) if (!EMPTY.has(term)) cues.set(term, 'either');
  for (const [word, list] of Object.entries(CUES)) {
    if (own.includes(termOf(word)))
      for (const cue of list.split(' ')) cues.set(termOf(cue.replace(/^[<>]/, '')), sideOf(cue));
  }
  return cues;
}

function sideOf(cue: string): CueSide {
  if (cue.startsWith('<')) return 'before';
  return cue.startsWith('>') ? 'after' : 'either';
}

const IDENTIFIER = /^(?:number|no|nr|id|number id|número|numero|nummer)$/;

/** By the field's name, else by its group ("name" of a "company"), else by the description. */
function meaningFor(
  field: FieldOption,
  group: GroupOption,
  own: readonly string[],
  isName: boolean,
  kinds: KindLexicon,
): Meaning {
  const bare = meaningOf(own.length > 0 ? own.join(' ') : field.name, kinds);
  const named = meaningOf(field.name, kinds);
  if (field.type === 'int' || field.type === 'float') {
    const isYear = termsOf(field.description).includes('year');
    return isYear && named.quantities[0] !== 'duration' && named.pattern !== 'age'
      ? { ...numberMeaning(named), quantities: ['year'] }
      : numberMeaning(named);
  }
  // An invoice's "number" is what it is called by, no amount.
  if (field.type === 'str' && IDENTIFIER.test(own.join(' '))) {
    const grouped = meaningOf(`${group.name} ${field.name}`, kinds);
    if (grouped.pattern !== null) return { ...grouped, terms: named.terms };
  }
  if (field.type === 'date')
    return { ...named, pattern: null, quantities: ['date', 'year'], kind: null, names: [] };
  if (isName && own.length === 1) {
    const meaning = meaningOf(group.name, kinds);
    return meaning.kind === null ? { ...bare, pattern: null, kind: null, names: NAME_TYPES } : meaning;
  }
  if (says(named)) return named;
  const grouped = meaningOf(`${group.name} ${field.name}`, kinds);
  if (grouped.pattern !== null) return { ...grouped, terms: named.terms };
  const described = meaningOf(headOfDescription(field.description), kinds);
  return says(described) ? { ...described, terms: named.terms } : named;
}

function says(meaning: Meaning): boolean {
  return (
    meaning.pattern !== null ||
    meaning.kind !== null ||
    meaning.quantities.length > 0 ||
    meaning.names.length > 0
  );
}

function numberMeaning(named: Meaning): Meaning {
  const plain = { ...named, kind: null, names: [], pattern: named.pattern === 'age' ? named.pattern : null };
  const isNumber = named.quantities.some((kind) => kind !== 'date' && kind !== 'time');
  return isNumber ? plain : { ...plain, quantities: [] };
}

/** The words before the first preposition: "Full name of the person" → "Full name". */
function headOfDescription(description: string): string {
  const words = termsOf(description);
  const stop = words.findIndex((word) =>
    /^(?:of|in|on|for|from|that|which|with|where|mentioned|to|who)$/.test(word),
  );
  const head = stop < 0 ? words : words.slice(0, stop);
  return head.slice(-3).join(' ');
}
