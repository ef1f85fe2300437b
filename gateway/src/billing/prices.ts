import { MANIFESTS } from '@zerogpu/catalogue';
import { dollarsText, type ModelManifest } from '@zerogpu/protocol';

const MILLION = 1_000_000n;
/** Batches cost half. */
const HALF_MILLION = MILLION / 2n;

export function modelPrice({ id, task, price }: ModelManifest) {
  return {
    model: id,
    task,
    input_per_million: dollarsText(price.inputPerToken * MILLION),
    output_per_million: dollarsText(price.outputPerToken * MILLION),
    batch_input_per_million: dollarsText(price.inputPerToken * HALF_MILLION),
    batch_output_per_million: dollarsText(price.outputPerToken * HALF_MILLION),
  };
}

export const modelPrices = () => MANIFESTS.map(modelPrice);
