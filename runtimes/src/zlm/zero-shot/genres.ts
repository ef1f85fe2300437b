/**
 * Kinds of documents. A text's kind shows in its form and in words that belong to the kind; a label asks for the kinds
 * whose names are near to it.
 */
import type { SentenceEncoder } from '../encoder/sentence-encoder.ts';
import { exp } from '../numeric.ts';
import { type Weights, WeightsError } from '../weights.ts';
import { type Word, wordsOf } from '../words.ts';
import { FORMS, formsOf } from './genre-forms.ts';

const LONGEST_CUE = 5;
/** Evidence at which a kind is as likely as not to be seen. */
const HALF = 2.2;
/** The cosine of a label to a kind's name from which it asks for the kind at all, and from which for it alone. */
const LEAST_NEARNESS = 0.72;
const FULL_NEARNESS = 0.9;
const SHARPNESS = 20;
/** Labels come again with every text of a caller; this many are kept. */
const MOST_KNOWN = 512;
/** Cues of a long text are met by chance: the length from which they count less. */
const LONG = 60;

/** What a label asks of a text's kind. */
export interface AskedGenres {
  /** 0 to 1: how far the label names a kind of document. */
  readonly share: number;
  /** Weights of kinds, which sum to 1; none for a share of 0. */
  readonly weights: ReadonlyMap<number, number>;
}

interface Cue {
  readonly genre: number;
  readonly weight: number;
  /** Counts at the start of lines and sentences only. */
  readonly atStart: boolean;
}

const NO_CUES: readonly Cue[] = [];

export class Genres {
  readonly residentBytes: number;
  readonly #encoder: SentenceEncoder;
  readonly #genres: readonly string[];
  readonly #names: readonly Float64Array[];
  readonly #owners: Uint8Array;
  readonly #cues = new Map<string, Cue[]>();
  /** First words of cues of several. */
  readonly #beginnings = new Set<string>();
  readonly #known = new Map<string, AskedGenres>();
  /** Weights of the forms, a row per genre. */
  readonly #forms: Int8Array;

  /** @throws WeightsError when a tensor is absent or does not fit the others */
  constructor(weights: Weights, encoder: SentenceEncoder) {
    const names = weights.lines('genres.names');
    const cues = weights.lines('genres.cues');
    this.#encoder = encoder;
    this.#genres = weights.lines('genres');
    this.#names = names.map((name) => encoder.embed(name));
    this.#owners = weights.u8('genres.owners', [names.length]);
    this.#forms = weights.i8('genres.forms', [this.#genres.length, FORMS.length]);
    const rows = weights.u8('genres.cueRows', [cues.length, 3]);
    for (const [i, cue] of cues.entries()) this.#addCue(cue, rows.subarray(3 * i, 3 * i + 3));
    if (this.#owners.some((genre) => genre >= this.#genres.length)) {
      throw new WeightsError('A name is of a kind of document that is not there');
    }
    this.residentBytes = names.length * encoder.dimensions * 8 + cues.length * 120;
  }

  #addCue(cue: string, [genre = 0, weight = 0, atStart = 0]: Uint8Array): void {
    const entry = { genre, weight, atStart: atStart === 1 };
    const key = wordsOf(cue)
      .map((word) => word.text)
      .join(' ');
    if (key.includes(' ')) this.#beginnings.add(key.slice(0, key.indexOf(' ')));
    this.#cues.set(key, [...(this.#cues.get(key) ?? []), entry]);
  }

  label(label: string): AskedGenres {
    const known = this.#known.get(label);
    if (known) return known;
    const asked = this.#asked(label);
    if (this.#known.size >= MOST_KNOWN) this.#known.clear();
    this.#known.set(label, asked);
    return asked;
  }

  #asked(label: string): AskedGenres {
    const vector = this.#encoder.embed(label);
    const nearest = new Map<number, number>();
    let best = LEAST_NEARNESS;
    for (const [i, name] of this.#names.entries()) {
      let nearness = 0;
      for (let d = 0; d < name.length; d++) nearness += name[d]! * vector[d]!;
      const genre = this.#owners[i]!;
      if (nearness > (nearest.get(genre) ?? LEAST_NEARNESS)) nearest.set(genre, nearness);
      best = Math.max(best, nearness);
    }
    return {
      share: Math.min(1, (best - LEAST_NEARNESS) / (FULL_NEARNESS - LEAST_NEARNESS)),
      weights: shared(nearest, best),
    };
  }

  /** How clearly the text is of each kind, 0 to 1. */
  text(text: string): Float64Array {
    const words = wordsOf(text);
    const forms = formsOf(text, words);
    const evidence = this.#cueEvidence(text, words);
    const dilution = Math.sqrt(Math.max(1, words.length / LONG));
    return evidence.map((cues, genre) => {
      let sum = cues / 2 / dilution;
      for (const [i, form] of forms.entries()) sum += form * this.#forms[genre * FORMS.length + i]!;
      return sum / (sum + HALF);
    });
  }

  /** Each cue once. */
  #cueEvidence(text: string, words: readonly Word[]): Float64Array {
    const evidence = new Float64Array(this.#genres.length);
    const seen = new Set<Cue>();
    for (const at of words.keys()) {
      const longest = this.#beginnings.has(words[at]!.text) ? Math.min(LONGEST_CUE, words.length - at) : 1;
      let phrase = words[at]!.text;
      for (let length = 1; length <= longest; length++) {
        if (length > 1) phrase += ` ${words[at + length - 1]!.text}`;
        for (const cue of this.#cues.get(phrase) ?? NO_CUES) {
          if (seen.has(cue) || (cue.atStart && !isStart(text, words, at))) continue;
          seen.add(cue);
          evidence[cue.genre]! += cue.weight;
        }
      }
    }
    return evidence;
  }

  /** Between 0 and 1; 0 for a label that asks for no kind. */
  fit(text: Float64Array, { weights }: AskedGenres): number {
    let fit = 0;
    for (const [genre, weight] of weights) fit += weight * text[genre]!;
    return fit;
  }
}

function shared(nearest: ReadonlyMap<number, number>, best: number): Map<number, number> {
  const weights = new Map<number, number>();
  let sum = 0;
  for (const [genre, nearness] of nearest) {
    const weight = exp(SHARPNESS * (nearness - best));
    weights.set(genre, weight);
    sum += weight;
  }
  for (const [genre, weight] of weights) weights.set(genre, weight / sum);
  return weights;
}

/** Whether a line, a sentence or a step starts with the word. */
function isStart(text: string, words: readonly Word[], at: number): boolean {
  const before = at > 0 ? words[at - 1]!.end : 0;
  if (at === 0) return true;
  for (let i = before; i < words[at]!.start && i < before + 12; i++)
    if ('.!?\n'.includes(text.charAt(i))) return true;
  return false;
}
