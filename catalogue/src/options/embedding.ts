import type { Inference } from '@zerogpu/protocol';
import { TaskOptionsError } from './task-options-error.ts';

/** Of the vectors of `zlm-v1-embed-edge`. */
export const EMBEDDING_DIMENSIONS = 256;

export interface Embedding {
  readonly encodingFormat: 'float' | 'base64';
  /** How many leading dimensions are wanted; all when absent. */
  readonly dimensions?: number;
}

/**
 * `metadata.encoding_format` and `metadata.dimensions` of an inference; either may be absent or null.
 * @throws TaskOptionsError
 */
export function embeddingOptions({ metadata }: Inference): Embedding {
  const encodingFormat = metadata['encoding_format'] ?? 'float';
  if (encodingFormat !== 'float' && encodingFormat !== 'base64') {
    throw new TaskOptionsError('metadata.encoding_format', 'The encoding format is "float" or "base64"', {
      metadata: { encoding_format: 'float' },
    });
  }
  const dimensions = metadata['dimensions'] ?? undefined;
  if (dimensions === undefined) return { encodingFormat };
  if (!isCount(dimensions)) {
    throw new TaskOptionsError(
      'metadata.dimensions',
      `The dimensions are a whole number from 1 to ${EMBEDDING_DIMENSIONS}`,
      { metadata: { dimensions: 128 } },
    );
  }
  return { encodingFormat, dimensions };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= EMBEDDING_DIMENSIONS;
}
