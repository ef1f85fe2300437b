/** The model that scores labels which the caller names. */
import { type ZeroShot, zeroShotOptions } from '@zerogpu/catalogue';
import { SentenceEncoder } from '../encoder/sentence-encoder.ts';
import { neededPart } from '../needed-part.ts';
import type { LoadedProgram, Needed, Program } from '../programs.ts';
import type { Weights } from '../weights.ts';
import { wholeAnswer } from '../whole-answer.ts';
import { labelScoresJson } from './label-scores.ts';
import { ZeroShotModel } from './zero-shot-model.ts';

export const zeroShot: Program = {
  load(weights: Weights, needed: Needed): LoadedProgram {
    const model = new ZeroShotModel(weights, neededPart(needed, 'zlm-v1-embed-edge', SentenceEncoder));
    return {
      residentBytes: model.residentBytes,
      part: model,
      run(inference, signal) {
        const options = zeroShotOptions(inference);
        return wholeAnswer(inference, signal, (text) => zeroShotAnswer(model, text, options));
      },
    };
  },
};

/** JSON: an object from label to probability, highest first. */
export function zeroShotAnswer(model: ZeroShotModel, text: string, options: ZeroShot): string {
  const { labels, threshold, multiLabel } = options;
  return labelScoresJson(labels, model.scores(text, labels, multiLabel), {
    threshold,
    sumsToOne: !multiLabel,
  });
}
