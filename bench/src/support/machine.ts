/** What a figure was measured on. */
import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus, totalmem, type } from 'node:os';

export interface Circumstances {
  readonly machine: string;
  readonly date: string;
  readonly node: string;
  readonly commit: string;
  readonly seed: number;
}

export function circumstances(seed: number): Circumstances {
  const model = cpus()[0]?.model.trim() || 'unknown processor';
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  return {
    machine: `${availableParallelism()} cores (${model}), ${memory}, ${type()} ${process.arch}`,
    date: new Date().toISOString().slice(0, 16).replace('T', ' ').concat(' UTC'),
    node: process.version,
    commit: commit(),
    seed,
  };
}

function commit(): string {
  try {
    const git = (...args: string[]): string =>
      execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    const changed = git('status', '--porcelain', '--untracked-files=no', '--', '*.ts', 'package-lock.json');
    return git('rev-parse', '--short', 'HEAD') + (changed === '' ? '' : ' with changes');
  } catch {
    return 'unknown';
  }
}

export function circumstancesLine(c: Circumstances): string {
  return `Machine: ${c.machine}. Date: ${c.date}. Node ${c.node}. Commit ${c.commit}. Seed ${c.seed}.`;
}
