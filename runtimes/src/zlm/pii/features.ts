/** What the tagger of names sees of a token: hashes of words, affixes, shapes and known names around it. */
import { hashOf, mixed } from '../entities/lexicon.ts';
import { casingOf, feature, shapeOf } from '../entities/tagger-features.ts';
import { isDigit } from '../words.ts';
import { type KeyedToken, KNOWN } from './gazetteer.ts';

/** The tagger's types. A place is a city, region, country or landmark; a street has its number. */
export const NAME_TYPES = ['person', 'organization', 'place', 'street'] as const;
export const TAGS = 1 + 2 * NAME_TYPES.length;

const NAME_BITS = 0x1f | KNOWN.org | KNOWN.common | KNOWN.nationality;
/** Words that end or begin the names of organizations. */
const ORG_WORDS = new Set(
  (
    'inc corp corporation company co ltd limited llc llp plc gmbh ag kg ohg ug se sa sas sarl sl slu srl spa snc lda ltda eireli bv nv oy ab as group gruppe holding bank ' +
    'university college school hospital institute foundation association society department ministry agency council committee union party club fc institut universitat hochschule klinikum krankenhaus ' +
    'schule verein stiftung universite hopital ecole lycee banque societe fondation universidad hospital instituto banco fundacion colegio ayuntamiento universita ospedale banca fondazione scuola comune universidade fundacao escola camara solutions systems technologies partners consulting services industries airlines motors pharma versicherung practice clinic dental pharmacy restaurant hotel shop store studio salon bakery garage clinica farmacia ristorante klinik praxis apotheke backerei autohaus clinique pharmacie boulangerie cabinet panaderia taller panificio padaria oficina s.r.l s.p.a s.a s.l s.a.r.l s.a.s s.l.u'
  ).split(' '),
);
/** @param key folded; "s.r.l." as "s.r.l" */
export function isOrgWord(key: string): boolean {
  return ORG_WORDS.has(key.endsWith('.') ? key.slice(0, -1) : key);
}

const EDGE_WORD = 3;

interface Facts {
  readonly word: number;
  readonly shape: number;
  readonly known: number;
  readonly marks: number;
}

const EDGE: Facts = { word: EDGE_WORD, shape: EDGE_WORD, known: 0x8000, marks: 0 };

/** Feature hashes of each token of the line. */
export function featuresOf(line: readonly KeyedToken[]): Int32Array[] {
  const casing = casingOf(line);
  const facts = line.map((token) => factsOf(token));
  return line.map((token, i) => tokenFeatures(token, facts, i, casing));
}

function factsOf({ small, text, key, bits, phrase }: KeyedToken): Facts {
  const known = (bits | (phrase & ~KNOWN.starts)) & NAME_BITS;
  const marks = (isOrgWord(key) ? 1 : 0) | (phrase ? 2 : 0);
  return {
    word: hashOf(small === text || !isDigit(small.charCodeAt(0)) ? key : small),
    shape: hashOf(shapeOf(text)),
    known,
    marks,
  };
}

function tokenFeatures(token: KeyedToken, facts: readonly Facts[], i: number, casing: number): Int32Array {
  const at = (offset: number) => facts[i + offset] ?? EDGE;
  const [before2, before, own, after, after2] = [at(-2), at(-1), at(0), at(1), at(2)];
  const shape = casing === 0 ? own.shape : mixed(own.shape + casing);
  const { key } = token;
  return Int32Array.of(
    feature(0, casing),
    feature(1, own.word),
    feature(2, before.word),
    feature(3, after.word),
    feature(4, before2.word, before.word),
    feature(5, after.word, after2.word),
    feature(6, before.word, own.word),
    feature(7, own.word, after.word),
    feature(8, before2.word),
    feature(9, after2.word),
    feature(10, shape),
    feature(11, shape, before.word),
    feature(12, shape, after.word),
    feature(13, mixed(before.shape) ^ shape, after.shape),
    feature(14, own.known, shape),
    feature(15, own.known),
    feature(16, mixed(before.known) ^ own.known, shape),
    feature(17, mixed(after.known) ^ own.known, shape),
    feature(18, mixed(before.known) ^ own.known, after.known),
    feature(19, before.known, before.word === EDGE_WORD ? 1 : 0),
    feature(20, after.known),
    feature(21, own.known, before.word),
    feature(22, own.known, after.word),
    feature(23, own.marks, shape),
    feature(24, after.marks, shape),
    feature(25, before.marks, shape),
    feature(26, after2.marks, after.shape),
    feature(27, hashOf(key.slice(-2)), shape),
    feature(28, hashOf(key.slice(-3))),
    feature(29, hashOf(key.slice(-4))),
    feature(30, hashOf(key.slice(0, 3))),
    feature(31, hashOf(key.slice(0, 4))),
    feature(32, before2.shape, mixed(before.shape) ^ shape),
    feature(33, shape, mixed(after.shape) ^ after2.shape),
    feature(34, mixed(before2.word) ^ before.word, own.known),
  );
}
