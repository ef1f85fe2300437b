import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';

export const ROOT = path.resolve(import.meta.dirname, '../../..');

/** The last words of a process are enough to see why it ended. */
const MAX_OUTPUT = 64 * 1024;

export interface ProcessOptions {
  /** For messages. */
  readonly name: string;
  /** A program of ours, relative to the root. */
  readonly program: string;
  readonly args?: readonly string[];
  /** The whole environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** A program that runs the one after it in its own place, such as `unshare`. */
  readonly through?: readonly string[];
}

/** How a process ended: its exit code, or the signal that ended it. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A program of ours as a process of its own, on the Node that runs the tests, with a channel to say that it is ready. */
export class ManagedProcess {
  readonly exited: Promise<Exit>;
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #messages: unknown[] = [];
  #output = '';

  constructor({ name, program, args = [], env, cwd = ROOT, through = [] }: ProcessOptions) {
    this.#name = name;
    const [command = '', ...rest] = [...through, process.execPath, path.join(ROOT, program), ...args];
    this.#child = spawn(command, rest, {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (data) => {
        this.#output = (this.#output + String(data)).slice(-MAX_OUTPUT);
      });
    }
    this.#child.on('message', (message) => this.#messages.push(message));
    this.exited = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => resolve({ code, signal }));
    });
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`The ${this.#name} did not start`);
    return this.#child.pid;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** What it wrote last, both streams together. */
  get output(): string {
    return this.#output;
  }

  /**
   * Its `{type: 'ready'}` message, also when it came before.
   * @throws Error with its output when it ends without one or takes longer
   */
  async ready(patienceMs: number): Promise<Readonly<Record<string, unknown>>> {
    const { promise, resolve, reject } = Promise.withResolvers<Readonly<Record<string, unknown>>>();
    const fail = (what: string) => reject(new Error(`The ${this.#name} ${what}. It wrote:\n${this.#output}`));
    const timer = setTimeout(() => fail(`was not ready within ${patienceMs} ms`), patienceMs);
    const look = (message: unknown) => {
      if (isReady(message)) resolve(message);
    };
    this.#child.on('message', look);
    this.#messages.forEach(look);
    this.exited.then(({ code, signal }) =>
      fail(`ended with ${signal ?? `exit code ${code}`} before it was ready`),
    );
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#child.off('message', look);
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Asks it to end, and ends it by force when that takes longer than `patienceMs`. */
  async stop(patienceMs: number): Promise<Exit> {
    if (this.running) this.#child.kill('SIGTERM');
    const force = setTimeout(() => this.#child.kill('SIGKILL'), patienceMs);
    const exit = await this.exited;
    clearTimeout(force);
    return exit;
  }

  /** `kill -9`, and waits until it is gone. */
  async killHard(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.exited;
  }
}

function isReady(message: unknown): message is Readonly<Record<string, unknown>> {
  return typeof message === 'object' && message !== null && 'type' in message && message.type === 'ready';
}
