import { plainInference } from '@zerogpu/protocol';
import type { LoadedModel } from '@zerogpu/runtimes';
import { orAborted } from './turns.ts';

const TEXT =
  'The council of the harbour town voted on Tuesday to rebuild the old bridge. Engineers had found cracks in two of ' +
  'its pillars last winter. “The work will cost 14 million euros and take three years,” the mayor said. Ferries will ' +
  'carry commuters across the river meanwhile, and shop owners on the north bank fear for their trade.';

/**
 * Runs a model once on a text of ours, so that the engine has compiled its code before somebody waits for it.
 * Resolves when it is through, however it went: whether the model works shows at the first true run.
 */
export async function warmUp(model: LoadedModel, signal: AbortSignal): Promise<void> {
  const pieces = model.run(plainInference(model.manifest.id, TEXT), signal);
  try {
    while (!(await orAborted(pieces.next(), signal)).done);
  } catch {
    pieces.return({ finishReason: 'stop', inputTokens: 0, outputTokens: 0 }).catch(() => undefined);
  }
}
