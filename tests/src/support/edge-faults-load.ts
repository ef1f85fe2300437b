/** Callers of the fault test: each sends one request after the other, and reads every answer to its end. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ask } from './edge-faults-asks.ts';

/** A request that was not answered as it should be. */
export interface Failure {
  readonly route: string;
  readonly status: number | null;
  readonly said: string;
}

/** An answer that is not what the model gives. */
export interface WrongAnswer {
  readonly model: string;
  readonly text: string;
  readonly project: string;
  readonly beganAt: number;
  readonly endedAt: number;
}

export interface Caller {
  readonly project: string;
  readonly apiKey: string;
}

/** After a failure a caller waits, so that a gateway that refuses all is not asked a million times. */
const AFTER_FAILURE_MS = 100;

export class EdgeLoad {
  /** Ids of all requests that were answered in full, and how long each took, by what went on meanwhile. */
  readonly answered: string[] = [];
  readonly took = new Map<string, number[]>();
  readonly failures: Failure[] = [];
  readonly wrong: WrongAnswer[] = [];
  inFlight = 0;
  /** What goes on at the moment. */
  phase = 'warm-up';
  readonly #url: string;
  readonly #asks: readonly Ask[];
  readonly #random: () => number;
  readonly #callers: Promise<void>[];
  #stopped = false;

  constructor(url: string, callers: readonly Caller[], asks: readonly Ask[], random: () => number) {
    this.#url = url;
    this.#asks = asks;
    this.#random = random;
    this.#callers = callers.map((caller) => this.#call(caller));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#callers);
  }

  /** Resolves when so many more were answered. */
  async more(count: number): Promise<void> {
    const until = this.answered.length + count;
    while (this.answered.length < until && this.failures.length === 0) await sleep(20);
  }

  async #call(caller: Caller): Promise<void> {
    while (!this.#stopped) {
      const ask = this.#asks[Math.floor(this.#random() * this.#asks.length)]!;
      const before = this.failures.length;
      this.inFlight++;
      await this.#ask(caller, ask);
      this.inFlight--;
      if (this.failures.length > before) await sleep(AFTER_FAILURE_MS);
    }
  }

  async #ask({ project, apiKey }: Caller, ask: Ask): Promise<void> {
    const { phase } = this;
    const beganAt = Date.now();
    const fail = (status: number | null, said: string) =>
      void this.failures.push({ route: ask.route, status, said: said.slice(0, 400) });
    try {
      const response = await fetch(this.#url + ask.route, {
        method: 'POST',
        headers: { 'x-api-key': apiKey, 'content-type': 'application/json' },
        body: JSON.stringify(ask.body),
      });
      const body = await response.text();
      if (response.status !== 200) return fail(response.status, body);
      const text = ask.read(body);
      if (text === null) return fail(response.status, `not to its end: ${body.slice(-300)}`);
      this.answered.push(response.headers.get('x-request-id') ?? '');
      const endedAt = Date.now();
      this.#took(phase, endedAt - beganAt);
      if (text !== ask.expected) this.wrong.push({ model: ask.model, text, project, beganAt, endedAt });
    } catch (error) {
      fail(null, String(error instanceof Error ? (error.cause ?? error) : error));
    }
  }

  /** Of those that fell into one phase as a whole. */
  #took(phase: string, ms: number): void {
    if (phase !== this.phase) return;
    const all = this.took.get(phase) ?? [];
    this.took.set(phase, all);
    all.push(ms);
  }
}
