/** What each task is asked of an example text: the options that a user would send. */
import type { Inference } from '@zerogpu/protocol';
import type { ExampleText } from './example-texts.ts';

export interface ExampleTask {
  readonly title: string;
  readonly model: string;
  /** What is sent beside the text, for the reader. */
  options(example: ExampleText): Partial<Pick<Inference, 'metadata' | 'instructions'>>;
}

const none = () => ({});

export const EXAMPLE_TASKS: readonly ExampleTask[] = [
  { title: 'Summary', model: 'zlm-v1-summary-cloud', options: none },
  { title: 'Follow-up questions', model: 'zlm-v1-followup-questions-edge', options: none },
  { title: 'IAB', model: 'zlm-v1-iab-classify-edge', options: none },
  { title: 'IAB enriched', model: 'zlm-v1-iab-classify-edge-enriched', options: none },
  { title: 'IAB cloud', model: 'zlm-v1-iab-classify-cloud', options: none },
  {
    title: 'Zero-shot',
    model: 'zlm-v1-zeroshot-edge',
    options: ({ labels }) => ({ instructions: `[${labels.join(', ')}]` }),
  },
  {
    title: 'Entities',
    model: 'zlm-v1-extract-edge',
    options: ({ entities }) => ({ metadata: { usecase: 'ner', labels: entities } }),
  },
  {
    title: 'JSON',
    model: 'zlm-v1-extract-edge',
    options: ({ schema }) => ({ metadata: { usecase: 'json', schema } }),
  },
  {
    title: 'Classification by schema',
    model: 'zlm-v1-extract-edge',
    options: ({ axes }) => ({ metadata: { usecase: 'classification', schema: axes } }),
  },
  { title: 'Redaction', model: 'zlm-v1-pii-edge', options: () => ({ metadata: { usecase: 'redact' } }) },
  { title: 'Moderation', model: 'zlm-v1-moderation-edge', options: none },
];

/** Vectors say nothing to a reader: shown is which other texts are nearest. */
export const EMBEDDING_MODEL = 'zlm-v1-embed-edge';
