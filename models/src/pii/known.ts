/** The gazetteer of zlm-v1-pii-edge: hand-written lists, a list of first names, names and words counted in corpora. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fold, Gazetteer, hashOf, KNOWN, keyOf } from '@zerogpu/runtimes';

const HAND_WRITTEN = path.join(import.meta.dirname, '../../data/pii-gazetteer.tsv');
/** A word that has a small letter in so many of its places inside sentences is a usual word. */
const COMMON_SHARE = 0.6;
/** Names that Wikipedia has once may be of anything. */
const FEWEST = { first: 2, surname: 1, city: 1 } as const;

export interface Known {
  readonly keys: Int32Array;
  readonly bits: Uint16Array;
  /** By kind, as written: what generated texts are filled with. */
  readonly names: ReadonlyMap<string, readonly string[]>;
}

export function gazetteerOf({ keys, bits }: Known): Gazetteer {
  return new Gazetteer(keys, bits);
}

type Kind = Exclude<keyof typeof KNOWN, 'common' | 'starts'>;

/**
 * @param data the folder of the corpora
 * @param folder where names.tsv and words.tsv are
 */
export function readKnown(data: string, folder: string): Known {
  const bits = new Map<string, number>();
  const names = new Map<string, string[]>();
  for (const [kind, name] of handWritten()) {
    addName(bits, kind, name);
    names.set(kind, [...(names.get(kind) ?? []), name]);
  }
  for (const name of englishFirstNames(data)) {
    addName(bits, 'first', name);
    names.get('first')?.push(name);
  }
  for (const [kind, name] of countedNames(folder)) addName(bits, kind, name);
  for (const name of zoneCities(data)) addName(bits, 'city', name);
  addCommon(bits, folder);
  return { ...packed(bits), names };
}

function isKind(name: string): name is Kind {
  return Object.hasOwn(KNOWN, name);
}

function* handWritten(): Generator<[Kind, string]> {
  for (const row of readFileSync(HAND_WRITTEN, 'utf8').split('\n')) {
    const [kind = '', list = ''] = row.split('\t');
    if (!isKind(kind)) continue;
    for (const name of list.split(', ')) yield [kind, name.trim()];
  }
}

/** Mark Kantrowitz's and Bill Ross's list of names. */
function englishFirstNames(data: string): string[] {
  const folder = path.join(data, 'train/nltk/names');
  return ['male.txt', 'female.txt'].flatMap((file) =>
    readFileSync(path.join(folder, file), 'utf8')
      .split('\n')
      .map((name) => name.trim())
      .filter((name) => /^[A-Z][a-z'-]{2,}$/.test(name)),
  );
}

function* countedNames(folder: string): Generator<[Kind, string]> {
  for (const row of readFileSync(path.join(folder, 'names.tsv'), 'utf8').split('\n')) {
    const [kind = '', name = '', count = ''] = row.split('\t');
    if (
      (kind === 'first' || kind === 'surname' || kind === 'city') &&
      Number(count) >= FEWEST[kind] &&
      name.length > (kind === 'city' ? 3 : 2)
    )
      yield [kind, name];
  }
}

/** Cities of the time zone database. */
function zoneCities(data: string): string[] {
  const rows = readFileSync(path.join(data, 'fixtures/geo_tz/zone.tab'), 'utf8').split('\n');
  return rows.flatMap((row) => {
    if (row.startsWith('#')) return [];
    const name = row.split('\t')[2]?.split('/').at(-1)?.replaceAll('_', ' ');
    return name ? [name] : [];
  });
}

function addName(bits: Map<string, number>, kind: Kind, name: string): void {
  const key = keyOf(name);
  if (key === '') return;
  bits.set(key, (bits.get(key) ?? 0) | KNOWN[kind]);
  const words = key.split(' ');
  if (words.length > 1) bits.set(words[0]!, (bits.get(words[0]!) ?? 0) | KNOWN.starts);
}

function addCommon(bits: Map<string, number>, folder: string): void {
  for (const row of readFileSync(path.join(folder, 'words.tsv'), 'utf8').split('\n')) {
    const [word = '', count = '', share = ''] = row.split('\t');
    if (Number(share) < COMMON_SHARE || Number(count) < 20) continue;
    const key = fold(word);
    bits.set(key, (bits.get(key) ?? 0) | KNOWN.common);
  }
}

function packed(bits: ReadonlyMap<string, number>): { keys: Int32Array; bits: Uint16Array } {
  const byHash = new Map<number, number>();
  for (const [key, value] of bits) byHash.set(hashOf(key), (byHash.get(hashOf(key)) ?? 0) | value);
  const sorted = [...byHash].sort(([a], [b]) => a - b);
  return {
    keys: Int32Array.from(sorted, ([hash]) => hash),
    bits: Uint16Array.from(sorted, ([, value]) => value),
  };
}
