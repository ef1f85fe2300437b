/** The runtime of our own models: plain TypeScript over ZLM1 weights, the same in Node and in a browser. */
import { findManifest, TaskOptionsError, tokenizerOf } from '@zerogpu/catalogue';
import type { Inference, ModelManifest } from '@zerogpu/protocol';
import { type LoadedModel, ModelInputError, type Piece, type RunEnd, type Runtime } from '../runtime.ts';
import { type LoadedProgram, type Needed, PROGRAMS } from './programs.ts';
import { readWeights, type Weights, WeightsError } from './weights.ts';

export const WEIGHTS_FILE = 'model.zlm';

export const zlm: Runtime = {
  name: 'zlm',
  async load(manifest, files, needed): Promise<LoadedModel> {
    const weights = readWeights(await files.read(WEIGHTS_FILE));
    checkIdentity(weights, manifest);
    return new ZlmModel(manifest, loadProgram(weights, programsOf(needed)), weights.bytes);
  },
};

/**
 * A built-in with everything that it needs, apart from any node: for tests, benches and training.
 * @param read gives a model's file
 */
export async function loadBuiltIn(
  id: string,
  read: (model: string, path: string) => Promise<Uint8Array>,
): Promise<LoadedModel> {
  const manifest = findManifest(id);
  if (!manifest) throw new Error(`There is no model ${id}`);
  const needed: LoadedModel[] = [];
  for (const need of manifest.needs) needed.push(await loadBuiltIn(need, read));
  return zlm.load(manifest, { read: (path) => read(id, path) }, needed);
}

function programsOf(needed: readonly LoadedModel[]): Needed {
  const programs = new Map<string, LoadedProgram>();
  for (const model of needed) if (model instanceof ZlmModel) programs.set(model.manifest.id, model.program);
  return programs;
}

function checkIdentity(weights: Weights, manifest: ModelManifest): void {
  if (weights.model === manifest.id && weights.version === manifest.version) return;
  throw new WeightsError(
    `Weights are of ${weights.model} version ${weights.version}, and ${manifest.id} version ${manifest.version} was asked for`,
  );
}

function loadProgram(weights: Weights, needed: Needed): LoadedProgram {
  const name = weights.meta['program'];
  const program = typeof name === 'string' && Object.hasOwn(PROGRAMS, name) ? PROGRAMS[name] : undefined;
  if (!program)
    throw new WeightsError(`Weights of ${weights.model} need the unknown program "${String(name)}"`);
  return program.load(weights, needed);
}

class ZlmModel implements LoadedModel {
  readonly manifest: ModelManifest;
  readonly residentBytes: number;
  #program: LoadedProgram | null;

  constructor(manifest: ModelManifest, program: LoadedProgram, weightBytes: number) {
    this.manifest = manifest;
    this.residentBytes = weightBytes + program.residentBytes;
    this.#program = program;
  }

  get program(): LoadedProgram {
    if (!this.#program) throw new Error(`Model ${this.manifest.id} is unloaded`);
    return this.#program;
  }

  async *run(inference: Inference, signal: AbortSignal): AsyncGenerator<Piece, RunEnd, undefined> {
    const program = this.program;
    signal.throwIfAborted();
    const { maxTokens, maxOutputTokens } = this.manifest;
    const tokenizer = tokenizerOf(this.manifest.tokenizer);
    const bound = Math.min(inference.maxOutputTokens ?? maxOutputTokens, maxOutputTokens);
    const runOn = (text: string) =>
      program.run(
        { ...inference, text: tokenizer.truncate(text, maxTokens), maxOutputTokens: bound },
        signal,
      );
    try {
      if (inference.texts === null) return yield* runOn(inference.text);
      return yield* runOnEach(inference.texts, runOn, signal);
    } catch (error) {
      throw error instanceof TaskOptionsError ? new ModelInputError(error.message, error.param) : error;
    }
  }

  unload(): void {
    this.#program = null;
  }
}

/** A JSON array of the answers, each of which is JSON. */
async function* runOnEach(
  texts: readonly string[],
  runOn: (text: string) => AsyncGenerator<Piece, RunEnd, undefined>,
  signal: AbortSignal,
): AsyncGenerator<Piece, RunEnd, undefined> {
  const sum = { finishReason: 'stop' as RunEnd['finishReason'], inputTokens: 0, outputTokens: 0 };
  for (const [i, text] of texts.entries()) {
    signal.throwIfAborted();
    yield { kind: 'text', text: i === 0 ? '[' : ',' };
    const end = yield* runOn(text);
    sum.inputTokens += end.inputTokens;
    sum.outputTokens += end.outputTokens;
    if (end.finishReason === 'length') sum.finishReason = 'length';
  }
  yield { kind: 'text', text: texts.length === 0 ? '[]' : ']' };
  return sum;
}
