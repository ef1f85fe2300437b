/**
 * Zero-shot classification on test sets that nothing was trained on, each with its labels named in several ways: a
 * model that knows only the usual names falls behind where the labels are synonyms.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { tokenizerOf } from '@zerogpu/catalogue';
import { SentenceEncoder, ZeroShotModel } from '@zerogpu/runtimes';
import { agNews } from './ag-news.ts';
import { type Evaluation, type EvaluationInput, type Table, weightsOf } from './evaluation.ts';

interface Case {
  readonly text: string;
  /** Place of its class. */
  readonly label: number;
}

interface TestSet {
  readonly title: string;
  readonly cases: readonly Case[];
  /** Names of the classes in their order; the first are the set's own. */
  readonly namings: readonly (readonly string[])[];
}

const INPUT_TOKENS = 400;

const NEWS_CLASSES = ['World', 'Sports', 'Business', 'Sci/Tech'];
const AG_NEWS = [
  ['world', 'sports', 'business', 'science and technology'],
  NEWS_CLASSES,
  ['international affairs', 'athletics', 'economy', 'technology'],
  ['foreign news', 'sporting events', 'companies and markets', 'science'],
  ['global politics', 'games and matches', 'finance', 'computers and research'],
];

const SENTIMENT = [
  ['negative', 'neutral', 'positive'],
  ['unfavourable', 'indifferent', 'favourable'],
  ['bad', 'objective', 'good'],
  ['critical', 'impartial', 'approving'],
  ['negative sentiment', 'neutral sentiment', 'positive sentiment'],
  ['displeased', 'unemotional', 'pleased'],
];

const EMOTION = [
  ['anger', 'joy', 'optimism', 'sadness'],
  ['fury', 'delight', 'hope', 'sorrow'],
  ['angry', 'happy', 'optimistic', 'sad'],
  ['rage', 'happiness', 'hopefulness', 'grief'],
  ['outrage', 'cheerfulness', 'confidence', 'unhappiness'],
  ['the writer is furious', 'the writer is glad', 'the writer is hopeful', 'the writer is heartbroken'],
];

const SIB = [
  ['entertainment', 'geography', 'health', 'politics', 'science/technology', 'sports', 'travel'],
  ['show business', 'places', 'medicine', 'government', 'scientific research', 'athletics', 'tourism'],
];

const LANGUAGES = ['eng_Latn', 'deu_Latn', 'fra_Latn', 'spa_Latn', 'ita_Latn', 'por_Latn'];

export const zeroShotEvaluation: Evaluation = {
  model: 'zlm-v1-zeroshot-edge',
  async run({ data, weights }: EvaluationInput): Promise<readonly Table[]> {
    const model = new ZeroShotModel(weights, new SentenceEncoder(await weightsOf('zlm-v1-embed-edge')));
    const sets: TestSet[] = [
      { title: 'AG News test', cases: await news(data), namings: AG_NEWS },
      { title: 'TweetEval sentiment, test', cases: await tweets(data, 'sentiment'), namings: SENTIMENT },
      { title: 'TweetEval emotion, test', cases: await tweets(data, 'emotion'), namings: EMOTION },
    ];
    const development = await Promise.all(
      LANGUAGES.map(async (language) => ({
        title: `SIB-200 ${language}, development part`,
        cases: await sib(data, language),
        namings: language === 'eng_Latn' ? SIB : SIB.slice(0, 1),
      })),
    );
    return [...sets, ...development].map((set) => measured(set, model));
  },
};

async function news(data: string): Promise<Case[]> {
  const cases = await agNews(data);
  return cases.map(({ label, text }) => ({ text, label: NEWS_CLASSES.indexOf(label) }));
}

async function tweets(data: string, task: string): Promise<Case[]> {
  const read = (part: string) => readFile(path.join(data, `eval/tweeteval/${task}/test_${part}.txt`), 'utf8');
  const [texts, labels] = await Promise.all([read('text'), read('labels')]);
  const lines = texts.split('\n');
  return labels
    .trim()
    .split('\n')
    .map((label, i) => ({ text: lines[i]!, label: Number(label) }));
}

async function sib(data: string, language: string): Promise<Case[]> {
  const file = await readFile(path.join(data, `train/sib200/${language}/dev.tsv`), 'utf8');
  const rows = file.trim().split('\n').slice(1);
  return rows.map((row) => {
    const [, category = '', text = ''] = row.split('\t');
    return { text, label: SIB[0]!.indexOf(category) };
  });
}

function measured({ title, cases, namings }: TestSet, model: ZeroShotModel): Table {
  const tokenizer = tokenizerOf('zlm');
  const inputs = cases.map(({ text }) => tokenizer.truncate(text, INPUT_TOKENS));
  const rows = namings.map((labels) => {
    const given = inputs.map((text) => best(model.scores(text, labels, false)));
    return [labels.join(', '), ...figures(cases, given, labels.length)];
  });
  return {
    title,
    columns: ['labels as sent', 'accuracy', 'macro F1', 'F1 of each label'],
    rows,
    notes: [`${cases.length} texts.`],
  };
}

function best(scores: Float64Array): number {
  let place = 0;
  for (let i = 1; i < scores.length; i++) if (scores[i]! > scores[place]!) place = i;
  return place;
}

function figures(cases: readonly Case[], given: readonly number[], labels: number): string[] {
  const right = given.filter((label, i) => label === cases[i]!.label).length;
  const scores = Array.from({ length: labels }, (_, label) => f1(cases, given, label));
  const mean = scores.reduce((sum, score) => sum + score, 0) / labels;
  return [
    `${((100 * right) / cases.length).toFixed(1)} %`,
    mean.toFixed(3),
    scores.map((score) => score.toFixed(2)).join(', '),
  ];
}

function f1(cases: readonly Case[], given: readonly number[], label: number): number {
  let both = 0;
  let either = 0;
  for (const [i, found] of given.entries()) {
    const isGiven = found === label;
    const isTrue = cases[i]!.label === label;
    if (isGiven && isTrue) both++;
    if (isGiven) either++;
    if (isTrue) either++;
  }
  return either === 0 ? 0 : (2 * both) / either;
}
