/** What processes use while something goes on: memory and processor time, from Linux's /proc. */
import { readFileSync } from 'node:fs';
import { cpuSeconds, ownCpuSeconds } from '../support/cpu.ts';

export interface Watched {
  /** The gateway itself, without the database that is its child. */
  readonly gateway: number;
  readonly node: number | null;
  /** The postmaster; what it has started counts with it. */
  readonly database: number;
  readonly worker: number | null;
}

export interface Used {
  readonly seconds: number;
  /** In MB (10^6 bytes), of the gateway. */
  readonly highestResident: number;
  readonly medianResident: number;
  /** Shared pages counted by their share. */
  readonly highestProportional: number;
  /** Of a core, on average. */
  readonly cores: Readonly<Record<keyof Watched, number>>;
}

/** Ten a second catch what lasts; what is shorter shows in the high-water mark of `peakMb`. */
const EVERY_MS = 100;
/** The kernel walks all pages for it. */
const PROPORTIONAL_EVERY = 5;

/** Begins to watch; the function ends it and tells. */
export function watch(pids: Watched): () => Used {
  const [startedAt, before] = [performance.now(), timesOf(pids)];
  const resident: number[] = [];
  const proportional: number[] = [];
  const look = () => {
    resident.push(residentMb(pids.gateway));
    if (resident.length % PROPORTIONAL_EVERY === 1) proportional.push(proportionalMb(pids.gateway));
  };
  look();
  const timer = setInterval(look, EVERY_MS);
  return () => {
    clearInterval(timer);
    look();
    const seconds = (performance.now() - startedAt) / 1000;
    const after = timesOf(pids);
    const used = (name: keyof Watched) => (after[name] - before[name]) / seconds;
    return {
      seconds,
      highestResident: Math.max(...resident),
      medianResident: resident.toSorted((a, b) => a - b)[resident.length >> 1] ?? Number.NaN,
      highestProportional: Math.max(...proportional),
      cores: {
        gateway: used('gateway'),
        node: used('node'),
        database: used('database'),
        worker: used('worker'),
      },
    };
  };
}

function timesOf({ gateway, node, database, worker }: Watched): Record<keyof Watched, number> {
  return {
    gateway: ownCpuSeconds(gateway) ?? 0,
    node: node === null ? 0 : (cpuSeconds(node) ?? 0),
    database: cpuSeconds(database) ?? 0,
    worker: worker === null ? 0 : (ownCpuSeconds(worker) ?? 0),
  };
}

export const residentMb = (pid: number) => readMb(`/proc/${pid}/status`, 'VmRSS');
/** The most that it ever had. */
export const peakMb = (pid: number) => readMb(`/proc/${pid}/status`, 'VmHWM');
const proportionalMb = (pid: number) => readMb(`/proc/${pid}/smaps_rollup`, 'Pss');

function readMb(file: string, name: string): number {
  const text = readFileSync(file, 'utf8');
  return (Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? Number.NaN) * 1024) / 1e6;
}
