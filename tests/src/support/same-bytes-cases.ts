/** What the tokenizer and the built-in models make of seeded requests. Runs in Node and in a browser. */
import { MANIFESTS, tokenizerOf } from '@zerogpu/catalogue';
import type { Inference } from '@zerogpu/protocol';
import { type LoadedModel, loadBuiltIn } from '@zerogpu/runtimes';
import { mulberry32, seededInference, seededText } from './seeded-inferences.ts';

const SEED = 20_240_601;

/** Gives one weight file's bytes. */
export type ReadWeights = (model: string, path: string) => Promise<Uint8Array>;

/** Ids of the built-in models whose weights are here. */
export function builtInIds(): string[] {
  return MANIFESTS.filter(({ runtime, files }) => runtime === 'zlm' && files.length > 0).map(({ id }) => id);
}

/**
 * A SHA-256 of the output for each case, in order.
 * @param work `tokenizer`, or a built-in model's id
 */
export async function sameBytesHashes(work: string, cases: number, read: ReadWeights): Promise<string[]> {
  const random = mulberry32(SEED);
  const texts = Array.from({ length: cases }, (_, i) => seededText(i, random));
  const hashes: string[] = [];
  if (work === 'tokenizer') {
    for (const text of texts) hashes.push(await hashOfTokens(text));
    return hashes;
  }
  const model = await loadBuiltIn(work, read);
  for (const text of texts)
    hashes.push(await sha256(await answerOf(model, seededInference(model.manifest, text, random))));
  model.unload();
  return hashes;
}

async function hashOfTokens(text: string): Promise<string> {
  const tokenizer = tokenizerOf('zlm');
  const ids = tokenizer.encode(text);
  return await sha256(`${ids.join()}|${tokenizer.count(text)}|${units(tokenizer.truncate(text, 40))}`);
}

/** Everything that a run says: its pieces, its numbers, or its error. */
async function answerOf(model: LoadedModel, inference: Inference): Promise<string> {
  const said: string[] = [];
  try {
    const run = model.run({ ...inference, stream: true }, new AbortController().signal);
    let step = await run.next();
    for (; !step.done; step = await run.next()) said.push(units(step.value.text));
    said.push(JSON.stringify(step.value));
  } catch (error) {
    said.push(String(error));
  }
  return said.join('\n');
}

/** Code units as numbers: UTF-8 would make all lone surrogates alike. */
function units(text: string): string {
  return Array.from({ length: text.length }, (_, i) => text.charCodeAt(i)).join();
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
