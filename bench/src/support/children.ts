/** Child processes of a bench: started, heard over IPC, and ended by their id whatever happens. */
import { type ChildProcess, spawn } from 'node:child_process';

export interface ChildOptions {
  readonly nodeArgs?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** How `npm start` runs gateways, nodes and workers (start.mjs). */
export const AS_STARTED: readonly string[] = ['--max-semi-space-size=8'];

/** After SIGTERM, until SIGKILL. */
const PATIENCE_MS = 10_000;

/** Holds every child of one run; `await using` ends them all. */
export class Children implements AsyncDisposable {
  readonly #children: { name: string; child: ChildProcess }[] = [];

  /** A Node program with an IPC channel. Its own output is shown only where it is an error. */
  start(name: string, program: string, options: ChildOptions = {}): ChildProcess {
    const args = [...(options.nodeArgs ?? []), program, ...(options.args ?? [])];
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      serialization: 'advanced',
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    this.#children.push({ name, child });
    return child;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { child } of this.#children.toReversed()) await endChild(child);
  }
}

export async function endChild(child: ChildProcess, patienceMs = PATIENCE_MS): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs);
  await ended;
  clearTimeout(timer);
}

/**
 * The first message that `read` understands.
 * @throws Error when the child ends or stays silent for `timeoutMs`
 */
export function messageFrom<T>(
  child: ChildProcess,
  read: (message: unknown) => T | null,
  timeoutMs: number,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      child.off('message', onMessage);
      child.off('exit', onExit);
      child.off('error', onExit);
      act();
    };
    const onMessage = (message: unknown): void => {
      const value = read(message);
      if (value !== null) settle(() => resolve(value));
    };
    const onExit = (): void => {
      const how = `status ${child.exitCode}, signal ${child.signalCode}`;
      const program = child.spawnargs.slice(1).join(' ');
      settle(() => reject(new Error(`Process ${child.pid} ended (${how}) before it answered: ${program}`)));
    };
    const timer = setTimeout(
      () => settle(() => reject(new Error(`Process ${child.pid} was silent for ${timeoutMs} ms`))),
      timeoutMs,
    );
    child.on('message', onMessage);
    child.on('exit', onExit);
    child.on('error', onExit);
  });
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
