/** What a weight file can ask for by the `program` of its meta. One line a program; see `Program`. */
import type { Inference } from '@zerogpu/protocol';
import type { Piece, RunEnd } from '../runtime.ts';
import { sentenceEncoder } from './encoder/embedding-program.ts';
import { extractor } from './extraction/extractor.ts';
import { extractiveSummary } from './extractive-summary.ts';
import { followUpQuestions } from './follow-up-questions/program.ts';
import { iabClassifier } from './iab/iab-classifier.ts';
import { iabLongProfile, iabProfile } from './iab/profile-programs.ts';
import { moderation } from './moderation/moderation.ts';
import { pii } from './pii/pii.ts';
import type { Weights } from './weights.ts';
import { zeroShot } from './zero-shot/zero-shot-program.ts';

/** The code of one kind of model. */
export interface Program {
  /**
   * @param needed the programs of the models that the manifest needs, by model id
   * @throws WeightsError when the weights lack what this program needs, or a needed program is another one
   */
  load(weights: Weights, needed: Needed): LoadedProgram;
}

/** Programs in memory by model id, for those that work with another model's weights. */
export type Needed = ReadonlyMap<string, LoadedProgram>;

/** A program with its weights in memory. */
export interface LoadedProgram {
  /** Bytes held besides the weight file: tables, maps. An estimate, never below the truth by much. */
  readonly residentBytes: number;
  /** What programs of models that need this one work with; see `neededPart`. */
  readonly part?: unknown;
  /**
   * As `LoadedModel.run`. The runtime has cut `inference.text` to the model's input and set `maxOutputTokens` to
   * what the model may write at most; of several texts it is run on each. Everything here takes time linear in the text, and gives the same bytes in
   * every engine.
   */
  run(inference: ProgramInference, signal: AbortSignal): AsyncGenerator<Piece, RunEnd, undefined>;
}

export type ProgramInference = Inference & { readonly maxOutputTokens: number };

export const PROGRAMS: Readonly<Record<string, Program>> = {
  'extractive-summary': extractiveSummary,
  extractor,
  'follow-up-questions': followUpQuestions,
  'iab-classifier': iabClassifier,
  'iab-long-profile': iabLongProfile,
  'iab-profile': iabProfile,
  'sentence-encoder': sentenceEncoder,
  'zero-shot': zeroShot,
  moderation,
  pii,
};
