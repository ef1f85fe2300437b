/** What the OpenAPI document says of the admin API, all of it from the declarations in `admin/`. */
import type { TSchema } from '@sinclair/typebox';
import {
  type Access,
  type AdminRoute,
  type AdminTag,
  errorsOf,
  isCreation,
  ROLES,
  roleSuffices,
  type TextContent,
} from './admin/route.ts';
import { errorReferences, REPLAYED_HEADER, REQUEST_ID_HEADER } from './openapi-parts.ts';
import { inPlace, isObject, type Json, type JsonObject } from './openapi-schemas.ts';

export const ADMIN_TAGS: Readonly<Record<AdminTag, string>> = {
  account: 'Sign up, sign in, and one’s own account',
  organizations: 'Who pays, and who belongs to it',
  projects: 'What applications belong to',
  keys: 'What programs call the API with',
  budgets: 'What may be spent in a month',
  billing: 'Credit, payment methods and receipts',
  alerts: 'What the platform tells of by itself',
  batches: 'Files of requests, answered within a day',
  files: 'What batches read and write',
  nodes: 'An organization’s own nodes, and what admits them',
  fleet: 'The operator’s nodes, strangers’ nodes, and totals of all',
  logs: 'Every request of a project',
  analytics: 'Sums and percentiles over time',
  audit: 'Who did what',
};

/** Every schema of the routes, for those among them that have a name. */
export function adminSchemas(routes: Readonly<Record<string, AdminRoute>>): TSchema[] {
  return Object.values(routes).flatMap(({ query, body, answer }) =>
    [query, body, answer].filter((schema) => schema !== undefined && schema !== null),
  );
}

export function adminOperation(name: string, route: AdminRoute): JsonObject {
  const once = isCreation(route) ? [{ $ref: '#/components/parameters/CreationKey' }] : [];
  const parameters = [...pathParameters(route.path), ...queryParameters(route.query), ...once];
  return {
    operationId: name,
    tags: [route.tag],
    summary: route.summary,
    description: describe(route),
    security: route.access.to === 'anyone' ? [] : [{ sessionCookie: [] }, { session: [] }],
    ...(parameters.length > 0 ? { parameters } : {}),
    ...requestBody(route),
    ...(route.raw ? { requestBody: RAW_BODY } : {}),
    responses: { ...answer(route), ...errorReferences(errorsOf(route)) },
  };
}

function describe({ description, access, audit }: AdminRoute): string {
  const written = audit === undefined ? '' : `Stands in the audit log as \`${audit}\`.`;
  return [description, whoMay(access), written].filter(Boolean).join(' ');
}

/** Which role a route needs, in words. */
export function whoMay(access: Access): string {
  if (access.to === 'anyone') return 'Anybody may call it.';
  if (access.to === 'person') return 'Whoever is signed in may call it.';
  if (access.to === 'operator')
    return 'Operators of this installation may call it; for all others it is not there.';
  const where = access.to === 'organization' ? 'the organization' : 'the project’s organization';
  const roles = ROLES.filter((role) => roleSuffices(role, access.role)).map((role) => `\`${role}\``);
  if (roles.length === ROLES.length) return `Every member of ${where} may call it.`;
  const named = roles.length === 1 ? roles[0] : `${roles.slice(0, -1).join(', ')} or ${roles.at(-1)}`;
  return `Members of ${where} with the role ${named} may call it.`;
}

function pathParameters(path: string): Json[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    description: `The id of ${articled(name.replace(/Id$/, ''))}`,
    schema: { type: 'string', minLength: 1, maxLength: 256 },
  }));
}

/** `apiKey` → `an api key` */
function articled(name: string): string {
  const words = name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return `${/^[aeio]/.test(words) ? 'an' : 'a'} ${words}`;
}

function queryParameters(query: TSchema | undefined): Json[] {
  if (query === undefined) return [];
  const required: readonly string[] = query['required'] ?? [];
  const properties = Object.entries<TSchema>(query['properties'] ?? {});
  return properties.map(([name, property]) => {
    const schema = inPlace(property);
    const description = isObject(schema) ? schema['description'] : undefined;
    return {
      name,
      in: 'query',
      required: required.includes(name),
      ...(description === undefined ? {} : { description }),
      schema,
    };
  });
}

function requestBody({ body, raw }: AdminRoute): JsonObject {
  if (raw !== undefined) {
    const schema = { type: 'string', maxLength: raw.maxBytes, description: 'The bytes that are signed' };
    return { requestBody: { required: true, content: { 'application/json': { schema } } } };
  }
  if (body === undefined) return {};
  return { requestBody: { required: true, content: { 'application/json': { schema: inPlace(body) } } } };
}

const RAW_BODY: JsonObject = {
  required: true,
  content: { 'application/json': { schema: { type: 'object' } } },
};

function answer(route: AdminRoute): JsonObject {
  const headers = { ...REQUEST_ID_HEADER, ...(isCreation(route) ? REPLAYED_HEADER : {}) };
  if (route.content !== undefined) {
    const schema = route.answer === null ? null : inPlace(route.answer);
    const content = route.content.map((type): [string, Json] => [type, { schema: textSchema(type, schema) }]);
    return { '200': { description: route.summary, headers, content: Object.fromEntries(content) } };
  }
  if (route.answer === null) return { '204': { description: 'Done', headers } };
  const content = { 'application/json': { schema: inPlace(route.answer) } };
  return { [String(route.status ?? 200)]: { description: route.summary, headers, content } };
}

const TEXTS: Readonly<Record<TextContent, string>> = {
  'text/csv': 'A line of names, then a line an item',
  'application/jsonl': 'A line of JSON an item',
  'text/html': 'A page to print',
  'text/event-stream': 'Server-sent events whose data is an item, as JSON',
};

/** @param item what a line or an event holds */
function textSchema(type: TextContent, item: Json): JsonObject {
  const isJson = type === 'application/jsonl' || type === 'text/event-stream';
  const content: JsonObject =
    isJson && item !== null ? { contentMediaType: 'application/json', contentSchema: item } : {};
  return { type: 'string', description: TEXTS[type], ...content };
}
