/**
 * Documents are held to the code: links and paths exist, ARCHITECTURE.md's way is the way that `way.ts` takes with
 * the errors that its steps throw, error tables are the error table, settings are those that are read, and what the
 * README tells people to paste is valid. What is written down once and never checked goes stale within a week.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { TSchema } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { MANIFESTS } from '@zerogpu/catalogue';
import {
  ADMIN_ROUTES,
  type AdminRoute,
  API_ROUTES,
  ChatRequest,
  EmbeddingsRequest,
  ERRORS,
  type ErrorCode,
  GlinerRequest,
  IabRequest,
  isErrorCode,
  isRecord,
  ModerationsRequest,
  ResponsesRequest,
  SummaryRequest,
  VERSION,
} from '@zerogpu/protocol';
import ts from 'typescript';
import { anchors, blocks, codeSpans, links, type Table, tables } from './markdown.ts';
import { type Finding, isProgram, isTestCode, ROOT, readText, report, repositoryFiles } from './repo.ts';
import { shellCommands } from './shell-words.ts';
import { importsOf, parseSource, walk } from './source.ts';

export interface Document {
  readonly file: string;
  readonly text: string;
}

/** What documents are held against. */
export interface Repository {
  /** Every file, relative to the root. */
  readonly files: ReadonlySet<string>;
  /** Scripts of the root package.json. */
  readonly scripts: ReadonlySet<string>;
  read(file: string): string;
}

const at = (file: string, line: number, message: string): Finding => ({ file, line, message });

// Links, paths, commands

export function checkLinks({ file, text }: Document, repository: Repository): Finding[] {
  return links(text).flatMap(({ text: target, line }) => {
    const message = brokenLink(file, target, repository);
    return message ? [at(file, line, message)] : [];
  });
}

function brokenLink(file: string, target: string, repository: Repository): string | null {
  if (/^[a-z]+:/.test(target)) return null;
  const [where = '', anchor] = target.split('#', 2);
  const linked = where === '' ? file : path.posix.join(path.posix.dirname(file), where);
  if (!exists(linked, repository)) return `links to "${target}", which does not exist`;
  if (anchor === undefined || !linked.endsWith('.md')) return null;
  return anchors(repository.read(linked)).has(anchor) ? null : `links to "${target}": no such heading`;
}

/** Code spans that look like a file, a folder or an npm script of this repository. */
export function checkMentions({ file, text }: Document, repository: Repository): Finding[] {
  return codeSpans(text).flatMap(({ text: span, line }) => {
    const script = /^npm (?:run )?(start|test|(?<=run )[\w:-]+)/.exec(span)?.[1];
    if (script && !repository.scripts.has(script)) return [at(file, line, `no npm script "${script}"`)];
    return isPath(span, repository) && !exists(span, repository)
      ? [at(file, line, `"${span}" does not exist`)]
      : [];
  });
}

/** A path begins with a folder of the root, or is a file in the root by its ending; `<name>` and `*` stand for any name. */
function isPath(span: string, repository: Repository): boolean {
  if (!/^[\w.@<>*{}-]+(?:\/[\w.@<>*{},-]+)*\/?$/.test(span)) return false;
  if (!span.includes('/')) return /^[\w-]+\.(?:mjs|md|json|config\.ts)$/.test(span) && !GENERATED.has(span);
  const first = span.split('/')[0] ?? '';
  return [...repository.files].some((file) => file.startsWith(`${first}/`));
}

/** Addresses of the API and files of users that have the form of a file in the root. */
const GENERATED = new Set(['openapi.json']);

function exists(place: string, repository: Repository): boolean {
  const wanted = place.replace(/\/$/, '');
  if (wanted === '.' || wanted === '') return true;
  const pattern = new RegExp(
    `^${wanted.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replace(/<[^>]*>|\*/g, '[^/]+')}(?:/|$)`,
  );
  return [...repository.files].some((file) => pattern.test(file));
}

// One request's way

interface StepRow {
  readonly number: string;
  readonly files: readonly string[];
  readonly exits: ReadonlySet<string>;
  readonly line: number;
}

const WAY_FILE = 'gateway/src/way.ts';

/** `401 invalid_api_key` for every error that a text names with its status. */
function exitsIn(text: string): Set<string> {
  return new Set([...text.matchAll(/\b(\d{3})\s+`?([a-z]+(?:_[a-z]+)+)`?/g)].map((m) => `${m[1]} ${m[2]}`));
}

function stepRows(text: string): StepRow[] {
  const table = tables(text).find(({ header }) => header[0] === '#' && header.at(-1) === 'may end with');
  return (table?.rows ?? []).map(({ cells, line }) => ({
    number: cells[0] ?? '',
    files: codeSpans(cells[2] ?? '').map((span) => span.text),
    exits: exitsIn(cells.at(-1) ?? ''),
    line,
  }));
}

/** The table of steps against the code: which files, in which order, ending with which errors. */
export function checkWay({ file, text }: Document, repository: Repository): Finding[] {
  const rows = stepRows(text);
  if (rows.length === 0) return [at(file, 0, 'has no table of the way (| # | … | may end with |)')];
  return [
    ...checkStepFiles(file, rows, repository),
    ...rows.flatMap((row) => checkExits(file, row, repository)),
    ...checkThrowers(file, rows, repository),
    ...checkDrawing(file, text, rows),
  ];
}

/** Step files that the way imports to run something, in the order of its text; steps live in folders. */
function wayImports(repository: Repository): string[] {
  const source = parseSource(WAY_FILE, repository.read(WAY_FILE));
  const sites = importsOf(source).filter((site) => site.specifier.startsWith('./') && !site.typeOnly);
  return sites
    .filter((site) => site.specifier.split('/').length > 2)
    .map((site) => path.posix.join(path.posix.dirname(WAY_FILE), site.specifier));
}

function checkStepFiles(file: string, rows: readonly StepRow[], repository: Repository): Finding[] {
  const imported = wayImports(repository);
  const places = imported.map((step) => rows.findIndex((row) => row.files.includes(step)));
  const findings: Finding[] = [];
  for (const [index, step] of imported.entries()) {
    const place = places[index] ?? -1;
    if (place < 0) findings.push(at(file, 0, `the table of the way lacks ${step}, which way.ts imports`));
    else if (places.slice(0, index).some((earlier) => earlier > place)) {
      findings.push(at(file, rows[place]?.line ?? 0, `${step} stands earlier here than in way.ts`));
    }
  }
  for (const row of rows) {
    if (row.files.length === 0) findings.push(at(file, row.line, `step ${row.number} names no file`));
  }
  return findings;
}

/** What a step's files throw is what its row says, both ways. */
function checkExits(file: string, row: StepRow, repository: Repository): Finding[] {
  const thrown = new Set<string>();
  const classes = errorClasses(repository);
  for (const step of row.files.filter((name) => repository.files.has(name) && name.startsWith('gateway/'))) {
    for (const code of errorsOf(repository.read(step), classes)) thrown.add(`${ERRORS[code].status} ${code}`);
  }
  return [
    ...without(thrown, row.exits).map((exit) =>
      at(file, row.line, `step ${row.number} may end with ${exit}, which is not said here`),
    ),
    ...without(row.exits, thrown).map((exit) =>
      at(file, row.line, `step ${row.number} never ends with ${exit}`),
    ),
  ];
}

/** Class → code of the errors that have a class of their own, such as `class RateLimited extends ApiError`. */
function errorClasses(repository: Repository): Map<string, string> {
  const sources = [...repository.files].filter(
    (name) => name.startsWith('gateway/src/') && name.endsWith('.ts'),
  );
  const definition = /class (\w+) extends ApiError\b[\s\S]*?super\('(\w+)'/g;
  return new Map(
    sources.flatMap((name) =>
      [...repository.read(name).matchAll(definition)].map((m): [string, string] => [m[1] ?? '', m[2] ?? '']),
    ),
  );
}

/** Error codes that a file throws: `new ApiError('code'`, and what its comments promise with `@throws ApiError`. */
export function errorsOf(text: string, classes: ReadonlyMap<string, string> = new Map()): Set<ErrorCode> {
  const codes = new Set<ErrorCode>();
  const take = (code: string | undefined) => {
    if (code !== undefined && isErrorCode(code)) codes.add(code);
  };
  walk(parseSource('x.ts', text), (node) => {
    if (!ts.isNewExpression(node) || !ts.isIdentifier(node.expression)) return;
    const code = node.arguments?.[0];
    take(classes.get(node.expression.text));
    if (node.expression.text === 'ApiError' && code && ts.isStringLiteralLike(code)) take(code.text);
  });
  for (const promise of text.matchAll(/@throws ApiError\b([^@]*?)(?:\*\/|(?=@))/g)) {
    for (const word of (promise[1] ?? '').split(/[^a-z_]+/)) take(word);
  }
  return codes;
}

/** The admin API is not the way: what its routes answer is in their declarations, `protocol/src/admin/`. */
const NOT_THE_WAY = [
  'admin',
  'alerts',
  'analytics',
  'batches',
  'billing',
  'budgets',
  'fleet',
  // Lists of files and batches.
  'caller-list.ts',
  // What files and batches are made by, with the keys of the way's inferences.
  'create-once.ts',
  'idempotency/create-once.ts',
  'idempotency/admin-creations.ts',
  'files',
  'logs',
  'people',
  'projects',
  // A worker's run at a gateway is step 5 of its request, and ends as that does.
  'remote-fleet',
  // Asked by files and batches.
  'storage/file-room.ts',
];

/** An error of the gateway that no row accounts for: the drawing would lack an exit. */
function checkThrowers(file: string, rows: readonly StepRow[], repository: Repository): Finding[] {
  const told = new Set(rows.flatMap((row) => row.files));
  const classes = errorClasses(repository);
  return [...repository.files]
    .filter((name) => name.startsWith('gateway/src/') && name.endsWith('.ts'))
    .filter((name) => !isTestCode(name) && !told.has(name))
    .filter((name) => !NOT_THE_WAY.some((place) => `${name}/`.startsWith(`gateway/src/${place}/`)))
    .filter((name) => errorsOf(repository.read(name), classes).size > 0)
    .map((name) => at(file, 0, `${name} throws errors of the API, but no row of the way names it`));
}

/** The drawing has the same exits as the table: in a fenced block, from a line that begins with the step's number. */
function checkDrawing(file: string, text: string, rows: readonly StepRow[]): Finding[] {
  const drawing = blocks(text).find((block) => /^\W*1\b/m.test(block.text) && exitsIn(block.text).size > 0);
  if (!drawing) return [at(file, 0, 'has no drawing of the way with its exits')];
  const drawn = new Map<string, string>();
  let step = '';
  for (const line of drawing.text.split('\n')) {
    step = /^\W*(\d)\b/.exec(line)?.[1] ?? step;
    drawn.set(step, `${drawn.get(step) ?? ''}\n${line}`);
  }
  return rows.flatMap((row) => {
    const exits = exitsIn(drawn.get(row.number) ?? '');
    const differ = [...without(row.exits, exits), ...without(exits, row.exits)];
    return differ.map((exit) =>
      at(file, drawing.line, `step ${row.number}: drawing and table differ in ${exit}`),
    );
  });
}

function without(exits: ReadonlySet<string>, others: ReadonlySet<string>): string[] {
  return [...exits].filter((exit) => !others.has(exit));
}

// Error tables

const isErrorTable = ({ header }: Table) => ['status', 'type', 'code'].every((name) => header.includes(name));

/** A table with the columns status, type and code names every error as the code has it, and no other. */
export function checkErrorTables({ file, text }: Document): Finding[] {
  return tables(text)
    .filter(isErrorTable)
    .flatMap((table) => {
      const column = (cells: readonly string[], name: string) =>
        (cells[table.header.indexOf(name)] ?? '').replaceAll('`', '');
      const told = new Set<string>();
      const findings = table.rows.flatMap(({ cells, line }) => {
        const code = column(cells, 'code');
        told.add(code);
        if (!isErrorCode(code)) return [at(file, line, `no error has the code "${code}"`)];
        const row = ERRORS[code];
        const same = column(cells, 'status') === String(row.status) && column(cells, 'type') === row.type;
        return same ? [] : [at(file, line, `${code} is ${row.status} ${row.type}`)];
      });
      const missing = Object.keys(ERRORS).filter((code) => !told.has(code));
      return [...findings, ...missing.map((code) => at(file, 0, `the table of errors lacks ${code}`))];
    });
}

// Tasks and places

/** Every row of a table `| task | location |` names at least one path. */
export function checkTasks({ file, text }: Document): Finding[] {
  const table = tables(text).find(({ header }) => header.includes('task') && header.includes('location'));
  if (!table) return [at(file, 0, 'has no table | task | location |')];
  const column = table.header.indexOf('location');
  return table.rows
    .filter(({ cells }) => codeSpans(cells[column] ?? '').length === 0)
    .map(({ cells, line }) => at(file, line, `"${cells[0]}" has no location`));
}

// What people paste

/** Shell blocks parse, and their calls of the API are calls that the API takes. */
export function checkPasted({ file, text }: Document): Finding[] {
  return blocks(text)
    .filter(({ language }) => language === 'bash' || language === 'sh')
    .flatMap((block) => {
      const syntax = spawnSync('bash', ['-n'], { input: block.text, encoding: 'utf8' });
      if (syntax.status !== 0) return [at(file, block.line, `bash: ${syntax.stderr.trim()}`)];
      return shellCommands(block.text)
        .filter(({ words }) => words[0] === 'curl')
        .flatMap(({ words, line }) =>
          checkCurl(words).map((message) => at(file, block.line + line, message)),
        );
    });
}

/** What is wrong with a call of our API; words of curl as the shell gives them. */
export function checkCurl(words: readonly string[]): string[] {
  const address = words.find((word) => /^(?:https?:|\$\{?ZEROGPU_BASE_URL)/.test(word));
  if (!address) return ['curl without an address of this server'];
  const place = address.replace(/^(?:https?:\/\/[^/]+|\$\{?ZEROGPU_BASE_URL(?:%\/v1)?\}?)/, '');
  const body = optionOf(words, ['-d', '--data', '--data-raw', '--json']);
  const isForm = optionOf(words, ['-F', '--form']) !== null;
  const usual = body === null && !isForm ? 'get' : 'post';
  const method = (optionOf(words, ['-X', '--request']) ?? usual).toLowerCase();
  if (place.startsWith('/api/')) return checkAdminCall(words, method, place, body);
  const route = API_ROUTES.find((known) => known.method === method && routePattern(known.path).test(place));
  if (!route) return [`no route ${method.toUpperCase()} ${place}`];
  return [...(isForm ? [] : checkBody(route.path, body)), ...checkHeaders(words, route.key, body !== null)];
}

/** A call of the admin API, whose declarations say what it takes. */
function checkAdminCall(
  words: readonly string[],
  method: string,
  place: string,
  body: string | null,
): string[] {
  const path = place.split('?', 1)[0] ?? '';
  const route = Object.values<AdminRoute>(ADMIN_ROUTES).find(
    (known) => known.method === method && routePattern(known.path).test(path),
  );
  if (!route) return [`no route ${method.toUpperCase()} ${path}`];
  const session = route.access.to === 'anyone' || words.some((word) => ['-b', '--cookie'].includes(word));
  return [
    ...(body === null || route.body === undefined ? [] : checkAgainst(route.body, body)),
    ...(body === null && route.body !== undefined ? ['sends no body'] : []),
    ...checkHeaders(words, !session, body !== null),
  ];
}

function optionOf(words: readonly string[], names: readonly string[]): string | null {
  const index = words.findIndex((word) => names.includes(word));
  return index < 0 ? null : (words[index + 1] ?? '');
}

/** Base addresses are given with and without `/v1`; both are fine where the whole is a route. */
function routePattern(route: string): RegExp {
  return new RegExp(`^${route.replace('/v1', '(?:/v1)?').replace(/\{\w+\}/g, '[^/]+')}$`);
}

/** What each route takes. */
const BODIES: Readonly<Record<string, TSchema>> = {
  '/v1/responses': ResponsesRequest,
  '/v1/chat/completions': ChatRequest,
  '/v1/embeddings': EmbeddingsRequest,
  '/v1/moderations': ModerationsRequest,
  '/v1/summary': SummaryRequest,
  '/v1/usecase/classify/iab': IabRequest,
  '/v1/gliner': GlinerRequest,
};

function checkBody(route: string, body: string | null): string[] {
  if (body === null) return [];
  const schema = BODIES[route];
  if (!schema) return [`no schema for the body of ${route}`];
  const problems = checkAgainst(schema, body);
  if (problems.length > 0) return problems;
  const value: unknown = JSON.parse(body);
  return checkModel(isRecord(value) ? value['model'] : undefined);
}

function checkAgainst(schema: TSchema, body: string): string[] {
  try {
    const errors = [...Value.Errors(schema, JSON.parse(body))];
    return errors.map(({ path: where, message }) => `body ${where}: ${message}`);
  } catch (error) {
    return [`the body is not JSON: ${String(error)}`];
  }
}

/** @param model undefined where the route has a model of its own */
function checkModel(model: unknown): string[] {
  const isKnown = model === undefined || MANIFESTS.some((manifest) => manifest.id === model);
  return isKnown ? [] : [`no model "${model}"`];
}

function checkHeaders(words: readonly string[], key: boolean, body: boolean): string[] {
  const headers = words.filter((_, index) => ['-H', '--header'].includes(words[index - 1] ?? ''));
  const has = (name: string) => headers.some((header) => header.toLowerCase().startsWith(`${name}:`));
  const problems: string[] = [];
  if (key && !has('x-api-key') && !has('authorization')) problems.push('sends no key');
  if (body && !words.includes('--json') && !has('content-type')) problems.push('sends no content-type');
  return problems;
}

// Settings and versions

const CONFIG_FILE = 'gateway/src/config.ts';

/** Settings that the code reads are documented, and those that are documented are read. */
export function checkSettings({ file, text }: Document, repository: Repository): Finding[] {
  const table = tables(text).find(({ header }) => header[0] === 'setting');
  if (!table) return [at(file, 0, 'has no table of settings (| setting | … |)')];
  const read = settingsIn(repository.read(CONFIG_FILE));
  const told = new Map(
    table.rows.flatMap(({ cells, line }) =>
      codeSpans(cells[0] ?? '').map((span): [string, number] => [span.text, line]),
    ),
  );
  const sources = [...repository.files].filter(
    (name) => /\.(?:ts|mjs)$/.test(name) && !name.endsWith('.test.ts'),
  );
  const isRead = (name: string) =>
    read.has(name) || sources.some((source) => new RegExp(`\\b${name}\\b`).test(repository.read(source)));
  return [
    ...[...read]
      .filter((name) => !told.has(name))
      .map((name) => at(file, 0, `the table of settings lacks ${name}`)),
    ...[...told]
      .filter(([name]) => !isRead(name))
      .map(([name, line]) => at(file, line, `nothing reads ${name}`)),
  ];
}

/** Names that a source reads from the environment: `env['NAME']`, and names given to its helpers with `env`. */
function settingsIn(text: string): Set<string> {
  return new Set([...text.matchAll(/\benv(?:\[|, )'([A-Z][A-Z0-9_]+)'/g)].map((match) => match[1] ?? ''));
}

interface PackageJson {
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** Tools of tools: types for the compiler, and what vitest itself stands on. */
const UNTOLD = /^(?:@types\/|vite$|node-|@zerogpu\/)/;

/** Every library that a room or the root names has its row in the table of libraries, with the reason why it won. */
export function checkLibraries({ file, text }: Document, repository: Repository): Finding[] {
  const table = tables(text).find(({ header }) => header.includes('library'));
  const told = (table?.rows ?? []).flatMap(({ cells }) =>
    codeSpans(cells.join(' ')).map((span) => span.text),
  );
  const manifests = [...repository.files].filter(
    (name) => /(?:^|\/)package\.json$/.test(name) && !name.startsWith('bench/rivals/'),
  );
  const named = manifests.flatMap((name) => {
    const manifest: PackageJson = JSON.parse(repository.read(name));
    const { dependencies, optionalDependencies, devDependencies } = manifest;
    return Object.keys({ ...dependencies, ...optionalDependencies, ...devDependencies });
  });
  return [...new Set(named)]
    .filter(
      (name) => !UNTOLD.test(name) && !told.some((word) => name === word || name.startsWith(`${word}/`)),
    )
    .map((name) => at(file, 0, `the table of libraries lacks ${name}`));
}

/** Every trained model has its card beside its weights: what it is, what it was trained on, how well it does. */
export function checkCards(repository: Repository): Finding[] {
  const weights = [...repository.files].filter(
    (name) => name.startsWith('models/weights/') && name.endsWith('.zlm'),
  );
  const cards = new Set(weights.map((name) => path.posix.join(path.posix.dirname(name), 'README.md')));
  return [...cards].filter((card) => !repository.files.has(card)).map((card) => at(card, 0, 'is missing'));
}

/** Every room has the one version, and RELEASES.md begins with it. */
export function checkVersions(releases: Document, repository: Repository): Finding[] {
  const wrong = [...repository.files]
    .filter((name) => /(?:^|\/)package\.json$/.test(name))
    .filter((name) => JSON.parse(repository.read(name)).version !== VERSION)
    .map((name) => at(name, 0, `its version is not ${VERSION}, the one of protocol/src/openapi.ts`));
  const first = /^## (\S+)/m.exec(releases.text)?.[1];
  return first === VERSION ? wrong : [...wrong, at(releases.file, 0, `begins with ${first}, not ${VERSION}`)];
}

// The program

export function readRepository(): Repository {
  const { scripts } = JSON.parse(readText('package.json'));
  return {
    files: new Set(repositoryFiles()),
    scripts: new Set(Object.keys(scripts)),
    read: (file) => readFileSync(path.join(ROOT, file), 'utf8'),
  };
}

/** Documents for people who use or change the project; their paths and commands are checked besides their links. */
const GUIDES = ['README.md', 'ARCHITECTURE.md', 'AGENTS.md', 'RELEASES.md', 'protocol/GLOSSARY.md'];

export function checkDocs(repository: Repository): Finding[] {
  const absent = GUIDES.filter((file) => !repository.files.has(file));
  if (absent.length > 0) return absent.map((file) => at(file, 0, 'is missing'));
  const load = (file: string): Document => ({ file, text: repository.read(file) });
  const all = [...repository.files].filter((file) => file.endsWith('.md')).map(load);
  const errorTables = all.filter(({ text }) => tables(text).some(isErrorTable));
  return [
    ...all.flatMap((document) => [...checkLinks(document, repository), ...checkErrorTables(document)]),
    ...(errorTables.length > 0 ? [] : [at('ARCHITECTURE.md', 0, 'has no table of errors')]),
    ...GUIDES.flatMap((file) => [...checkMentions(load(file), repository), ...checkPasted(load(file))]),
    ...checkWay(load('ARCHITECTURE.md'), repository),
    ...checkSettings(load('ARCHITECTURE.md'), repository),
    ...checkLibraries(load('ARCHITECTURE.md'), repository),
    ...checkCards(repository),
    ...checkTasks(load('AGENTS.md')),
    ...checkVersions(load('RELEASES.md'), repository),
  ];
}

if (isProgram(import.meta)) {
  const repository = readRepository();
  const documents = [...repository.files].filter((file) => file.endsWith('.md')).length;
  report(checkDocs(repository), `${documents} documents are true to the code`);
}
