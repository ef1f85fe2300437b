import { findManifest } from '@zerogpu/catalogue';
import type { ModelManifest } from '@zerogpu/protocol';
import type { NodeFacts, Target, Trust } from '../flow.ts';
import type { Log } from '../store/log.ts';
import { CheckedTarget, type Checking } from './checked-target.ts';
import { type Claim, claimOf, outcomeOf } from './claim.ts';
import { type Case, Court } from './court.ts';
import { type Bench, chooseJudge } from './judges.ts';
import { inventInference, KnownAnswers, shapeOf } from './known-answers.ts';
import { Rechecks } from './rechecks.ts';
import { TrustBook } from './trust-book.ts';
import { afterDoubt, afterUnchecked, KNOWN_SHARE, recheckShare, trustAt } from './trust-state.ts';
import type { TrustStore } from './trust-store.ts';

export interface TrustServices {
  readonly store: TrustStore;
  readonly log: Log;
  readonly bench: Bench;
  /** Whether the node's socket is here. */
  connected(nodeId: string): boolean;
  /** How far it is believed changed, for whatever model; whoever chooses nodes must know. */
  changed(nodeId: string): void;
  /** The node is in quarantine: what runs there must go elsewhere, and nothing more is sent to it. */
  quarantined(nodeId: string): void;
  /** The node is out of quarantine: it may come again. */
  released(nodeId: string): void;
  now(): number;
  /** 0 ≤ x < 1, which no node can foresee. */
  random(): number;
  sleep(ms: number): Promise<void>;
}

/** Runs on probation that one node has at once: ten right answers are soon there, and a node that is silent has no more. */
const PROBATION_AT_ONCE = 4;
/** Runs with known answers under way or about to be. */
const KNOWN_AT_ONCE = 32;
/** A known answer is asked for at some moment after the request that made the place for it. */
const KNOWN_WITHIN_MS = 3000;
const KNOWN_DEADLINE_MS = 60_000;

/** How far strangers' nodes are believed, and what is done about it. */
export class TrustKeeper {
  readonly #services: TrustServices;
  readonly #book: TrustBook;
  readonly #court: Court;
  readonly #rechecks: Rechecks;
  readonly #known = new Map<string, KnownAnswers>();
  readonly #onProbation = new Map<string, number>();
  readonly #checking: Checking;
  #knownUnderWay = 0;

  constructor(services: TrustServices) {
    this.#services = services;
    const { bench, now } = services;
    this.#book = new TrustBook(services);
    this.#court = new Court({ ...services, book: this.#book });
    const gaveUp = (one: Case) => this.#gaveUp(one);
    this.#rechecks = new Rechecks({ bench, court: this.#court, gaveUp, now });
    this.#checking = {
      bench,
      court: this.#court,
      manifest: findManifest,
      trustOf: (facts, model) => this.trustOf(facts, model),
      canFollow: (model) => !this.#rechecks.behind(model),
      left: (target, one, given, leftMs) => this.#left(target, one, given, leftMs),
      enterProbation: (nodeId) => this.#enterProbation(nodeId),
      now,
    };
  }

  /** Reads what the node has shown. Must have ended before it is given work. */
  load({ id, pool }: NodeFacts): Promise<void> {
    return pool === 'public' ? this.#book.load(id) : Promise.resolve();
  }

  /** In quarantine, too, while it is being found out whether an answer was wrong. */
  trustOf({ id, pool }: NodeFacts, model: string): Trust {
    if (pool !== 'public') return 'vouched';
    const manifest = findManifest(model);
    // Of whom nothing is known, not even whether it is in quarantine, is given nothing.
    const quarantined = this.#book.isQuarantined(id) ?? true;
    if (!manifest || quarantined || this.#court.isAccused(id)) return 'quarantined';
    return trustAt(pool, false, this.#book.record(id, manifest));
  }

  /** The node as the rest of the gateway may use it. */
  wrap(target: Target, facts: NodeFacts): Target {
    return facts.pool === 'public' ? new CheckedTarget(target, facts, this.#checking) : target;
  }

  /** Writes down what was seen, and takes over what happened elsewhere. Runs every second or so. */
  async round(): Promise<void> {
    await this.#book.flush();
    for (const { nodeId, quarantined } of await this.#book.refresh()) {
      if (quarantined) this.#services.quarantined(nodeId);
      else this.#services.released(nodeId);
    }
  }

  /** Answers that wait to be rechecked. */
  get waiting(): number {
    return this.#rechecks.waiting;
  }

  /** Resolves when no recheck is under way; for tests. */
  settled(): Promise<void> {
    return this.#rechecks.settled();
  }

  async close(): Promise<void> {
    this.#rechecks.close();
    await this.#book.flush();
  }

  #enterProbation(nodeId: string): (() => void) | null {
    const count = this.#onProbation.get(nodeId) ?? 0;
    if (count >= PROBATION_AT_ONCE) return null;
    this.#onProbation.set(nodeId, count + 1);
    return () => {
      const left = (this.#onProbation.get(nodeId) ?? 1) - 1;
      if (left > 0) this.#onProbation.set(nodeId, left);
      else this.#onProbation.delete(nodeId);
    };
  }

  #left(target: Target, one: Case, given: Claim, leftMs: number): void {
    const { nodeId, manifest, inference } = one;
    const { random } = this.#services;
    // What ended halfway left nothing to be counted by: it is always looked at.
    const share = given.kind === 'part' ? 1 : recheckShare(this.#book.record(nodeId, manifest));
    if (random() < share) this.#rechecks.add({ ...one, foundBy: 'recheck' }, given);
    else this.#book.change(nodeId, manifest, afterUnchecked);
    const known = this.#knownOf(manifest);
    known.saw(shapeOf(inference, leftMs));
    if (random() < KNOWN_SHARE) void this.#askKnown(target, manifest, known);
  }

  /** It may have been wrong, so the node is checked before release again. */
  #gaveUp({ nodeId, manifest }: Case): void {
    this.#book.change(nodeId, manifest, (record) => afterDoubt(afterUnchecked(record)));
    this.#services.log.warn(
      { nodeId, model: manifest.id },
      'An answer of a stranger’s node was not rechecked',
    );
  }

  /** One for each model of the catalogue at most. */
  #knownOf(manifest: ModelManifest): KnownAnswers {
    const known = this.#known.get(manifest.id) ?? new KnownAnswers();
    this.#known.set(manifest.id, known);
    return known;
  }

  /** Never throws: a node that fails has not lied. */
  async #askKnown(target: Target, manifest: ModelManifest, known: KnownAnswers): Promise<void> {
    if (this.#knownUnderWay >= KNOWN_AT_ONCE) return;
    this.#knownUnderWay++;
    try {
      const { sleep, random, now } = this.#services;
      await sleep(random() * KNOWN_WITHIN_MS);
      const ready = known.take(target.id) ?? (await this.#makeKnown(manifest, known, target.id));
      if (ready === null) return;
      const { inference, expected, judgeId, leftMs } = ready;
      const { signal } = new AbortController();
      const run = { inference, deadline: now() + leftMs, sink: null, signal, tier: 'interactive' } as const;
      const given = claimOf(await outcomeOf(target, run));
      const one = { nodeId: target.id, manifest, inference, foundBy: 'known_answer' } as const;
      await this.#court.compare(one, given, expected, judgeId);
    } catch {
      // Lost, busy or slow.
    } finally {
      this.#knownUnderWay--;
    }
  }

  /** Computes one on a spare slot of a judge; null when there is none, or no request was seen yet. */
  async #makeKnown(manifest: ModelManifest, known: KnownAnswers, nodeId: string) {
    const { bench, random, now } = this.#services;
    const judge = chooseJudge(bench, manifest.id, 'batch');
    const shape = known.shape(random);
    if (!judge || !shape) return null;
    const inference = inventInference(manifest, shape, random);
    const { signal } = new AbortController();
    const deadline = now() + KNOWN_DEADLINE_MS;
    const run = { inference, deadline, sink: null, signal, tier: 'batch' } as const;
    const expected = claimOf(await outcomeOf(judge, run));
    const leftMs = Math.max(1, shape.leftMs);
    const made = { inference, expected, judgeId: judge.id, leftMs, asked: new Set([nodeId]) };
    known.add(made);
    return made;
  }
}
