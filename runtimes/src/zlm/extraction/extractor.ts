/** Extraction by labels and schemas: entities, records, classes. */
import {
  type AxisOption,
  type ExtractionOptions,
  extractionOptions,
  type GroupOption,
} from '@zerogpu/catalogue';
import { KindLexicon } from '../entities/kind-lexicon.ts';
import { NameTagger } from '../entities/name-tagger.ts';
import { neededPart } from '../needed-part.ts';
import { PiiModel } from '../pii/pii-model.ts';
import type { LoadedProgram, Needed, Program } from '../programs.ts';
import type { Weights } from '../weights.ts';
import { wholeAnswer } from '../whole-answer.ts';
import { ZeroShotModel } from '../zero-shot/zero-shot-model.ts';
import { findByLabels } from './find-by-labels.ts';
import { meaningOf } from './label-meaning.ts';
import { recordsOf } from './records.ts';
import { TextReading } from './text-reading.ts';

/** What other models work with: the tagger and what is known of things. */
export class Extractor {
  readonly tagger: NameTagger;
  readonly kinds: KindLexicon;
  readonly pii: PiiModel | null;
  readonly #zeroShot: ZeroShotModel | null;

  /**
   * @param zeroShot what chooses between labels; without it choices that the text does not name are not made
   * @param pii what finds names in other languages, and addresses
   */
  constructor(weights: Weights, zeroShot: ZeroShotModel | null, pii: PiiModel | null = null) {
    this.#zeroShot = zeroShot;
    this.pii = pii;
    this.tagger = new NameTagger(weights);
    this.kinds = new KindLexicon(weights);
  }

  /** Every label in the order asked, each with its texts in the text's order, none twice. */
  entities(text: string, labels: readonly string[], threshold: number): Map<string, string[]> {
    const reading = new TextReading(text, this);
    const asked = labels.map((label) => ({ label, meaning: meaningOf(label, this.kinds) }));
    const found = new Map<string, Set<string>>(labels.map((label) => [label, new Set()]));
    for (const { label, start, end } of findByLabels(asked, reading, this.kinds, threshold)) {
      found.get(label)?.add(text.slice(start, end));
    }
    return new Map([...found].map(([label, texts]) => [label, [...texts]]));
  }

  answer(text: string, options: ExtractionOptions): string {
    switch (options.usecase) {
      case 'ner':
        return `{"entities":${objectOf(this.entities(text, options.labels, options.threshold))}}`;
      case 'json':
        return `{"data":${this.#records(text, options.groups)}}`;
      case 'classification':
        return `{"classification":${objectOf(this.#classes(text, options.axes))}}`;
    }
  }

  /** A list of records for each group, in JSON. */
  #records(text: string, groups: readonly GroupOption[]): string {
    const reading = new TextReading(text, this);
    const choose = (part: string, choices: readonly string[]) => this.#choose(part, choices);
    const lists = groups.map((group) => {
      const records = recordsOf(group, reading, this.kinds, choose);
      return `${JSON.stringify(group.name)}:[${records.map(objectOf).join(',')}]`;
    });
    return `{${lists.join(',')}}`;
  }

  /** The likeliest label of each axis. */
  #classes(text: string, axes: readonly AxisOption[]): [string, string][] {
    return axes.map(({ name, labels }) => [name, this.#likeliest(text, labels).label]);
  }

  #choose(text: string, choices: readonly string[]): string | null {
    if (choices.length < 2 || text.trim() === '' || !this.#zeroShot) return null;
    const { label, score } = this.#likeliest(text, choices);
    return score * choices.length >= CLEARLY ? label : null;
  }

  #likeliest(text: string, labels: readonly string[]): { label: string; score: number } {
    const scores = this.#zeroShot?.scores(text, labels, false) ?? new Float64Array(labels.length);
    let best = 0;
    for (let i = 1; i < scores.length; i++) if (scores[i]! > scores[best]!) best = i;
    return { label: labels[best]!, score: scores[best]! };
  }
}

/** A choice that the text does not name must be so many times as likely as if all were alike. */
const CLEARLY = 1.1;

/** A JSON object with its keys in order, whatever they are called: numbers and "__proto__" too. */
export function objectOf(entries: Iterable<readonly [string, unknown]>): string {
  return `{${[...entries].map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`;
}

export const extractor: Program = {
  load(weights: Weights, needed: Needed): LoadedProgram {
    const part = new Extractor(
      weights,
      neededPart(needed, 'zlm-v1-zeroshot-edge', ZeroShotModel),
      neededPart(needed, 'zlm-v1-pii-edge', PiiModel),
    );
    return {
      residentBytes: 1 << 20,
      part,
      run: (inference, signal) =>
        wholeAnswer(inference, signal, (text) => part.answer(text, extractionOptions(inference))),
    };
  },
};
