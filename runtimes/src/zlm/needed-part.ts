import type { Needed } from './programs.ts';
import { WeightsError } from './weights.ts';

/**
 * What a needed model offers to others.
 * @param kind the class that it must be
 * @throws WeightsError when the model is not among the needed ones, or offers something else
 */
export function neededPart<T>(needed: Needed, model: string, kind: abstract new (...args: never[]) => T): T {
  const part = needed.get(model)?.part;
  if (part instanceof kind) return part;
  throw new WeightsError(`The model ${model} is needed and not there, or is another kind of model`);
}
