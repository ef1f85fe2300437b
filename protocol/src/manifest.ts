import type { NanoDollars } from './units.ts';

/** What a model does; decides the form of its request and of its answer. */
export type Task =
  | 'summarization'
  | 'iab-classification'
  | 'iab-profile'
  | 'zero-shot-classification'
  | 'extraction'
  | 'pii'
  | 'follow-up-questions'
  | 'moderation'
  | 'embedding'
  | 'chat';

export type RuntimeName = 'zlm' | 'onnx' | 'llama';

/** The inference routes of the API under `/v1`. */
export const ROUTES = [
  'responses',
  'chat/completions',
  'embeddings',
  'moderations',
  'summary',
  'usecase/classify/iab',
  'gliner',
] as const;

/** A route of the API under `/v1` on which a model answers. */
export type Route = (typeof ROUTES)[number];

/** Routes of one task, whose options are fields of the body; they answer also without `/v1`. */
export const TASK_ROUTES = ['summary', 'usecase/classify/iab', 'gliner'] as const satisfies readonly Route[];

export interface ModelFile {
  /** Relative to the folder that holds the model's files. */
  readonly path: string;
  readonly bytes: number;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
}

/** Where a hub model's files lie, in the layout of the Hugging Face hub: `/{repository}/resolve/{revision}/{file}`. */
export interface HubSource {
  readonly repository: string;
  readonly revision: string;
  /** Paths in the repository. */
  readonly paths: readonly string[];
}

/** How soon an answer is wanted: now, or within a batch's day at half the price. */
export type Tier = 'interactive' | 'batch';

/** What the platform knows of a model before anything runs. */
export interface ModelManifest {
  readonly id: string;
  readonly task: Task;
  /** Built-in: trained here, weights in the repository. Hub: open weights that the operator brings. */
  readonly family: 'built-in' | 'hub';
  /** Changes whenever an answer's bytes may change. */
  readonly version: string;
  readonly runtime: RuntimeName;
  /** One sentence for people. */
  readonly description: string;
  /** Number of weights; null when not counted that way. */
  readonly params: number | null;
  /** Longest input, in the model's tokens. */
  readonly maxTokens: number;
  /** Input over `maxTokens`: true refuses it with 420, false cuts it at a token. */
  readonly errorOnMaxToken: boolean;
  /** Longest answer, in tokens, whatever the caller asks for. */
  readonly maxOutputTokens: number;
  readonly price: { readonly inputPerToken: NanoDollars; readonly outputPerToken: NanoDollars };
  readonly tokenizer: 'zlm';
  readonly routes: readonly Route[];
  /** True when the same input gives the same bytes on every machine, so that answers can be compared. */
  readonly deterministic: boolean;
  readonly licence: { readonly id: string; readonly notice: string | null };
  /** Files that a runtime needs; empty where none are known here (a hub model served by an upstream). */
  readonly files: readonly ModelFile[];
  /** Ids of models that must be in memory beside it, because it works with their weights. */
  readonly needs: readonly string[];
  /** Null for a built-in. */
  readonly hub: HubSource | null;
  /** The built-in that a project may let answer until this one can; null where there is none. */
  readonly standIn: string | null;
  /** Memory that a node must have free to load it. */
  readonly memoryBytes: number;
}
