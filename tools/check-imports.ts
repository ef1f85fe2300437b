/**
 * Who may import whom. npm workspaces and the compiler let every room import every other; this does not.
 *
 *   - a room imports only the rooms of its row, and only by their package name (their public entry)
 *   - a package that is imported is declared in the room's package.json, and one that is declared is imported
 *   - in the gateway, steps of a request's way do not import steps: only the way and the composition do
 */
import path from 'node:path';
import { type Finding, isProgram, isTestCode, readText, report, repositoryFiles } from './repo.ts';
import { type ImportSite, importsOf, parseSource } from './source.ts';

export interface Room {
  /** Its folder, relative to the root. */
  readonly folder: string;
  readonly package: string;
  /** Public entries beside the package's name, such as `@zerogpu/node/command`. */
  readonly entries?: readonly string[];
  /** Folders of the rooms that it may import by package name. */
  readonly mayImport: readonly string[];
  /** Only types may cross: nothing of the other room runs in this one. */
  readonly typesOnly?: boolean;
  /** Not shipped: may use the development packages of the root package.json. */
  readonly development?: boolean;
  readonly reason: string;
}

const SHIPPED = [
  'protocol',
  'catalogue',
  'ledger',
  'runtimes',
  'models',
  'node',
  'gateway',
  'clients/sdk',
  'clients/cli',
];

export const ROOMS: readonly Room[] = [
  {
    folder: 'protocol',
    package: '@zerogpu/protocol',
    mayImport: [],
    reason: 'everyone speaks it, so it depends on no one',
  },
  {
    folder: 'catalogue',
    package: '@zerogpu/catalogue',
    mayImport: ['protocol'],
    reason: 'gateway, node and browser read it, so it stays small and pure',
  },
  {
    folder: 'ledger',
    package: '@zerogpu/ledger',
    mayImport: ['protocol'],
    reason: 'money knows nothing of models, nodes or HTTP',
  },
  {
    folder: 'runtimes',
    package: '@zerogpu/runtimes',
    mayImport: ['protocol', 'catalogue'],
    reason: 'runs in a node of any kind, so it knows no node and no gateway',
  },
  {
    folder: 'models',
    package: '@zerogpu/models',
    mayImport: ['protocol', 'catalogue', 'runtimes'],
    reason: 'training and evaluation use the runtime that will run the model',
  },
  {
    folder: 'node',
    package: '@zerogpu/node',
    mayImport: ['protocol', 'catalogue', 'runtimes'],
    entries: ['@zerogpu/node/command'],
    reason: 'shares only frames with the gateway: they run on different machines',
  },
  {
    folder: 'gateway',
    package: '@zerogpu/gateway',
    mayImport: ['protocol', 'catalogue', 'ledger'],
    reason: 'shares only frames with nodes: they run on different machines',
  },
  {
    folder: 'clients/sdk',
    package: '@zerogpu/sdk',
    mayImport: ['protocol'],
    typesOnly: true,
    reason: 'users install it alone: it has no dependencies',
  },
  {
    folder: 'clients/cli',
    package: '@zerogpu/cli',
    mayImport: ['protocol', 'node'],
    reason:
      'the command on a user’s machine: other hosts get it as one file, with nothing of the gateway in it',
  },
  {
    folder: 'tests',
    package: '@zerogpu/tests',
    mayImport: SHIPPED,
    development: true,
    reason: 'sees what users see: public entries',
  },
  {
    folder: 'bench',
    package: '@zerogpu/bench',
    mayImport: SHIPPED,
    development: true,
    reason: 'sees what users see: public entries',
  },
  {
    folder: 'tools',
    package: '@zerogpu/tools',
    mayImport: ['protocol', 'catalogue'],
    development: true,
    reason: 'generates from the words and the manifests, knows nothing that runs',
  },
];

/** What a package.json says, as far as imports go. */
export interface Declared {
  readonly dependencies: ReadonlySet<string>;
  /** Dependencies that may be missing at run time, and that nobody has to import by name. */
  readonly optional: ReadonlySet<string>;
}

/** Where the steps of a request's way live, and who may know them. */
export const WAY = {
  folder: 'gateway/src',
  /** The way itself, and the composition that builds the steps and hands them to it. */
  roots: [
    'way.ts',
    'line-way.ts',
    'compose.ts',
    'compose-batching.ts',
    'compose-batch-work.ts',
    'compose-fleet.ts',
    'compose-lines.ts',
    'compose-nodes.ts',
    'compose-parts.ts',
    'compose-trust.ts',
    'compose-worker.ts',
    'worker.ts',
    'admin-api.ts',
    'server.ts',
    'main.ts',
    'operator.ts',
    'index.ts',
  ],
  /**
   * Folders of gateway/src that every other may import: the database's, the files' and what every subject of the admin
   * API needs. All others are steps of the way or subjects.
   */
  shared: ['store', 'storage', 'admin'],
  reason: 'steps do not know each other: way.ts hands one step’s result to the next',
} as const;

export interface SourceText {
  readonly file: string;
  readonly text: string;
}

export interface World {
  readonly rooms: readonly Room[];
  readonly declared: ReadonlyMap<string, Declared>;
  /** Development packages of the root, allowed in tests and in rooms that are not shipped. */
  readonly development: ReadonlySet<string>;
}

/** Every import of `files` that breaks a rule. Pure. */
export function checkImports(files: readonly SourceText[], world: World): Finding[] {
  const findings: Finding[] = [];
  const used = new Map<string, Set<string>>();
  for (const { file, text } of files) {
    const room = roomOf(file, world.rooms);
    if (!room) continue;
    const names = usedBy(used, room.folder);
    for (const site of importsOf(parseSource(file, text))) {
      names.add(packageName(site.specifier));
      const message = broken(file, room, site, world);
      if (message) findings.push({ file, line: site.line, message });
    }
  }
  return [...findings, ...unusedDependencies(used, world)];
}

function usedBy(used: Map<string, Set<string>>, folder: string): Set<string> {
  const names = used.get(folder) ?? new Set<string>();
  used.set(folder, names);
  return names;
}

/** The room in which a file lies: the longest folder wins. */
export function roomOf(file: string, rooms: readonly Room[] = ROOMS): Room | undefined {
  return rooms
    .filter((room) => file.startsWith(`${room.folder}/`))
    .sort((a, b) => b.folder.length - a.folder.length)[0];
}

function broken(file: string, room: Room, site: ImportSite, world: World): string | null {
  if (site.specifier.startsWith('.')) return brokenRelative(file, room, site, world);
  if (site.specifier.startsWith('node:')) return null;
  const target = world.rooms.find((other) => other.package === packageName(site.specifier));
  return target ? brokenRoom(room, target, site, world) : brokenPackage(file, room, site, world);
}

function brokenRelative(file: string, room: Room, site: ImportSite, world: World): string | null {
  const target = path.posix.join(path.posix.dirname(file), site.specifier);
  const other = roomOf(target, world.rooms);
  if (other !== room) {
    const where = other ? `room ${other.folder}` : 'no room';
    return `"${site.specifier}" leaves the room (it is in ${where}); import a room by its package name`;
  }
  if (isTestCode(target) && !isTestCode(file)) return `"${site.specifier}" is only for tests`;
  return brokenStep(file, target);
}

function brokenRoom(room: Room, target: Room, site: ImportSite, world: World): string | null {
  if (target === room) return `"${site.specifier}" is this room itself; import the file`;
  if (!room.mayImport.includes(target.folder)) {
    return `${room.folder} may not import ${target.folder}: ${room.reason}`;
  }
  if (site.specifier !== target.package && !target.entries?.includes(site.specifier)) {
    return `"${site.specifier}" is an inner file of ${target.folder}; import "${target.package}"`;
  }
  if (room.typesOnly && !site.typeOnly) {
    return `${room.folder} may import only types of ${target.folder}: ${room.reason}`;
  }
  if (room.typesOnly) return null;
  return isDeclared(target.package, room, world) ? null : undeclared(target.package, room);
}

function brokenPackage(file: string, room: Room, site: ImportSite, world: World): string | null {
  const name = packageName(site.specifier);
  if (isDeclared(name, room, world)) return null;
  if ((room.development || isTestCode(file)) && world.development.has(name)) return null;
  return undeclared(name, room);
}

function isDeclared(name: string, room: Room, world: World): boolean {
  const declared = world.declared.get(room.folder);
  return declared !== undefined && (declared.dependencies.has(name) || declared.optional.has(name));
}

const undeclared = (name: string, room: Room) => `"${name}" is not declared in ${room.folder}/package.json`;

/** A step that imports a step; both are files of the gateway. */
function brokenStep(file: string, target: string): string | null {
  const from = stepOf(file);
  const to = stepOf(target);
  if (to === null || from === to) return null;
  if ((from === null && isRoot(file)) || isTestCode(file)) return null;
  if (isTestCode(target)) return null;
  const importer = from === null ? path.posix.basename(file) : `step ${from}`;
  return `${importer} may not import step ${to}: ${WAY.reason}`;
}

/** The step folder of a gateway file, or null for what all steps share. */
function stepOf(file: string): string | null {
  const inside = path.posix.relative(WAY.folder, file);
  const [folder, ...rest] = inside.split('/');
  if (folder === undefined || folder === '..' || rest.length === 0) return null;
  return (WAY.shared as readonly string[]).includes(folder) ? null : folder;
}

function isRoot(file: string): boolean {
  return (WAY.roots as readonly string[]).includes(path.posix.basename(file));
}

function unusedDependencies(used: ReadonlyMap<string, ReadonlySet<string>>, world: World): Finding[] {
  const findings: Finding[] = [];
  for (const [folder, names] of used) {
    for (const name of world.declared.get(folder)?.dependencies ?? []) {
      if (names.has(name)) continue;
      findings.push({
        file: `${folder}/package.json`,
        line: 0,
        message: `"${name}" is declared but never imported`,
      });
    }
  }
  return findings;
}

/** `@scope/name` or `name` of a specifier such as `@scope/name/inner.js`. */
export function packageName(specifier: string): string {
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? specifier);
}

interface PackageJson {
  readonly dependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
}

function readPackage(folder: string): PackageJson {
  return JSON.parse(readText(path.posix.join(folder, 'package.json')));
}

export function readWorld(): World {
  const declared = new Map<string, Declared>();
  for (const room of ROOMS) {
    const { dependencies, optionalDependencies } = readPackage(room.folder);
    declared.set(room.folder, {
      dependencies: new Set(Object.keys(dependencies ?? {})),
      optional: new Set(Object.keys(optionalDependencies ?? {})),
    });
  }
  return {
    rooms: ROOMS,
    declared,
    development: new Set(Object.keys(readPackage('.').devDependencies ?? {})),
  };
}

if (isProgram(import.meta)) {
  const files = repositoryFiles().filter((file) => /\.(ts|mts|mjs|js)$/.test(file));
  const findings = checkImports(
    files.map((file) => ({ file, text: readText(file) })),
    readWorld(),
  );
  report(findings, `${files.length} files import only what they may`);
}
