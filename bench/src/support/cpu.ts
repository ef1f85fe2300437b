/** Processor time of a process and all its descendants, read from Linux's /proc. */
import { readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';

/** USER_HZ: what /proc counts in, on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

interface ProcessTimes {
  readonly parent: number;
  readonly seconds: number;
}

/** Seconds of processor time used so far by `pid` and what descends from it; null where there is no /proc. */
export function cpuSeconds(pid: number): number | null {
  const processes = readProcesses();
  if (!processes.has(pid)) return null;
  let total = 0;
  for (const [id, { seconds }] of processes) if (descends(id, pid, processes)) total += seconds;
  return total;
}

/** Seconds of processor time used so far by `pid` alone; null where there is no /proc, and when it has ended. */
export function ownCpuSeconds(pid: number): number | null {
  try {
    const [user = 0, system = 0] = fieldsOf(readFileSync(`/proc/${pid}/stat`, 'utf8'), [14, 15]);
    return (user + system) / TICKS_PER_SECOND;
  } catch {
    return null;
  }
}

/** Begins to watch; the function tells how many cores all other programs kept busy on average since then. */
export function watchOthers(): () => number | null {
  const read = (): number | null => {
    const own = cpuSeconds(process.pid);
    return own === null ? null : busySeconds() - own;
  };
  const [before, start] = [read(), performance.now()];
  return () => {
    const after = read();
    const seconds = (performance.now() - start) / 1000;
    return before === null || after === null ? null : Math.max(0, (after - before) / seconds);
  };
}

function busySeconds(): number {
  let milliseconds = 0;
  for (const { times } of cpus()) milliseconds += times.user + times.nice + times.sys + times.irq;
  return milliseconds / 1000;
}

function descends(id: number, ancestor: number, processes: ReadonlyMap<number, ProcessTimes>): boolean {
  for (let at = id, depth = 0; at > 1 && depth < 64; depth++) {
    if (at === ancestor) return true;
    at = processes.get(at)?.parent ?? 0;
  }
  return false;
}

function readProcesses(): Map<number, ProcessTimes> {
  const processes = new Map<number, ProcessTimes>();
  for (const name of listProc()) {
    if (!/^\d+$/.test(name)) continue;
    const times = readTimes(name);
    if (times !== null) processes.set(Number(name), times);
  }
  return processes;
}

function listProc(): string[] {
  try {
    return readdirSync('/proc');
  } catch {
    return [];
  }
}

function readTimes(pid: string): ProcessTimes | null {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    // It ended between the listing and the reading.
    return null;
  }
}

/**
 * Of proc_pid_stat(5): field 4 is the parent; 14 and 15 the ticks of the process itself, 16 and 17 those of
 * children that have ended. The name, field 2, may hold spaces and brackets.
 */
export function parseStat(stat: string): ProcessTimes {
  const [parent = 0, ...ticks] = fieldsOf(stat, [4, 14, 15, 16, 17]);
  return { parent, seconds: ticks.reduce((sum, each) => sum + each, 0) / TICKS_PER_SECOND };
}

function fieldsOf(stat: string, numbers: readonly number[]): number[] {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return numbers.map((number) => Number(fields[number - 3]));
}
