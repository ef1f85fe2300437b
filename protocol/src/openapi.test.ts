import { Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { describe, expect, it } from 'vitest';
import { ADMIN_ROUTES } from './admin/index.ts';
import {
  type AdminRoute,
  ANYONE,
  errorsOf,
  isCreation,
  organization,
  PERSON,
  project,
} from './admin/route.ts';
import { ERRORS, type ErrorCode } from './errors.ts';
import { ADDRESS_ERRORS, openApiDocument } from './openapi.ts';
import { adminOperation, whoMay } from './openapi-admin.ts';
import { API_ROUTES } from './openapi-routes.ts';
import { componentSchemas } from './openapi-schemas.ts';
import { BatchList, BatchObject, BatchRequest } from './schema/batches.ts';
import { ChatAnswer, ChatRequest } from './schema/chat.ts';
import {
  EmbeddingsAnswer,
  EmbeddingsRequest,
  ModerationsAnswer,
  ModerationsRequest,
} from './schema/embeddings.ts';
import { FileDeleted, FileList, FileObject, FileUpload } from './schema/files.ts';
import { Health, ModelEntry, ModelList } from './schema/models.ts';
import { ResponsesAnswer, ResponsesRequest } from './schema/responses.ts';
import {
  GlinerAnswer,
  GlinerRequest,
  IabAnswer,
  IabRequest,
  SummaryAnswer,
  SummaryRequest,
} from './schema/tasks.ts';

const document = openApiDocument();
const operations = Object.values(document.paths).flatMap((path) => Object.values(path));

/** Every `$ref` anywhere in the document. */
function references(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(references);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) =>
    key === '$ref' && typeof item === 'string' ? [item] : references(item),
  );
}

/** What a reference points at, or undefined. */
function resolve(reference: string): unknown {
  let at: unknown = document;
  for (const part of reference.replace(/^#\//, '').split('/')) {
    at =
      typeof at === 'object' && at !== null
        ? Object.entries(at).find(([key]) => key === part)?.[1]
        : undefined;
  }
  return at;
}

describe('the document', () => {
  it('is plain JSON and the same every time', () => {
    expect(JSON.parse(JSON.stringify(document))).toEqual(document);
    expect(openApiDocument()).toEqual(document);
    expect(JSON.stringify(document)).not.toContain('"$id"');
  });

  it('refers only to what it holds', () => {
    const all = references(document);
    expect(all.length).toBeGreaterThan(20);
    expect(all.filter((reference) => resolve(reference) === undefined)).toEqual([]);
  });

  it('gives every operation its own id and a request id on each answer', () => {
    expect(
      new Set(operations.map((operation) => (operation as { operationId: string }).operationId)).size,
    ).toBe(API_ROUTES.length + Object.keys(ADMIN_ROUTES).length);
    for (const operation of operations) {
      const { responses } = operation as { responses: Record<string, { headers: object; $ref?: string }> };
      for (const answer of Object.values(responses)) {
        const { $ref } = answer;
        const { headers } = $ref === undefined ? answer : (resolve($ref) as { headers: object });
        expect(headers).toHaveProperty('x-request-id');
      }
    }
  });

  it('asks for a key everywhere but on the routes of operations', () => {
    for (const route of API_ROUTES) expect(route.key).toBe(route.path.startsWith('/v1/'));
    expect(document.security).toEqual([{ apiKey: [] }, { bearer: [] }]);
    expect(document.paths['/health']?.['get']).toMatchObject({ security: [] });
    expect(document.paths['/v1/models']?.['get']).not.toHaveProperty('security');
  });
});

describe('routes of the admin API', () => {
  const operation = (path: string, method: string): Described =>
    JSON.parse(JSON.stringify(document.paths[path]?.[method]));
  interface Described {
    readonly description: string;
    readonly security: unknown;
    readonly parameters: unknown;
    readonly responses: Readonly<Record<string, unknown>>;
  }

  it('are all there, with their schemas by name', () => {
    for (const [name, { path, method }] of Object.entries<AdminRoute>(ADMIN_ROUTES)) {
      expect(operation(path, method)).toMatchObject({ operationId: name });
    }
    expect(document.components['schemas']).toHaveProperty('Project.properties.environment');
    expect(operation('/api/projects/{projectId}', 'get').responses['200']).toMatchObject({
      content: { 'application/json': { schema: { $ref: '#/components/schemas/Project' } } },
    });
  });

  it('say who may call them, with a session where one is needed', () => {
    const { description, security, parameters, responses } = operation('/api/projects/{projectId}', 'patch');
    expect(description).toBe(
      'Members of the project’s organization with the role `admin` or `owner` may call it. ' +
        'Stands in the audit log as `project.updated`.',
    );
    expect(security).toEqual([{ sessionCookie: [] }, { session: [] }]);
    expect(parameters).toMatchObject([{ name: 'projectId', in: 'path', description: 'The id of a project' }]);
    expect(Object.keys(responses)).toEqual(expect.arrayContaining(['200', '400', '401', '403', '404']));
    expect(responses['403']).toEqual({ $ref: '#/components/responses/origin_not_allowed.role_insufficient' });
    expect(resolve('#/components/responses/not_found')).toMatchObject({
      content: {
        'application/json': { examples: { not_found: { $ref: '#/components/examples/not_found' } } },
      },
    });
    expect(whoMay(organization('viewer'))).toBe('Every member of the organization may call it.');
    expect(whoMay(project('owner'))).toMatch(/with the role `owner` may/);
    expect(whoMay(PERSON)).toMatch(/signed in/);
    expect(whoMay(ANYONE)).toMatch(/Anybody/);
  });

  it('tell of the Idempotency-Key where something is made or charged, and only there', () => {
    const key = { $ref: '#/components/parameters/CreationKey' };
    const conflict = (responses: Described['responses']) => JSON.stringify(responses['409'] ?? '');
    for (const route of Object.values<AdminRoute>(ADMIN_ROUTES)) {
      const { parameters = [], responses } = operation(route.path, route.method);
      const once = isCreation(route);
      expect(
        [parameters].flat().some((one) => JSON.stringify(one) === JSON.stringify(key)),
        route.path,
      ).toBe(once);
      expect(conflict(responses).includes('idempotency_conflict'), route.path).toBe(once);
      expect(JSON.stringify(responses).includes('IdempotentReplayed'), route.path).toBe(once);
    }
    expect(ADMIN_ROUTES.createKey).toSatisfy(isCreation);
    expect(ADMIN_ROUTES.rotateWebhookSecret).toSatisfy(isCreation);
    expect(ADMIN_ROUTES.signUp).not.toSatisfy(isCreation);
    expect(ADMIN_ROUTES.revokeKey).not.toSatisfy(isCreation);
  });

  it('describe texts by what a line or an event holds, and 204 without a body', () => {
    const item = Type.Object({ at: Type.String() }, { $id: 'Line' });
    const base = { method: 'get', path: '/api/x', tag: 'logs', summary: 's', access: ANYONE } as const;
    const lines = adminOperation('x', { ...base, answer: item, content: ['text/csv', 'application/jsonl'] });
    expect(lines['responses']).toMatchObject({
      '200': {
        content: {
          'text/csv': { schema: { type: 'string' } },
          'application/jsonl': {
            schema: {
              contentMediaType: 'application/json',
              contentSchema: { $ref: '#/components/schemas/Line' },
            },
          },
        },
      },
    });
    const nothing = adminOperation('x', { ...base, answer: null });
    expect(nothing['responses']).toHaveProperty('204');
    expect(nothing['responses']).not.toHaveProperty('204.content');
    expect(nothing['security']).toEqual([]);
  });

  it('refuse two schemas of one name', () => {
    const one = Type.Object({ a: Type.Object({ b: Type.String() }, { $id: 'Twice' }) });
    expect(componentSchemas([one, one])).toHaveProperty('Twice');
    const other = Type.Object({ c: Type.String() }, { $id: 'Twice' });
    expect(() => componentSchemas([one, other])).toThrow('Two schemas are called "Twice"');
  });
});

describe('errors', () => {
  it('are all documented, but for the one that is never sent', () => {
    const documented = new Set<ErrorCode>([
      ...API_ROUTES.flatMap((route) => route.errors),
      ...Object.values<AdminRoute>(ADMIN_ROUTES).flatMap(errorsOf),
      ...ADDRESS_ERRORS,
    ]);
    const missing = Object.keys(ERRORS).filter((code) => !documented.has(code as ErrorCode));
    expect(missing).toEqual(['client_closed_request']);
  });

  it('stand under their status with an example of each code', () => {
    const answer = document.paths['/v1/responses']?.['post'] as { responses: Record<string, unknown> };
    expect(answer.responses['420']).toMatchObject({
      content: {
        'application/json': {
          examples: {
            context_length_exceeded: {},
            insufficient_quota: { $ref: '#/components/examples/insufficient_quota' },
          },
        },
      },
    });
    expect(answer.responses['429']).toMatchObject({ headers: { 'retry-after': {} } });
    expect(answer.responses['400']).not.toMatchObject({ headers: { 'retry-after': {} } });
  });
});

describe('examples', () => {
  const schemas = {
    ResponsesRequest,
    ResponsesAnswer,
    ChatRequest,
    ChatAnswer,
    EmbeddingsRequest,
    EmbeddingsAnswer,
    ModerationsRequest,
    ModerationsAnswer,
    SummaryRequest,
    SummaryAnswer,
    IabRequest,
    IabAnswer,
    GlinerRequest,
    GlinerAnswer,
    Model: ModelEntry,
    ModelList,
    FileUpload,
    File: FileObject,
    FileList,
    FileDeleted,
    BatchRequest,
    Batch: BatchObject,
    BatchList,
    Health,
  };
  type Named = keyof typeof schemas;
  const problems = (name: Named, value: unknown) =>
    [...Value.Errors(schemas[name], value)].map(({ path, message }) => `${path}: ${message}`);

  it.each(API_ROUTES.filter((route) => route.request))('of requests to $path satisfy the schema', (route) => {
    for (const example of Object.values(route.request?.examples ?? {})) {
      const { value } = example as { value: unknown };
      expect(problems(route.request?.schema as Named, value)).toEqual([]);
    }
  });

  it.each(API_ROUTES.filter((route) => route.answer.schema))(
    'of answers of $path satisfy the schema',
    (route) => {
      expect(problems(route.answer.schema as Named, route.answer.example)).toEqual([]);
    },
  );
});
