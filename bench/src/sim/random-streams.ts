/** Streams of randomness by name: what one part of a world draws does not shift what another draws. */
import { seededRandom } from '../support/random.ts';

/** @param name the seed is part of it */
export function streams(name: string): () => number {
  // FNV-1a: names are few and differ in a letter.
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return seededRandom(hash);
}
