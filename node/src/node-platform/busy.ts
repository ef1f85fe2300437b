import { availableParallelism, cpus } from 'node:os';

/** How much of the machine others take, looked at this often. */
const LOOK_MS = 5_000;
/** Of all cores' time: above it somebody works here. */
const BUSY_ABOVE = 0.4;
/** Below it nobody does; between the two it stays what it was. */
const IDLE_BELOW = 0.2;
/** One look may fall on a backup or an update: so many in a row are somebody who works. */
const LOOKS_TO_BUSY = 2;
/** People stop to read: half a minute of nothing is somebody who left. */
const LOOKS_TO_IDLE = 6;

/** Milliseconds of processor time since the machine and the process started. */
export interface CpuTimes {
  /** Of all cores together. */
  readonly busyMs: number;
  readonly totalMs: number;
  /** Of this process. */
  readonly ownMs: number;
}

/** Tells from one look to the next whether others want the machine. */
export class BusyMeter {
  #last: CpuTimes;
  #busy = false;
  #against = 0;

  constructor(first: CpuTimes) {
    this.#last = first;
  }

  looked(times: CpuTimes): boolean {
    const share = othersShare(this.#last, times);
    this.#last = times;
    const speaksAgainst = this.#busy ? share < IDLE_BELOW : share > BUSY_ABOVE;
    this.#against = speaksAgainst ? this.#against + 1 : 0;
    if (this.#against >= (this.#busy ? LOOKS_TO_IDLE : LOOKS_TO_BUSY)) {
      this.#busy = !this.#busy;
      this.#against = 0;
    }
    return this.#busy;
  }
}

/** Of all cores' time between two looks, what others than this process took: 0 to 1. */
export function othersShare(before: CpuTimes, after: CpuTimes): number {
  const total = after.totalMs - before.totalMs;
  if (!(total > 0)) return 0;
  const others = after.busyMs - before.busyMs - (after.ownMs - before.ownMs);
  return Math.min(1, Math.max(0, others / total));
}

/** Calls whenever the machine becomes wanted by others, or free again. @returns what ends it */
export function watchMachine(changed: (busy: boolean) => void): () => void {
  const meter = new BusyMeter(cpuTimes());
  const timer = setInterval(() => changed(meter.looked(cpuTimes())), LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
}

export function cpuTimes(): CpuTimes {
  let [busyMs, totalMs] = [0, 0];
  for (const { times } of cpus()) {
    const all = times.user + times.nice + times.sys + times.idle + times.irq;
    totalMs += all;
    busyMs += all - times.idle;
  }
  const { user, system } = process.cpuUsage();
  // Some machines hide their processors' times: then there is nothing to see, and nobody is taken to work.
  return { busyMs, totalMs: totalMs || availableParallelism(), ownMs: (user + system) / 1000 };
}
