/**
 * Writes `clients/sdk/src/admin.generated.ts`: the types and the methods of the admin API for the sdk, which stands
 * alone when it is installed, from the declarations in `protocol/src/admin/`. `--check` only tells whether it is up to
 * date.
 */
import {
  ADMIN_ROUTES,
  type AdminRoute,
  type AdminTag,
  componentSchemas,
  isCreation,
  isRecord,
  whoMay,
} from '@zerogpu/protocol';
import { type Generated, writeOrCheck } from './generated.ts';
import { isProgram } from './repo.ts';
import { type Schema, typeOf } from './schema-types.ts';

const OUTPUT = 'clients/sdk/src/admin.generated.ts';

type Routes = Readonly<Record<string, AdminRoute>>;

/** What a method gives: a JSON answer, nothing, all items of a list, events as they come, or a text in pieces. */
type Kind = 'json' | 'done' | 'list' | 'events' | 'text';

interface Method {
  readonly route: string;
  readonly name: string;
  readonly declaration: AdminRoute;
  readonly params: readonly string[];
  readonly kind: Kind;
}

/** What the routes of a tag are mostly about: the tag says it already. */
const NOUNS: Readonly<Partial<Record<AdminTag, string>>> = {
  organizations: 'Organization',
  projects: 'Project',
  keys: 'Key',
  budgets: 'Budget',
  batches: 'Batch',
  files: 'File',
  logs: 'Request',
  audit: 'Audit',
};

/** `createKey` of the tag `keys` → `create`; `listPaymentMethods` of `billing` and what has more than a verb stay. */
export function methodName(route: string, tag: AdminTag): string {
  return new RegExp(`^([a-z]+)${NOUNS[tag]}(?:e?s)?$`).exec(route)?.[1] ?? route;
}

function methodOf(route: string, declaration: AdminRoute): Method {
  const params = [...declaration.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '');
  return { route, name: methodName(route, declaration.tag), declaration, params, kind: kindOf(declaration) };
}

function kindOf({ content, answer }: AdminRoute): Kind {
  if (content?.includes('text/event-stream')) return 'events';
  if (content !== undefined) return 'text';
  if (answer === null) return 'done';
  return isList(answer) ? 'list' : 'json';
}

function isList(schema: Schema): boolean {
  const properties: Readonly<Record<string, Schema>> = schema['properties'] ?? {};
  return properties['object']?.['const'] === 'list' && 'data' in properties && 'next' in properties;
}

/** The generated module. Pure. */
export function adminModule(routes: Routes): string {
  const methods = Object.entries(routes)
    // What is signed comes from other servers, not from people.
    .filter(([, { raw }]) => raw === undefined)
    .map(([name, route]) => methodOf(name, route));
  const byTag = Map.groupBy(methods, ({ declaration }) => declaration.tag);
  return [
    '// Written by tools/gen-admin-sdk.ts from protocol/src/admin; do not edit.',
    "import type { AdminCaller, AdminOptions, Listing } from './admin-calls.ts';",
    "import type { Tail } from './stream.ts';",
    "import type { TextStream } from './text-stream.ts';",
    "import type { WithRequestId } from './transport.ts';",
    '',
    ...namedTypes(methods),
    wire(methods),
    ...[...byTag].map(([tag, own]) => resource(tag, own)),
    entry([...byTag.keys()]),
  ].join('\n');
}

function namedTypes(methods: readonly Method[]): string[] {
  const schemas = methods.flatMap(({ declaration: { query, body, answer } }) =>
    [query, body, answer].filter((schema) => schema !== undefined && schema !== null),
  );
  const used = new Set(schemas.flatMap((schema) => idsIn(JSON.parse(JSON.stringify(schema)))));
  return Object.entries(componentSchemas(schemas))
    .filter(([name]) => used.has(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, schema]) => `export type ${name} = ${typeOf(schema)};\n`);
}

function idsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(idsIn);
  if (!isRecord(value)) return [];
  const id = value['$id'];
  return [...(typeof id === 'string' ? [id] : []), ...Object.values(value).flatMap(idsIn)];
}

/** What each route takes and answers; a test holds it to the declarations. */
function wire(methods: readonly Method[]): string {
  const lines = methods.map(({ route, params, declaration }) => {
    const { query, body, answer } = declaration;
    const parts = [
      `params: {${params.map((param) => ` ${param}: string;`).join('')} };`,
      `query: ${query === undefined ? 'Record<string, never>' : queryType(query)};`,
      `body: ${body === undefined ? 'undefined' : typeOf(body, '    ')};`,
      `answer: ${answer === null ? 'undefined' : typeOf(answer, '    ')};`,
    ];
    return `  ${route}: {\n${parts.map((part) => `    ${part}`).join('\n')}\n  };`;
  });
  return `/** Every route by its \`operationId\`: what it takes and answers. */\nexport interface Routes {\n${lines.join('\n')}\n}\n`;
}

/** Values of a query are texts; a number is taken for what is written in digits alone. */
function queryType(query: Schema): string {
  const isNumeric = ({ pattern }: Schema) =>
    typeof pattern === 'string' && new RegExp(pattern).test('1') && !new RegExp(pattern).test('a');
  const properties = Object.entries<Schema>(query['properties'] ?? {}).map(([name, property]) => {
    const { description, pattern: _, ...rest } = property;
    return [name, isNumeric(property) ? { description, anyOf: [rest, { type: 'number' }] } : property];
  });
  return typeOf({ ...query, properties: Object.fromEntries(properties) }, '    ');
}

/** The routes of one tag as a class. */
function resource(tag: AdminTag, methods: readonly Method[]): string {
  return [
    `export class ${className(tag)} {`,
    '  readonly #call: AdminCaller;',
    '',
    '  constructor(call: AdminCaller) {',
    '    this.#call = call;',
    '  }',
    ...methods.map((method) => `\n${methodText(method)}`),
    '}',
    '',
  ].join('\n');
}

const className = (tag: string) => `${tag[0]?.toUpperCase()}${tag.slice(1)}Api`;

function methodText(method: Method): string {
  const { route, name, declaration, params, kind } = method;
  const { path, query, body } = declaration;
  const from = (part: string) => `Routes['${route}']['${part}']`;
  const parameters = [
    ...params.map((param) => `${param}: string`),
    ...(body === undefined ? [] : [`body: ${from('body')}${isOptional(body) ? ' = {}' : ''}`]),
    ...(query === undefined ? [] : [`query: ${from('query')}${isOptional(query) ? ' = {}' : ''}`]),
    'options: AdminOptions = {}',
  ];
  const given = [
    `method: '${declaration.method.toUpperCase()}'`,
    `path: '${path}'`,
    ...(params.length === 0 ? [] : [`params: { ${params.join(', ')} }`]),
    ...(body === undefined ? [] : ['body']),
    ...(query === undefined ? [] : ['query']),
    ...(isCreation(declaration) ? ['once: true'] : []),
    'options',
  ];
  const [answers, type] = RETURNS[kind];
  return [
    comment(declaration),
    `  ${name}(${parameters.join(', ')}): ${answers(from('answer'))} {`,
    `    return this.#call.${kind}${type(from('answer'))}({ ${given.join(', ')} });`,
    '  }',
  ].join('\n');
}

function isOptional(schema: Schema): boolean {
  return (schema['required'] ?? []).length === 0 && schema['minProperties'] === undefined;
}

/** What a method of each kind returns, and what its call is told of the answer's type. */
const RETURNS: Readonly<
  Record<Kind, readonly [returns: (answer: string) => string, type: (answer: string) => string]>
> = {
  json: [(answer) => `Promise<WithRequestId<${answer}>>`, (answer) => `<${answer}>`],
  done: [() => 'Promise<void>', () => ''],
  list: [(answer) => `Listing<${answer}>`, (answer) => `<${answer}>`],
  events: [(answer) => `Promise<Tail<${answer}>>`, (answer) => `<${answer}>`],
  text: [() => 'Promise<TextStream>', () => ''],
};

function comment(route: AdminRoute): string {
  const { summary, description = '', access, method, path } = route;
  const once = isCreation(route) ? 'Once per `idempotencyKey`.' : '';
  const sentences = [`${summary}.`, description, whoMay(access), once].filter(Boolean).join(' ');
  return `  /** ${sentences.replaceAll('*/', '* /')} \`${method.toUpperCase()} ${path}\` */`;
}

function entry(tags: readonly AdminTag[]): string {
  return [
    '/** Everything under one name. */',
    'export class AdminApi {',
    ...tags.map((tag) => `  readonly ${tag}: ${className(tag)};`),
    '',
    '  constructor(call: AdminCaller) {',
    ...tags.map((tag) => `    this.${tag} = new ${className(tag)}(call);`),
    '  }',
    '}',
    '',
  ].join('\n');
}

export function adminSdk(): Generated {
  return { file: OUTPUT, text: adminModule(ADMIN_ROUTES) };
}

if (isProgram(import.meta)) writeOrCheck([adminSdk()], process.argv.includes('--check'), 'npm run gen');
