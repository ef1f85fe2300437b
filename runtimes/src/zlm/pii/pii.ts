import { type PiiLabel, type PiiOptions, readPiiOptions } from '@zerogpu/catalogue';
import type { PatternSpan } from '../entities/patterns/rule.ts';
import type { Program } from '../programs.ts';
import { wholeAnswer } from '../whole-answer.ts';
import { PiiModel } from './pii-model.ts';
import { redacted } from './resolve.ts';

/** Objects in memory besides the weight file: views and settings. */
const RESIDENT_BYTES = 1 << 16;

/** The program of PII models: `{redacted_text?, entities, entities_by_label}` as JSON. */
export const pii: Program = {
  load(weights) {
    const model = new PiiModel(weights);
    return {
      residentBytes: RESIDENT_BYTES,
      part: model,
      run(inference, signal) {
        const options = readPiiOptions(inference);
        return wholeAnswer(inference, signal, (text) => JSON.stringify(piiAnswer(text, model, options)));
      },
    };
  },
};

export interface PiiEntity {
  readonly text: string;
  readonly label: string;
  /** UTF-16 code units of the text as sent; the end is behind the last. */
  readonly start: number;
  readonly end: number;
  readonly score: number;
}

export interface PiiAnswer {
  readonly redacted_text?: string;
  readonly entities: readonly PiiEntity[];
  readonly entities_by_label: Readonly<Record<string, readonly string[]>>;
}

export function piiAnswer(text: string, model: PiiModel, options: PiiOptions): PiiAnswer {
  const spans = model.find(text, options);
  const entities = spans.map((span) => entityOf(text, span, options.labels));
  const rest = { entities, entities_by_label: byLabel(entities) };
  if (!options.redacts) return rest;
  return { redacted_text: redacted(text, spans, options.labels, options.mask), ...rest };
}

function entityOf(
  text: string,
  { start, end, label, score }: PatternSpan,
  labels: ReadonlyMap<PiiLabel, string>,
): PiiEntity {
  return { text: text.slice(start, end), label: labels.get(label) ?? label, start, end, score };
}

/** In the order of first occurrence. */
function byLabel(entities: readonly PiiEntity[]): Record<string, string[]> {
  const texts = new Map<string, string[]>();
  for (const { label, text } of entities) {
    const list = texts.get(label);
    if (list) list.push(text);
    else texts.set(label, [text]);
  }
  return Object.fromEntries(texts);
}
