/** What things are: names with their kinds ("python", a programming language), and kinds with the wider kinds above them. */
import { termOf } from '../terms.ts';
import { type Weights, WeightsError } from '../weights.ts';
import { lowerCase, wordsOf } from '../words.ts';
import { ABSENT, HashIndex, hashOf } from './lexicon.ts';

/** Number of a kind; a thing without a second kind has NO_KIND in its place. */
export type Kind = number;

const NO_KIND = 0xffff;
const KINDS_PER_NAME = 2;

export class KindLexicon {
  /** Names of kinds, by number. */
  readonly kinds: readonly string[];
  /** The wider kind, or the kind that an alias stands for; itself at the top. */
  readonly #parents: Uint16Array;
  /** 1 where a word is only another word for its parent. */
  readonly #aliases: Uint8Array;
  readonly #index: HashIndex;
  readonly #things: Uint16Array;
  readonly #byTerms: ReadonlyMap<string, Kind>;

  constructor(weights: Weights) {
    this.kinds = weights.lines('kinds');
    const count = this.kinds.length;
    this.#parents = weights.u16('kindParents', [count]);
    this.#aliases = weights.u8('kindAliases', [count]);
    const keys = weights.i32('thingKeys');
    this.#index = new HashIndex(keys);
    this.#things = weights.u16('thingKinds', [keys.length, KINDS_PER_NAME]);
    this.#parents.forEach((parent, kind) => {
      if (parent > kind) throw new WeightsError('Kinds: a parent stands behind its child');
    });
    for (const kind of this.#things) {
      if (kind >= count && kind !== NO_KIND) throw new WeightsError(`Kinds: there is no kind ${kind}`);
    }
    this.#byTerms = new Map(this.kinds.map((name, kind): [string, Kind] => [termsOf(name), kind]).reverse());
  }

  /** The kind that a label names, aliases resolved; null when no kind is called so. */
  named(label: string): Kind | null {
    const kind = this.#byTerms.get(termsOf(label)) ?? this.#byTerms.get(headOf(label));
    return kind === undefined ? null : this.resolved(kind);
  }

  /** As `named`, for the whole label only. */
  namedExactly(label: string): Kind | null {
    const kind = this.#byTerms.get(termsOf(label));
    return kind === undefined ? null : this.resolved(kind);
  }

  resolved(kind: Kind): Kind {
    return this.#aliases[kind] ? this.#parents[kind]! : kind;
  }

  /** Kinds that the name is known to be of; none for an unknown name. */
  kindsOf(name: string): readonly Kind[] {
    const place = this.#index.find(hashOf(name));
    if (place === ABSENT) return [];
    const at = place * KINDS_PER_NAME;
    return [...this.#things.subarray(at, at + KINDS_PER_NAME)].filter((kind) => kind !== NO_KIND);
  }

  /** Whether the kind is the other one or narrower. */
  isA(kind: Kind, other: Kind): boolean {
    for (let at = kind; ; at = this.#parents[at]!) {
      if (at === other) return true;
      if (this.#parents[at] === at) return false;
    }
  }

  /** The widest kind above. */
  top(kind: Kind): Kind {
    let at = kind;
    while (this.#parents[at] !== at) at = this.#parents[at]!;
    return at;
  }
}

function termsOf(label: string): string {
  return wordsOf(label.replace(/[_-]+/g, ' '))
    .map(({ text }) => termOf(text))
    .join(' ');
}

/** The last word's term: "target company" asks for companies. */
function headOf(label: string): string {
  return termsOf(label).split(' ').at(-1) ?? '';
}

/** A name as the lexicon has it. */
export function nameKey(text: string): string {
  return lowerCase(text).replace(/[ \t\n]+/g, ' ');
}
