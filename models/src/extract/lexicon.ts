/** Lexicons of words and names: from counts, from lists, and from what a first tagger finds in many texts. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import {
  hashOf,
  type Lexicons,
  LONGEST_NAME,
  lowerCase,
  NAME_TYPES,
  NameLexicon,
  type NameTagger,
  WordLexicon,
} from '@zerogpu/runtimes';

/** Bit of a first name from the list, behind those of NAME_TYPES. */
const FIRST_NAME = 1 << NAME_TYPES.length;
/** Upper limits of the classes of how often a word has a capital. */
const CAPITAL_CLASSES = [0.02, 0.1, 0.3, 0.6, 0.9];
const FEWEST_MENTIONS = 3;
const LEAST_SHARE = 0.4;

export interface Lexicon {
  readonly lexicons: Lexicons;
  readonly words: {
    readonly keys: Int32Array;
    readonly clusters: Uint16Array;
    readonly capitals: Uint8Array;
  };
  readonly names: { readonly keys: Int32Array; readonly bits: Uint8Array };
  readonly known: ReadonlyMap<string, number>;
}

export function nationalities(data: string): Set<string> {
  const names = listOf(data, 'gazetteers/nationalities.txt').map(lowerCase);
  return new Set(names.flatMap((name) => [name, `${name}s`]));
}

/** Bits of first names, countries and states from lists whose licence allows it. */
export function firstNames(data: string): Map<string, number> {
  const bits = new Map<string, number>();
  const add = (list: string, value: number) => {
    for (const name of listOf(data, list)) {
      const small = lowerCase(name);
      bits.set(small, (bits.get(small) ?? 0) | value);
    }
  };
  add('names/male.txt', FIRST_NAME);
  add('names/female.txt', FIRST_NAME);
  const location = 1 << NAME_TYPES.indexOf('location');
  for (const list of ['countries', 'usstates', 'mexstates', 'caprovinces', 'uscities']) {
    add(`gazetteers/${list}.txt`, location);
  }
  return bits;
}

function listOf(data: string, list: string): string[] {
  const text = readFileSync(path.join(data, 'train/nltk', list), 'latin1');
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

export function readLexicon(wordsFile: string, names: ReadonlyMap<string, number>): Lexicon {
  const rows = readFileSync(wordsFile, 'utf8')
    .trimEnd()
    .split('\n')
    .map((row) => row.split('\t'));
  const byKey = new Map(
    rows.map(([word = '', cluster, share]) => [
      hashOf(word),
      { cluster: Number(cluster), capital: capitalClass(Number(share)) },
    ]),
  );
  const keys = Int32Array.from(byKey.keys()).sort();
  const words = {
    keys,
    clusters: Uint16Array.from(keys, (key) => byKey.get(key)!.cluster),
    capitals: Uint8Array.from(keys, (key) => byKey.get(key)!.capital),
  };
  return lexiconOf(words, names);
}

export function withNames(lexicon: Lexicon, names: ReadonlyMap<string, number>): Lexicon {
  const all = new Map(lexicon.known);
  for (const [name, bits] of names) all.set(name, (all.get(name) ?? 0) | bits);
  return lexiconOf(lexicon.words, all);
}

function lexiconOf(words: Lexicon['words'], known: ReadonlyMap<string, number>): Lexicon {
  const byKey = new Map([...known].map(([name, bits]) => [hashOf(name), bits]));
  const keys = Int32Array.from(byKey.keys()).sort();
  const names = { keys, bits: Uint8Array.from(keys, (key) => byKey.get(key)!) };
  const lexicons = {
    words: new WordLexicon(words.keys, words.clusters, words.capitals),
    names: new NameLexicon(names.keys, names.bits),
  };
  return { lexicons, words, names, known };
}

function capitalClass(share: number): number {
  return CAPITAL_CLASSES.filter((limit) => share > limit).length;
}

/** Names that the tagger finds again and again as the same type, with the bits of their types. */
export function findNames(tagger: NameTagger, folder: string): Map<string, number> {
  const counts = new Map<string, Uint32Array>();
  const file = path.join(folder, 'texts.txt');
  if (!existsSync(file)) return new Map();
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    for (const { start, end, label } of tagger.tag(line, 0.6)) {
      const name = lowerCase(line.slice(start, end));
      if (name.length < 3 || name.split(' ').length > LONGEST_NAME) continue;
      const row = counts.get(name) ?? new Uint32Array(NAME_TYPES.length);
      counts.set(name, row);
      const type = NAME_TYPES.indexOf(label);
      row[type] = row[type]! + 1;
    }
  }
  const names = new Map<string, number>();
  for (const [name, row] of counts) {
    const total = row.reduce((a, b) => a + b, 0);
    if (total < FEWEST_MENTIONS) continue;
    let bits = 0;
    row.forEach((count, type) => {
      if (count >= total * LEAST_SHARE) bits |= 1 << type;
    });
    if (bits) names.set(name, bits);
  }
  return names;
}
