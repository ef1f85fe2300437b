import { ApiError } from '@zerogpu/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { StorageError } from '../../storage/object-storage.ts';
import type { Verdict } from './line-outcome.ts';
import type { ClaimedLine } from './line-store.ts';
import { type LineRun, type LineWorker, type LineWorkerOptions, makeLineWorker } from './line-worker.ts';

const line = (number: number): ClaimedLine => ({
  batchId: 'batch_1',
  number,
  attempt: 1,
  start: number * 10,
  length: 10,
  projectId: 'project',
  keyId: 'key',
  endpoint: '/v1/chat/completions',
  inputFileId: 'file-1',
});

/** Lines to hand out, and what is said of them; runs end when the test ends them. */
class Scene {
  readonly toClaim: ClaimedLine[] = [];
  readonly asked: LineRun[] = [];
  readonly written: [number, Verdict][] = [];
  readonly givenBack: number[][] = [];
  readonly told: string[] = [];
  claims: number[] = [];
  claiming: (() => Promise<void>) | null = null;
  reading: ((line: ClaimedLine) => Promise<Buffer>) | null = null;
  most = 0;
  able = true;
  looks = 0;
  left: string[] = [];
  readonly #open = new Map<number, () => void>();
  readonly worker: LineWorker;

  constructor(options: Partial<LineWorkerOptions> = {}) {
    this.worker = makeLineWorker({
      concurrency: 3,
      store: this,
      texts: { read: (one) => this.reading?.(one) ?? Promise.resolve(Buffer.from(`text ${one.number}`)) },
      ask: (run) => this.#ask(run),
      write: async (one, verdict) => void this.written.push([one.number, verdict]),
      log: { info() {}, warn: (_, text) => this.told.push(text), error: (_, text) => this.told.push(text) },
      able: () => {
        this.looks++;
        return this.able;
      },
      left: () => this.left,
      lookMs: 5,
      compareMs: 5,
      ...options,
    });
  }

  async claim(most: number, othersThan: readonly string[] = []): Promise<ClaimedLine[]> {
    if (othersThan.length === 0) this.claims.push(most);
    await this.claiming?.();
    const wanted = this.toClaim.filter((one) => !othersThan.includes(one.batchId)).slice(0, most);
    for (const one of wanted) this.toClaim.splice(this.toClaim.indexOf(one), 1);
    return wanted;
  }

  async giveBackUnknown(known: readonly ClaimedLine[]): Promise<number> {
    this.givenBack.push(known.map(({ number }) => number));
    return 0;
  }

  end(number: number): void {
    this.#open.get(number)?.();
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
  }

  async #ask(run: LineRun): Promise<void> {
    this.asked.push(run);
    this.most = Math.max(this.most, this.worker.underWay);
    await new Promise<void>((resolve) => {
      this.#open.set(run.line.number, resolve);
      run.signal.addEventListener('abort', () => resolve());
    });
  }
}

const scenes: Scene[] = [];
function scene(options: Partial<LineWorkerOptions> = {}): Scene {
  const one = new Scene(options);
  scenes.push(one);
  return one;
}
afterEach(async () => {
  await Promise.all(scenes.splice(0).map(({ worker }) => worker.stop(0)));
});

const numbersOf = (runs: readonly LineRun[]) => runs.map((run) => run.line.number);
const range = (to: number) => Array.from({ length: to }, (_, i) => i + 1);

describe('a worker', () => {
  it('asks lines in their order, never more at once than it may', async () => {
    const one = scene();
    one.toClaim.push(...range(10).map(line));
    one.worker.start();
    for (const number of range(10)) {
      await one.until(() => one.asked.length >= number);
      one.end(number);
    }
    await one.until(() => one.worker.underWay === 0);
    expect(numbersOf(one.asked)).toEqual(range(10));
    expect(one.asked[4]?.text.toString()).toBe('text 5');
    expect(one.most).toBe(3);
    expect(Math.max(...one.claims)).toBe(6);
  });

  it('takes none of the batches that it leaves to others, until it takes them up again', async () => {
    const one = scene();
    one.left = ['batch_1'];
    one.toClaim.push(line(1), { ...line(2), batchId: 'batch_2' });
    one.worker.start();
    await one.until(() => one.asked.length === 1);
    one.end(2);
    await one.until(() => one.worker.underWay === 0);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(numbersOf(one.asked)).toEqual([2]);
    one.left = [];
    await one.until(() => one.asked.length === 2);
    expect(numbersOf(one.asked)).toEqual([2, 1]);
    one.end(1);
  });

  it('gives other batches some places more while one takes all of them, and never twice as many', async () => {
    const one = scene({ stallMs: 5 });
    one.toClaim.push(...range(20).map(line));
    one.worker.start();
    await one.until(() => one.worker.underWay === 3);
    one.toClaim.push(...range(10).map((number) => ({ ...line(100 + number), batchId: 'batch_2' })));
    one.toClaim.push({ ...line(200), batchId: 'batch_3' });
    await one.until(() => one.worker.underWay === 6);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(one.worker.underWay).toBe(6);
    expect(new Set(numbersOf(one.asked))).toEqual(new Set([1, 2, 3, 101, 102, 103]));
    for (const number of [101, 102, 103]) one.end(number);
    await one.until(() => one.asked.length > 6);
    expect(one.asked[6]?.line.number).toBeGreaterThan(100);
  });

  it('looks at once when it is woken, also in the middle of a look', async () => {
    const one = scene({ lookMs: 3_600_000 });
    one.worker.start();
    await one.until(() => one.claims.length === 1);
    one.toClaim.push(line(1));
    one.worker.wake();
    await one.until(() => one.asked.length === 1);
    one.end(1);
    const { promise, resolve } = Promise.withResolvers<void>();
    one.claiming = () => promise;
    const before = one.claims.length;
    one.worker.wake();
    await one.until(() => one.claims.length > before);
    one.claiming = null;
    one.worker.wake();
    resolve();
    await one.until(() => one.claims.length > before + 1);
  });

  it('takes no lines as long as it has nobody to ask', async () => {
    const one = scene();
    one.able = false;
    one.toClaim.push(line(1));
    one.worker.start();
    // Looks come every few milliseconds.
    await one.until(() => one.looks > 2);
    expect(one.claims).toEqual([]);
    one.able = true;
    await one.until(() => one.asked.length === 1);
    one.end(1);
  });

  it('finishes what is under way when it stops, and gives back what it has not begun', async () => {
    const one = scene();
    one.toClaim.push(...range(9).map(line));
    one.worker.start();
    await one.until(() => one.asked.length === 3);
    const stopped = one.worker.stop(60_000);
    for (const number of range(3)) one.end(number);
    await stopped;
    expect(one.asked.every((run) => !run.signal.aborted)).toBe(true);
    expect(one.asked).toHaveLength(3);
    expect(one.givenBack.at(-1)).toEqual([]);
  });

  it('breaks off what does not finish in time', async () => {
    const one = scene();
    one.toClaim.push(line(1));
    one.worker.start();
    await one.until(() => one.asked.length === 1);
    await one.worker.stop(1);
    const { signal } = one.asked[0]!;
    expect(signal.reason).toBeInstanceOf(ApiError);
    expect(signal.reason.code).toBe('client_closed_request');
  });

  it('asks what the database believes it has, after a claim that failed and again and again', async () => {
    const one = scene();
    one.toClaim.push(...range(2).map(line));
    one.worker.start();
    await one.until(() => one.asked.length === 2);
    let failures = 3;
    one.claiming = async () => {
      if (failures-- > 0) throw new Error('away');
    };
    await one.until(() => one.givenBack.length > 5);
    expect(one.givenBack.every((known) => known.every((number) => number <= 2))).toBe(true);
    expect(one.givenBack.at(-1)).toEqual([1, 2]);
    expect(one.told).toEqual(['Cannot look for lines of batches at the moment']);
  });

  it('gives lines back that it cannot read at the moment, and tells it once until it can', async () => {
    const one = scene();
    one.reading = () => Promise.reject(new StorageError('unavailable', 'no answer'));
    one.toClaim.push(...range(5).map(line));
    one.worker.start();
    await one.until(() => one.written.length === 5);
    expect(one.written.map(([, verdict]) => verdict)).toEqual(
      Array(5).fill({ outcome: 'back', waitMs: 5_000 }),
    );
    expect(one.told).toEqual(['Cannot read lines of batches at the moment']);
    expect(one.asked).toEqual([]);
    one.reading = null;
    one.toClaim.push(line(6));
    await one.until(() => one.asked.length === 1);
    one.reading = () => Promise.reject(new StorageError('damaged', 'other bytes'));
    one.toClaim.push(line(7));
    await one.until(() => one.written.length === 6);
    expect(one.written[5]?.[1]).toMatchObject({ outcome: 'done', succeeded: false });
    expect(one.told).toHaveLength(2);
  });

  it('tells what could not be written, and asks the database for what it has', async () => {
    const one = scene({ ask: () => Promise.reject(new Error('no')) });
    one.toClaim.push(line(1));
    one.worker.start();
    await one.until(() => one.told.length === 1);
    expect(one.told).toEqual(['Could not write what became of a line']);
    await one.until(() => one.givenBack.length > 0);
    expect(one.givenBack.at(-1)).toEqual([]);
  });
});
