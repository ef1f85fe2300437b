/** Runs a node until it ends, with a live screen in a terminal and plain lines elsewhere. */
import { setTimeout as sleep } from 'node:timers/promises';
import { VERSION } from '@zerogpu/protocol';
import type { EdgeNode, EdgeNodeEnd } from '../edge-node.ts';
import type { NodeConfig } from '../node-platform/config.ts';
import { makeNode } from '../node-platform/make-node.ts';
import type { NodeStatus } from '../node-status.ts';
import { printable } from '../printable.ts';
import { CommandError } from './command-error.ts';
import { count, duration, renderScreen } from './screen.ts';
import type { StateFolder } from './state-folder.ts';
import { isTerminal, Terminal } from './terminal.ts';
import { EXIT_FOR_GOOD } from './unit.ts';

export interface ServeOptions {
  readonly config: NodeConfig;
  readonly folder: StateFolder;
  /** As its owner named it, for words. */
  readonly gateway: string;
  readonly plain: boolean;
}

const DRAIN_MS = 10_000;
/** Written for `zerogpu node status` this often. */
const NOTE_MS = 5_000;
/** A note older than this is of a node that was killed. */
const NOTE_LIVES_MS = 3 * NOTE_MS;
const NOTE = 'running.json';

/** What a running node writes down of itself. */
export interface RunningNote {
  readonly pid: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly status: NodeStatus;
}

/** @returns the exit status */
export async function serve({ config, folder, gateway, plain }: ServeOptions): Promise<number> {
  await refuseTwo(folder);
  const began = performance.now();
  const terminal = !plain && isTerminal(process.stdin, process.stdout, process.env);
  const node = await makeNode(config, terminal ? () => undefined : plainLine);
  const upMs = () => performance.now() - began;
  const quit = quitter(node, terminal);
  const screen = terminal ? openScreen(node, upMs, quit) : null;
  const notes = keepNotes(folder, node);
  try {
    void node.start().then((models) => {
      void notes.write();
      if (models !== null && !terminal) {
        plainLine(models.length > 0 ? `Ready with ${models.join(', ')}` : 'Ready, but no model is here yet');
      }
    });
    const end = await node.ended;
    screen?.close();
    return tellEnd(end, node.status, upMs(), gateway);
  } finally {
    screen?.close();
    quit.forget();
    await notes.stop();
  }
}

/** Two with one key would push each other out at the gateway, again and again. */
async function refuseTwo(folder: StateFolder): Promise<void> {
  const note = await readNote(folder);
  if (note === null || note.pid === process.pid) return;
  throw new CommandError(
    `A node runs here already (process ${note.pid}, ${folder.path}). \`zerogpu node status\` shows it; ` +
      'for a second one on this device name another folder with --state',
  );
}

/** Of a node that runs now; null when none does. */
export async function readNote(folder: StateFolder): Promise<RunningNote | null> {
  const { pid, at, status } = Object(await folder.json(NOTE));
  if (typeof pid !== 'number' || typeof at !== 'number' || typeof status !== 'object') return null;
  return Math.abs(Date.now() - at) < NOTE_LIVES_MS && isAlive(pid) ? { pid, at, status } : null;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Another user's, such as a service's.
    return Object(error).code === 'EPERM';
  }
}

interface Notes {
  write(): Promise<void>;
  stop(): Promise<void>;
}

function keepNotes(folder: StateFolder, node: EdgeNode): Notes {
  const stopping = new AbortController();
  const write = () => {
    const note: RunningNote = { pid: process.pid, at: Date.now(), status: node.status };
    // A full disk is no reason to stop serving.
    return folder.write(NOTE, JSON.stringify(note)).catch(() => undefined);
  };
  const loop = async () => {
    while (!stopping.signal.aborted) {
      await write();
      await sleep(NOTE_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
    await folder.remove(NOTE).catch(() => undefined);
  };
  const running = loop();
  return {
    write,
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

interface Quitter {
  /** Finishes what runs; at the second call ends at once. */
  (): void;
  forget(): void;
}

function quitter(node: EdgeNode, quiet: boolean): Quitter {
  let asked = 0;
  const quit = () => {
    asked++;
    if (asked > 1) {
      process.exit(1);
    }
    if (!quiet) plainLine('Finishing what runs; the same signal again ends it at once');
    void node.drain(DRAIN_MS);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, quit);
  const forget = () => {
    for (const signal of signals) process.off(signal, quit);
  };
  return Object.assign(quit, { forget });
}

function openScreen(node: EdgeNode, upMs: () => number, quit: () => void): Terminal {
  const terminal = new Terminal(process.stdin, process.stdout, {
    colour: !process.env['NO_COLOR'],
    keys: { quit, pause: () => (node.status.paused === 'owner' ? node.resume() : node.pause()) },
    render: (size) =>
      renderScreen(
        {
          status: node.status,
          version: VERSION,
          upMs: upMs(),
          now: Date.now(),
          zoneMinutes: -new Date().getTimezoneOffset(),
        },
        size,
      ),
  });
  // Whatever ends the process, the terminal is whole again.
  process.once('exit', () => terminal.close());
  return terminal;
}

function plainLine(line: string): void {
  console.log(`node: ${line}`);
}

function tellEnd(end: EdgeNodeEnd, { runs }: NodeStatus, upMs: number, gateway: string): number {
  if (end.kind === 'drained') {
    console.log(`Served ${count(runs.done)} ${runs.done === 1 ? 'run' : 'runs'} in ${duration(upMs)}`);
    return 0;
  }
  console.error(whyRefused(end.code, printable(end.message), gateway));
  return EXIT_FOR_GOOD;
}

/** What the gateway's refusal means for the owner of this device. */
function whyRefused(code: string, message: string, gateway: string): string {
  const said = `The gateway refuses this device: ${message}`;
  const again = `zerogpu node join ${gateway} TOKEN`;
  switch (code) {
    case 'token_invalid':
      return (
        `${said}\nA join token ends with its time or its uses, or when its operator revokes it. ` +
        `Ask whoever runs the gateway for a new one, then: ${again}`
      );
    case 'revoked':
      return (
        `${said}\nIts operator removed it. To join anew, as another device: ` +
        `zerogpu node uninstall --purge, then: ${again}`
      );
    case 'version_unsupported':
      // Not npx with the address itself, of which it keeps what it once got.
      return `${said}\nGet the program that fits this gateway: \`curl ${gateway}/node\` says how`;
    default:
      return `${said} (${code})`;
  }
}
