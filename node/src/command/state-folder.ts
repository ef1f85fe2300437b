/** What a device keeps of being a node: its key, where it joined, how much it gives. One folder a user, or of the service. */
import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, rmdir, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { CommandError, codeOf, messageOf } from './command-error.ts';

/** Where the service of the whole machine keeps it; systemd makes it for the service's own user. */
export const SERVICE_STATE = '/var/lib/zerogpu-node';

export interface NodeSettings {
  /** Such as `http://10.0.0.7:8080`. */
  readonly gateway: string;
  /** As given on the command line, by the name of the flag. */
  readonly flags: Readonly<Record<string, string>>;
}

const SETTINGS = 'settings.json';
const TOKEN = 'join-token';
const DEVICE_KEY = 'device-key.json';
/** All that a node keeps. */
const OURS = [SETTINGS, TOKEN, DEVICE_KEY, 'running.json', 'speeds.json', 'models'];

/** Where the user's folder is unless told, by the customs of the system. */
export function userStateFolder(env: NodeJS.ProcessEnv, platform: NodeJS.Platform, home = homedir()): string {
  if (platform === 'darwin') return path.join(home, 'Library/Application Support/zerogpu/node');
  if (platform === 'win32')
    return path.join(env['LOCALAPPDATA'] ?? path.join(home, 'AppData/Local'), 'zerogpu/node');
  // A relative one is to be ignored, says the XDG Base Directory Specification.
  const base = env['XDG_STATE_HOME'];
  return path.join(base && path.isAbsolute(base) ? base : path.join(home, '.local/state'), 'zerogpu/node');
}

export class StateFolder {
  readonly path: string;

  constructor(folder: string) {
    this.path = folder;
  }

  get tokenFile(): string {
    return path.join(this.path, TOKEN);
  }

  file(name: string): string {
    return path.join(this.path, name);
  }

  /** Null when nobody joined from here yet. */
  async settings(): Promise<NodeSettings | null> {
    const text = await this.#read(SETTINGS);
    if (text === null) return null;
    try {
      return readSettings(JSON.parse(text));
    } catch (error) {
      throw new CommandError(
        `${this.file(SETTINGS)} cannot be read (${messageOf(error)}); join again: zerogpu node join <address> <token>`,
      );
    }
  }

  async hasToken(): Promise<boolean> {
    return (await stat(this.tokenFile).catch(() => null)) !== null;
  }

  /** The device's key is there: a gateway may know it already. */
  async hasKey(): Promise<boolean> {
    return (await stat(this.file(DEVICE_KEY)).catch(() => null)) !== null;
  }

  /** @param token null keeps the one that is there */
  async join(settings: NodeSettings, token: string | null): Promise<void> {
    try {
      await mkdir(this.path, { recursive: true, mode: 0o700 });
      if (token !== null) await this.write(TOKEN, `${token}\n`);
      await this.write(SETTINGS, `${JSON.stringify(settings, null, 2)}\n`);
    } catch (error) {
      throw new CommandError(
        `Cannot write to ${this.path} (${codeOf(error) || messageOf(error)}); name another folder with --state`,
      );
    }
  }

  /** Everything that makes this device the same node elsewhere; models are fetched again. */
  async copyTo(target: StateFolder): Promise<void> {
    if (target.path === this.path) return;
    for (const name of [DEVICE_KEY, TOKEN, SETTINGS]) {
      const text = await this.#read(name);
      if (text === null) continue;
      await mkdir(target.path, { recursive: true, mode: 0o700 });
      await target.write(name, text);
    }
  }

  /** For the owner alone, and whole or not at all. */
  async write(name: string, text: string): Promise<void> {
    const draft = this.file(`${name}.${randomUUID()}`);
    try {
      await this.#writeNew(draft, text);
      await rename(draft, this.file(name));
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  }

  /**
   * Root writes into the folder of the service's own user, who must read it; systemd sees to that once only. A link that
   * this user left there is not followed.
   */
  async #writeNew(path: string, text: string): Promise<void> {
    const { uid, gid } = await stat(this.path);
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(text);
      if (process.getuid?.() === 0) await file.chown(uid, gid);
    } finally {
      await file.close();
    }
  }

  /** The folder itself goes when nothing else is in it: people name folders with `--state` that hold more. */
  async purge(): Promise<void> {
    for (const name of OURS) await rm(this.file(name), { recursive: true, force: true });
    await rmdir(this.path).catch((error: unknown) => {
      if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(codeOf(error))) throw error;
    });
  }

  async remove(name: string): Promise<void> {
    await rm(this.file(name), { force: true });
  }

  async #read(name: string): Promise<string | null> {
    try {
      return await readFile(this.file(name), 'utf8');
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return null;
      throw new CommandError(`Cannot read ${this.file(name)} (${codeOf(error)}); is it another user's?`);
    }
  }

  async json(name: string): Promise<unknown> {
    const text = await this.#read(name);
    try {
      return text === null ? null : JSON.parse(text);
    } catch {
      return null;
    }
  }
}

/** @throws Error when it is none */
function readSettings(value: unknown): NodeSettings {
  const { gateway, flags } = Object(value);
  if (typeof gateway !== 'string' || !URL.canParse(gateway)) throw new Error('no gateway in it');
  const { origin, protocol } = new URL(gateway);
  if (!/^https?:$/.test(protocol)) throw new Error('no gateway in it');
  const entries = Object.entries(Object(flags)).map(([flag, text]): [string, string] => {
    if (typeof text !== 'string') throw new Error(`the limit "${flag}" is no text`);
    return [flag, text];
  });
  return { gateway: origin, flags: Object.fromEntries(entries) };
}
