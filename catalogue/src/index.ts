/** What the platform knows of models before anything runs, and how it counts tokens. Browser-safe. */
export { exampleInferences } from './example-inferences.ts';
export { findManifest, MANIFESTS } from './manifests.ts';
export { checkOptions } from './options/check-options.ts';
export { EMBEDDING_DIMENSIONS, type Embedding, embeddingOptions } from './options/embedding.ts';
export {
  type AxisOption,
  type ExtractionOptions,
  extractionOptions,
  type FieldOption,
  type GroupOption,
} from './options/extraction.ts';
export { type PiiOptions, readPiiOptions } from './options/pii.ts';
export {
  PII_CATEGORIES,
  PII_LABELS,
  type PiiCategory,
  type PiiLabel,
  piiLabelOf,
} from './options/pii-labels.ts';
export { TaskOptionsError } from './options/task-options-error.ts';
export { type ZeroShot, zeroShotOptions } from './options/zero-shot.ts';
export { priceOf } from './price.ts';
export * from './tokenizer.ts';
