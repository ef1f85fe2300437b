/**
 * Interactive callers, in a process of their own: requests fall due at random moments, many callers who know nothing of
 * each other, and wait for nobody. A latency counts from the moment when a request fell due.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '../support/random.ts';
import { postBytes, WireConnection } from '../support/wire.ts';
import { chatBody, someText } from './input.ts';

export interface CallersOrder {
  readonly type: 'begin';
  readonly port: number;
  readonly apiKey: string;
  /** Requests per second. */
  readonly rate: number;
  readonly seed: number;
}

export interface CallersReport {
  readonly type: 'called';
  /** Milliseconds; of what was answered with 200. */
  readonly latencies: Float64Array;
  readonly failed: number;
  /** The first complaint. */
  readonly complaint: string | null;
}

/** Texts that are asked for in turn. */
const TEXTS = 64;

class Callers {
  readonly #order: CallersOrder;
  readonly #requests: Buffer[];
  readonly #free: WireConnection[] = [];
  readonly #latencies: number[] = [];
  readonly #random: () => number;
  #failed = 0;
  #complaint: string | null = null;
  #stopped = false;
  readonly #waiting = new Set<Promise<void>>();

  constructor(order: CallersOrder) {
    this.#order = order;
    this.#random = seededRandom(order.seed);
    const headers = { 'x-api-key': order.apiKey };
    this.#requests = Array.from({ length: TEXTS }, () => {
      const body = JSON.stringify(chatBody(someText(this.#random)));
      return postBytes(order.port, '/v1/chat/completions', headers, body);
    });
  }

  async run(): Promise<void> {
    let due = performance.now();
    for (let n = 0; !this.#stopped; n++) {
      due += (-Math.log(1 - this.#random()) * 1000) / this.#order.rate;
      for (let wait = due - performance.now(); wait > 0; wait = due - performance.now()) await sleep(wait);
      const asked = this.#ask(this.#requests[n % TEXTS]!, due);
      this.#waiting.add(asked);
      asked.finally(() => this.#waiting.delete(asked));
    }
  }

  async stop(): Promise<CallersReport> {
    this.#stopped = true;
    await Promise.all(this.#waiting);
    for (const connection of this.#free) connection.close();
    const latencies = Float64Array.from(this.#latencies);
    return { type: 'called', latencies, failed: this.#failed, complaint: this.#complaint };
  }

  async #ask(request: Buffer, due: number): Promise<void> {
    try {
      // The one that was used last: others may have been closed for resting too long.
      const connection = this.#free.pop() ?? (await WireConnection.open(this.#order.port));
      await connection.send(request);
      this.#latencies.push(performance.now() - due);
      this.#free.push(connection);
    } catch (error) {
      this.#failed++;
      this.#complaint ??= String(error).slice(0, 500);
    }
  }
}

let callers: Callers | null = null;

process.on('message', (message: CallersOrder | { readonly type: 'stop' }) => {
  if (message.type === 'begin') {
    callers = new Callers(message);
    void callers.run();
  } else {
    void callers?.stop().then((report) => process.send?.(report));
  }
});
process.on('disconnect', () => process.exit());
process.send?.({ type: 'ready' });
