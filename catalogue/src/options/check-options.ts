import type { Inference, Task } from '@zerogpu/protocol';
import { embeddingOptions } from './embedding.ts';
import { extractionOptions } from './extraction.ts';
import { readPiiOptions } from './pii.ts';
import { zeroShotOptions } from './zero-shot.ts';

/** What reads the options of a task out of a request: the gateway to refuse, the model to work by. */
export type OptionsReader = (inference: Inference) => unknown;

/** One line a task that has options; a task that is not here takes none. */
const READERS: Partial<Record<Task, OptionsReader>> = {
  embedding: embeddingOptions,
  'zero-shot-classification': zeroShotOptions,
  extraction: extractionOptions,
  pii: readPiiOptions,
};

/**
 * Refuses options that the task cannot work with, before anything is charged or sent.
 * @throws TaskOptionsError
 */
export function checkOptions(task: Task, inference: Inference): void {
  READERS[task]?.(inference);
}
