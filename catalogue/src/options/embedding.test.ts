import { plainInference } from '@zerogpu/protocol';
import { describe, expect, it } from 'vitest';
import { EMBEDDING_DIMENSIONS, embeddingOptions } from './embedding.ts';
import { TaskOptionsError } from './task-options-error.ts';

const read = (metadata: Record<string, unknown>) =>
  embeddingOptions({ ...plainInference('zlm-v1-embed-edge', 'text'), metadata });

describe('options of embeddings', () => {
  it('are floats of all dimensions unless said otherwise', () => {
    for (const nothing of [{}, { encoding_format: null, dimensions: null }]) {
      expect(read(nothing)).toEqual({ encodingFormat: 'float' });
    }
  });

  it('are as sent', () => {
    expect(read({ encoding_format: 'base64', dimensions: EMBEDDING_DIMENSIONS })).toEqual({
      encodingFormat: 'base64',
      dimensions: EMBEDDING_DIMENSIONS,
    });
  });

  it.each([0, -1, 1.5, EMBEDDING_DIMENSIONS + 1, Number.NaN, '64', [64], true])(
    'refuse %j dimensions',
    (dimensions) => {
      expect(() => read({ dimensions })).toThrow(TaskOptionsError);
    },
  );

  it.each(['hex', '', 'Float', 1, ['float'], {}])('refuse the format %j', (format) => {
    expect(() => read({ encoding_format: format })).toThrow(/"float" or "base64"\. For example: \{/);
  });
});
