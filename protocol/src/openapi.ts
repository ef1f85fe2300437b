/**
 * The OpenAPI 3.1 description of the API, built from the same schemas and the same error table that the gateway
 * checks requests and throws errors with. The gateway serves it at `/openapi.json`; `protocol/openapi.json` is its
 * copy for readers and generators.
 */
import { ADMIN_ROUTES } from './admin/index.ts';
import { type AdminRoute, errorsOf } from './admin/route.ts';
import { ERRORS, type ErrorCode } from './errors.ts';
import { ADMIN_TAGS, adminOperation, adminSchemas } from './openapi-admin.ts';
import {
  errorAnswers,
  errorExamples,
  errorResponses,
  headers,
  ORIGIN_HEADERS,
  type ParameterName,
  parameters,
  RATE_LIMIT_HEADERS,
  REPLAYED_HEADER,
  REQUEST_ID_HEADER,
  REQUESTED_MODEL_HEADER,
  securitySchemes,
} from './openapi-parts.ts';
import { API_ROUTES, type ApiRoute, type RouteAnswer } from './openapi-routes.ts';
import { componentSchemas, type Json, type JsonObject, ref } from './openapi-schemas.ts';

/** The version of the platform, the same for every room. */
export const VERSION = '0.1.0';

/** A whole OpenAPI 3.1 document; only JSON inside. */
export interface OpenApiDocument {
  readonly openapi: '3.1.0';
  readonly info: JsonObject;
  readonly servers: readonly Json[];
  readonly security: readonly Json[];
  readonly tags: readonly Json[];
  readonly paths: { readonly [path: string]: JsonObject };
  readonly components: { readonly [section: string]: JsonObject };
}

/** Errors that belong to no single route: a wrong address or a wrong method. */
export const ADDRESS_ERRORS: readonly ErrorCode[] = ['not_found', 'method_not_allowed'];

/** Builds the document; the same for every call. */
export function openApiDocument(): OpenApiDocument {
  return {
    openapi: '3.1.0',
    info: {
      title: 'ZeroGPU',
      version: VERSION,
      description:
        'One OpenAI-compatible API in front of small models on the devices you already own. ' +
        `Every error has one envelope. An address that does not exist answers ${errorNames(ADDRESS_ERRORS)}.`,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'This server' }],
    security: [{ apiKey: [] }, { bearer: [] }],
    tags: [
      { name: 'inference', description: 'Run a model' },
      { name: 'models', description: 'What can be run' },
      { name: 'files', description: 'Keep what batches read and write' },
      { name: 'batches', description: 'Run many requests within a day, at half the price' },
      { name: 'operations', description: 'For those who run the server' },
      ...Object.entries(ADMIN_TAGS).map(([name, description]) => ({ name, description })),
    ],
    paths: paths(),
    components: {
      schemas: componentSchemas(adminSchemas(ADMIN_ROUTES)),
      securitySchemes,
      parameters,
      headers,
      responses: errorResponses(Object.values<AdminRoute>(ADMIN_ROUTES).map(errorsOf)),
      examples: errorExamples(),
    },
  };
}

function errorNames(codes: readonly ErrorCode[]): string {
  return codes.map((code) => `${ERRORS[code].status} \`${code}\``).join(' or ');
}

function paths(): Record<string, JsonObject> {
  const all: Record<string, JsonObject> = {};
  const add = (path: string, method: string, described: JsonObject) => {
    all[path] = { ...all[path], [method]: described };
  };
  for (const route of API_ROUTES) add(route.path, route.method, operation(route));
  for (const [name, route] of Object.entries<AdminRoute>(ADMIN_ROUTES)) {
    add(route.path, route.method, adminOperation(name, route));
  }
  return all;
}

function operation(route: ApiRoute): JsonObject {
  const parameterRefs = routeParameters(route);
  return {
    operationId: route.operationId,
    tags: [route.tag],
    summary: route.summary,
    ...(route.description ? { description: route.description } : {}),
    ...(route.key ? {} : { security: [] }),
    ...(parameterRefs.length > 0 ? { parameters: parameterRefs } : {}),
    ...(route.request ? { requestBody: requestBody(route.request) } : {}),
    responses: {
      '200': answer(route),
      ...otherAnswers(route.answer),
      ...errorAnswers(route.errors, runsModel(route), route.tag === 'batches' && makesOnce(route)),
    },
  };
}

/** Only there are limits taken and answers replayed, and another model may stand in. */
function runsModel({ tag }: ApiRoute): boolean {
  return tag === 'inference';
}

/** What is charged or made; cancelling twice is as once without a key. */
function makesOnce({ method, request }: ApiRoute): boolean {
  return method === 'post' && request !== undefined;
}

function routeParameters(route: ApiRoute): Json[] {
  const names: ParameterName[] = [...(route.parameters ?? [])];
  if (route.path.includes('{id}')) names.push('ModelId');
  if (route.key) names.push('ProjectId');
  if (makesOnce(route)) names.push('IdempotencyKey');
  return names.map((name) => ({ $ref: `#/components/parameters/${name}` }));
}

function requestBody({ contentType, schema, examples }: NonNullable<ApiRoute['request']>): JsonObject {
  const type = contentType ?? 'application/json';
  return { required: true, content: { [type]: { schema: ref(schema), examples } } };
}

function answer(route: ApiRoute): JsonObject {
  const { description, contentType, schema, example, stream } = route.answer;
  const charged: JsonObject = {
    ...(runsModel(route) ? { ...RATE_LIMIT_HEADERS, ...REQUESTED_MODEL_HEADER, ...ORIGIN_HEADERS } : {}),
    ...(makesOnce(route) ? REPLAYED_HEADER : {}),
  };
  const body: JsonObject = {
    schema: schema ? ref(schema) : { type: contentType === 'application/json' ? 'object' : 'string' },
    ...(example === undefined ? {} : { example }),
  };
  const events: JsonObject = stream
    ? {
        'text/event-stream': {
          schema: {
            type: 'string',
            description: stream.description,
            ...(stream.schema
              ? { contentMediaType: 'application/json', contentSchema: ref(stream.schema) }
              : {}),
          },
          example: stream.example,
        },
      }
    : {};
  const headers = { ...REQUEST_ID_HEADER, ...charged };
  return { description, headers, content: { [contentType]: body, ...events } };
}

function otherAnswers({ others }: RouteAnswer): JsonObject {
  const entries = Object.entries(others ?? {});
  return Object.fromEntries(
    entries.map(([status, description]) => [status, { description, headers: REQUEST_ID_HEADER }]),
  );
}
