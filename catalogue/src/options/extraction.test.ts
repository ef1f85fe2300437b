import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { extractionOptions } from './extraction.ts';
import { TaskOptionsError } from './task-options-error.ts';

const read = (metadata: Record<string, unknown>) => extractionOptions({ metadata });

function refusal(metadata: Record<string, unknown>): TaskOptionsError {
  try {
    read(metadata);
  } catch (error) {
    if (error instanceof TaskOptionsError) return error;
  }
  throw new Error(`${JSON.stringify(metadata)} was accepted`);
}

/** The metadata of the example in the message. */
function exampleIn(error: TaskOptionsError): Record<string, unknown> {
  const example: { metadata: Record<string, unknown> } = JSON.parse(
    error.message.split('For example: ')[1] ?? '',
  );
  return example.metadata;
}

describe('extractionOptions', () => {
  it('reads labels and threshold', () => {
    expect(read({ usecase: 'ner', labels: ['person', 'person', '__proto__'] })).toEqual({
      usecase: 'ner',
      labels: ['person', '__proto__'],
      threshold: 0.5,
    });
    expect(read({ usecase: 'ner', labels: '["a","b"]', threshold: '0.2' })).toMatchObject({
      labels: ['a', 'b'],
      threshold: 0.2,
    });
    expect(read({ usecase: 'ner', labels: 'a, b' })).toMatchObject({ labels: ['a', 'b'] });
  });

  it.each([
    ['name', { type: 'str', choices: null, description: '' }],
    ['name::int', { type: 'int', choices: null, description: '' }],
    ['name::float::The price, in €', { type: 'float', choices: null, description: 'The price, in €' }],
    ['name::[a|b | c]::str', { type: 'str', choices: ['a', 'b', 'c'], description: '' }],
    ['name::[a|b]::list::All that fit', { type: 'list', choices: ['a', 'b'], description: 'All that fit' }],
    ['name::list::[a|b]', { type: 'list', choices: ['a', 'b'], description: '' }],
    ['name::Where it is', { type: 'str', choices: null, description: 'Where it is' }],
    ['name::str::a::b', { type: 'str', choices: null, description: 'a::b' }],
  ])('reads the field %s', (field, expected) => {
    const options = read({ usecase: 'json', schema: { thing: [field] } });
    expect(options).toMatchObject({ groups: [{ name: 'thing', fields: [{ name: 'name', ...expected }] }] });
  });

  it('reads axes, and a schema in a string', () => {
    const schema = { mood: ['good', 'bad'] };
    const expected = { usecase: 'classification', axes: [{ name: 'mood', labels: ['good', 'bad'] }] };
    expect(read({ usecase: 'classification', schema })).toMatchObject(expected);
    expect(read({ usecase: 'classification', schema: JSON.stringify(schema) })).toMatchObject(expected);
  });

  it.each([
    ['metadata.usecase', {}],
    ['metadata.usecase', { usecase: 'find' }],
    ['metadata.usecase', { usecase: ['ner'] }],
    ['metadata.labels', { usecase: 'ner' }],
    ['metadata.labels', { usecase: 'ner', labels: [] }],
    ['metadata.labels', { usecase: 'ner', labels: [1] }],
    ['metadata.labels', { usecase: 'ner', labels: ['a'.repeat(257)] }],
    ['metadata.labels', { usecase: 'ner', labels: Array.from({ length: 101 }, (_, i) => `l${i}`) }],
    ['metadata.threshold', { usecase: 'ner', labels: ['a'], threshold: 2 }],
    ['metadata.threshold', { usecase: 'ner', labels: ['a'], threshold: 'high' }],
    ['metadata.schema', { usecase: 'json' }],
    ['metadata.schema', { usecase: 'json', schema: [] }],
    ['metadata.schema', { usecase: 'json', schema: {} }],
    ['metadata.schema', { usecase: 'json', schema: { a: 'b' } }],
    ['metadata.schema', { usecase: 'json', schema: { a: [] } }],
    ['metadata.schema', { usecase: 'json', schema: { a: ['b', 'b::int'] } }],
    ['metadata.schema', { usecase: 'json', schema: { a: ['b::strange::What it is'] } }],
    ['metadata.schema', { usecase: 'json', schema: { a: ['::str'] } }],
    ['metadata.schema', { usecase: 'json', schema: '{' }],
    ['metadata.schema', { usecase: 'classification', schema: { a: ['b'] } }],
  ])('refuses, naming %s, %j', (param, metadata) => {
    const error = refusal(metadata);
    expect(error.param).toBe(param);
    expect(() => read(exampleIn(error))).not.toThrow();
  });

  it('refuses anything strange by a TaskOptionsError only', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('ner', 'json', 'classification'),
        fc.anything(),
        fc.anything(),
        (usecase, labels, schema) => {
          try {
            read({ usecase, labels, schema });
          } catch (error) {
            expect(error).toBeInstanceOf(TaskOptionsError);
          }
        },
      ),
    );
  });
});
