/**
 * What other devices get from here: the command `zerogpu` and the page `/node` with its worker. `tools/build-node.ts` makes
 * it and lists it in `build.json`; what the list does not name is not there, whatever a path says.
 */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';

/** In this repository, whether it is there yet or not. */
export const NODE_SOFTWARE_FOLDER: string = path.join(import.meta.dirname, '../../../node/dist');

export interface SoftwareFile {
  readonly content: Buffer;
  readonly type: string;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** A build that was begun after the last look is found this much later at most; a look is one `stat`. */
const LOOK_EVERY_MS = 1_000;
/** All of it lies in memory: 54 KB of command and some hundred of page. A list that says more is not ours. */
const MAX_FILES = 64;
const MAX_BYTES = 16 * 1024 * 1024;

const TYPES: Readonly<Record<string, string>> = {
  '.tgz': 'application/gzip',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
};

export class NodeSoftware {
  readonly #folder: string;
  readonly #now: () => number;
  #files: ReadonlyMap<string, SoftwareFile> = new Map();
  #lookedAt = Number.NEGATIVE_INFINITY;
  /** Of the list that `#files` is of: its time and size. */
  #mark = '';
  #looking: Promise<void> | null = null;

  /** @param now milliseconds, never going back */
  constructor(folder: string, now: () => number) {
    this.#folder = folder;
    this.#now = now;
  }

  /** The file of that name, without a folder; undefined when there is none of it, or nothing yet. */
  async file(name: string): Promise<SoftwareFile | undefined> {
    await this.#look();
    return this.#files.get(name);
  }

  /** False until it was made for the first time. */
  async isThere(): Promise<boolean> {
    await this.#look();
    return this.#files.size > 0;
  }

  async #look(): Promise<void> {
    if (this.#now() - this.#lookedAt < LOOK_EVERY_MS) return;
    this.#looking ??= this.#lookNow().finally(() => {
      this.#looking = null;
      this.#lookedAt = this.#now();
    });
    await this.#looking;
  }

  /** A build that is just being replaced does not agree with its list: what was there before stays until the next look. */
  async #lookNow(): Promise<void> {
    const list = path.join(this.#folder, 'build.json');
    const found = await stat(list).catch(() => null);
    const mark = found === null ? '' : `${found.mtimeMs} ${found.size}`;
    if (found === null || mark === this.#mark) return;
    const files = await readAll(this.#folder, list).catch(() => null);
    if (files === null) return;
    this.#files = files;
    this.#mark = mark;
  }
}

/** @throws Error when the list, or a file that it names, is not as it should be */
async function readAll(folder: string, list: string): Promise<Map<string, SoftwareFile>> {
  const named = readList(JSON.parse(await readFile(list, 'utf8')));
  const files = new Map<string, SoftwareFile>();
  for (const { path: place, sha256 } of named) {
    const content = await readFile(path.join(folder, place));
    if (createHash('sha256').update(content).digest('hex') !== sha256) throw new Error(`${place} is another`);
    const name = path.posix.basename(place);
    files.set(name, { content, sha256, type: TYPES[path.extname(name)] ?? 'application/octet-stream' });
  }
  return files;
}

interface Named {
  readonly path: string;
  readonly sha256: string;
}

function readList(value: unknown): Named[] {
  const { files } = Object(value);
  if (!Array.isArray(files) || files.length > MAX_FILES) throw new Error('build.json lists no files');
  const bytes = files.reduce((sum, file) => sum + Number(Object(file).bytes), 0);
  if (!(bytes <= MAX_BYTES)) throw new Error('build.json lists more than a gateway keeps in memory');
  return files.map((file) => {
    const { path: place, sha256 } = Object(file);
    const isOurs = typeof place === 'string' && /^(?:browser\/)?\w[\w.-]{0,99}$/.test(place);
    if (!isOurs || typeof sha256 !== 'string') throw new Error('build.json lists what is no file of a build');
    return { path: place, sha256 };
  });
}
