import { ApiError, type ModelManifest } from '@zerogpu/protocol';
import {
  type Absence,
  type Admission,
  type Choice,
  type Origin,
  type PieceSink,
  type RouteTaken,
  type Target,
  type TargetAnswer,
  TargetFailure,
} from '../flow.ts';
import { howToServe } from '../how-to-serve.ts';
import type { Hedging, RunKind } from './hedging.ts';
import { ResumingSink } from './resuming-sink.ts';
import { SILENT } from './sign-of-life.ts';

export interface DispatchResult {
  readonly given: TargetAnswer;
  readonly route: RouteTaken;
}

/** What of an admission this step needs. */
export type Asked = Pick<Admission, 'manifest' | 'tier' | 'inference' | 'deadline' | 'inputTokens'>;

export interface DispatchServices {
  now(): number;
  /** 0 ≤ x < 1; callers who are sent away are told to come back at different times. */
  random(): number;
  readonly hedging: Hedging;
  /** Told who is about to answer, before the first piece; null when nobody is any more. */
  from?(origin: Origin | null): void;
  /** Why there was nobody to try. */
  absence?(): Absence;
}

/** What a caller should do when the model is in nobody's reach; the way back to service is the operator's. */
const RETRY_SOON_SECONDS = 1;
const RETRY_LATER_SECONDS = 10;
/** Who waits longer is better told so than asked to come back in minutes. */
const MAX_RETRY_SECONDS = 60;
/** A run that takes so many times what it was predicted to, and at least this long, may be at a node that is gone. */
const STALLED_TIMES = 8;
const STALLED_MS = 1_000;
/** For its sign of life; a node that is at work on long runs is given as much as it was predicted to take. */
const SIGN_MS = 1_000;
const LONGEST_SIGN_MS = 10_000;

/**
 * Step 5: gives the request to one target after the other until one answers, within the deadline. One that is late for
 * its kind gets company (a hedge), the first answer counts, and the other run is cancelled. One that is far behind what it
 * was predicted to take is asked whether it lives. A stream that broke is taken up by the next target where it stopped,
 * if the model gives the same bytes everywhere.
 * @param choices best first; asked for the next only when one failed or is late
 * @param hangup aborts with an ApiError client_closed_request when the caller goes away
 * @throws ApiError no_capacity, model_unavailable, upstream_timeout, client_closed_request, invalid_value, request_too_large, internal_error
 */
export function dispatch(
  choices: Iterable<Choice>,
  asked: Asked,
  sink: PieceSink | null,
  hangup: AbortSignal,
  services: DispatchServices,
): Promise<DispatchResult> {
  return new Dispatching(choices, asked, sink, services).answer(hangup);
}

/** One run under way. */
interface Attempt {
  readonly choice: Choice;
  readonly cancel: AbortController;
  readonly startedAt: number;
  /** When it began, said something or was found alive. */
  heardAt: number;
  spoke: boolean;
  /** Silence after which it gets company; infinite when it never does. */
  lateMs: number;
  timesLate: number;
  /** Silence after which it is asked whether it lives. */
  stalledMs: number;
  timer: NodeJS.Timeout | undefined;
}

/** One request on its way through targets. Ends once; then no run of it is under way any more. */
class Dispatching {
  readonly #choices: Iterator<Choice>;
  readonly #asked: Asked;
  readonly #services: DispatchServices;
  readonly #kind: RunKind;
  readonly #resuming: ResumingSink | null;
  readonly #attempts = new Set<Attempt>();
  readonly #failures: TargetFailure[] = [];
  readonly #outcome = Promise.withResolvers<DispatchResult>();
  /** Taken for a hedge when it had no room; the next to be tried. */
  #spare: Choice | null = null;
  /** Left while it waited, for one that was idle; tried again when there is nobody else. */
  #left: Choice | null = null;
  #begun = 0;
  #nodesTried = 0;
  #hedged = false;
  #over = false;

  constructor(choices: Iterable<Choice>, asked: Asked, sink: PieceSink | null, services: DispatchServices) {
    this.#choices = choices[Symbol.iterator]();
    this.#asked = asked;
    this.#services = services;
    this.#resuming = sink === null ? null : new ResumingSink(sink);
    this.#kind = { model: asked.manifest.id, stream: sink !== null, tokens: asked.inputTokens };
  }

  async answer(hangup: AbortSignal): Promise<DispatchResult> {
    const left = Math.max(0, this.#asked.deadline - this.#services.now());
    const timer = setTimeout(() => this.#fail(new ApiError('upstream_timeout')), left);
    const onHangup = () => this.#fail(hangup.reason);
    hangup.addEventListener('abort', onHangup, { once: true });
    try {
      if (hangup.aborted) onHangup();
      else this.#next();
      return await this.#outcome.promise;
    } finally {
      clearTimeout(timer);
      hangup.removeEventListener('abort', onHangup);
    }
  }

  /** Gives the request to the next target, or ends when there is none. */
  #next(): void {
    try {
      const choice = this.#take();
      if (choice !== null) {
        this.#begin(choice);
        return;
      }
      this.#fail(this.#nobodyAnswered());
    } catch (error) {
      this.#fail(error);
    }
  }

  #take(): Choice | null {
    const spare = this.#spare;
    this.#spare = null;
    if (spare !== null) return spare;
    const next = this.#choices.next();
    if (!next.done) return next.value;
    const left = this.#left;
    this.#left = null;
    return left;
  }

  #begin(choice: Choice): void {
    const { inference, deadline, tier } = this.#asked;
    const startedAt = this.#services.now();
    const attempt: Attempt = {
      choice,
      cancel: new AbortController(),
      startedAt,
      heardAt: startedAt,
      spoke: false,
      lateMs: this.#lateMs(),
      timesLate: 0,
      stalledMs: stalledMs(choice),
      timer: undefined,
    };
    this.#attempts.add(attempt);
    if (++this.#begun === 1 && tier === 'interactive') this.#services.hedging.begun(this.#kind.model);
    this.#watch(attempt);
    choice.target.run(inference, deadline, this.#sinkOf(attempt), attempt.cancel.signal, tier).then(
      (given) => this.#answered(attempt, given),
      (error: unknown) => this.#failed(attempt, error),
    );
    if (this.#begun === 1) this.#services.from?.(answeringOf(choice));
  }

  #answered(attempt: Attempt, given: TargetAnswer): void {
    if (!this.#attempts.has(attempt)) return;
    try {
      this.#resuming?.complete(given.text, given.reasoning);
    } catch (error) {
      this.#failed(attempt, error);
      return;
    }
    this.#drop(attempt);
    if (!attempt.spoke) this.#learn(attempt);
    const route = this.#routeTaken(attempt, given);
    this.#services.from?.(route);
    this.#end(CANCELLED);
    this.#outcome.resolve({ given, route });
  }

  #failed(attempt: Attempt, error: unknown): void {
    if (!this.#drop(attempt)) return;
    if (!(error instanceof TargetFailure)) this.#fail(error);
    else if (error.kind === 'input') this.#fail(inputError(error));
    else this.#goOn(attempt, error);
  }

  #goOn(attempt: Attempt, failure: TargetFailure): void {
    this.#failures.push(failure);
    if (attempt.choice.target.kind === 'node') this.#nodesTried++;
    // Its company has the request already.
    if (this.#attempts.size > 0) return;
    if (this.#resuming?.started && !this.#asked.manifest.deterministic) this.#fail(this.#nobodyAnswered());
    else this.#next();
  }

  /** @returns false when the run did not count any more */
  #drop(attempt: Attempt): boolean {
    clearTimeout(attempt.timer);
    return this.#attempts.delete(attempt);
  }

  #fail(error: unknown): void {
    if (this.#over) return;
    this.#end(error);
    this.#outcome.reject(error);
  }

  /** Cancels what is still under way. */
  #end(reason: unknown): void {
    this.#over = true;
    for (const attempt of this.#attempts) {
      this.#drop(attempt);
      attempt.cancel.abort(reason);
    }
  }

  #sinkOf(attempt: Attempt): PieceSink | null {
    if (this.#resuming === null) return null;
    const sink = this.#resuming.attempt();
    return {
      piece: (kind, text) => {
        if (!this.#attempts.has(attempt)) return;
        attempt.heardAt = this.#services.now();
        if (!attempt.spoke) this.#firstPiece(attempt);
        sink.piece(kind, text);
      },
    };
  }

  /** Who speaks first is who answers, unless all say the same bytes. */
  #firstPiece(attempt: Attempt): void {
    attempt.spoke = true;
    this.#learn(attempt);
    if (!this.#resuming?.started) this.#services.from?.(answeringOf(attempt.choice));
    if (this.#asked.manifest.deterministic) return;
    for (const other of this.#attempts) {
      if (other === attempt) continue;
      this.#drop(other);
      other.cancel.abort(CANCELLED);
    }
  }

  #learn({ startedAt }: Attempt): void {
    const { hedging, now } = this.#services;
    if (this.#asked.tier === 'interactive') hedging.took(this.#kind, Math.max(0, now() - startedAt));
  }

  #lateMs(): number {
    if (this.#hedged || this.#asked.tier === 'batch') return Number.POSITIVE_INFINITY;
    return this.#services.hedging.lateAfter(this.#kind) ?? Number.POSITIVE_INFINITY;
  }

  /** One timer for both: company for who is late, a question for who seems gone. */
  #watch(attempt: Attempt): void {
    const silent = this.#services.now() - attempt.heardAt;
    const wait = Math.max(1, Math.min(attempt.lateMs, attempt.stalledMs) - silent);
    if (wait < MAX_TIMER_MS) attempt.timer = setTimeout(() => this.#look(attempt), Math.ceil(wait));
  }

  #look(attempt: Attempt): void {
    const silent = this.#services.now() - attempt.heardAt;
    if (silent >= attempt.lateMs) this.#late(attempt);
    if (silent >= attempt.stalledMs) this.#askWhetherAlive(attempt);
    if (this.#attempts.has(attempt)) this.#watch(attempt);
  }

  /**
   * Where somebody is idle, a late run that was not even sent goes there, and one that was gets a second run beside it, while
   * there is a hedge to spend; else later once more.
   */
  #late(attempt: Attempt): void {
    const { hedging } = this.#services;
    const { model } = this.#kind;
    const other = this.#mayHedge() ? this.#take() : null;
    if (other?.target.idle?.(model) === true) {
      if (waits(attempt)) {
        this.#move(attempt, other);
        return;
      }
      if (hedging.take(model, attempt.timesLate)) {
        this.#hedge(other);
        return;
      }
    }
    this.#spare = other;
    attempt.timesLate++;
    attempt.lateMs *= 2;
  }

  #mayHedge(): boolean {
    if (this.#hedged || this.#attempts.size > 1) return false;
    return this.#asked.manifest.deterministic || !this.#resuming?.started;
  }

  #move(attempt: Attempt, choice: Choice): void {
    this.#drop(attempt);
    attempt.cancel.abort(CANCELLED);
    this.#left = attempt.choice;
    this.#begin(choice);
  }

  #hedge(choice: Choice): void {
    this.#hedged = true;
    for (const attempt of this.#attempts) attempt.lateMs = Number.POSITIVE_INFINITY;
    this.#begin(choice);
  }

  #askWhetherAlive(attempt: Attempt): void {
    const { target, predictedMs } = attempt.choice;
    // Long runs are asked about less and less often.
    attempt.stalledMs *= 2;
    const within = Math.min(LONGEST_SIGN_MS, Math.max(SIGN_MS, predictedMs ?? 0));
    target.alive?.(within).then(
      (alive) => {
        if (alive || !this.#attempts.has(attempt)) return;
        attempt.cancel.abort(SILENT);
        this.#failed(attempt, SILENT);
      },
      () => undefined,
    );
  }

  #routeTaken({ choice, startedAt }: Attempt, given: TargetAnswer): RouteTaken {
    const { fallback, why } = choice;
    const { queueMs, modelMs, beyond, by: target = choice.target } = given;
    const networkMs = Math.max(0, this.#services.now() - startedAt - queueMs - modelMs);
    if (beyond) return { ...beyond, attempts: this.#begun - 1 + beyond.attempts, networkMs };
    return {
      kind: target.kind,
      target: target.id,
      ...originOf(target),
      attempts: this.#begun,
      fallback,
      hedged: this.#hedged,
      why,
      queueMs,
      networkMs,
      modelMs,
    };
  }

  #nobodyAnswered(): ApiError {
    this.#services.from?.(null);
    const { manifest } = this.#asked;
    if (this.#failures.length === 0) return nobodyThere(manifest, this.#services.absence?.() ?? 'nobody');
    return allFailed(manifest, this.#failures, this.#nodesTried, this.#services.random);
  }
}

/** Of a run that nobody waits for any more. */
const CANCELLED = new TargetFailure('lost', 'Another target was quicker');

/** A node may turn slow while runs wait for it: what it was predicted to take is what it took before. */
const waits = ({ choice: { target }, cancel }: Attempt): boolean =>
  (target.answering ?? target).waits?.(cancel.signal) ?? false;

/** Node's timers take no more; deadlines are far shorter. */
const MAX_TIMER_MS = 2 ** 31;

function stalledMs({ target, predictedMs }: Choice): number {
  if (target.alive === undefined) return Number.POSITIVE_INFINITY;
  const times = Math.max(1, (STALLED_TIMES * (predictedMs ?? 0)) / STALLED_MS);
  // In doublings: Node keeps timers of the same length in one list, and an exact time would make a list of each.
  return STALLED_MS * 2 ** Math.ceil(Math.log2(times));
}

/** A stranger on probation is answered for: what leaves, and is told of, is the judge's. */
const answeringOf = ({ target }: Choice): Origin => originOf(target.answering ?? target);

function originOf({ kind, facts }: Target): Origin {
  if (kind === 'upstream') return { class: 'upstream', deviceClass: null, region: null };
  const { deviceClass = null, region = null } = facts ?? {};
  return { class: classOf(facts?.pool), deviceClass, region };
}

/** An organization's nodes work for nobody else. */
function classOf(pool: NonNullable<Target['facts']>['pool'] | undefined): Origin['class'] {
  if (pool === 'organization') return 'own';
  return pool === 'cloud' ? 'cloud' : 'edge';
}

function inputError(failure: TargetFailure): ApiError {
  return new ApiError('invalid_value', {
    message: failure.message,
    ...(failure.param === null ? {} : { param: failure.param }),
  });
}

function nobodyThere(manifest: ModelManifest, absence: Absence): ApiError {
  const message = `${ABSENCES[absence](manifest.id)}. ${
    absence === 'withheld' ? ANOTHER_SETTING : howToServe(manifest)
  }`;
  return new ApiError('model_unavailable', { message, retryAfterSeconds: RETRY_LATER_SECONDS });
}

/** Of nodes of another organization a tenant is told nothing: nobody has the model. */
const ABSENCES: Record<Absence, (id: string) => string> = {
  nobody: (id) => `No connected node that may work for this project and no upstream has ${id} at the moment`,
  withheld: (id) =>
    `No node or upstream that this project's privacy setting allows has ${id} at the moment, but others have`,
  unchecked: (id) => `Only strangers' nodes have ${id} at the moment, and nobody can check what they answer`,
};
const ANOTHER_SETTING =
  "An admin changes the project's privacy or upstreams, or connects a node of the organization";

function allFailed(
  manifest: ModelManifest,
  failures: readonly TargetFailure[],
  nodesTried: number,
  random: () => number,
): ApiError {
  if (failures.every((failure) => failure.kind === 'busy')) {
    return new ApiError('no_capacity', { retryAfterSeconds: retryAfterSeconds(failures, random) });
  }
  if (failures.some((failure) => failure.kind === 'too_large')) {
    return new ApiError('request_too_large', {
      message: 'The request is larger than what serves this model accepts',
    });
  }
  // Of one that was lost on the way the request may be the cause; elsewhere it was not begun.
  const cause = failures.find((failure) => failure.kind === 'lost') ?? failures.at(-1);
  if (failures.some((failure) => failure.kind === 'internal'))
    return new ApiError('internal_error', { cause });
  const tried = nodesTried === 1 ? '1 node' : `${nodesTried} nodes`;
  return new ApiError('model_unavailable', {
    message: `${manifest.id} was lost on the way (${tried} and ${failures.length - nodesTried} upstreams tried); try again`,
    retryAfterSeconds: RETRY_SOON_SECONDS,
    cause,
  });
}

/** When the first of them has room, and up to half as long again: who was sent away together must not come back together. */
function retryAfterSeconds(failures: readonly TargetFailure[], random: () => number): number {
  const rooms = failures.map(({ roomInMs }) => roomInMs ?? RETRY_SOON_SECONDS * 1000);
  const seconds = Math.ceil((Math.min(...rooms) / 1000) * (1 + random() / 2));
  return Math.min(MAX_RETRY_SECONDS, Math.max(RETRY_SOON_SECONDS, seconds));
}
