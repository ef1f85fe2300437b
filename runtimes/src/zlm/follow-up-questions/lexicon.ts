/** What the weights know of single words: their parts of speech, their rarity, irregular forms, names and types. */
import { type Weights, WeightsError } from '../weights.ts';
import { isDigit, lowerCase } from '../words.ts';
import { TAGS, tagNumber } from './tags.ts';

/** A tag's number and what it costs to give it, in steps of the weights. */
export interface TagCost {
  readonly tag: number;
  readonly cost: number;
}

export interface IrregularVerb {
  readonly base: string;
  readonly past: string;
  readonly participle: string;
}

const UNSEEN_IDF_LEVEL = 255;

export class Lexicon {
  readonly #words: ReadonlyMap<string, number>;
  readonly #sets: readonly (readonly TagCost[])[];
  readonly #wordTags: Uint16Array;
  readonly #idf: Uint8Array;
  readonly #idfStep: number;
  readonly #suffixes: ReadonlyMap<string, readonly TagCost[]>;
  readonly #transitions: Uint8Array;
  readonly firstNames: ReadonlySet<string>;
  readonly places: ReadonlySet<string>;
  /** Words in lower case that are written with a capital everywhere: "iraqi". */
  readonly capitalized: ReadonlySet<string>;
  /** By base form, past and participle. */
  readonly irregular: ReadonlyMap<string, IrregularVerb>;
  /** Types of a noun or verb by its base form, such as `person` or `v.decide`. */
  readonly #types: ReadonlyMap<string, readonly string[]>;

  constructor(weights: Weights) {
    checkTags(weights.meta['tags']);
    const words = weights.lines('words');
    this.#words = new Map(words.map((word, i) => [word, i]));
    this.#sets = weights.lines('tagSets').map(readTagCosts);
    this.#wordTags = weights.u16('wordTags', [words.length]);
    this.#idf = weights.u8('idf', [words.length]);
    this.#idfStep = Number(weights.meta['idfStep']);
    this.#suffixes = new Map(weights.lines('suffixes').map(readSuffix));
    this.#transitions = weights.u8('transitions', [TAGS.length, TAGS.length]);
    this.firstNames = new Set([
      ...weights.lines('firstNames'),
      ...wordsIn(weights.lines('table.first-names')),
    ]);
    this.places = new Set([...weights.lines('places'), ...weights.lines('table.places')]);
    this.capitalized = new Set(weights.lines('capitalized'));
    this.irregular = readIrregular(weights.lines('table.irregular-verbs'));
    this.#types = readTypes(weights.lines('table.types'));
  }

  get size(): number {
    return this.#words.size;
  }

  has(low: string): boolean {
    return this.#words.has(low);
  }

  /** Tags that a known word may have; null for an unknown one. */
  known(low: string): readonly TagCost[] | null {
    const at = this.#words.get(low);
    return at === undefined ? null : (this.#sets[this.#wordTags[at]!] ?? null);
  }

  /** Can the word be this part of speech, by the lexicon or else by its ending? */
  canBe(low: string, tag: (typeof TAGS)[number]): boolean {
    const number = tagNumber(tag);
    return (this.known(low) ?? this.byEnding(low)).some((entry) => entry.tag === number);
  }

  byEnding(low: string): readonly TagCost[] {
    for (let size = 4; size >= 2; size--) {
      const found = low.length > size ? this.#suffixes.get(low.slice(-size)) : undefined;
      if (found) return found;
    }
    return UNKNOWN;
  }

  transition(from: number, to: number): number {
    return this.#transitions[from * TAGS.length + to]!;
  }

  /** In natural logarithms: near 0 for "the", above 10 for a word never seen. */
  idf(low: string): number {
    const at = this.#words.get(low);
    return (at === undefined ? UNSEEN_IDF_LEVEL : this.#idf[at]!) * this.#idfStep;
  }

  typesOf(base: string): readonly string[] {
    return this.#types.get(base) ?? [];
  }
}

const UNKNOWN: readonly TagCost[] = [
  { tag: tagNumber('NN'), cost: 2 },
  { tag: tagNumber('JJ'), cost: 6 },
];

function checkTags(tags: unknown): void {
  if (Array.isArray(tags) && tags.join() === TAGS.join()) return;
  throw new WeightsError('The weights have another list of tags');
}

function readTagCosts(line: string): TagCost[] {
  return line.split(' ').map((part) => {
    const [tag = '', cost] = part.split(':');
    return { tag: tagNumber(tag), cost: Number(cost) };
  });
}

function readSuffix(line: string): [string, TagCost[]] {
  const [ending = '', costs = ''] = line.split('\t');
  return [ending, readTagCosts(costs)];
}

function wordsIn(lines: readonly string[]): string[] {
  return lines.flatMap((line) => line.split(' '));
}

function readIrregular(lines: readonly string[]): Map<string, IrregularVerb> {
  const verbs = new Map<string, IrregularVerb>();
  for (const line of lines) {
    const [base = '', pasts = '', participles = ''] = line.split(' ');
    const verb = { base, past: firstOf(pasts), participle: firstOf(participles) };
    for (const form of [...participles.split('/'), ...pasts.split('/'), base]) {
      if (!verbs.has(form) || form === base) verbs.set(form, verb);
    }
  }
  return verbs;
}

function firstOf(forms: string): string {
  return forms.split('/')[0] ?? '';
}

function readTypes(lines: readonly string[]): Map<string, string[]> {
  const types = new Map<string, string[]>();
  for (const line of lines) {
    const [type = '', words = ''] = line.split('\t');
    for (const word of words.split(' ')) {
      const known = types.get(word);
      if (known) known.push(type);
      else types.set(word, [type]);
    }
  }
  return types;
}

/** Does the word begin with a digit ("12", "3.5", "2,000", "5kg")? */
export function isNumeric(word: string): boolean {
  return isDigit(word.charCodeAt(0));
}

/** The first letter a capital. */
export function isCapitalized(word: string): boolean {
  const first = word.charAt(0);
  return first !== lowerCase(first);
}
