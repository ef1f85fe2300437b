/** Everything that is found in a text whatever is asked of it, each part made at its first use. */

import type { PiiLabel } from '@zerogpu/catalogue';
import { type Kind, type KindLexicon, nameKey } from '../entities/kind-lexicon.ts';
import { LONGEST_NAME } from '../entities/lexicon.ts';
import type { NameSpan, NameTagger } from '../entities/name-tagger.ts';
import { findPatterns } from '../entities/patterns/find-patterns.ts';
import type { PatternSpan } from '../entities/patterns/rule.ts';
import { type Quantity, quantitiesIn } from '../entities/quantities.ts';
import type { PiiModel } from '../pii/pii-model.ts';
import { type Sentence, splitSentences } from '../sentences.ts';
import { isCapital, isLetter, lowerCase, type Word, wordsOf } from '../words.ts';
import { flowing } from './key-values.ts';
import { namesOf } from './text-names.ts';

/** Class of words that have a capital in less than three of ten places. */
const COMMON_CAPITAL = 3;
/** Names less likely than this are no candidates for anything. */
const LEAST_NAME = 0.2;

/** Kinds whose things are names. */
const NAMED = new Set(['person', 'organization', 'location', 'creative work', 'event', 'nationality']);

/** A name or noun of the lexicon, where it stands in the text. */
export interface Thing {
  readonly start: number;
  readonly end: number;
  readonly kinds: readonly Kind[];
  /** Whether it is written with a capital. */
  readonly isCapital: boolean;
  readonly words: number;
}

/** What a text is read with. */
export interface ReadingParts {
  readonly tagger: NameTagger;
  readonly kinds: KindLexicon;
  /** Null when nothing personal is to be found. */
  readonly pii: PiiModel | null;
}

/** Names inside these are none. */
const FORMS = new Set<string>(['email', 'url']);

const PERSONAL = {
  labels: new Map<PiiLabel, string>([
    ['person', 'person'],
    ['organization', 'organization'],
    ['city', 'city'],
    ['country', 'country'],
    ['address', 'address'],
  ]),
  threshold: 0.5,
  isNamed: true,
};

export class TextReading {
  readonly text: string;
  /** The text with spaces for the line breaks inside paragraphs; offsets are the same. */
  readonly flowing: string;
  /** True when hardly a word has a capital, or hardly one has not: capitals tell nothing then. */
  readonly isCaseless: boolean;
  readonly words: readonly Word[];
  readonly #tagger: NameTagger;
  readonly #kinds: KindLexicon;
  readonly #pii: PiiModel | null;
  #personal: readonly PatternSpan[] | undefined;
  #names: readonly NameSpan[] | undefined;
  #quantities: readonly Quantity[] | undefined;
  #patterns: readonly PatternSpan[] | undefined;
  #things: readonly Thing[] | undefined;
  #sentences: readonly Sentence[] | undefined;

  constructor(text: string, { tagger, kinds, pii }: ReadingParts) {
    this.text = text;
    this.flowing = flowing(text);
    this.words = wordsOf(text);
    this.isCaseless = isCaseless(text, this.words);
    this.#tagger = tagger;
    this.#kinds = kinds;
    this.#pii = pii;
  }

  /** Whether the word is usually written without a capital. */
  isCommon(word: string): boolean {
    const { words } = this.#tagger.lexicons;
    const capital = words.capital(words.find(lowerCase(word)));
    return capital > 0 && capital <= COMMON_CAPITAL;
  }

  /** In the order of the text; they may overlap. */
  get names(): readonly NameSpan[] {
    this.#names ??= namesOf({
      text: this.flowing,
      tagged: this.#tagger.tag(this.flowing, LEAST_NAME),
      personal: this.personal,
      forms: this.patterns.filter(({ label }) => FORMS.has(label)),
      isCaseless: this.isCaseless,
      isCommon: (word) => this.isCommon(word),
    });
    return this.#names;
  }

  /** People, companies, places and whole addresses as the model of personal data finds them. */
  get personal(): readonly PatternSpan[] {
    this.#personal ??= this.#pii?.find(this.flowing, PERSONAL) ?? [];
    return this.#personal;
  }

  get quantities(): readonly Quantity[] {
    this.#quantities ??= quantitiesIn(this.flowing);
    return this.#quantities;
  }

  get patterns(): readonly PatternSpan[] {
    this.#patterns ??= findPatterns(this.flowing);
    return this.#patterns;
  }

  get sentences(): readonly Sentence[] {
    this.#sentences ??= splitSentences(this.text);
    return this.#sentences;
  }

  /** Known names and nouns, the longest at each place, without overlaps. */
  get things(): readonly Thing[] {
    this.#things ??= this.#findThings();
    return this.#things;
  }

  #findThings(): Thing[] {
    const things: Thing[] = [];
    for (let i = 0; i < this.words.length; ) {
      const thing = this.#thingAt(i);
      if (thing) things.push(thing);
      i += thing?.words ?? 1;
    }
    return things;
  }

  #thingAt(first: number): Thing | null {
    const start = this.words[first]!.start;
    for (let count = Math.min(LONGEST_NAME, this.words.length - first); count >= 1; count--) {
      const end = signsBehind(this.text, this.words[first + count - 1]!.end);
      for (const last of end.length === 0 ? [0] : [end.length, 0]) {
        const stop = this.words[first + count - 1]!.end + last;
        if (stop - start > 64) continue;
        const kinds = this.#kindsOf(this.text.slice(start, stop));
        if (kinds.length === 0 || this.#isOtherWord(start, stop, kinds)) continue;
        const isUpper = isCapital(this.text.charCodeAt(start));
        return { start, end: stop, kinds, isCapital: isUpper, words: count };
      }
    }
    return null;
  }

  /** "LA" is a city, and "la" a word. */
  #isOtherWord(start: number, end: number, kinds: readonly Kind[]): boolean {
    const isHeading = !this.isCaseless && end - start > 3 && /^[A-Z]+$/.test(this.text.slice(start, end));
    // "TOTAL" heads a column; the company is written "Total".
    if (isHeading && this.isCommon(this.text.slice(start, end))) return true;
    if (end - start > 3) return false;
    const isNamed = NAMED.has(this.#kinds.kinds[this.#kinds.top(kinds[0]!)] ?? '');
    const hasSmall = /[a-z]/.test(this.text.slice(start, end));
    return isNamed && hasSmall;
  }

  #kindsOf(text: string): readonly Kind[] {
    const key = nameKey(text);
    const known = this.#kinds.kindsOf(key);
    if (key.length < 4 || !key.endsWith('s')) return known;
    // Nouns have plurals, names have not.
    const nouns = this.#singularKinds(key).filter(
      (kind) => !NAMED.has(this.#kinds.kinds[this.#kinds.top(kind)] ?? ''),
    );
    return [...known, ...nouns];
  }

  #singularKinds(key: string): readonly Kind[] {
    if (key.endsWith('ies')) return this.#kinds.kindsOf(`${key.slice(0, -3)}y`);
    if (key.endsWith('es')) {
      const without = this.#kinds.kindsOf(key.slice(0, -2));
      if (without.length > 0) return without;
    }
    return this.#kinds.kindsOf(key.slice(0, -1));
  }
}

/** "C++", "C#": signs that belong to the word before them. */
function signsBehind(text: string, at: number): string {
  if (text.startsWith('++', at)) return '++';
  const sign = text.charAt(at);
  return sign === '#' || sign === '+' || sign === '.' ? sign : '';
}

function isCaseless(text: string, words: readonly Word[]): boolean {
  let upper = 0;
  let letters = 0;
  for (const { start } of words) {
    const unit = text.charCodeAt(start);
    if (!isLetter(unit)) continue;
    letters++;
    if (isCapital(unit)) upper++;
  }
  return letters > 2 && (upper === 0 || upper * 10 > letters * 9);
}
