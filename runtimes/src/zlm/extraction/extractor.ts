/** Extraction by labels and schemas: entities, records, classes. */
import { type ExtractionOptions, extractionOptions } from '@zerogpu/catalogue';
import { KindLexicon } from '../entities/kind-lexicon.ts';
import { NameTagger } from '../entities/name-tagger.ts';
import type { LoadedProgram, Program } from '../programs.ts';
import type { Weights } from '../weights.ts';
import { wholeAnswer } from '../whole-answer.ts';
import { findByLabels } from './find-by-labels.ts';
import { meaningOf } from './label-meaning.ts';
import { TextReading } from './text-reading.ts';

/** What other models work with: the tagger and what is known of things. */
export class Extractor {
  readonly tagger: NameTagger;
  readonly kinds: KindLexicon;

  constructor(weights: Weights) {
    this.tagger = new NameTagger(weights);
    this.kinds = new KindLexicon(weights);
  }

  /** Every label in the order asked, each with its texts in the text's order, none twice. */
  entities(text: string, labels: readonly string[], threshold: number): Map<string, string[]> {
    const reading = new TextReading(text, this.tagger, this.kinds);
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
        return '{"data":{}}';
      case 'classification':
        return '{"classification":{}}';
    }
  }
}

/** A JSON object with its keys in order, whatever they are called: numbers and "__proto__" too. */
export function objectOf(entries: Iterable<readonly [string, unknown]>): string {
  return `{${[...entries].map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`;
}

export const extractor: Program = {
  load(weights: Weights): LoadedProgram {
    const part = new Extractor(weights);
    return {
      residentBytes: 1 << 20,
      part,
      run: (inference, signal) =>
        wholeAnswer(inference, signal, (text) => part.answer(text, extractionOptions(inference))),
    };
  },
};
