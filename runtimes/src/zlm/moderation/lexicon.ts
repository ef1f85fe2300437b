/** The words and phrases that the moderation model knows, with the classes that patterns name. */
import { type Weights, WeightsError } from '../weights.ts';

/** Words of one phrase at most. */
export const LONGEST_PHRASE = 8;
/** Letters of one word at most; nothing longer is looked up. */
export const LONGEST_WORD = 32;

export interface Entry {
  /** Numbers of words that it spans. */
  readonly words: number;
  /** Few: one to five. */
  readonly classes: readonly number[];
}

export class Lexicon {
  readonly #entries = new Map<string, Entry>();
  /** Beginnings of phrases, so that most looks ahead end at once. */
  readonly #beginnings = new Set<string>();
  /** Words that are looked for in disguise too. */
  readonly #disguised = new Set<string>();
  /** The same by length and first letter: what a word with hidden letters may be. */
  readonly #masked = new Map<string, string[]>();
  readonly #classes = new Map<string, number>();

  /**
   * @param lines `class<TAB>phrase`, a class that may be disguised with a star behind its name
   * @param literals words that stand in patterns themselves, as `=a|b`, each of which is a class too
   */
  constructor(lines: readonly string[], literals: readonly string[]) {
    const members = new Map<string, Set<number>>();
    const add = (phrase: string, id: number) => {
      const own = members.get(phrase);
      if (own) own.add(id);
      else members.set(phrase, new Set([id]));
    };
    for (const line of lines) {
      const [name = '', phrase = ''] = line.split('\t');
      add(phrase, this.#intern(name.endsWith('*') ? name.slice(0, -1) : name));
      if (name.endsWith('*')) this.#disguise(phrase);
    }
    for (const literal of literals) {
      const id = this.#intern(literal);
      for (const word of literal.slice(1).split('|')) add(word.replaceAll('_', ' '), id);
    }
    for (const [phrase, ids] of members) this.#enter(phrase, [...ids]);
  }

  /** Reads the text tensor `words`. @throws WeightsError when it is absent or empty */
  static of(weights: Weights, literals: readonly string[]): Lexicon {
    const lines = weights.lines('words');
    if (lines.length === 0) throw new WeightsError('Moderation: no words');
    return new Lexicon(lines, literals);
  }

  #intern(name: string): number {
    const known = this.#classes.get(name);
    if (known !== undefined) return known;
    this.#classes.set(name, this.#classes.size);
    return this.#classes.size - 1;
  }

  #disguise(phrase: string): void {
    const word = phrase.replaceAll(' ', '').replaceAll("'", '');
    if (word.length < 3 || word.length > LONGEST_WORD) return;
    if (this.#disguised.has(phrase)) return;
    this.#disguised.add(phrase);
    if (phrase.includes(' ')) return;
    const key = maskKey(word.length, word);
    const own = this.#masked.get(key);
    if (own) own.push(word);
    else this.#masked.set(key, [word]);
  }

  #enter(phrase: string, classes: readonly number[]): void {
    const words = phrase.split(' ');
    if (words.length > LONGEST_PHRASE) throw new WeightsError(`Moderation: "${phrase}" is too long`);
    this.#entries.set(phrase, { words: words.length, classes });
    for (let n = 1; n < words.length; n++) this.#beginnings.add(words.slice(0, n).join(' '));
  }

  /** @throws WeightsError for a class that has no word */
  classOf(name: string): number {
    const id = this.#classes.get(name);
    if (id === undefined) throw new WeightsError(`Moderation: there is no class "${name}"`);
    return id;
  }

  entry(phrase: string): Entry | undefined {
    return this.#entries.get(phrase);
  }

  begins(phrase: string): boolean {
    return this.#beginnings.has(phrase);
  }

  knows(word: string): boolean {
    return this.#entries.has(word) || this.#beginnings.has(word);
  }

  isDisguised(word: string): boolean {
    return this.#disguised.has(word);
  }

  /** A word that fits `masked`, in which `*` stands for one hidden letter. Its first letter is not hidden. */
  unmask(masked: string): string | null {
    for (const word of this.#masked.get(maskKey(masked.length, masked)) ?? []) {
      if (fitsMask(word, masked)) return word;
    }
    return null;
  }

  /** An estimate of the bytes held. */
  get residentBytes(): number {
    return this.#entries.size * 250 + this.#beginnings.size * 80;
  }
}

function maskKey(length: number, word: string): string {
  return `${length}${word.charAt(0)}`;
}

function fitsMask(word: string, masked: string): boolean {
  for (let i = 0; i < masked.length; i++) {
    const letter = masked.charAt(i);
    if (letter !== '*' && letter !== word.charAt(i)) return false;
  }
  return true;
}
