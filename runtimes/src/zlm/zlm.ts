/** The runtime of our own models: plain TypeScript over ZLM1 weights, the same in Node and in a browser. */
import { tokenizerOf } from '@zerogpu/catalogue';
import type { Inference, ModelManifest } from '@zerogpu/protocol';
import type { FileSource, LoadedModel, Piece, RunEnd, Runtime } from '../runtime.ts';
import { type LoadedProgram, PROGRAMS } from './programs.ts';
import { readWeights, type Weights, WeightsError } from './weights.ts';

export const WEIGHTS_FILE = 'model.zlm';

export const zlm: Runtime = {
  name: 'zlm',
  async load(manifest: ModelManifest, files: FileSource): Promise<LoadedModel> {
    const weights = readWeights(await files.read(WEIGHTS_FILE));
    checkIdentity(weights, manifest);
    return new ZlmModel(manifest, loadProgram(weights), weights.bytes);
  },
};

function checkIdentity(weights: Weights, manifest: ModelManifest): void {
  if (weights.model === manifest.id && weights.version === manifest.version) return;
  throw new WeightsError(
    `Weights are of ${weights.model} version ${weights.version}, and ${manifest.id} version ${manifest.version} was asked for`,
  );
}

function loadProgram(weights: Weights): LoadedProgram {
  const name = weights.meta['program'];
  const program = typeof name === 'string' && Object.hasOwn(PROGRAMS, name) ? PROGRAMS[name] : undefined;
  if (!program)
    throw new WeightsError(`Weights of ${weights.model} need the unknown program "${String(name)}"`);
  return program.load(weights);
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

  async *run(inference: Inference, signal: AbortSignal): AsyncGenerator<Piece, RunEnd, undefined> {
    const program = this.#program;
    if (!program) throw new Error(`Model ${this.manifest.id} is unloaded`);
    signal.throwIfAborted();
    const { maxTokens, maxOutputTokens } = this.manifest;
    const text = tokenizerOf(this.manifest.tokenizer).truncate(inference.text, maxTokens);
    const bound = Math.min(inference.maxOutputTokens ?? maxOutputTokens, maxOutputTokens);
    return yield* program.run({ ...inference, text, maxOutputTokens: bound }, signal);
  }

  unload(): void {
    this.#program = null;
  }
}
