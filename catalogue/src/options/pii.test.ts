import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readPiiOptions } from './pii.ts';
import { PII_CATEGORIES, PII_LABELS, piiLabelOf } from './pii-labels.ts';
import { TaskOptionsError } from './task-options-error.ts';

const read = (metadata: Record<string, unknown>) => readPiiOptions({ metadata });

describe('readPiiOptions', () => {
  it('finds everything at 0.5 where nothing is asked', () => {
    const options = read({});
    expect(options).toMatchObject({
      redacts: false,
      threshold: 0.5,
      mask: { kind: 'label' },
      isNamed: false,
    });
    expect([...options.labels.keys()]).toEqual(Object.keys(PII_LABELS));
  });

  it('knows 43 labels, and each category has some', () => {
    expect(Object.keys(PII_LABELS)).toHaveLength(43);
    expect(new Set(Object.values(PII_LABELS))).toEqual(new Set(PII_CATEGORIES));
  });

  it('knows the usecases of the public interface', () => {
    expect(read({ usecase: 'redact' }).redacts).toBe(true);
    for (const usecase of ['extract-pii', 'extract', 'ner']) expect(read({ usecase }).redacts).toBe(false);
  });

  it('reads masks: the label, a character of any plane, the word char', () => {
    expect(read({ mask: 'char' }).mask).toEqual({ kind: 'character', character: '*' });
    expect(read({ mask: '█' }).mask).toEqual({ kind: 'character', character: '█' });
    expect(read({ mask: '😀' }).mask).toEqual({ kind: 'character', character: '😀' });
  });

  it('takes labels in other spellings and other names, and keeps the caller’s name', () => {
    const { labels, isNamed } = read({ labels: ['PHONE_NUMBER', 'ssn', 'person'] });
    expect([...labels]).toEqual([
      ['phone number', 'PHONE_NUMBER'],
      ['social security number', 'ssn'],
      ['person', 'person'],
    ]);
    expect(isNamed).toBe(true);
  });

  it('takes lists as strings', () => {
    expect([...read({ labels: 'email, city' }).labels.keys()]).toEqual(['email', 'city']);
    expect([...read({ labels: '["email","city"]' }).labels.keys()]).toEqual(['email', 'city']);
    expect(read({ threshold: '0.25' }).threshold).toBe(0.25);
  });

  it('keeps of the labels those of the categories', () => {
    expect([...read({ categories: ['contact'] }).labels.keys()]).toEqual(['email', 'phone number']);
    expect([...read({ categories: ['medical'], labels: ['email', 'medication'] }).labels.keys()]).toEqual([
      'medication',
    ]);
  });

  it.each([
    [{ usecase: 'mask' }, 'metadata.usecase', 'extract-pii'],
    [{ usecase: '__proto__' }, 'metadata.usecase', 'redact'],
    [{ mask: '**' }, 'metadata.mask', 'single character'],
    [{ mask: '\ud83d' }, 'metadata.mask', 'single character'],
    [{ threshold: 2 }, 'metadata.threshold', 'between 0 and 1'],
    [{ threshold: Number.NaN }, 'metadata.threshold', 'between 0 and 1'],
    [{ categories: ['people'] }, 'metadata.categories', 'identity'],
    [{ categories: [] }, 'metadata.categories', 'empty'],
    [{ labels: ['persn'] }, 'metadata.labels', 'did you mean "person"'],
    [{ labels: ['__proto__'] }, 'metadata.labels', 'vehicle identification number'],
    [{ labels: [7] }, 'metadata.labels', 'no name'],
    [{ labels: 5 }, 'metadata.labels', 'list of names'],
    [{ labels: Array.from({ length: 101 }, () => 'email') }, 'metadata.labels', '101'],
    [{ labels: ['x'.repeat(300)] }, 'metadata.labels', 'longer'],
  ])('refuses %j', (metadata, param, words) => {
    const error = refusal(metadata);
    expect(error.param).toBe(param);
    expect(error.message).toContain(words);
    expect(error.message).toContain('For example: {');
  });

  it('throws nothing but its own error on any JSON', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.constantFrom('usecase', 'labels', 'categories', 'mask', 'threshold'),
          fc.jsonValue(),
        ),
        (metadata) => {
          try {
            read(metadata);
          } catch (error) {
            expect(error).toBeInstanceOf(TaskOptionsError);
          }
        },
      ),
    );
  });

  it('reads a label out of nothing inherited', () => {
    expect(piiLabelOf('constructor')).toBeNull();
  });
});

function refusal(metadata: Record<string, unknown>): TaskOptionsError {
  try {
    read(metadata);
  } catch (error) {
    if (error instanceof TaskOptionsError) return error;
  }
  throw new Error('It was not refused');
}
