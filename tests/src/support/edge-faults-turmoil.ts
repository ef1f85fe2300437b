/** What happens to the nodes of the fault test: kills, freezes, a cable that is pulled, a sixteenth of the time. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { EdgeFleet, EdgeNode } from './edge-faults-fleet.ts';
import type { EdgeLoad } from './edge-faults-load.ts';
import type { NetworkNamespace } from './network-namespace.ts';

export interface TurmoilOptions {
  /** Between kills: 30 % of twelve nodes a minute are one in 16.7 s. */
  readonly killEveryMs: number;
  /** Between freezes, between cuts, and the longest of each. */
  readonly freezeEveryMs: number;
  readonly cutEveryMs: number;
  readonly longestMs: number;
}

export interface Turmoil {
  readonly kills: { readonly name: string; readonly inFlight: number }[];
  freezes: number;
  cuts: number;
}

export interface TurmoilGround {
  readonly fleet: EdgeFleet;
  readonly load: EdgeLoad;
  readonly network: NetworkNamespace | null;
  random(): number;
}

/** A node that was killed is away for as long as its owner's machine takes to start it again. */
const LEAST_DOWN_MS = 200;
const MORE_DOWN_MS = 2_000;
const LEAST_STILL_MS = 500;
const LOOK_MS = 50;

/** Until the signal; resolves when everything works again. */
export async function makeTurmoil(
  ground: TurmoilGround,
  options: TurmoilOptions,
  over: AbortSignal,
): Promise<Turmoil> {
  const turmoil: Turmoil = { kills: [], freezes: 0, cuts: 0 };
  const acts = new Acts(ground, turmoil, options.longestMs);
  const [slow] = ground.fleet.idle('slow');
  await Promise.all([
    acts.every(options.killEveryMs, over, () => acts.killOne()),
    acts.every(options.freezeEveryMs, over, () => acts.freezeOne()),
    acts.every(options.cutEveryMs, over, () => acts.cut()),
    slow && ground.fleet.slowDown(slow, over),
  ]);
  return turmoil;
}

class Acts {
  readonly #ground: TurmoilGround;
  readonly #turmoil: Turmoil;
  readonly #longestMs: number;

  constructor(ground: TurmoilGround, turmoil: Turmoil, longestMs: number) {
    this.#ground = ground;
    this.#turmoil = turmoil;
    this.#longestMs = longestMs;
  }

  /** At random moments, so many apart in the mean; resolves when the last act is over. */
  async every(ms: number, over: AbortSignal, act: () => Promise<void>): Promise<void> {
    const acts: Promise<void>[] = [];
    for (;;) {
      const wait = ms * (0.5 + this.#ground.random());
      await sleep(wait, undefined, { signal: over }).catch(() => undefined);
      if (over.aborted) break;
      const acting = act();
      // Awaited at the end; until then one that fails is not unhandled.
      acting.catch(() => undefined);
      acts.push(acting);
    }
    await Promise.all(acts);
  }

  async killOne(): Promise<void> {
    const node = this.#pick();
    if (node === null) return;
    this.#turmoil.kills.push({ name: node.spec.name, inFlight: this.#ground.load.inFlight });
    await this.#with(node, () => dieAndReturn(node, this.#ground.random));
  }

  async freezeOne(): Promise<void> {
    const node = this.#pick();
    if (node === null) return;
    this.#turmoil.freezes++;
    await this.#with(node, () => node.freeze(this.#howLong()));
  }

  async cut(): Promise<void> {
    const { fleet, network } = this.#ground;
    const [node] = fleet.idle('cut off');
    if (network === null || node === undefined) return;
    this.#turmoil.cuts++;
    await this.#with(node, async () => {
      network.setCable(false);
      await sleep(this.#howLong());
      network.setCable(true);
    });
  }

  async #with(node: EdgeNode, act: () => Promise<void>): Promise<void> {
    node.busy = true;
    try {
      await act();
    } finally {
      node.busy = false;
    }
  }

  #howLong(): number {
    return LEAST_STILL_MS + (this.#longestMs - LEAST_STILL_MS) * this.#ground.random();
  }

  #pick(): EdgeNode | null {
    const nodes = this.#ground.fleet.idle('mortal');
    return nodes[Math.floor(this.#ground.random() * nodes.length)] ?? null;
  }
}

/**
 * All but the fallback, at the same moment: nodes that nobody knows to be dead yet are chosen one after the other.
 * @returns those
 */
export async function killAllAtOnce({ nodes }: EdgeFleet): Promise<EdgeNode[]> {
  const dying = nodes.filter(({ spec }) => spec.fate !== 'spared');
  await Promise.all(dying.map((node) => node.kill()));
  return dying;
}

async function dieAndReturn(node: EdgeNode, random: () => number): Promise<void> {
  await node.kill();
  await sleep(LEAST_DOWN_MS + MORE_DOWN_MS * random());
  await node.start();
}

/** Resolves when it is so, or the time is over. @returns whether it is */
export async function becomes(patienceMs: number, is: () => boolean): Promise<boolean> {
  for (let waited = 0; !is() && waited < patienceMs; waited += LOOK_MS) await sleep(LOOK_MS);
  return is();
}
