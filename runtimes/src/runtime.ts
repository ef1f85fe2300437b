import type { Inference, ModelManifest, RuntimeName } from '@zerogpu/protocol';

/** Gives a model's files by the paths of its manifest: from disk on a server, from the network in a browser. */
export interface FileSource {
  /** @throws Error when the file is absent or its SHA-256 is not the manifest's */
  read(path: string): Promise<Uint8Array>;
}

/** What a run yields: a piece of the answer's text, or of the reasoning that precedes it. */
export interface Piece {
  readonly kind: 'text' | 'reasoning';
  readonly text: string;
}

/** What a run returns when it is over. */
export interface RunEnd {
  readonly finishReason: 'stop' | 'length';
  /** In the model's tokens, after truncation; what the model really read and wrote. */
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** A model in memory. Runs may overlap; each has its own state. */
export interface LoadedModel {
  readonly manifest: ModelManifest;
  /** Bytes of weights and tables held until `unload`. */
  readonly residentBytes: number;
  /**
   * Runs one inference; the pieces joined are the whole answer.
   * @throws ModelInputError when the model cannot work on this request: the caller's mistake
   * @throws the signal's reason soon after it aborts
   */
  run(inference: Inference, signal: AbortSignal): AsyncGenerator<Piece, RunEnd, undefined>;
  unload(): void;
}

/** One way of running models. Every runtime has this shape and passes the same suite of cases. */
export interface Runtime {
  readonly name: RuntimeName;
  /**
   * @param needed the models of `manifest.needs`, in that order; they stay loaded as long as this one
   * @throws Error when a file is absent, damaged, or written for another version of the runtime
   */
  load(manifest: ModelManifest, files: FileSource, needed: readonly LoadedModel[]): Promise<LoadedModel>;
}

/** The request does not fit the model: answered as 400 with this message and `param`. */
export class ModelInputError extends Error {
  override readonly name = 'ModelInputError';
  readonly param: string | null;
  constructor(message: string, param: string | null = null) {
    super(message);
    this.param = param;
  }
}
