import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { summarize, summaryModel } from './extractive-summary.ts';
import { readWeights } from './weights.ts';

const weights = readWeights(
  readFileSync(new URL('../../../models/weights/zlm-v1-summary-cloud/model.zlm', import.meta.url)),
);
const model = summaryModel(weights);

function summaryOf(text: string, sentences?: number): string {
  const options = sentences === undefined ? {} : { sentences };
  return summarize(text, model, { maxOutputTokens: 1024, ...options }).pieces.join('');
}

const ABSTRACT = [
  'Large language models have achieved remarkable success, but their deployment is limited by their memory.',
  'Quantization is a common technique to reduce the size of neural networks.',
  'However, existing methods suffer from a significant loss of accuracy below 4 bits.',
  'In this paper, we propose SparQ, a scheme that stores outlier weights in higher precision and all others in 3 bits.',
  'We evaluate SparQ on models from 1B to 65B parameters.',
  'Code is available at https://github.com/example/sparq.',
];

const MEETING = `[00:00:05] Anna: Okay, hi everyone, thanks for joining. Can you all hear me?
[00:00:09] Bob: Yes, loud and clear.
[00:00:12] Anna: Great. So the main topic today is the release date for version 3. We originally planned to ship on March 15.
[00:00:24] Chen: Right, but the payment integration is still failing. About 4 percent of the transactions time out.
[00:00:35] Bob: Yeah. I think we need at least one more week to fix that.
[00:00:52] Anna: Then we decided: we move the release to March 22, and Chen fixes the connection pool by Wednesday.
[00:01:07] Anna: Perfect. Anything else? No? Okay, thank you all, bye.
[00:01:12] Bob: Bye.`;

const STRUCTURED = `BACKGROUND: Hypertension is a leading risk factor for cardiovascular disease, and treatment is debated.
METHODS: We randomly assigned 2,636 patients to a systolic target of less than 120 or 140 mm Hg.
RESULTS: There was a significantly lower rate of the primary outcome in the intensive group.
CONCLUSIONS: Treating adults aged 75 years or older to less than 120 mm Hg lowered the rate of cardiovascular events.`;

describe('summarize', () => {
  it('finds what an abstract contributes, in one sentence', () => {
    expect(summaryOf(ABSTRACT.join(' '))).toBe(ABSTRACT[3]);
  });

  it('takes the conclusion of a structured abstract', () => {
    expect(summaryOf(STRUCTURED)).toMatch(/^CONCLUSIONS: /);
  });

  it('finds what a meeting decided, wherever it was said, and no small talk', () => {
    const summary = summaryOf(MEETING);
    expect(summary).toContain('we move the release to March 22');
    expect(summary).not.toMatch(/hi everyone|Bye|hear me|\[00/);
  });

  it('gives the items of a list one a line', () => {
    const list =
      'Planning\n\n- Budget for the third quarter approved at $240,000\n- Hiring freeze continues until October\n- Tom moves the warehouse to PostgreSQL by August\n- Churn rose from 3.1% to 4.4% in the small business segment';
    const lines = summaryOf(list).split('\n');
    expect(lines.length).toBeGreaterThan(1);
    for (const line of lines) expect(list).toContain(`- ${line}`);
  });

  it('puts a hard-wrapped sentence on one line', () => {
    const wrapped =
      'The weather service issued a hurricane warning on Tuesday for the entire\ncoast of South Carolina, where the storm is expected to make landfall on\nThursday. Schools in eight counties will stay closed until further notice, and\nresidents were told to fill up their cars and to store water for three days.';
    expect(summaryOf(wrapped)).toBe(
      'The weather service issued a hurricane warning on Tuesday for the entire coast of South Carolina, where the storm is expected to make landfall on Thursday.',
    );
  });

  it('puts no space between sentences of Chinese', () => {
    const text =
      '中国国家航天局宣布，嫦娥五号探测器于12月17日凌晨成功返回地球。探测器在内蒙古四子王旗着陆，带回了约1731克月球样品。这是人类44年来首次从月球带回样品。科学家将对样品进行分析，以了解月球的形成和演化。国家航天局表示，中国将与其他国家分享部分样品。';
    const summary = summaryOf(text);
    expect(summary).toMatch(/^中国国家航天局宣布[^ ]+。$/);
  });

  it('gives as many sentences as asked for, in order', () => {
    for (const count of [1, 2, 3, 4]) {
      const chosen = ABSTRACT.filter((sentence) => summaryOf(ABSTRACT.join(' '), count).includes(sentence));
      expect(chosen).toHaveLength(count);
      expect(summaryOf(ABSTRACT.join(' '), count)).toBe(chosen.join(' '));
    }
  });

  it('takes a shorter sentence when the best does not fit, and cuts at a word when none does', () => {
    const { pieces, finishReason } = summarize(ABSTRACT.join(' '), model, { maxOutputTokens: 18 });
    expect(ABSTRACT).toContain(pieces.join(''));
    expect(finishReason).toBe('stop');
    const tight = summarize(ABSTRACT.join(' '), model, { maxOutputTokens: 6 });
    expect(tight.finishReason).toBe('length');
    expect(`${ABSTRACT.join(' ')} `).toContain(`${tight.pieces.join('')} `);
  });

  it('refuses weights that were trained on other features', () => {
    const strange = { ...weights.meta, features: ['position'] };
    const other = Object.create(weights, { meta: { value: strange } });
    expect(() => summaryModel(other)).toThrow('trained on other features');
  });
});
