/**
 * What flows between the steps of a request's way. Steps import these types and never one another;
 * `way.ts` alone hands one step's result to the next.
 */
import {
  type Answer,
  ApiError,
  type DeviceClass,
  type ErrorCode,
  type ErrorDetails,
  type FinishReason,
  type Inference,
  type ModelManifest,
  type NanoDollars,
  type NodePool,
  type Place,
  type PrivacyTier,
  type Route,
  type Tier,
  type ToolCall,
  type Usage,
} from '@zerogpu/protocol';

/** Whom a project's texts may reach: its organization's nodes and the operator's, strangers' too, other servers. */
export interface Reach {
  readonly organizationId: string;
  readonly privacy: PrivacyTier;
  /** Whether upstreams that the operator does not vouch for may be given them. */
  readonly upstreams: boolean;
}

/** Step 1: whose key. */
export interface Caller extends Reach {
  readonly keyId: string;
  readonly projectId: string;
  /** The ledger account that pays. */
  readonly walletId: string;
  /** Models that both the project and the key may use; null allows every model of the catalogue. */
  readonly allowedModels: ReadonlySet<string> | null;
  readonly limits: ScopeLimits;
  /** Whether built-ins may stand in for hub models that nobody serves; null leaves it to the server's setting. */
  readonly standIns: boolean | null;
  readonly payloadPolicy: PayloadPolicy;
  readonly payloadDays: number;
}

/** Of which requests a project keeps the bodies. */
export type PayloadPolicy = 'none' | 'errors' | 'all';

/** The cause of an error that refused a known key: the log of its project tells of it. */
export class RefusedKey {
  readonly keyId: string;
  readonly projectId: string;

  constructor({ keyId, projectId }: Pick<Caller, 'keyId' | 'projectId'>) {
    this.keyId = keyId;
    this.projectId = projectId;
  }
}

/** A call that was refused before it was known whose it is. */
export interface RefusedCall {
  readonly requestId: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly endpoint: Route;
  /** As the headers name it; null when they do not. */
  readonly project: string | null;
  readonly error: ApiError;
  readonly totalMs: number;
}

/** What was sent and said of a request, for those projects that keep it. */
export interface Payload {
  readonly requestId: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly caller: Caller;
  readonly status: number;
  /** Null when it was never read. */
  readonly request: Uint8Array | null;
  readonly answer: string | null;
}

/** What may be used in a minute; null is no limit. */
export interface PerMinute {
  readonly requests: number | null;
  readonly tokens: number | null;
}

/** The rate limits that a request draws on: its key's and its project's, whichever is tighter. */
export interface ScopeLimits {
  readonly key: PerMinute;
  readonly project: PerMinute;
}

/** Of a key and a project that have no limits of their own. */
export const UNLIMITED: ScopeLimits = {
  key: { requests: null, tokens: null },
  project: { requests: null, tokens: null },
};

/** Step 3: what was granted. */
export interface Admission {
  readonly manifest: ModelManifest;
  readonly tier: Tier;
  /** As asked, but with the input cut to the model's limit where the model cuts, and bounds filled in. */
  readonly inference: Inference;
  /** Counted by us, after cutting. */
  readonly inputTokens: number;
  /** The most that this request can cost; held until it settles. */
  readonly held: NanoDollars;
  /** Milliseconds since 1970 by which the answer must be there. */
  readonly deadline: number;
  readonly limits: RateLimits;
}

/** A rate limit's state after a request, the tighter one of key and project, for the `x-ratelimit-*` headers. */
export interface LimitState {
  readonly limit: number;
  readonly remaining: number;
  /** Milliseconds until the allowance is whole again. */
  readonly resetMs: number;
}

/** Null where there is no limit. */
export interface RateLimits {
  readonly requests: LimitState | null;
  readonly tokens: LimitState | null;
}

/** A limit had no room. The caller is told the state of them all, to pace itself by. */
export class RateLimited extends ApiError {
  readonly limits: RateLimits;
  /** The request alone is more than a limit gives in any minute. */
  readonly never: boolean;

  constructor(limits: RateLimits, details: ErrorDetails, never = false) {
    super('rate_limit_exceeded', details);
    this.limits = limits;
    this.never = never;
  }
}

/** Where an answer came from. */
export type TargetKind = 'node' | 'upstream';

/** Whose machine answered: the operator's pool, the caller's organization, the operator's fallback, another server. */
export type RouteClass = 'edge' | 'own' | 'cloud' | 'upstream';

/** Step 5: how the request went. */
export interface RouteTaken {
  readonly kind: TargetKind;
  /** The node's id or the upstream's name; for the log, never for strangers. */
  readonly target: string;
  readonly class: RouteClass;
  /** Null for an upstream. */
  readonly deviceClass: DeviceClass | null;
  /** ISO 3166-1 country code of the node; null when nothing tells, and for an upstream. */
  readonly region: string | null;
  /** Targets that were asked, hedges too. */
  readonly attempts: number;
  /** True when the answer came from a cloud node or an upstream after others were tried or missing. */
  readonly fallback: boolean;
  /** Sent to a second target before the first had answered. */
  readonly hedged: boolean;
  /** The candidates and their scores, as JSON of at most 200 characters; null where nothing was chosen from. */
  readonly why: string | null;
  readonly queueMs: number;
  readonly networkMs: number;
  readonly modelMs: number;
}

/** Where an answer comes from, as far as a caller is told. */
export type Origin = Pick<RouteTaken, 'class' | 'deviceClass' | 'region'>;

/** Receives an answer's pieces while it is made. */
export interface PieceSink {
  piece(kind: 'text' | 'reasoning', text: string): void;
}

/** Whose log a request stands in. */
export interface LogOwner {
  readonly projectId: string;
  /** Null for a refused call without a key that is known here. */
  readonly keyId: string | null;
}

/** Step 7: what is written of a request, whatever became of it. */
export interface Settlement {
  readonly requestId: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly caller: LogOwner;
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
  readonly tier: Tier;
  /** The request whose answer is given again under its Idempotency-Key, free of charge; null for every other. */
  readonly replayOf: string | null;
  /** Zero for everything but an answer. */
  readonly cost: NanoDollars;
  /** True when step 3 held money for this request, which is now to be charged or given back. */
  readonly held: boolean;
  readonly route: RouteTaken | null;
  /** Null where nobody answered. */
  readonly routeClass: RouteClass | null;
  readonly totalMs: number;
  /** Completed in the same transaction, so that a retry replays what was charged. */
  readonly idempotency: { readonly key: string; readonly answer: StoredAnswer } | null;
}

/** What became of one run of a line. */
export type LineOutcome =
  /** `body` is the JSON that a caller of the endpoint would have been sent. */
  | { readonly kind: 'answered'; readonly requestId: string; readonly body: string }
  | { readonly kind: 'failed'; readonly requestId: string; readonly error: ApiError };

/** What is known of a request so far: whatever its end, its settlement is made from this. */
export interface Trail {
  readonly requestId: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly endpoint: Route;
  readonly tier: Tier;
  caller: Caller | null;
  /** The body as it came. */
  body: Uint8Array | null;
  inference: Inference | null;
  /** The Idempotency-Key that this attempt holds. */
  claimedKey: string | null;
  admission: Admission | null;
  route: RouteTaken | null;
  /** The answer is charged: from here on nothing is given back. */
  settled: boolean;
}

/** What a replay needs; encrypted where it is stored. */
export interface StoredAnswer {
  readonly requestId: string;
  readonly answer: Answer;
  readonly createdAt: number;
}

/** What a target gives when it has answered. */
export interface TargetAnswer {
  readonly text: string;
  readonly reasoning: string | null;
  readonly toolCalls: readonly ToolCall[];
  readonly finishReason: FinishReason;
  /** The target's own count, only where the target is trusted to count; null means that we count. */
  readonly usage: Usage | null;
  readonly queueMs: number;
  readonly modelMs: number;
  /** How it went beyond the target, where that gave the run on: a gateway, to a worker beside it. */
  readonly beyond?: RouteTaken;
  /** Who gave the answer, where it was not the target that was asked: a node on probation is answered for. */
  readonly by?: Target;
}

/** Something that can run a model: a connected node, or an upstream by URL. */
export interface Target {
  readonly kind: TargetKind;
  /** Whose it is; null for the operator's, and for an upstream. */
  readonly organizationId: string | null;
  /** The node's id or the upstream's name. */
  readonly id: string;
  /**
   * @param deadline milliseconds since 1970
   * @param tier a batch run stands back for interactive ones
   * @throws TargetFailure when it could not; the signal's reason when aborted
   */
  run(
    inference: Inference,
    deadline: number,
    sink: PieceSink | null,
    signal: AbortSignal,
    tier: Tier,
  ): Promise<TargetAnswer>;
  /** Of a node that is known here; a gateway beside a worker has none. */
  readonly facts?: NodeFacts;
  /** Whether a run of the model would begin at once, and be one run: nothing else is hedged to. */
  idle?(model: string): boolean;
  /** Whether the run of this signal still waits here for its turn: nothing of it was sent, and it may go elsewhere for nothing. */
  waits?(signal: AbortSignal): boolean;
  /** Who computes what a run says, known as soon as it was begun; absent where it is the target itself. */
  readonly answering?: Target;
  /**
   * Asks for a sign of life. What gives none within the time loses its runs, and gets none until it gives one.
   * Absent where there is no way to ask.
   */
  alive?(withinMs: number): Promise<boolean>;
}

/**
 * Why nobody comes into question for a request: nobody has the model whom any of the project's settings would allow; somebody
 * has it whom another setting would allow; only strangers' nodes have it, whose answers nobody can check.
 */
export type Absence = 'nobody' | 'withheld' | 'unchecked';

/** A target that may have a run, and why it. */
export interface Choice {
  readonly target: Target;
  /** What the run is predicted to take there; null when nothing tells. */
  readonly predictedMs: number | null;
  /** Comes after others, which were tried or missing. */
  readonly fallback: boolean;
  /** As in `RouteTaken`. */
  readonly why: string | null;
}

export type FailureKind =
  /** The connection broke, or the target crashed: another may do better. */
  | 'lost'
  /** No room there right now. */
  | 'busy'
  /** The target does not have the model (any more). */
  | 'unavailable'
  /** It ran and broke. */
  | 'internal'
  /** More than this target can be sent; another kind of target may take it. */
  | 'too_large'
  /** The caller's request does not fit the model; every target would say so. */
  | 'input';

/** One target could not serve one request. */
export class TargetFailure extends Error {
  override readonly name = 'TargetFailure';
  readonly kind: FailureKind;
  readonly param: string | null;
  /** Of a busy one: milliseconds until there is room again, as far as it can tell. */
  readonly roomInMs: number | null;

  constructor(
    kind: FailureKind,
    message: string,
    param: string | null = null,
    roomInMs: number | null = null,
  ) {
    super(message);
    this.kind = kind;
    this.param = param;
    this.roomInMs = roomInMs;
  }
}

/**
 * How far a node is believed for one model: vouched for by whoever gave its join token; on probation, so that each answer is
 * checked before it leaves; earned by right answers, of which a share is rechecked; quarantined after a wrong one.
 */
export type Trust = 'vouched' | 'probation' | 'earned' | 'quarantined';

/**
 * Whose nodes judge strangers': the operator's. An organization's own judge nobody: it could have strangers' nodes accused by a
 * node that lies, or its own stranger's node praised by one. Where none of these has the model, strangers on probation get nothing.
 */
export const JUDGING_POOLS: readonly NodePool[] = ['operator', 'cloud'];

/** What is known of a node as long as it is connected, whatever it runs. */
export interface NodeFacts {
  readonly id: string;
  /** Null for the operator's and for strangers'. */
  readonly organizationId: string | null;
  readonly pool: NodePool;
  readonly deviceClass: DeviceClass;
  /** Null when nothing tells. */
  readonly place: Place | null;
  /** ISO 3166-1 country code; null when nothing tells. */
  readonly region: string | null;
}

/** How long a run takes by the length of its input. */
export interface Speed {
  /** Milliseconds that any run takes. */
  readonly baseMs: number;
  /** Milliseconds for a thousand tokens of input. */
  readonly perThousandMs: number;
}

/** What the router knows of one node and one model on it. */
export interface NodeView extends NodeFacts {
  readonly slots: number;
  /** Runs of this model there now, waiting ones included; but batch runs that wait, which are in nobody's way. */
  readonly inFlight: number;
  /** Batch runs that would begin there at once; negative when so many wait already. */
  readonly batchRoom: number;
  /** In memory; otherwise the first run waits for it to load. */
  readonly resident: boolean;
  /** Mean milliseconds that an interactive run of this model took there; null until there was one. */
  readonly serviceMs: number | null;
  /** Runs that it failed lately, since the last that it finished. */
  readonly failures: number;
  /** Measured round trip between this gateway and the node; 0 until it was measured. */
  readonly rttMs: number;
  /** Learnt from its runs, before that as the node announced it; null or absent when neither tells. */
  readonly speed?: Speed | null;
  /** Learnt milliseconds that each run which is there already adds; null or absent until there was one. */
  readonly crowdMs?: number | null;
  /** Learnt milliseconds until the model is in memory; null or absent until it was loaded once. */
  readonly loadMs?: number | null;
  /** Given nothing until then, in milliseconds since 1970 (an open circuit breaker); 0 or absent when it is open to all. */
  readonly closedUntil?: number;
  /** Absent means what the pool means: vouched for, but on probation in the public one. */
  readonly trust?: Trust;
}
