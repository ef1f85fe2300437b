/**
 * What flows between the steps of a request's way. Steps import these types and never one another;
 * `way.ts` alone hands one step's result to the next.
 */
import type {
  Answer,
  ErrorCode,
  FinishReason,
  Inference,
  ModelManifest,
  NanoDollars,
  Route,
} from '@zerogpu/protocol';

/** Step 1: whose key. */
export interface Caller {
  readonly keyId: string;
  readonly projectId: string;
  readonly organizationId: string;
  /** The ledger account that pays. */
  readonly walletId: string;
  /** Models that the project may use; null allows every model of the catalogue. */
  readonly allowedModels: ReadonlySet<string> | null;
}

/** Step 3: what was granted. */
export interface Admission {
  readonly manifest: ModelManifest;
  /** As asked, but with the input cut to the model's limit where the model cuts, and bounds filled in. */
  readonly inference: Inference;
  /** Counted by us, after cutting. */
  readonly inputTokens: number;
  /** The most that this request can cost; held until it settles. */
  readonly held: NanoDollars;
  /** Milliseconds since 1970 by which the answer must be there. */
  readonly deadline: number;
}

/** Where an answer came from. */
export type TargetKind = 'node' | 'upstream';

/** Step 5: how the request went. */
export interface RouteTaken {
  readonly kind: TargetKind;
  /** The node's id or the upstream's name; for the log, never for strangers. */
  readonly target: string;
  readonly attempts: number;
  /** True when the answer came from an upstream after nodes were tried or missing. */
  readonly fallback: boolean;
  readonly queueMs: number;
  readonly networkMs: number;
  readonly modelMs: number;
}

export interface Dispatched {
  readonly answer: Answer;
  readonly route: RouteTaken;
}

/** Receives an answer's pieces while it is made. */
export interface PieceSink {
  piece(kind: 'text' | 'reasoning', text: string): void;
}

/** Step 7: what is written of a request, whatever became of it. */
export interface Settlement {
  readonly requestId: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly caller: Caller;
  readonly endpoint: Route;
  /** As the caller spelled it, at most 256 characters; null when the body could not be read. */
  readonly requestedModel: string | null;
  readonly servedModel: string | null;
  /** HTTP status; 499 when the caller went away. */
  readonly status: number;
  readonly errorCode: ErrorCode | null;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly finishReason: FinishReason | null;
  readonly streamed: boolean;
  /** Zero for everything but an answer. */
  readonly cost: NanoDollars;
  /** True when step 3 held money for this request, which is now to be charged or given back. */
  readonly held: boolean;
  readonly route: RouteTaken | null;
  readonly totalMs: number;
  /** Completed in the same transaction, so that a retry replays what was charged. */
  readonly idempotency: { readonly key: string; readonly answer: StoredAnswer } | null;
}

/** What a replay needs; encrypted where it is stored. */
export interface StoredAnswer {
  readonly requestId: string;
  readonly answer: Answer;
  readonly createdAt: number;
}
