/** A fleet of strangers' nodes, some of which lie, behind the gateway's real trust: no network, no database. */
import { findManifest } from '@zerogpu/catalogue';
import {
  type NodeFacts,
  type NodeView,
  silentLog,
  type Target,
  type TargetAnswer,
  TrustKeeper,
  type TrustStore,
} from '@zerogpu/gateway';
import { type Inference, type ModelManifest, type NodePool, plainInference } from '@zerogpu/protocol';
import { seededRandom } from '../support/random.ts';

/** How likely the next answer is a lie. @param said answers so far, to whomever */
export type Lying = (said: number) => number;

export const honest: Lying = () => 0;
export const always: Lying = () => 1;
export const sometimes =
  (share: number): Lying =>
  () =>
    share;
/** Behaves until trust is earned. */
export const sleeper =
  (share: number, behaves: number): Lying =>
  (said) =>
    said < behaves ? 0 : share;

export interface LiarFleetOptions {
  readonly seed: number;
  readonly strangers: readonly Lying[];
  /** Nodes that are vouched for; some may be broken. */
  readonly judges?: readonly Lying[];
}

/** What became of one stranger's node. */
export interface Fate {
  readonly lying: Lying;
  /** Answers to requests, until it was caught or the run ended. */
  answers: number;
  /** Of those, lies, and lies that a caller was given. */
  lies: number;
  liesGiven: number;
  caught: boolean;
}

const MODEL = 'zlm-v1-summary-cloud';

class Stranger implements Target {
  readonly kind = 'node';
  readonly organizationId = null;
  readonly id: string;
  readonly fate: Fate;
  /** Whether its last answer was a lie. */
  lied = false;
  #said = 0;
  readonly #random: () => number;

  constructor(id: string, lying: Lying, random: () => number) {
    this.id = id;
    this.#random = random;
    this.fate = { lying, answers: 0, lies: 0, liesGiven: 0, caught: false };
  }

  get facts(): NodeFacts {
    return factsOf(this.id, 'public');
  }

  async run(inference: Inference): Promise<TargetAnswer> {
    this.lied = this.#random() < this.fate.lying(this.#said++);
    return answered(this.lied ? `${rightAnswer(inference)} not` : rightAnswer(inference));
  }
}

/** Gives requests to strangers' nodes, one after the other, each to one at random that is not caught. */
export class LiarFleet {
  readonly keeper: TrustKeeper;
  readonly #random: () => number;
  readonly #strangers: readonly Stranger[];
  readonly #wrapped: readonly Target[];
  readonly #manifest: ModelManifest;
  #now = 0;
  /** Runs that judges did, for whatever reason. */
  judged = 0;

  constructor({ seed, strangers, judges = [honest, honest] }: LiarFleetOptions) {
    const random = seededRandom(seed);
    const manifest = findManifest(MODEL);
    if (!manifest) throw new Error(`There is no ${MODEL}`);
    this.#manifest = manifest;
    this.#random = random;
    const bench = new Map(judges.map((lying, i) => [`judge_${i}`, this.#judge(`judge_${i}`, lying)]));
    const caught = new Set<string>();
    this.#strangers = strangers.map((lying, i) => new Stranger(`node_${i}`, lying, random));
    this.keeper = new TrustKeeper({
      store: emptyStore,
      log: silentLog,
      bench: {
        // Whoever is asked first differs: equals share the work.
        judges: () => [...bench.keys()].sort(() => random() - 0.5).map(viewOf),
        target: (id) => bench.get(id),
        predictedMs: () => 1,
      },
      connected: () => true,
      changed: () => undefined,
      quarantined: (id) => caught.add(id),
      released: (id) => caught.delete(id),
      now: () => this.#now,
      random,
      sleep: () => Promise.resolve(),
    });
    this.#wrapped = this.#strangers.map((stranger) => this.keeper.wrap(stranger, stranger.facts));
    this.#isCaught = (id) => caught.has(id);
  }

  readonly #isCaught: (id: string) => boolean;

  async load(): Promise<void> {
    await Promise.all(this.#strangers.map(({ facts }) => this.keeper.load(facts)));
  }

  get fates(): readonly Fate[] {
    return this.#strangers.map(({ fate }) => fate);
  }

  /** Until each of them answered so often, or was caught. */
  async untilAnswered(most: number): Promise<readonly Fate[]> {
    await this.load();
    const open = this.#strangers.map((_, i) => i);
    while (open.length > 0) {
      const at = Math.floor(this.#random() * open.length);
      const i = open[at]!;
      await this.#request(i);
      const { fate } = this.#strangers[i]!;
      if (!fate.caught && fate.answers < most) continue;
      open[at] = open.at(-1)!;
      open.pop();
    }
    await this.keeper.close();
    return this.fates;
  }

  async #request(i: number): Promise<void> {
    const stranger = this.#strangers[i]!;
    const { fate } = stranger;
    const inference = plainInference(MODEL, `request ${this.#now++}`);
    const { signal } = new AbortController();
    const given = await this.#wrapped[i]!.run(inference, this.#now + 60_000, null, signal, 'interactive');
    fate.answers++;
    if (stranger.lied) fate.lies++;
    if (given.by === undefined && given.text !== rightAnswer(inference)) fate.liesGiven++;
    // What is found out afterwards is found out before its next request.
    await this.keeper.settled();
    await new Promise((resolve) => setImmediate(resolve));
    fate.caught = this.#isCaught(stranger.id);
  }

  #judge(id: string, lying: Lying): Target {
    return {
      kind: 'node',
      id,
      organizationId: null,
      run: async (inference) => {
        this.judged++;
        const wrong = this.#random() < lying(this.judged);
        return answered(wrong ? `${rightAnswer(inference)} broken` : rightAnswer(inference));
      },
    };
  }

  get manifest(): ModelManifest {
    return this.#manifest;
  }
}

const rightAnswer = ({ text }: Inference) => `The answer to ${text}`;

function answered(text: string): TargetAnswer {
  return { text, reasoning: null, toolCalls: [], finishReason: 'stop', usage: null, queueMs: 0, modelMs: 0 };
}

function factsOf(id: string, pool: NodePool): NodeFacts {
  return { id, pool, organizationId: null, deviceClass: 'server', place: null, region: null };
}

function viewOf(id: string): NodeView {
  const idle = { slots: 64, inFlight: 0, batchRoom: 48, resident: true, serviceMs: 1, failures: 0, rttMs: 0 };
  return { ...factsOf(id, 'operator'), ...idle };
}

/** Nothing was shown before, and nothing is kept. */
const emptyStore: TrustStore = {
  load: async () => ({ quarantined: false, records: [] }),
  writeWrong: async () => undefined,
  writeCounts: async () => undefined,
  quarantined: async () => new Map(),
};
