/** Trains the conditional random field of the name tagger on lines whose tags may be known in part. */
import { featuresOf, type Lexicons, NAME_TYPES } from '@zerogpu/runtimes';
import { randomOf, type TaggerSettings, type TaggerWeights, trainTagger } from '../tagger-trainer.ts';
import type { TrainingLine } from './gold.ts';

export const TAGS = 1 + 2 * NAME_TYPES.length;

export function trainNameTagger(
  lines: readonly TrainingLine[],
  lexicons: Lexicons,
  settings: TaggerSettings & { readonly seed: number },
): TaggerWeights {
  const examples = lines.map(({ line, allowed }) => ({ features: featuresOf(line, lexicons), allowed }));
  return trainTagger(TAGS, examples, settings, randomOf(settings.seed));
}
