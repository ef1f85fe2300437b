/** A value that a schema allows: for tests that call every route and know none of them. */
import type { TSchema } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import fc from 'fast-check';

/** Any will do, the same every time. */
const SEED = 20_261_121;

/**
 * The least that a schema takes: required fields alone, and one more where at least one is asked for.
 * @throws Error when the value is none that the schema allows: then this file has to learn something
 */
export function leastValue(schema: TSchema): unknown {
  const value = madeOf(schema);
  const [problem] = Value.Errors(schema, value);
  if (problem !== undefined) {
    throw new Error(
      `No value for ${JSON.stringify(schema).slice(0, 300)}: ${problem.path} ${problem.message}`,
    );
  }
  return value;
}

function madeOf(schema: TSchema): unknown {
  if ('const' in schema) return schema['const'];
  if (Array.isArray(schema['anyOf'])) return madeOf(firstOf(schema['anyOf']));
  switch (schema['type']) {
    case 'string':
      return textOf(schema);
    case 'integer':
    case 'number':
      return schema['minimum'] ?? 1;
    case 'boolean':
      return true;
    case 'array':
      return Array.from({ length: schema['minItems'] ?? 0 }, () => madeOf(schema['items']));
    case 'object':
      return objectOf(schema);
    default:
      return null;
  }
}

function firstOf(branches: readonly TSchema[]): TSchema {
  const something = branches.find((branch) => branch['type'] !== 'null') ?? branches[0];
  if (something === undefined) throw new Error('A union of nothing');
  return something;
}

function textOf({ pattern, format, minLength = 1 }: TSchema): string {
  if (format === 'date-time') return new Date(0).toISOString();
  if (typeof pattern !== 'string') return 'a'.repeat(Math.max(1, minLength));
  const [text = ''] = fc.sample(fc.stringMatching(new RegExp(pattern)), { seed: SEED, numRuns: 1 });
  return text;
}

function objectOf(schema: TSchema): object {
  const properties = Object.entries<TSchema>(schema['properties'] ?? {});
  const required: readonly string[] = schema['required'] ?? [];
  const least = Math.max(required.length, schema['minProperties'] ?? 0);
  const optional = properties.filter(([name]) => !required.includes(name));
  const names = [...required, ...optional.map(([name]) => name)].slice(0, least);
  return Object.fromEntries(
    properties.filter(([name]) => names.includes(name)).map(([name, property]) => [name, madeOf(property)]),
  );
}
