import type { Inference, ModelManifest, Tier } from '@zerogpu/protocol';
import {
  type NodeFacts,
  type PieceSink,
  type Target,
  type TargetAnswer,
  TargetFailure,
  type Trust,
} from '../flow.ts';
import {
  agrees,
  answerIn,
  type Claim,
  claimOf,
  HeardPieces,
  type Outcome,
  outcomeOf,
  type RunArguments,
} from './claim.ts';
import type { Case, Court } from './court.ts';
import { type Bench, chooseJudge } from './judges.ts';

/** What a checked target asks of those who keep the books. */
export interface Checking {
  readonly bench: Bench;
  readonly court: Court;
  manifest(model: string): ModelManifest | undefined;
  trustOf(facts: NodeFacts, model: string): Trust;
  /** False when answers leave faster than they can be rechecked. */
  canFollow(model: string): boolean;
  /** An answer, or a part of one that did not end, has left unchecked. */
  left(target: Target, one: Case, given: Claim, leftMs: number): void;
  /** Takes a place for a run on probation; null when the node has as many as it may. @returns gives it back */
  enterProbation(nodeId: string): (() => void) | null;
  now(): number;
}

/** A run on probation whose answer nobody waits for ends by then, whatever its caller's deadline. */
const PROBATION_MS = 60_000;

/**
 * A stranger's node, as the rest of the gateway may use it. On probation the request runs there and on a node that is
 * vouched for at the same time: what leaves, pieces too, is the latter's answer, so that nobody waits longer; what the
 * stranger's node says is compared with it. With trust earned its answers leave at once.
 */
export class CheckedTarget implements Target {
  readonly kind = 'node';
  readonly facts: NodeFacts;
  readonly #target: Target;
  readonly #checking: Checking;
  /** Who computes what the caller is given. */
  #answering: Target;

  constructor(target: Target, facts: NodeFacts, checking: Checking) {
    this.#target = target;
    this.#answering = target;
    this.facts = facts;
    this.#checking = checking;
  }

  get id(): string {
    return this.#target.id;
  }

  get organizationId(): string | null {
    return this.#target.organizationId;
  }

  /** Not where a run would be two, with a judge's: what is sent as a second one must be a second one. */
  idle(model: string): boolean {
    return this.#trusted(model) && (this.#target.idle?.(model) ?? false);
  }

  get answering(): Target {
    return this.#answering;
  }

  /**
   * Of whom the caller waits for. A stranger's sign of life says nothing of the run: whoever answers pings alone would
   * have each caller wait until the deadline.
   */
  alive(withinMs: number): Promise<boolean> {
    if (this.#answering === this.#target) return Promise.resolve(false);
    return this.#answering.alive?.(withinMs) ?? Promise.resolve(true);
  }

  async run(
    inference: Inference,
    deadline: number,
    sink: PieceSink | null,
    signal: AbortSignal,
    tier: Tier,
  ): Promise<TargetAnswer> {
    const manifest = this.#checking.manifest(inference.model);
    const trust = this.#checking.trustOf(this.facts, inference.model);
    // What gives other bytes elsewhere cannot be checked.
    if (!manifest?.deterministic || trust === 'quarantined') throw notHere();
    const run = { inference, deadline, sink, signal, tier };
    const one = { nodeId: this.id, manifest, inference, foundBy: 'release' } as const;
    return this.#trusted(inference.model) ? this.#trusting(one, run) : this.#onProbation(one, run);
  }

  #trusted(model: string): boolean {
    return this.#checking.trustOf(this.facts, model) === 'earned' && this.#checking.canFollow(model);
  }

  async #onProbation(one: Case, run: RunArguments): Promise<TargetAnswer> {
    const judge = this.#judge(run);
    const trial = this.#try(run);
    let outcome: Outcome;
    try {
      outcome = await outcomeOf(judge, run);
    } catch (error) {
      trial?.end(error);
      throw error;
    }
    void trial?.claim.then(
      (given) => this.#checking.court.compare(one, given, claimOf(outcome), judge.id),
      // It failed, or was too slow: no lie.
      () => undefined,
    );
    return { ...answerIn(outcome), by: judge };
  }

  /** The same run on the stranger's node, for which nobody waits; null when it has as many as it may. */
  #try({
    inference,
    deadline,
    tier,
  }: RunArguments): { claim: Promise<Claim>; end(reason: unknown): void } | null {
    const leave = this.#checking.enterProbation(this.id);
    if (leave === null) return null;
    const over = new AbortController();
    const until = Math.min(deadline, this.#checking.now() + PROBATION_MS);
    const left = Math.max(0, until - this.#checking.now());
    const timer = setTimeout(() => over.abort(new TargetFailure('lost', 'It took too long')), left).unref();
    const run = { inference, deadline, sink: null, signal: over.signal, tier };
    const claim = outcomeOf(this.#target, run)
      .then(claimOf)
      .finally(() => {
        clearTimeout(timer);
        leave();
      });
    // Looked at only when the judge has answered.
    claim.catch(() => undefined);
    return { claim, end: (reason) => over.abort(reason) };
  }

  async #trusting(one: Case, run: RunArguments): Promise<TargetAnswer> {
    const heard = run.sink && new HeardPieces(run.sink);
    const leftMs = run.deadline - this.#checking.now();
    let outcome: Outcome;
    try {
      outcome = await outcomeOf(this.#target, { ...run, sink: heard });
    } catch (error) {
      if (heard?.part) this.#checking.left(this.#target, one, heard.part, leftMs);
      throw error;
    }
    if (outcome.kind === 'refusal') return this.#checkRefusal(one, run, heard?.part ?? null);
    const given = claimOf(outcome);
    if (heard?.part && !agrees(heard.part, given)) {
      void this.#checking.court.convict(one, heard.part, given);
      throw new TargetFailure('internal', 'The node streamed another answer than it gave');
    }
    this.#checking.left(this.#target, one, given, leftMs);
    return outcome.answer;
  }

  /** That a request does not fit its model is no stranger's to say: the caller would be told so for good. */
  async #checkRefusal(one: Case, run: RunArguments, part: Claim | null): Promise<TargetAnswer> {
    // The caller has some of an answer already: whoever is asked next says what it is.
    if (part !== null) {
      this.#checking.left(this.#target, one, part, 0);
      throw new TargetFailure('internal', 'The node refused a request that it had begun to answer');
    }
    const judge = this.#judge(run);
    const outcome = await outcomeOf(judge, run);
    void this.#checking.court.compare(one, { kind: 'refusal' }, claimOf(outcome), judge.id);
    return { ...answerIn(outcome), by: judge };
  }

  /** @throws TargetFailure unavailable, when nobody could say what is right */
  #judge({ inference }: RunArguments): Target {
    const judge = chooseJudge(this.#checking.bench, inference.model, 'interactive');
    if (!judge) throw notHere();
    this.#answering = judge;
    return judge;
  }
}

const notHere = () => new TargetFailure('unavailable', 'The node may not be given this at the moment');
