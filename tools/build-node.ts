/**
 * Makes what other hosts get from a gateway, in node/dist/: `zerogpu.tgz`, an npm package with the command `zerogpu` in one
 * file without dependencies, and `browser/`, the page `/node` with its worker. The same input gives the same bytes, on
 * every machine, and `build.json` says what was made, of what.
 *
 *     npm run build:node          only when something changed: 0.1 s when nothing did, a second or two else
 *     npm run build:node -- elsewhere
 */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { tarGz } from './archive.ts';
import { isProgram, isTestCode, ROOT } from './repo.ts';

/** Where a gateway of this repository looks. */
export const NODE_DIST: string = path.join(ROOT, 'node/dist');

/** Rooms and files that go in, or that decide how. */
const INPUTS = [
  'protocol/src',
  'catalogue/src',
  'runtimes/src',
  'node/src',
  'node/browser',
  'clients/cli',
  'tools/build-node.ts',
  'tools/archive.ts',
  'package-lock.json',
  'LICENSE',
] as const;

/** Bundled each into a file of its own; one that is not there is left out. */
const BROWSER_FOLDER = 'node/browser';
const BROWSER_PROGRAMS = ['page.ts', 'worker.ts', 'service-worker.ts'] as const;
/** Taken as they are. */
const BROWSER_FILES = /\.(?:html|css|svg|png|webmanifest)$/;

/** The oldest that runs it: Debian 13 brings 20, and so do most machines that have a Node at all. */
const OLDEST_NODE = 'node20';
/** Browsers of 2023 on; older ones lack what a node needs anyway. */
const OLDEST_BROWSERS = ['chrome110', 'firefox115', 'safari16.4'];

/** A file that was made. */
export interface MadeFile {
  /** Below the folder, with `/`. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** `build.json`. */
export interface NodeBuild {
  readonly version: string;
  /** SHA-256 over everything that goes in. */
  readonly inputs: string;
  readonly files: readonly MadeFile[];
}

/** It cannot be made here; in words for the operator. */
export class NodeBuildError extends Error {
  override readonly name = 'NodeBuildError';
}

/**
 * Builds when something changed since. Two at once make the same bytes, and each file is renamed into place.
 * @returns what is there now, and whether it was made just now
 * @throws NodeBuildError
 */
export async function ensureNodeBuild(target: string = NODE_DIST): Promise<NodeBuild & { made: boolean }> {
  const inputs = inputsHash();
  const before = readBuild(target);
  if (before?.inputs === inputs && before.files.every((file) => isThere(target, file))) {
    return { ...before, made: false };
  }
  const contents = await makeFiles();
  const build = { version: versionOfRepository(), inputs, files: [...contents].map(describe) };
  place(target, new Map([...contents, ['build.json', `${JSON.stringify(build, null, 2)}\n`]]));
  return { ...build, made: true };
}

function inputsHash(): string {
  const hash = createHash('sha256');
  for (const file of INPUTS.flatMap(filesBelow).sort()) {
    if (isTestCode(file)) continue;
    const content = readFileSync(path.join(ROOT, file));
    hash.update(`${file}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

function filesBelow(place: string): string[] {
  const full = path.join(ROOT, place);
  if (!existsSync(full)) return [];
  if (statSync(full).isFile()) return [place];
  return readdirSync(full, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === 'node_modules') return [];
    return filesBelow(`${place}/${entry.name}`);
  });
}

function readBuild(target: string): NodeBuild | null {
  try {
    return JSON.parse(readFileSync(path.join(target, 'build.json'), 'utf8'));
  } catch {
    return null;
  }
}

function isThere(target: string, { path: name, bytes }: MadeFile): boolean {
  return statSync(path.join(target, name), { throwIfNoEntry: false })?.size === bytes;
}

const versionOfRepository = (): string =>
  JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')).version;

function describe([name, content]: [string, string | Buffer]): MadeFile {
  const bytes = Buffer.from(content);
  return { path: name, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** Written apart and renamed, the list of them last: who reads meanwhile finds whole files. */
function place(target: string, contents: ReadonlyMap<string, string | Buffer>): void {
  try {
    mkdirSync(path.join(target, 'browser'), { recursive: true });
    const draft = mkdtempSync(path.join(target, '.making-'));
    for (const [name, content] of contents) {
      const file = path.join(draft, path.basename(name));
      writeFileSync(file, content);
      renameSync(file, path.join(target, name));
    }
    rmSync(draft, { recursive: true });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new NodeBuildError(`Cannot write the software for other devices to ${target}: ${reason}`, {
      cause,
    });
  }
}

async function makeFiles(): Promise<Map<string, string | Buffer>> {
  const files = new Map<string, string | Buffer>();
  files.set('zerogpu.tgz', await makePackage());
  for (const [name, content] of await makeBrowserFiles()) files.set(`browser/${name}`, content);
  return files;
}

/** As people install it: `npx http://gateway/node/zerogpu.tgz`. */
async function makePackage(): Promise<Buffer> {
  const { code, notices } = await bundle('clients/cli/src/main.ts', 'node');
  return tarGz(
    new Map([
      ['package/package.json', { content: packageJson(), executable: false }],
      ['package/LICENSE', { content: readFileSync(path.join(ROOT, 'LICENSE')), executable: false }],
      [
        'package/README.md',
        { content: readFileSync(path.join(ROOT, 'clients/cli/README.md')), executable: false },
      ],
      ['package/THIRD-PARTY.txt', { content: notices, executable: false }],
      ['package/zerogpu.mjs', { content: code, executable: true }],
    ]),
  );
}

function packageJson(): string {
  const { description, license, engines, version } = JSON.parse(
    readFileSync(path.join(ROOT, 'clients/cli/package.json'), 'utf8'),
  );
  const bin = { zerogpu: 'zerogpu.mjs' };
  return `${JSON.stringify({ name: 'zerogpu', version, description, license, type: 'module', bin, engines }, null, 2)}\n`;
}

async function makeBrowserFiles(): Promise<Map<string, string | Buffer>> {
  const files = new Map<string, string | Buffer>();
  const here = (name: string) => path.join(ROOT, BROWSER_FOLDER, name);
  if (!existsSync(here(''))) return files;
  for (const name of readdirSync(here('')).sort()) {
    if (BROWSER_FILES.test(name)) files.set(name, readFileSync(here(name)));
  }
  let notices = '';
  for (const program of BROWSER_PROGRAMS.filter((name) => existsSync(here(name)))) {
    const made = await bundle(`${BROWSER_FOLDER}/${program}`, 'browser');
    files.set(program.replace('.ts', '.js'), made.code);
    if (made.notices.length > notices.length) notices = made.notices;
  }
  if (notices !== '') files.set('third-party.txt', notices);
  return files;
}

interface Bundle {
  readonly code: string;
  /** The licences of the packages in it. */
  readonly notices: string;
}

/** One file, with everything in it that is not the platform's own. */
async function bundle(entry: string, platform: 'node' | 'browser'): Promise<Bundle> {
  const { rolldown } = await loadBundler();
  const made = await rolldown({
    input: path.join(ROOT, entry),
    cwd: ROOT,
    platform,
    transform: { target: platform === 'node' ? OLDEST_NODE : OLDEST_BROWSERS },
    // Helpers of ws that nobody installs; it asks for them within try.
    external: ['bufferutil', 'utf-8-validate'],
    logLevel: 'warn',
  });
  try {
    // What people install on their machines they can read; what browsers fetch each time is small.
    const minify = platform === 'browser';
    const { output } = await made.generate({ format: 'esm', codeSplitting: false, minify });
    const [chunk] = output;
    return { code: chunk.code, notices: noticesOf(chunk.moduleIds) };
  } finally {
    await made.close();
  }
}

async function loadBundler(): Promise<typeof import('rolldown')> {
  try {
    return await import('rolldown');
  } catch (cause) {
    throw new NodeBuildError(
      'The software for other devices cannot be made: the bundler is not installed. ' +
        '`npm ci` installs it (without --omit=dev)',
      { cause },
    );
  }
}

/** Every package of which a module went in, with its licence, by name. */
function noticesOf(modules: readonly string[]): string {
  const folders = new Set<string>();
  for (const module of modules) {
    const folder = /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(module.replaceAll(path.sep, '/'))?.[1];
    if (folder !== undefined) folders.add(folder);
  }
  return [...folders].sort().map(noticeOf).join('\n');
}

function noticeOf(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file === undefined ? '' : readFileSync(path.join(folder, file), 'utf8').trim();
  return `${name} ${version} (${license})\n\n${text}\n`;
}

if (isProgram(import.meta)) {
  try {
    const target = process.argv[2] === undefined ? NODE_DIST : path.resolve(process.argv[2]);
    const { made, files } = await ensureNodeBuild(target);
    const sizes = files.map((file) => `${file.path} ${Math.ceil(file.bytes / 1024)} KB`).join(', ');
    console.log(`${made ? 'Made' : 'Up to date'}: ${sizes}`);
  } catch (error) {
    if (!(error instanceof NodeBuildError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
