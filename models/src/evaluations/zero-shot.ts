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
/** More labels than these are not told one by one. */
const MOST_NAMED = 12;

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
    sets.push(await clinc(data), await banking(data));
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

/** In scope only. Sentences of its training part are in the weights, so this is no zero-shot figure. */
async function clinc(data: string): Promise<TestSet> {
  const file = await readFile(path.join(data, 'train/clinc150/data_full.json'), 'utf8');
  const rows: [string, string][] = JSON.parse(file).test;
  return intents('CLINC150 test, in scope (not zero-shot: see notes)', rows);
}

/** As `clinc`. */
async function banking(data: string): Promise<TestSet> {
  const file = await readFile(path.join(data, 'eval/banking77/test.csv'), 'utf8');
  const rows = [...file.matchAll(/^(?:"((?:[^"]|"")*)"|([^",\n]*)),(\S+)$/gm)].map(
    ([, quoted, plain, name]): [string, string] => [
      (quoted ?? plain ?? '').replaceAll('""', '"'),
      name ?? '',
    ],
  );
  return intents('BANKING77 test (not zero-shot: see notes)', rows.slice(1));
}

function intents(title: string, rows: readonly [text: string, name: string][]): TestSet {
  const names = [...new Set(rows.map(([, name]) => name))].sort();
  const cases = rows.map(([text, name]) => ({ text, label: names.indexOf(name) }));
  return { title, cases, namings: [names.map((name) => name.replaceAll('_', ' '))] };
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
    const named = labels.length > MOST_NAMED ? `${labels.length} intents by their names` : labels.join(', ');
    return [named, ...figures(cases, given, labels.length)];
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
    labels > MOST_NAMED ? '–' : scores.map((score) => score.toFixed(2)).join(', '),
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
