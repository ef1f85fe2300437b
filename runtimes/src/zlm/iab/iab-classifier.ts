import type { LoadedProgram, Program } from '../programs.ts';
import type { Weights } from '../weights.ts';
import { wholeAnswer } from '../whole-answer.ts';
import { IabModel } from './iab-model.ts';

/** Categories and segments of a text, by name. */
export const iabClassifier: Program = {
  load(weights: Weights): LoadedProgram {
    const model = new IabModel(weights);
    return {
      residentBytes: model.residentBytes,
      part: model,
      run: (inference, signal) =>
        wholeAnswer(inference, signal, (text) => JSON.stringify(model.classify(text))),
    };
  },
};
