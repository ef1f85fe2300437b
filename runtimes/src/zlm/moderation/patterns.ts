/**
 * What a text says, as sequences of word classes. A line of the weights' `patterns` is `feature<TAB>sequence`:
 *
 *     <class>  a word or phrase of the class     <a|b>  of either class
 *     word     that word; a|b one of two, with _ for a space inside
 *     item?    may be absent                     ~3     up to three words of any kind but negations
 *     ^  $     the beginning, the end of a clause
 *     & a b -c the text shows the features a and b of earlier lines, and not c
 *
 * Words of the class `idiom` ("kill time") mean nothing else. A feature whose name begins with `!` counts behind a negation too.
 */
import { WeightsError } from '../weights.ts';
import type { Entry, Lexicon } from './lexicon.ts';
import { LONGEST_PHRASE } from './lexicon.ts';
import type { Clause } from './tokens.ts';

const NEGATION = 'neg';
const IDIOM = 'idiom';
const TOGETHER = '& ';
/** Words before a match in which a negation takes it back. */
const NEGATION_REACH = 3;
const LONGEST_GAP = 6;
const MOST_ITEMS = 12;

type Item =
  | { readonly kind: 'class'; readonly classes: readonly number[]; readonly optional: boolean }
  | { readonly kind: 'gap'; readonly most: number }
  | { readonly kind: 'start' }
  | { readonly kind: 'end' };

/** A feature that is there when others are. */
interface Conjunction {
  readonly feature: number;
  readonly all: readonly number[];
  readonly none: readonly number[];
}

interface Pattern {
  readonly feature: number;
  readonly items: readonly Item[];
  readonly atStart: boolean;
  readonly negatable: boolean;
}

/** Words that stand in the patterns themselves, as the lexicon wants them. */
export function literalsOf(lines: readonly string[]): string[] {
  const literals = new Set<string>();
  for (const line of lines) {
    if (isConjunction(line)) continue;
    for (const item of sequenceOf(line)) {
      const name = item.endsWith('?') ? item.slice(0, -1) : item;
      if (isLiteral(name)) literals.add(`=${name}`);
    }
  }
  return [...literals];
}

function sequenceOf(line: string): string[] {
  return (line.split('\t')[1] ?? '').split(' ');
}

function isConjunction(line: string): boolean {
  return line.includes(`\t${TOGETHER}`);
}

function isLiteral(item: string): boolean {
  return !(item.startsWith('<') || item.startsWith('~') || item === '^' || item === '$');
}

/** The features in the order of their first line. */
export function featuresOf(lines: readonly string[]): string[] {
  return [...new Set(lines.map(nameOf))];
}

function nameOf(line: string): string {
  const name = line.split('\t')[0] ?? '';
  return name.startsWith('!') ? name.slice(1) : name;
}

export class Patterns {
  readonly #lexicon: Lexicon;
  readonly #byClass = new Map<number, Pattern[]>();
  readonly #conjunctions: Conjunction[] = [];
  readonly #negation: number;
  readonly #idiom: number;

  /** @throws WeightsError when a line is not a pattern, or names a class without words */
  constructor(lines: readonly string[], lexicon: Lexicon) {
    this.#lexicon = lexicon;
    this.#negation = lexicon.classOf(NEGATION);
    this.#idiom = lexicon.classOf(IDIOM);
    const features = new Map(featuresOf(lines).map((name, i) => [name, i]));
    for (const line of lines) {
      if (isConjunction(line)) {
        this.#conjunctions.push(conjunctionOf(line, features));
        continue;
      }
      const pattern = this.#parse(line, features.get(nameOf(line)) ?? 0);
      const first = pattern.items[0];
      if (first?.kind !== 'class' || first.optional)
        throw new WeightsError(`Moderation: "${line}" begins with no class`);
      for (const id of first.classes) {
        const own = this.#byClass.get(id);
        if (own) own.push(pattern);
        else this.#byClass.set(id, [pattern]);
      }
    }
  }

  #parse(line: string, feature: number): Pattern {
    const written = sequenceOf(line);
    const atStart = written[0] === '^';
    const items = written.slice(atStart ? 1 : 0).map((item) => this.#item(item));
    if (items.length > MOST_ITEMS) throw new WeightsError(`Moderation: "${line}" is too long`);
    return { feature, items, atStart, negatable: !line.startsWith('!') };
  }

  #item(written: string): Item {
    if (written === '$') return { kind: 'end' };
    if (written.startsWith('~')) {
      const most = Number(written.slice(1));
      if (!(most >= 1 && most <= LONGEST_GAP)) throw new WeightsError(`Moderation: no such gap: ${written}`);
      return { kind: 'gap', most };
    }
    const optional = written.endsWith('?');
    const name = optional ? written.slice(0, -1) : written;
    const names = name.startsWith('<') ? name.slice(1, -1).split('|') : [`=${name}`];
    return { kind: 'class', classes: names.map((one) => this.#lexicon.classOf(one)), optional };
  }

  /** Calls `found` for every pattern at every place where it begins; once for a pattern at a place. */
  match(clause: Clause, found: (feature: number, quoted: boolean) => void): void {
    const entries = this.#entriesOf(clause);
    for (let at = 0; at < clause.length; at++) {
      const quoted = clause[at]!.quoted;
      const seen = new Set<Pattern>();
      for (const entry of entries[at]!) {
        for (const id of entry.classes) {
          for (const pattern of this.#byClass.get(id) ?? []) {
            if (seen.has(pattern) || (pattern.atStart && at > 0)) continue;
            if (!this.#matches(pattern.items, 1, entries, at + entry.words)) continue;
            seen.add(pattern);
            if (!pattern.negatable || !this.#isNegated(entries, at)) found(pattern.feature, quoted);
          }
        }
      }
    }
  }

  /** Adds the features that follow from others. */
  conclude(counts: Float64Array): void {
    for (const { feature, all, none } of this.#conjunctions) {
      if (all.every((one) => counts[one]! > 0) && none.every((one) => counts[one] === 0)) counts[feature] = 1;
    }
  }

  /** What begins at each place; inside an idiom nothing does. */
  #entriesOf(clause: Clause): Entry[][] {
    const entries: Entry[][] = [];
    let idiomEnd = 0;
    for (let at = 0; at < clause.length; at++) {
      const own = at < idiomEnd ? [] : this.#entriesAt(clause, at);
      for (const entry of own) if (has(entry, this.#idiom)) idiomEnd = Math.max(idiomEnd, at + entry.words);
      entries.push(at < idiomEnd ? [] : own);
    }
    return entries;
  }

  /** Words and phrases that begin at `at`. */
  #entriesAt(clause: Clause, at: number): Entry[] {
    const entries: Entry[] = [];
    let phrase = '';
    for (let n = 0; n < LONGEST_PHRASE && at + n < clause.length; n++) {
      phrase = n === 0 ? clause[at]!.word : `${phrase} ${clause[at + n]!.word}`;
      const entry = this.#lexicon.entry(phrase);
      if (entry) entries.push(entry);
      if (!this.#lexicon.begins(phrase)) break;
    }
    return entries;
  }

  #matches(items: readonly Item[], next: number, entries: readonly Entry[][], at: number): boolean {
    const item = items[next];
    if (!item) return true;
    if (item.kind === 'end') return at >= entries.length;
    if (item.kind === 'start') return false;
    if (item.kind === 'gap') return this.#matchesBehindGap(items, next, item.most, entries, at);
    if (item.optional && this.#matches(items, next + 1, entries, at)) return true;
    for (const entry of entries[at] ?? []) {
      if (isOf(entry, item.classes) && this.#matches(items, next + 1, entries, at + entry.words)) return true;
    }
    return false;
  }

  #matchesBehindGap(
    items: readonly Item[],
    next: number,
    most: number,
    entries: readonly Entry[][],
    at: number,
  ): boolean {
    for (let skipped = 0; skipped <= most; skipped++) {
      if (this.#matches(items, next + 1, entries, at + skipped)) return true;
      if (this.#negates(entries[at + skipped])) return false;
    }
    return false;
  }

  #isNegated(entries: readonly Entry[][], at: number): boolean {
    for (let before = 1; before <= NEGATION_REACH && before <= at; before++) {
      if (this.#negates(entries[at - before])) return true;
    }
    return false;
  }

  #negates(entries: readonly Entry[] | undefined): boolean {
    if (!entries) return false;
    for (const entry of entries) if (has(entry, this.#negation)) return true;
    return false;
  }
}

/** @throws WeightsError when it names a feature that no line before it has */
function conjunctionOf(line: string, features: ReadonlyMap<string, number>): Conjunction {
  const number = (name: string) => {
    const feature = features.get(name);
    if (feature === undefined) throw new WeightsError(`Moderation: there is no feature "${name}"`);
    return feature;
  };
  const names = sequenceOf(line).slice(1);
  return {
    feature: number(nameOf(line)),
    all: names.filter((name) => !name.startsWith('-')).map(number),
    none: names.filter((name) => name.startsWith('-')).map((name) => number(name.slice(1))),
  };
}

function isOf(entry: Entry, classes: readonly number[]): boolean {
  for (const id of classes) if (has(entry, id)) return true;
  return false;
}

function has(entry: Entry, id: number): boolean {
  return entry.classes.includes(id);
}
