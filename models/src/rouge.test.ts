import { describe, expect, it } from 'vitest';
import { bestRouge, rouge } from './rouge.ts';

describe('rouge', () => {
  it('scores the example of Lin (2004)', () => {
    const reference = 'police killed the gunman';
    expect(rouge('police kill the gunman', reference)).toEqual({ rouge1: 0.75, rouge2: 1 / 3, rougeL: 0.75 });
    expect(rouge('the gunman kill police', reference)).toEqual({ rouge1: 0.75, rouge2: 1 / 3, rougeL: 0.5 });
  });

  it('counts a word no oftener than the reference has it, and ignores case and marks', () => {
    expect(rouge('The the the!', 'the end').rouge1).toBeCloseTo(2 / 5);
    expect(rouge('Über-Ich, 3', 'über ich 3').rouge2).toBe(1);
    expect(rouge('', 'a')).toEqual({ rouge1: 0, rouge2: 0, rougeL: 0 });
  });

  it('takes the best of several references', () => {
    expect(bestRouge('a b', ['c d', 'a b']).rouge2).toBe(1);
  });
});
