/** The model that answers with a text's vector. */
import { type Embedding, embeddingOptions } from '@zerogpu/catalogue';
import { roundTo } from '../numeric.ts';
import type { LoadedProgram, Program } from '../programs.ts';
import type { Weights } from '../weights.ts';
import { wholeAnswer } from '../whole-answer.ts';
import { SentenceEncoder, toUnitLength } from './sentence-encoder.ts';

const DECIMALS = 6;

export const sentenceEncoder: Program = {
  load(weights: Weights): LoadedProgram {
    const encoder = new SentenceEncoder(weights);
    return {
      residentBytes: encoder.residentBytes,
      part: encoder,
      run(inference, signal) {
        const options = embeddingOptions(inference);
        return wholeAnswer(inference, signal, (text) => embeddingAnswer(encoder.embed(text), options));
      },
    };
  },
};

/** JSON: an array of numbers, or a string with the base64 of little-endian 32-bit floats. */
export function embeddingAnswer(vector: Float64Array<ArrayBuffer>, options: Embedding): string {
  const { dimensions = vector.length, encodingFormat } = options;
  const cut = dimensions < vector.length ? toUnitLength(vector.slice(0, dimensions)) : vector;
  if (encodingFormat === 'base64') return JSON.stringify(base64Of(cut));
  return JSON.stringify(Array.from(cut, (value) => roundTo(value, DECIMALS)));
}

function base64Of(vector: Float64Array): string {
  const view = new DataView(new ArrayBuffer(4 * vector.length));
  for (const [i, value] of vector.entries()) view.setFloat32(4 * i, value, true);
  return btoa(String.fromCharCode(...new Uint8Array(view.buffer)));
}
