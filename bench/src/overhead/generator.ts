/** The load generator, in a process of its own. Obeys one order at a time; the first failed request ends it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom, shuffled } from '../support/random.ts';
import { WireConnection } from '../support/wire.ts';
import type {
  FlatOutOrder,
  FlatOutReport,
  LatenciesReport,
  Load,
  Order,
  PacedOrder,
  PairedOrder,
  Report,
} from './orders.ts';

type Lane = { readonly connection: WireConnection; readonly request: Buffer };

async function openLanes(load: Load, connections: number): Promise<Lane[]> {
  const request = Buffer.from(load.request);
  const lanes: Lane[] = [];
  for (let i = 0; i < connections; i++) {
    lanes.push({ connection: await WireConnection.open(load.port), request });
  }
  return lanes;
}

async function timed(lane: Lane): Promise<number> {
  const start = performance.now();
  await lane.connection.send(lane.request);
  return performance.now() - start;
}

async function paired(order: PairedOrder): Promise<LatenciesReport> {
  const lanes = (await Promise.all(order.loads.map((load) => openLanes(load, 1)))).flat();
  const random = seededRandom(order.seed);
  const latencies = lanes.map(() => new Float64Array(order.turns));
  const numbers = [...lanes.keys()];
  for (let turn = -order.warmup; turn < order.turns; turn++) {
    for (const i of shuffled(numbers, random)) {
      const milliseconds = await timed(lanes[i]!);
      if (turn >= 0) latencies[i]![turn] = milliseconds;
    }
  }
  for (const lane of lanes) lane.connection.close();
  return { type: 'latencies', latencies, lateness: new Float64Array(0) };
}

/** Requests of one load that fell due while all its connections were busy, waiting in line. */
class Line {
  readonly latencies: number[] = [];
  readonly lateness: number[] = [];
  readonly #free: Lane[];
  readonly #due: number[] = [];
  readonly #fail: (error: unknown) => void;

  constructor(lanes: readonly Lane[], fail: (error: unknown) => void) {
    this.#free = [...lanes];
    this.#fail = fail;
  }

  add(due: number): void {
    this.#due.push(due);
    this.#next();
  }

  #next(): void {
    // The one that has rested longest: servers close connections that rest for some seconds.
    const lane = this.#due.length > 0 ? this.#free.shift() : undefined;
    const due = lane && this.#due.shift();
    if (lane === undefined || due === undefined) return;
    this.lateness.push(performance.now() - due);
    timed(lane).then((milliseconds) => {
      this.latencies.push(milliseconds);
      this.#free.push(lane);
      this.#next();
    }, this.#fail);
  }
}

async function paced(order: PacedOrder): Promise<LatenciesReport> {
  const lanes = await Promise.all(order.loads.map((load) => openLanes(load, order.connections)));
  const random = seededRandom(order.seed);
  const { promise: failed, reject: fail } = Promise.withResolvers<never>();
  const lines = lanes.map((own) => new Line(own, fail));
  const perSecond = order.rate * lines.length;
  let due = performance.now();
  const send = async (): Promise<void> => {
    for (let i = 0; i < order.requests; i++) {
      for (const line of shuffled(lines, random)) {
        // Exponential gaps: requests of many callers who know nothing of each other.
        due += (-Math.log(1 - random()) * 1000) / perSecond;
        // A timer, not a spin: the generator must not take a core from what it measures.
        for (let wait = due - performance.now(); wait > 0; wait = due - performance.now()) await sleep(wait);
        line.add(due);
      }
    }
    while (lines.some((line) => line.latencies.length < order.requests)) {
      await sleep(1);
    }
  };
  await Promise.race([send(), failed]);
  for (const lane of lanes.flat()) lane.connection.close();
  return {
    type: 'latencies',
    latencies: lines.map((line) => Float64Array.from(line.latencies)),
    lateness: Float64Array.from(lines.flatMap((line) => line.lateness)),
  };
}

async function flatOut(order: FlatOutOrder): Promise<FlatOutReport> {
  const lanes = await openLanes(order.load, order.connections);
  const latencies: number[] = [];
  const start = performance.now();
  const end = start + order.seconds * 1000;
  const keepBusy = async (lane: Lane): Promise<void> => {
    while (performance.now() < end) latencies.push(await timed(lane));
  };
  await Promise.all(lanes.map(keepBusy));
  const seconds = (performance.now() - start) / 1000;
  for (const lane of lanes) lane.connection.close();
  return { type: 'flat-out', requests: latencies.length, seconds, latencies: Float64Array.from(latencies) };
}

function obey(order: Order): Promise<Report> {
  if (order.type === 'paired') return paired(order);
  return order.type === 'paced' ? paced(order) : flatOut(order);
}

process.on('message', (order: Order) => {
  obey(order)
    .catch((error: unknown): Report => ({ type: 'failed', message: String(error) }))
    .then((report) => process.send?.(report));
});
process.on('disconnect', () => process.exit());
process.send?.({ type: 'ready' });
