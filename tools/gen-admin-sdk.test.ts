import { Type } from '@sinclair/typebox';
import { ADMIN_ROUTES, type AdminRoute, PERSON, project } from '@zerogpu/protocol';
import { describe, expect, it } from 'vitest';
import { adminModule, methodName } from './gen-admin-sdk.ts';
import { typeOf } from './schema-types.ts';

describe('names of methods', () => {
  it('leave out what the tag says', () => {
    expect(methodName('createKey', 'keys')).toBe('create');
    expect(methodName('listProjects', 'projects')).toBe('list');
    expect(methodName('listProjectBudgets', 'budgets')).toBe('listProjectBudgets');
    expect(methodName('listPaymentMethods', 'billing')).toBe('listPaymentMethods');
  });

  it('are different within a tag', () => {
    const names = Object.entries<AdminRoute>(ADMIN_ROUTES).map(
      ([name, { tag }]) => `${tag}.${methodName(name, tag)}`,
    );
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('the module', () => {
  const Thing = Type.Object({ id: Type.String(), note: Type.Optional(Type.String()) }, { $id: 'Thing' });
  const base = { tag: 'logs', summary: 'Things', access: project('admin') } as const;
  const text = adminModule({
    listThings: {
      ...base,
      method: 'get',
      path: '/api/projects/{projectId}/things',
      query: Type.Object({ limit: Type.Optional(Type.String({ pattern: '^[1-9]\\d*$' })) }),
      answer: Type.Object({
        object: Type.Literal('list'),
        data: Type.Array(Thing),
        next: Type.Union([Type.String(), Type.Null()]),
      }),
    },
    changeThing: { ...base, method: 'put', path: '/api/things/{thingId}', body: Thing, answer: null },
    tailThings: {
      ...base,
      method: 'get',
      path: '/api/things/tail',
      access: PERSON,
      answer: Thing,
      content: ['text/event-stream'],
    },
    exportThings: { ...base, method: 'get', path: '/api/x', answer: Thing, content: ['text/csv'] },
    makeThing: { ...base, method: 'post', path: '/api/things', body: Thing, answer: Thing, status: 201 },
    receiveThing: { ...base, method: 'post', path: '/api/y', raw: { maxBytes: 9 }, answer: null },
  });

  it('has the types by name', () => {
    expect(text).toContain('export type Thing = {\n  id: string;\n  note?: string | undefined;\n};');
    expect(text).toContain('data: Thing[];');
    expect(text).toContain('limit?: string | number | undefined;');
  });

  it('has a method for each kind of answer, and none for what servers sign', () => {
    expect(text).toContain(
      "listThings(projectId: string, query: Routes['listThings']['query'] = {}, options",
    );
    expect(text).toContain("Listing<Routes['listThings']['answer']>");
    expect(text).toContain("changeThing(thingId: string, body: Routes['changeThing']['body'], options");
    expect(text).toContain("Promise<Tail<Routes['tailThings']['answer']>>");
    expect(text).toContain('exportThings(options: AdminOptions = {}): Promise<TextStream>');
    expect(text).not.toContain('receiveThing');
  });

  it('says of what makes something that it does so once', () => {
    expect(text).toContain("{ method: 'POST', path: '/api/things', body, once: true, options }");
    expect(text.match(/Once per `idempotencyKey`/g)).toHaveLength(1);
    expect(text.match(/once: true/g)).toHaveLength(1);
  });
});

describe('types of schemas', () => {
  it.each([
    [Type.Integer(), 'number'],
    [Type.Union([Type.Literal('a'), Type.Literal("b'"), Type.Null()]), "'a' | 'b\\'' | null"],
    [Type.Array(Type.Union([Type.String(), Type.Null()])), '(string | null)[]'],
    [Type.Record(Type.String(), Type.Number()), 'Record<string, number>'],
    [Type.Unknown(), 'unknown'],
    [Type.Object({}), 'Record<string, never>'],
    [Type.Object({ 'a-b': Type.Boolean() }), "{\n  'a-b': boolean;\n}"],
    [{ $ref: '#/components/schemas/Key' }, 'Key'],
  ])('%j', (schema, type) => {
    expect(typeOf(schema)).toBe(type);
  });

  it('refuse what they cannot say', () => {
    expect(() => typeOf({ type: 'symbol' })).toThrow(/No type for/);
  });
});
