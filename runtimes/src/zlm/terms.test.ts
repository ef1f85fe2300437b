import { describe, expect, it } from 'vitest';
import { TermTable, termOf } from './terms.ts';

describe('termOf', () => {
  it('brings the inflections of an English word together', () => {
    const families = [
      ['launch', 'launches', 'launched', 'launching'],
      ['company', 'companies', 'company’s'],
      ['plan', 'plans', 'planned', 'planning'],
      ['rate', 'rates', 'rated'],
      ['model', "model's", 'models'],
    ];
    for (const family of families) expect(new Set(family.map(termOf)).size, family.join()).toBe(1);
  });

  it('keeps words apart that are not one word', () => {
    expect(['us', 'was', 'class', 'this', 'bus', 'ing', 'red', '中', '1,000.5'].map(termOf)).toEqual([
      'us',
      'was',
      'class',
      'this',
      'bus',
      'ing',
      'red',
      '中',
      '1,000.5',
    ]);
    expect(termOf('news')).not.toBe(termOf('new'));
  });
});

describe('TermTable', () => {
  it('gives the unseen its own weight', () => {
    const table = new TermTable(new Map([['the', 0.1]]), 11);
    expect([table.idf('the'), table.idf('zyx'), table.size]).toEqual([0.1, 11, 1]);
  });
});
