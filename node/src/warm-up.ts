import { exampleInferences } from '@zerogpu/catalogue';
import type { Inference } from '@zerogpu/protocol';
import type { LoadedModel } from '@zerogpu/runtimes';
import { orAborted } from './turns.ts';

/**
 * Runs a model once in each use case on a text of ours, so that the engine has compiled its code before somebody
 * waits for it. Resolves when it is through, however it went: whether the model works shows at the first true run.
 */
export async function warmUp(model: LoadedModel, signal: AbortSignal): Promise<void> {
  for (const inference of exampleInferences(model.manifest)) await runOnce(model, inference, signal);
}

async function runOnce(model: LoadedModel, inference: Inference, signal: AbortSignal): Promise<void> {
  const pieces = model.run(inference, signal);
  try {
    while (!(await orAborted(pieces.next(), signal)).done);
  } catch {
    pieces.return({ finishReason: 'stop', inputTokens: 0, outputTokens: 0 }).catch(() => undefined);
  }
}
