import { Value } from '@sinclair/typebox/value';
import { describe, expect, it } from 'vitest';
import { ERRORS, type ErrorCode } from './errors.ts';
import { ADDRESS_ERRORS, API_ROUTES, openApiDocument } from './openapi.ts';
import { ChatAnswer, ChatRequest } from './schema/chat.ts';
import {
  EmbeddingsAnswer,
  EmbeddingsRequest,
  ModerationsAnswer,
  ModerationsRequest,
} from './schema/embeddings.ts';
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
    ).toBe(14);
    for (const operation of operations) {
      const { responses } = operation as { responses: Record<string, { headers: object }> };
      for (const answer of Object.values(responses)) expect(answer.headers).toHaveProperty('x-request-id');
    }
  });

  it('asks for a key everywhere but on the routes of operations', () => {
    for (const route of API_ROUTES) expect(route.key).toBe(route.path.startsWith('/v1/'));
    expect(document.security).toEqual([{ apiKey: [] }, { bearer: [] }]);
    expect(document.paths['/health']?.['get']).toMatchObject({ security: [] });
    expect(document.paths['/v1/models']?.['get']).not.toHaveProperty('security');
  });
});

describe('errors', () => {
  it('are all documented, but for the one that is never sent', () => {
    const documented = new Set<ErrorCode>([
      ...API_ROUTES.flatMap((route) => route.errors),
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
            insufficient_quota: { value: { error: { code: 'insufficient_quota' } } },
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
