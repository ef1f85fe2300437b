/** What the page of `browser-page.ts` runs. */
import { MANIFESTS } from '@zerogpu/catalogue';
import type { Spread } from './timing.ts';
import { wallSpread, worksOf } from './works.ts';

/** @param name of a work */
export async function spread(name: string, tokens: number, seed: number, quick: boolean): Promise<Spread> {
  const work = worksOf(MANIFESTS).find((one) => one.name === name);
  if (!work) throw new Error(`There is no work ${name}`);
  return wallSpread(work, tokens, seed, quick, async (model, path) => {
    const response = await fetch(`/weights/${model}/${path}`);
    return new Uint8Array(await response.arrayBuffer());
  });
}
