import type { Inference, ModelManifest } from '@zerogpu/protocol';
import { TargetFailure } from '../flow.ts';
import { type Log, reasonOf } from '../store/log.ts';
import { agrees, type Claim, claimOf, hashOf, outcomeOf } from './claim.ts';
import { type Bench, chooseJudge } from './judges.ts';
import type { TrustBook } from './trust-book.ts';
import { afterDoubt, afterRight, afterWrong } from './trust-state.ts';
import type { FoundBy } from './trust-store.ts';

/** One answer of one node, to be judged. */
export interface Case {
  readonly nodeId: string;
  readonly manifest: ModelManifest;
  readonly inference: Inference;
  readonly foundBy: FoundBy;
}

export interface CourtServices {
  readonly book: TrustBook;
  readonly bench: Bench;
  readonly log: Log;
  /** A node is in quarantine from now on: it has runs that must go elsewhere. */
  quarantined(nodeId: string): void;
  /** It is believed otherwise than before. */
  changed(nodeId: string): void;
  sleep(ms: number): Promise<void>;
  now(): number;
}

/** A second opinion is asked for so often while judges are busy or leave, with a second between. */
const TRIES = 10;
const PAUSE_MS = 1000;
/** For a second opinion to be computed. */
const OPINION_MS = 30_000;

type Verdict = 'wrong' | 'judges_differ' | 'nobody_knows';

/** Compares what strangers' nodes said with what is right. Nobody is accused on one node's word where there are two. */
export class Court {
  readonly #services: CourtServices;
  /** Nodes whose answer was not the judge's, until there is a second opinion. */
  readonly #accused = new Map<string, number>();

  constructor(services: CourtServices) {
    this.#services = services;
  }

  /** True while it is being found out whether a node gave a wrong answer. It gets no runs meanwhile. */
  isAccused(nodeId: string): boolean {
    return this.#accused.has(nodeId);
  }

  /**
   * @param expected what a judge said of the same request
   * @returns when the node's record is what follows from it; never throws
   */
  async compare(one: Case, given: Claim, expected: Claim, judgeId: string): Promise<void> {
    const { nodeId, manifest } = one;
    if (agrees(given, expected)) {
      if (given.kind !== 'part') this.#services.book.change(nodeId, manifest, afterRight);
      return;
    }
    this.#accuse(nodeId, 1);
    try {
      const verdict = await this.#secondOpinion(one, given, expected, judgeId);
      if (verdict === 'wrong') await this.convict(one, given, expected);
      else if (verdict === 'nobody_knows') this.#services.book.change(nodeId, manifest, afterDoubt);
    } catch (error) {
      this.#services.log.error({ nodeId, reason: reasonOf(error) }, 'An answer could not be judged');
      this.#services.book.change(nodeId, manifest, afterDoubt);
    } finally {
      this.#accuse(nodeId, -1);
    }
  }

  #accuse(nodeId: string, by: 1 | -1): void {
    const count = (this.#accused.get(nodeId) ?? 0) + by;
    if (count > 0) this.#accused.set(nodeId, count);
    else this.#accused.delete(nodeId);
    this.#services.changed(nodeId);
  }

  /** The answer was wrong: the node is in quarantine, whatever it runs. */
  async convict({ nodeId, manifest, foundBy }: Case, given: Claim, expected: Claim): Promise<void> {
    const { book, log, now } = this.#services;
    book.change(nodeId, manifest, afterWrong);
    const { right, unchecked } = book.record(nodeId, manifest);
    const hashes = { expected: hashOf(expected), given: hashOf(given) };
    const written = book.quarantine({ nodeId, manifest, foundBy, ...hashes, at: now() });
    this.#services.quarantined(nodeId);
    log.error(
      { nodeId, model: manifest.id, foundBy, right, unchecked },
      'A node of strangers gave a wrong answer and is in quarantine',
    );
    await written;
  }

  async #secondOpinion(
    { nodeId, manifest, inference }: Case,
    given: Claim,
    expected: Claim,
    judgeId: string,
  ): Promise<Verdict> {
    const { log } = this.#services;
    const second = await this.#askAgain(inference, judgeId);
    if (second === null) return 'nobody_knows';
    if (agrees(second.claim, expected)) return 'wrong';
    const judges = [judgeId, second.judgeId];
    log.error(
      { judges, nodeId, model: manifest.id, nodeAgreesWith: agrees(given, second.claim) ? judges[1] : null },
      'Nodes that are vouched for gave two answers to one request: at least one of them is broken',
    );
    return 'judges_differ';
  }

  /** Of somebody else where there is somebody else; a judge that is broken may also contradict itself. */
  async #askAgain(
    inference: Inference,
    judgeId: string,
  ): Promise<{ readonly claim: Claim; readonly judgeId: string } | null> {
    const { bench, now, sleep } = this.#services;
    const { signal } = new AbortController();
    for (let tries = 0; tries < TRIES; tries++) {
      if (tries > 0) await sleep(PAUSE_MS);
      const judge =
        chooseJudge(bench, inference.model, 'interactive', new Set([judgeId])) ??
        chooseJudge(bench, inference.model, 'interactive');
      if (!judge) continue;
      try {
        const deadline = now() + OPINION_MS;
        const run = { inference, deadline, sink: null, signal, tier: 'interactive' } as const;
        return { claim: claimOf(await outcomeOf(judge, run)), judgeId: judge.id };
      } catch (error) {
        if (!(error instanceof TargetFailure)) throw error;
      }
    }
    return null;
  }
}
