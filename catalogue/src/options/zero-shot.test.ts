import { plainInference } from '@zerogpu/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TaskOptionsError } from './task-options-error.ts';
import { LONGEST_LABEL, MOST_LABELS, zeroShotOptions } from './zero-shot.ts';

function read(options: { instructions?: string | null; metadata?: Record<string, unknown> }) {
  return zeroShotOptions({ ...plainInference('zlm-v1-zeroshot-edge', 'a text'), ...options });
}

function refusal(options: Parameters<typeof read>[0]): TaskOptionsError {
  try {
    read(options);
  } catch (error) {
    if (error instanceof TaskOptionsError) return error;
    throw error;
  }
  throw new Error('It was accepted');
}

describe('labels in instructions', () => {
  it.each([
    ['[sports, finance, politics]', ['sports', 'finance', 'politics']],
    ['sports, finance, politics', ['sports', 'finance', 'politics']],
    ['["sports", "finance"]', ['sports', 'finance']],
    ["['sports', 'finance']", ['sports', 'finance']],
    ['["a, b", "c"]', ['a, b', 'c']],
    ["'a, b', c", ['a, b', 'c']],
    ['“rock ’n’ roll”, don’t know', ['rock ’n’ roll', 'don’t know']],
    ["'tis fine, don't know", ["'tis fine", "don't know"]],
    ['Classify the text into [sports, science and technology]', ['sports', 'science and technology']],
    ['Labels: sports, finance', ['sports', 'finance']],
    ['- sports\n- finance\n', ['sports', 'finance']],
    ['1. sports\n2. finance', ['sports', 'finance']],
    ['sports; finance | politics,', ['sports', 'finance', 'politics']],
    ['[1, 2, 10]', ['1', '2', '10']],
    ['[__proto__, constructor]', ['__proto__', 'constructor']],
    ['[a, a, b, a]', ['a', 'b']],
    ['[Größe, 体育, ⚽]', ['Größe', '体育', '⚽']],
  ])('%j', (instructions, labels) => {
    expect(read({ instructions })).toEqual({ labels, threshold: 0, multiLabel: false });
  });
});

describe('metadata', () => {
  it('names labels before instructions do, spelled as sent', () => {
    const metadata = { labels: [' A ', 'b', 3, 'b'], threshold: 0.25, multi_label: true };
    expect(read({ instructions: '[x, y]', metadata })).toEqual({
      labels: [' A ', 'b', '3'],
      threshold: 0.25,
      multiLabel: true,
    });
  });

  it('may be strings throughout', () => {
    const metadata = { labels: '["a","b"]', threshold: '0.5', multi_label: 'false' };
    expect(read({ metadata })).toEqual({ labels: ['a', 'b'], threshold: 0.5, multiLabel: false });
  });
});

describe('refused', () => {
  it.each([
    [{}, 'instructions'],
    [{ instructions: '' }, 'instructions'],
    [{ instructions: '[]' }, 'instructions'],
    [{ instructions: 'sports' }, 'instructions'],
    [{ instructions: '[sports, sports]' }, 'instructions'],
    [{ instructions: '["sports", null]' }, 'instructions'],
    [{ metadata: { labels: ['sports'] } }, 'metadata.labels'],
    [{ metadata: { labels: [] } }, 'metadata.labels'],
    [{ metadata: { labels: ['a', ' '] } }, 'metadata.labels'],
    [{ metadata: { labels: ['a', {}] } }, 'metadata.labels'],
    [{ metadata: { labels: { a: 1 } } }, 'metadata.labels'],
    [{ metadata: { labels: ['a', 'b'.repeat(LONGEST_LABEL + 1)] } }, 'metadata.labels'],
    [{ metadata: { labels: Array.from({ length: MOST_LABELS + 1 }, (_, i) => i) } }, 'metadata.labels'],
    [{ instructions: 'x,'.repeat(60_000) }, 'instructions'],
    [{ instructions: '[a, b]', metadata: { threshold: 1.5 } }, 'metadata.threshold'],
    [{ instructions: '[a, b]', metadata: { threshold: 'high' } }, 'metadata.threshold'],
    [{ instructions: '[a, b]', metadata: { threshold: Number.NaN } }, 'metadata.threshold'],
    [{ instructions: '[a, b]', metadata: { multi_label: 1 } }, 'metadata.multi_label'],
  ])('%#', (options, param) => {
    const error = refusal(options);
    expect(error.param).toBe(param);
    expect(error.message).toMatch(/For example: \{/);
  });

  it('names the form to use', () => {
    expect(refusal({}).message).toContain('{"instructions":"[sports, finance, politics]"}');
    expect(refusal({ metadata: { labels: ['a'] } }).message).toContain(
      '"labels":["sports","finance","politics"]',
    );
  });

  it('is the only error, whatever is sent', () => {
    const instructions = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[[\]"',; a|\n-]*$/));
    fc.assert(
      fc.property(instructions, fc.dictionary(fc.string(), fc.jsonValue()), (text, metadata) => {
        try {
          const { labels } = read({ instructions: text, metadata });
          expect(new Set(labels).size).toBe(labels.length);
          expect(labels.length).toBeGreaterThan(1);
        } catch (error) {
          expect(error).toBeInstanceOf(TaskOptionsError);
        }
      }),
    );
  });
});
