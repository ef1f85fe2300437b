/** What is measured: each use case of each built-in model. Runs in Node and in a browser. */
import { exampleInferences, findManifest, tokenizerOf } from '@zerogpu/catalogue';
import type { Inference, ModelManifest } from '@zerogpu/protocol';
import { type LoadedModel, loadBuiltIn, zlm } from '@zerogpu/runtimes';
import { seededRandom } from '../support/random.ts';
import { newsText } from './texts.ts';
import { type Spread, spreadOf } from './timing.ts';

export interface Work {
  /** The model's id, and its use case where it has several. */
  readonly name: string;
  readonly model: string;
  /** The request, but for its text. */
  readonly inference: Inference;
}

type ReadFile = (model: string, path: string) => Promise<Uint8Array>;

const TOKENS = [50, 400];
const NEWS_TEXTS = 50;
/** Above any text of the largest length. */
const NO_LIMIT = 4_000_000;
/** Tokens of all runs together, so that every length takes about as long. */
const TOKENS_MEASURED = 400_000;
const TOKENS_MEASURED_QUICKLY = 20_000;
const FEWEST_TOKENS = 100;

/** The works of all models whose weights are here, in the catalogue's order. */
export function worksOf(manifests: readonly ModelManifest[]): Work[] {
  return manifests
    .filter(({ runtime, files }) => runtime === 'zlm' && files.length > 0)
    .flatMap((manifest) => {
      const inferences = exampleInferences(manifest);
      return inferences.map((inference) => {
        const usecase = inferences.length > 1 ? ` (${String(inference.metadata['usecase'])})` : '';
        return { name: manifest.id + usecase, model: manifest.id, inference };
      });
    });
}

/** Short, as much as the small models read, and as much as this one reads. */
export function lengthsOf({ model }: Work): number[] {
  const longest = findManifest(model)?.maxTokens ?? 0;
  return [...new Set([...TOKENS.filter((tokens) => tokens <= longest), longest])];
}

export function runsOf(tokens: number, quick: boolean): number {
  return Math.ceil((quick ? TOKENS_MEASURED_QUICKLY : TOKENS_MEASURED) / Math.max(tokens, FEWEST_TOKENS));
}

/** The same for a seed, wherever they are made. */
export function newsTexts(tokens: number, seed: number): string[] {
  const random = seededRandom(seed);
  const tokenizer = tokenizerOf('zlm');
  return Array.from({ length: NEWS_TEXTS }, () => tokenizer.truncate(newsText(tokens * 8, random), tokens));
}

/** @param options `withoutLimit`: the model reads all of a text, and writes all of its answer */
export async function loadWork(
  { model: id }: Work,
  read: ReadFile,
  options: { readonly withoutLimit?: boolean } = {},
): Promise<LoadedModel> {
  const manifest = findManifest(id);
  if (!manifest) throw new Error(`There is no model ${id}`);
  if (!options.withoutLimit) return loadBuiltIn(id, read);
  const needed: LoadedModel[] = [];
  for (const need of manifest.needs) needed.push(await loadBuiltIn(need, read));
  const lifted = { ...manifest, maxTokens: NO_LIMIT, maxOutputTokens: NO_LIMIT };
  return zlm.load(lifted, { read: (path) => read(id, path) }, needed);
}

/** The whole answer's text. */
export async function answer(model: LoadedModel, { inference }: Work, text: string): Promise<string> {
  const messages = [{ role: 'user' as const, content: text }];
  let whole = '';
  for await (const piece of model.run({ ...inference, text, messages }, new AbortController().signal)) {
    whole += piece.text;
  }
  return whole;
}

/** By the clock, where there is no processor time to read. */
export async function wallSpread(
  work: Work,
  tokens: number,
  seed: number,
  quick: boolean,
  read: ReadFile,
): Promise<Spread> {
  const model = await loadWork(work, read);
  const run = (text: string) => answer(model, work, text);
  const spread = await spreadOf(() => performance.now(), runsOf(tokens, quick), newsTexts(tokens, seed), run);
  model.unload();
  return spread;
}
