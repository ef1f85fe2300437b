/** Moderation of a text: one result of OpenAI's moderation answer, as JSON. */
import { MODERATION_CATEGORIES } from '@zerogpu/protocol';
import type { LoadedProgram, Program } from '../programs.ts';
import type { Weights } from '../weights.ts';
import { wholeAnswer } from '../whole-answer.ts';
import { ModerationModel } from './moderation-model.ts';

export const moderation: Program = {
  load(weights: Weights): LoadedProgram {
    const model = new ModerationModel(weights);
    return {
      residentBytes: model.residentBytes,
      run: (inference, signal) => wholeAnswer(inference, signal, (text) => resultOf(text, model)),
    };
  },
};

/** Every category is judged by the text, and there is nothing else to judge by. */
const INPUT_TYPES = Object.fromEntries(MODERATION_CATEGORIES.map((name) => [name, ['text']]));

function resultOf(text: string, model: ModerationModel): string {
  const { flagged, categories, scores } = model.moderate(text);
  return JSON.stringify({
    flagged,
    categories,
    category_scores: scores,
    category_applied_input_types: INPUT_TYPES,
  });
}
