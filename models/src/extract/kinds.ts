/** Kinds and the things that are of them: from Wikipedia's statements and from the lists written by hand. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { hashOf, lowerCase, NAME_TYPES, type NameType } from '@zerogpu/runtimes';

const HAND = path.join(import.meta.dirname, '../../data');
const NO_KIND = 0xffff;
/** A word of the list with so many names of its own is a narrower kind, not another word for the kind. */
const NAMES_OF_OWN = 8;
const FEWEST_STATEMENTS = 2;
/** Of a single word, which may stand in a list by chance. */
const FEWEST_OF_A_WORD = 4;
/** Kinds whose names the tagger knows as its types. */
const TAGGER_TYPES: Readonly<Record<string, NameType>> = {
  person: 'person',
  organization: 'corporation',
  group: 'group',
  location: 'location',
  product: 'product',
  'creative work': 'creative work',
  event: 'event',
};

/** Kinds whose things have names, with capitals. */
const NAMED_TOPS = new Set(['person', 'organization', 'location', 'product', 'creative work', 'event']);

export interface Kinds {
  readonly names: readonly string[];
  readonly parents: Uint16Array;
  readonly aliases: Uint8Array;
  readonly thingKeys: Int32Array;
  readonly thingKinds: Uint16Array;
  /** Bits of NAME_TYPES of names that Wikipedia says something of. */
  readonly bits: ReadonlyMap<string, number>;
  /** Type of NAME_TYPES of what articles are about, by name in lower case. */
  readonly types: ReadonlyMap<string, NameType>;
}

interface Row {
  readonly name: string;
  readonly parent: string;
  readonly words: readonly string[];
}

function rowsOf(file: string): string[][] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split('\t'));
}

/** @param nationalities lower case */
export function readKinds(folder: string, nationalities: Iterable<string>): Kinds {
  const rows = rowsOf(path.join(HAND, 'entity-kinds.tsv')).map(
    ([name = '', parent = '', words = '']): Row => ({
      name,
      parent,
      words: words.split('|').filter(Boolean),
    }),
  );
  const statements = rowsOf(path.join(folder, 'kinds.tsv')).map(([name = '', kind = '', count]) => ({
    name,
    kind,
    count: Number(count),
  }));
  const table = kindTable(rows, statements);
  const things = new Map<string, number[]>();
  const bits = new Map<string, number>();
  const types = new Map<string, NameType>();
  const capitals = capitalShares(path.join(folder, 'words.tsv'));
  const byHand = new Set<string>();
  const add = (name: string, kind: number) => {
    const kinds = things.get(name) ?? [];
    if (kinds.length < 2 && !kinds.includes(kind)) things.set(name, [...kinds, kind]);
  };
  for (const [kind = '', names = ''] of rowsOf(path.join(HAND, 'entity-names.tsv'))) {
    for (const name of names.split('|')) {
      add(lowerCase(name), table.find(kind) ?? fail(kind));
      byHand.add(lowerCase(name));
    }
  }
  for (const name of nationalities) add(name, table.find('nationality') ?? fail('nationality'));
  for (const { name, kind, count } of statements) {
    const found = table.find(kind);
    if (found === null || count < FEWEST_STATEMENTS || !/^[a-zà-ž0-9]/.test(name) || /^[0-9 ]+$/.test(name))
      continue;
    const isSingle = !name.includes(' ');
    if (name.length < 3 || (byHand.has(name) && count < 20) || (isSingle && count < FEWEST_OF_A_WORD))
      continue;
    // "Next" is a company too, but "next" is not.
    const isCommon = name.split(' ').every((word) => (capitals.get(word) ?? 1) < 0.5);
    if (isCommon && NAMED_TOPS.has(table.names[table.top(found)]!)) continue;
    add(name, found);
    const type = TAGGER_TYPES[table.names[table.typed(found)]!];
    if (type && count >= 20 && !types.has(name)) types.set(name, type);
    if (type && (name.includes(' ') || count >= 20))
      bits.set(name, (bits.get(name) ?? 0) | (1 << NAME_TYPES.indexOf(type)));
  }
  const byKey = new Map([...things].map(([name, kinds]) => [hashOf(name), kinds]));
  const thingKeys = Int32Array.from(byKey.keys()).sort();
  const thingKinds = new Uint16Array(thingKeys.length * 2).fill(NO_KIND);
  thingKeys.forEach((key, i) => {
    thingKinds.set(byKey.get(key)!, 2 * i);
  });
  return {
    names: table.names,
    parents: Uint16Array.from(table.parents),
    aliases: Uint8Array.from(table.aliases),
    thingKeys,
    thingKinds,
    bits,
    types,
  };
}

/** How often each known word has a capital inside sentences. */
function capitalShares(file: string): Map<string, number> {
  return new Map(rowsOf(file).map(([word = '', , share]) => [word, Number(share)]));
}

function fail(kind: string): never {
  throw new Error(`entity-names.tsv has the kind "${kind}", which entity-kinds.tsv has not`);
}

class KindTable {
  readonly names: string[] = [];
  readonly parents: number[] = [];
  readonly aliases: number[] = [];
  readonly #numbers = new Map<string, number>();

  add(name: string, parent: string, alias: boolean): void {
    if (this.#numbers.has(name)) return;
    const number = this.names.length;
    this.#numbers.set(name, number);
    this.names.push(name);
    this.parents.push(parent === '' ? number : (this.#numbers.get(parent) ?? fail(parent)));
    this.aliases.push(alias ? 1 : 0);
  }

  /** By the whole kind, or its last word. */
  find(kind: string): number | null {
    return this.#numbers.get(kind) ?? this.#numbers.get(kind.split(' ').at(-1) ?? '') ?? null;
  }

  top(kind: number): number {
    let at = kind;
    while (this.parents[at] !== at) at = this.parents[at]!;
    return at;
  }

  /** The nearest kind above that has a type of the tagger. */
  typed(kind: number): number {
    let at = kind;
    while (!(this.names[at]! in TAGGER_TYPES) && this.parents[at] !== at) at = this.parents[at]!;
    return at;
  }
}

function kindTable(rows: readonly Row[], statements: readonly { kind: string }[]): KindTable {
  const counts = new Map<string, number>();
  for (const { kind } of statements) {
    for (const word of new Set([kind, kind.split(' ').at(-1) ?? '']))
      counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const table = new KindTable();
  for (const { name, parent } of rows) table.add(name, parent, false);
  for (const { name, words } of rows) {
    for (const word of words) {
      const isAlias = word.startsWith('=') || (counts.get(word) ?? 0) < NAMES_OF_OWN;
      table.add(word.replace('=', ''), name, isAlias);
    }
  }
  return table;
}
