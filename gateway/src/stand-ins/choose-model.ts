import { findManifest } from '@zerogpu/catalogue';
import type { Inference, ModelManifest, Route } from '@zerogpu/protocol';
import type { Caller } from '../flow.ts';
import { isBareText } from './bare-text.ts';

export interface StandInServices {
  /** Whether built-ins stand in for hub models in projects that do not say. */
  readonly byDefault: boolean;
}

/**
 * Between steps 2 and 3: which model runs. Until somebody can serve a hub model, a project may let the built-in of the
 * same task answer for it; limits, price and options are then those of the built-in, and the answer says so. Pure.
 *
 * What cannot be granted, such as a model that the project may not use, is left as it was asked for: admission says why.
 * @param canServe true when a connected node or an upstream has the model
 */
export function chooseModel(
  services: StandInServices,
  caller: Pick<Caller, 'allowedModels' | 'standIns'>,
  route: Route,
  asked: Inference,
  canServe: (model: string) => boolean,
): Inference {
  if (!(caller.standIns ?? services.byDefault)) return asked;
  const manifest = findManifest(asked.model);
  const standIn = findManifest(manifest?.standIn ?? '');
  if (!manifest || !standIn || !mayAsk(caller, route, manifest) || !mayAsk(caller, route, standIn))
    return asked;
  if (canServe(manifest.id) || !canServe(standIn.id)) return asked;
  if (manifest.task === standIn.task) return { ...asked, model: standIn.id };
  return route === 'summary' || isBareText(asked) ? plain(asked, standIn.id) : asked;
}

function mayAsk(
  { allowedModels }: Pick<Caller, 'allowedModels'>,
  route: Route,
  model: ModelManifest,
): boolean {
  return model.routes.includes(route) && (allowedModels === null || allowedModels.has(model.id));
}

/** A chat model was told what to do with the text; its stand-in does that one thing. */
function plain(asked: Inference, model: string): Inference {
  return { ...asked, model, instructions: null, messages: [{ role: 'user', content: asked.text }] };
}
