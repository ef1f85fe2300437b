/** The two models that give the whole IAB profile: for short texts at once, for long ones passage by passage. */
import { neededPart } from '../needed-part.ts';
import type { LoadedProgram, Needed, Program } from '../programs.ts';
import { type Weights, WeightsError } from '../weights.ts';
import { wholeAnswer } from '../whole-answer.ts';
import { IabModel } from './iab-model.ts';
import { ProfileModel } from './iab-profile.ts';
import { passagesOf } from './passages.ts';
import type { ListBounds } from './taxonomy.ts';

const BASE = 'zlm-v1-iab-classify-edge';
const ENRICHED = 'zlm-v1-iab-classify-edge-enriched';
/** Of the enriched model's lists. */
export const PROFILE_BOUNDS: ListBounds = { least: 0.1, most: 12 };

export const iabProfile: Program = {
  load(weights: Weights, needed: Needed): LoadedProgram {
    const model = new ProfileModel(weights, neededPart(needed, BASE, IabModel));
    return {
      residentBytes: model.residentBytes,
      part: model,
      run: (inference, signal) =>
        wholeAnswer(inference, signal, (text) => JSON.stringify(model.profile(text, [text], PROFILE_BOUNDS))),
    };
  },
};

/** Works with the enriched model; its own weights say how long texts are read. */
export const iabLongProfile: Program = {
  load(weights: Weights, needed: Needed): LoadedProgram {
    const model = neededPart(needed, ENRICHED, ProfileModel);
    const words = numberOf(weights, 'passageWords');
    const bounds = { least: numberOf(weights, 'leastScore'), most: numberOf(weights, 'longestList') };
    return {
      residentBytes: 0,
      run: (inference, signal) =>
        wholeAnswer(inference, signal, (text) =>
          JSON.stringify(model.profile(text, passagesOf(text, words), bounds)),
        ),
    };
  },
};

function numberOf(weights: Weights, key: string): number {
  const value = weights.meta[key];
  if (typeof value === 'number' && value > 0) return value;
  throw new WeightsError(`Weights of ${weights.model} give no ${key}`);
}
