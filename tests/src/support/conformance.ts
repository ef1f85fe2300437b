/** Holds real answers to the OpenAPI document that describes them. */
import { openApiDocument } from '@zerogpu/protocol';
import { Ajv, type ValidateFunction } from 'ajv';

export interface Answered {
  readonly method: string;
  /** As in the address, such as `/v1/models/zlm-v1-summary-cloud`; a query may follow. */
  readonly path: string;
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

interface Described {
  /** Instead of all the rest: where it stands. */
  readonly $ref?: string;
  readonly headers?: Readonly<Record<string, { readonly $ref: string }>>;
  readonly content?: Readonly<Record<string, object>>;
}

interface Operation {
  readonly responses: Readonly<Record<string, Described>>;
}

/** Headers of the API's own: what an answer carries of them is in the document. */
const OWN_HEADERS = /^(x-|retry-after$|idempotent-)/;
/** Ask proxies not to gather a stream, and browsers to believe the type; say nothing to a caller. */
const NOT_FOR_CALLERS = ['x-accel-buffering', 'x-content-type-options'];

const document = openApiDocument();
/** As `Date.toISOString` writes it. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
// Keywords of OpenAPI's own (example, discriminator) are not for checking.
const ajv = new Ajv({ strict: false, allErrors: true, formats: { 'date-time': TIME } });
ajv.addSchema(document, 'openapi');
const compiled = new Map<string, ValidateFunction>();

/**
 * What an answer of a documented route has that the document does not say; empty when it conforms, and for addresses
 * that the document does not know.
 */
export function strayings({ method, path, status, headers, body }: Answered): string[] {
  const route = routeOf(path.split('?', 1)[0] ?? '');
  const operation = operationOf(route, method);
  if (route === null || operation === null) return [];
  const where = `${method} ${path} → ${status}`;
  const answer = operation.responses[String(status)];
  if (!answer) return [`${where}: the document has no such status`];
  const place = answer.$ref?.split('/').slice(1);
  const described = place === undefined ? answer : responseAt(place);
  const essence = (headers.get('content-type') ?? '').split(';')[0] ?? '';
  const wrongHeaders = headerStrayings(described, headers).map((what) => `${where}: ${what}`);
  if (!described.content) return wrongHeaders;
  if (!(essence in described.content)) return [...wrongHeaders, `${where}: the document has no ${essence}`];
  if (essence !== 'application/json') return wrongHeaders;
  const pointer = place ?? ['paths', route, method.toLowerCase(), 'responses', status];
  const validate = validatorOf([...pointer, 'content', essence, 'schema']);
  if (validate(JSON.parse(body))) return wrongHeaders;
  return [...wrongHeaders, `${where}: ${ajv.errorsText(validate.errors)} in ${body.slice(0, 400)}`];
}

function headerStrayings(described: Described, headers: Headers): string[] {
  const own = [...headers].filter(([name]) => OWN_HEADERS.test(name) && !NOT_FOR_CALLERS.includes(name));
  return own.flatMap(([name, value]) => {
    const ref = described.headers?.[name]?.$ref;
    if (ref === undefined) return [`the document has no header ${name}`];
    const validate = validatorOf([...ref.split('/').slice(1), 'schema']);
    return validate(value) || validate(Number(value)) ? [] : [`${name}: ${value}`];
  });
}

/** What one streamed event of `/v1/chat/completions` has that the document does not say. */
export function chunkStrayings(chunk: unknown): string[] {
  const validate = validatorOf(['components', 'schemas', 'ChatChunk']);
  return validate(chunk) ? [] : [ajv.errorsText(validate.errors)];
}

/** One of the answers that several routes have. @param place `components`, `responses`, its name */
function responseAt(place: readonly string[]): Described {
  const described: unknown = document.components['responses']?.[place[2] ?? ''];
  if (typeof described !== 'object' || described === null) throw new Error(`Nothing at ${place.join('/')}`);
  return described;
}

function routeOf(path: string): string | null {
  if (path in document.paths) return path;
  // The tasks' own routes answer without /v1 too.
  if (`/v1${path}` in document.paths) return `/v1${path}`;
  // Ids of models have slashes in them.
  if (path.startsWith('/v1/models/')) return '/v1/models/{id}';
  return PATTERNS.find(({ pattern }) => pattern.test(path))?.route ?? null;
}

/** Paths with parameters, those with fewer first: `…/requests/tail` is no request. A path without any is itself. */
const PATTERNS = Object.keys(document.paths)
  .filter((route) => route.includes('{'))
  .sort((a, b) => a.split('{').length - b.split('{').length)
  .map((route) => ({ route, pattern: new RegExp(`^${route.replaceAll(/\{\w+\}/g, '[^/]+')}$`) }));

function operationOf(route: string | null, method: string): Operation | null {
  const item: unknown = route === null ? null : document.paths[route]?.[method.toLowerCase()];
  return isOperation(item) ? item : null;
}

function isOperation(value: unknown): value is Operation {
  return typeof value === 'object' && value !== null && 'responses' in value;
}

function validatorOf(pointer: readonly (string | number)[]): ValidateFunction {
  const path = pointer.map((part) =>
    encodeURIComponent(String(part).replaceAll('~', '~0').replaceAll('/', '~1')),
  );
  const ref = `openapi#/${path.join('/')}`;
  const known = compiled.get(ref);
  if (known) return known;
  const validate = ajv.compile({ $ref: ref });
  compiled.set(ref, validate);
  return validate;
}
