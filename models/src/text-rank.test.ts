import { describe, expect, it } from 'vitest';
import { textRank } from './text-rank.ts';

describe('textRank', () => {
  const sentences = [
    'Bananas are yellow.',
    'The bank raised its interest rate on Thursday.',
    'Markets fell after the bank raised the interest rate.',
    'The interest rate of the bank is now four percent.',
  ];

  it('prefers sentences that share words with many others, and keeps their order', () => {
    expect(textRank(sentences, 1)).not.toContain('Bananas');
    expect(textRank(sentences, 3)).toBe(sentences.slice(1).join(' '));
  });

  it('copes with nothing and with sentences that share nothing', () => {
    expect(textRank([], 2)).toBe('');
    expect(textRank(['One two.', 'Three four.'], 1)).toBe('One two.');
  });
});
