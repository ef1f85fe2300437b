/**
 * The enriched IAB profile: categories of user intent on examples written for this and not trained on
 * (`models/data/user-intents-held-out.tsv`), whether keywords stand in the text, and time in process.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { tokenizerOf } from '@zerogpu/catalogue';
import { IabModel, PROFILE_BOUNDS, ProfileModel } from '@zerogpu/runtimes';
import { type Evaluation, type EvaluationInput, type Table, weightsOf } from './evaluation.ts';
import { agNews } from './iab.ts';

const BASE = 'zlm-v1-iab-classify-edge';
const HELD_OUT = path.join(import.meta.dirname, '../../data/user-intents-held-out.tsv');
const CATEGORIES = ['informational', 'navigational', 'commercial', 'transactional'];
const INPUT_TOKENS = 400;
const TIMED_RUNS = 500;

export const iabProfileEvaluation: Evaluation = {
  model: 'zlm-v1-iab-classify-edge-enriched',
  async run({ data, weights }: EvaluationInput): Promise<readonly Table[]> {
    const model = new ProfileModel(weights, new IabModel(await weightsOf(BASE)));
    const news = (await agNews(data)).map(({ text }) => text);
    return [await intents(model), keywords(model, news), speed(model, news)];
  },
};

async function intents(model: ProfileModel): Promise<Table> {
  const [, ...lines] = (await readFile(HELD_OUT, 'utf8')).trim().split('\n');
  const counts = CATEGORIES.map(
    (category) => [category, ...CATEGORIES.map(() => 0)] as [string, ...number[]],
  );
  let right = 0;
  for (const line of lines) {
    const [category = '', text = ''] = line.split('\t');
    const found = model.profile(text, [text], PROFILE_BOUNDS).user_intent.category;
    const row = counts.find(([label]) => label === category)!;
    row[CATEGORIES.indexOf(found) + 1] = Number(row[CATEGORIES.indexOf(found) + 1]) + 1;
    if (found === category) right++;
  }
  return {
    title: 'Category of user intent, own examples held out',
    columns: ['is \\ found', ...CATEGORIES],
    rows: counts,
    notes: [`${right} of ${lines.length} right: ${((100 * right) / lines.length).toFixed(1)} %`],
  };
}

function keywords(model: ProfileModel, texts: readonly string[]): Table {
  let all = 0;
  let absent = 0;
  let none = 0;
  for (const text of texts.slice(0, 2000)) {
    const found = model.profile(text, [text], PROFILE_BOUNDS).keywords;
    all += found.length;
    absent += found.filter((keyword) => !text.includes(keyword)).length;
    if (found.length === 0) none++;
  }
  return {
    title: 'Keywords of 2,000 AG News texts',
    columns: ['keywords', 'not in the text', 'texts without any'],
    rows: [[all, absent, none]],
  };
}

function speed(model: ProfileModel, news: readonly string[]): Table {
  const tokenizer = tokenizerOf('zlm');
  const texts = Array.from({ length: 50 }, (_, i) =>
    tokenizer.truncate(news.slice(i * 12, i * 12 + 12).join('\n'), INPUT_TOKENS),
  );
  const times: number[] = [];
  for (let i = 0; i < TIMED_RUNS; i++) {
    const text = texts[i % texts.length]!;
    const start = performance.now();
    JSON.stringify(model.profile(text, [text], PROFILE_BOUNDS));
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor(share * times.length)]!.toFixed(2);
  return {
    title: `Time in process for ${INPUT_TOKENS} tokens, one at a time, warming up included`,
    columns: ['p50, ms', 'p99, ms'],
    rows: [[at(0.5), at(0.99)]],
  };
}
