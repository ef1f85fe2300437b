/**
 * Moderation: false alarms on AG News test texts, none of which is to be flagged; and tweets labelled as offensive or
 * hateful, where the split is at hand (`eval/tweeteval`, else the training split, on which nothing is trained). A tweet
 * counts as found when the model flags it, at the threshold that it ships with.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { MODERATION_CATEGORIES } from '@zerogpu/protocol';
import { ModerationModel } from '@zerogpu/runtimes';
import { agNews } from './ag-news.ts';
import type { Evaluation, EvaluationInput, Table } from './evaluation.ts';

interface Tweet {
  readonly text: string;
  readonly isPositive: boolean;
}

export const moderationEvaluation: Evaluation = {
  model: 'zlm-v1-moderation-edge',
  async run({ data, weights }: EvaluationInput): Promise<readonly Table[]> {
    const model = new ModerationModel(weights);
    return [await falseAlarms(data, model), await tweets(data, model)];
  },
};

async function falseAlarms(data: string, model: ModerationModel): Promise<Table> {
  const cases = await agNews(data);
  const results = cases.map(({ text }) => model.moderate(text));
  const share = (count: number) => [count, `${((100 * count) / cases.length).toFixed(2)} %`];
  const perCategory = MODERATION_CATEGORIES.map((name) => [
    name,
    ...share(results.filter(({ categories }) => categories[name]).length),
  ]);
  const examples = cases.filter((_, i) => results[i]?.flagged).slice(0, 5);
  return {
    title: 'AG News test, texts flagged',
    columns: ['', 'texts', 'share'],
    rows: [['any category', ...share(results.filter(({ flagged }) => flagged).length)], ...perCategory],
    notes: [
      `${cases.length} texts`,
      ...examples.map(({ text }) => `Flagged: ${text.replaceAll('\n', ' ').slice(0, 160)}`),
    ],
  };
}

async function tweets(data: string, model: ModerationModel): Promise<Table> {
  const rows: (string | number)[][] = [];
  for (const set of ['offensive', 'hate']) {
    for (const [place, split] of [
      ['eval', 'test'],
      ['train', 'train'],
      ['train', 'val'],
    ] as const) {
      const cases = await tweetsOf(path.join(data, place, 'tweeteval', set), split);
      if (cases.length > 0) rows.push([`${set}, ${split}`, ...binaryScores(cases, model), cases.length]);
    }
  }
  return {
    title: 'TweetEval, flagged or not',
    columns: ['', 'precision', 'recall', 'binary F1', 'F1 of flagging everything', 'tweets'],
    rows,
  };
}

async function tweetsOf(folder: string, split: string): Promise<Tweet[]> {
  const file = path.join(folder, `${split}_text.txt`);
  if (!existsSync(file)) return [];
  const texts = (await readFile(file, 'utf8')).trimEnd().split('\n');
  const labels = (await readFile(path.join(folder, `${split}_labels.txt`), 'utf8')).trim().split('\n');
  return texts.map((text, i) => ({ text, isPositive: labels[i]?.trim() === '1' }));
}

function binaryScores(cases: readonly Tweet[], model: ModerationModel): string[] {
  let found = 0;
  let false_ = 0;
  let wanted = 0;
  for (const { text, isPositive } of cases) {
    const { flagged } = model.moderate(text);
    if (isPositive) wanted++;
    if (flagged && isPositive) found++;
    else if (flagged) false_++;
  }
  const f1 = (hits: number, flagged: number) => (2 * hits) / (flagged + wanted);
  return [found / (found + false_), found / wanted, f1(found, found + false_), f1(wanted, cases.length)].map(
    (value) => value.toFixed(3),
  );
}
