/**
 * The text encoder: intents by a linear head on its vectors, topics by the nearest label, neighbours of words.
 * Heads are trained on the training parts and measured on the test parts, which nothing was tuned on.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { tokenizerOf } from '@zerogpu/catalogue';
import { dotProduct, SentenceEncoder, toUnitLength, type Weights } from '@zerogpu/runtimes';
import { LinearHead } from '../linear-head.ts';
import type { Evaluation, EvaluationInput, Table } from './evaluation.ts';

interface Labelled {
  readonly text: string;
  readonly label: string;
}

type Embed = (text: string) => Float64Array;

const EPOCHS = 20;
const SHORTER = [128, 64, 32];

/** Written before anything was measured. */
const AG_NEWS: Readonly<Record<string, { name: string; description: string }>> = {
  World: {
    name: 'world news',
    description:
      'world news: governments, presidents, elections, war, attacks, troops, peace talks, diplomacy',
  },
  Sports: {
    name: 'sports',
    description:
      'sports: teams, players, coaches, games, matches, seasons, championships, victories, olympics',
  },
  Business: {
    name: 'business',
    description:
      'business: companies, shares, profits, markets, investors, oil prices, jobs, economy, mergers',
  },
  'Sci/Tech': {
    name: 'science and technology',
    description:
      'science and technology: software, internet, computers, phones, security flaws, space, research',
  },
};

const SIB_TOPICS: Readonly<Record<string, string>> = {
  'science/technology': 'science and technology',
  travel: 'travel',
  politics: 'politics',
  sports: 'sports',
  health: 'health',
  entertainment: 'entertainment',
  geography: 'geography',
};

const WORDS = 'football mortgage angry delicious refund virus election guitar passport terrible'.split(' ');
const TIMED_RUNS = 2000;
const INPUT_TOKENS = 400;

export const encoderEvaluation: Evaluation = {
  model: 'zlm-v1-embed-edge',
  async run({ data, weights }: EvaluationInput): Promise<readonly Table[]> {
    const encoder = new SentenceEncoder(weights);
    const news = await agNews(data);
    return [
      await heads(data, encoder),
      await topics(data, news, encoder),
      neighbours(encoder, weights),
      speed(news, encoder),
    ];
  },
};

async function heads(data: string, encoder: SentenceEncoder): Promise<Table> {
  const clinc = await clinc150(data);
  const banking = {
    train: await banking77(path.join(data, 'train/banking77/train.csv')),
    test: await banking77(path.join(data, 'eval/banking77/test.csv')),
  };
  const rows = [encoder.dimensions, ...SHORTER].map((dimensions) => {
    const embed = (text: string) => toUnitLength(encoder.embed(text).slice(0, dimensions));
    return [
      dimensions,
      percent(headAccuracy(clinc.train, clinc.test, embed)),
      percent(headAccuracy(banking.train, banking.test, embed)),
    ];
  });
  return {
    title: 'Intents: linear head on the vectors, accuracy on the test part',
    columns: ['leading dimensions', 'CLINC150 in scope', 'BANKING77'],
    rows,
    notes: [`${clinc.test.length} and ${banking.test.length} texts, 150 and 77 intents`],
  };
}

function headAccuracy(train: readonly Labelled[], test: readonly Labelled[], embed: Embed): number {
  const head = new LinearHead(
    train.map(({ text, label }) => ({ vector: embed(text), label })),
    EPOCHS,
  );
  return share(test, ({ text, label }) => head.predict(embed(text)) === label);
}

async function topics(data: string, news: readonly Labelled[], encoder: SentenceEncoder): Promise<Table> {
  const sib = await sib200(path.join(data, 'eval/sib200/eng_Latn/test.tsv'));
  const embed = (text: string) => encoder.embed(text);
  const named = Object.fromEntries(Object.entries(AG_NEWS).map(([label, { name }]) => [label, name]));
  const described = Object.fromEntries(
    Object.entries(AG_NEWS).map(([label, { description }]) => [label, description]),
  );
  const row = (title: string, cases: readonly Labelled[], labels: Readonly<Record<string, string>>) => [
    title,
    cases.length,
    percent(nearestAccuracy(cases, labels, embed)),
  ];
  return {
    title: 'Topics: the label whose vector is nearest; nothing was trained on these labels',
    columns: ['test', 'texts', 'accuracy'],
    rows: [
      row('AG News, labels described', news, described),
      row('AG News, labels named', news, named),
      row('SIB-200 English, labels named', sib, SIB_TOPICS),
    ],
    notes: Object.entries(described).map(([label, text]) => `${label} = "${text}"`),
  };
}

function nearestAccuracy(
  cases: readonly Labelled[],
  labels: Readonly<Record<string, string>>,
  embed: Embed,
): number {
  const vectors = Object.entries(labels).map(([label, text]) => ({ label, vector: embed(text) }));
  return share(cases, ({ text, label }) => {
    const vector = embed(text);
    let best = vectors[0]!;
    for (const one of vectors) {
      if (dotProduct(one.vector, vector) > dotProduct(best.vector, vector)) best = one;
    }
    return best.label === label;
  });
}

function neighbours(encoder: SentenceEncoder, weights: Weights): Table {
  const words = weights.lines('words').slice(0, 20_000);
  const vectors = words.map((word) => encoder.embedWords([word]));
  const rows = WORDS.map((word) => {
    const own = encoder.embedWords([word]);
    const nearest = words
      .map((other, i) => ({ other, likeness: dotProduct(own, vectors[i]!) }))
      .filter(({ other }) => other !== word)
      .sort((a, b) => b.likeness - a.likeness);
    return [
      word,
      nearest
        .slice(0, 7)
        .map(({ other }) => other)
        .join(', '),
    ];
  });
  return { title: 'Nearest of the 20,000 commonest words', columns: ['word', 'neighbours'], rows };
}

function speed(news: readonly Labelled[], encoder: SentenceEncoder): Table {
  const tokenizer = tokenizerOf('zlm');
  const texts = Array.from({ length: 50 }, (_, i) => {
    const joined = news.slice(i * 12, i * 12 + 12).map(({ text }) => text);
    return tokenizer.truncate(joined.join('\n'), INPUT_TOKENS);
  });
  const times: number[] = [];
  for (let i = 0; i < TIMED_RUNS; i++) {
    const start = performance.now();
    encoder.embed(texts[i % texts.length]!);
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  const at = (part: number) => times[Math.floor(part * times.length)]!.toFixed(3);
  return {
    title: `Time in process for ${INPUT_TOKENS} tokens, one at a time, warming up included`,
    columns: ['p50, ms', 'p99, ms'],
    rows: [[at(0.5), at(0.99)]],
  };
}

async function clinc150(data: string): Promise<{ train: Labelled[]; test: Labelled[] }> {
  const text = await readFile(path.join(data, 'train/clinc150/data_full.json'), 'utf8');
  const parts: Record<string, [string, string][]> = JSON.parse(text);
  const labelled = (part: string) => parts[part]!.map(([utterance, label]) => ({ text: utterance, label }));
  return { train: labelled('train'), test: labelled('test') };
}

async function banking77(file: string): Promise<Labelled[]> {
  const [, ...rows] = csvRows(await readFile(file, 'utf8'));
  return rows.map(([text = '', label = '']) => ({ text, label }));
}

async function sib200(file: string): Promise<Labelled[]> {
  const [, ...rows] = (await readFile(file, 'utf8')).trim().split('\n');
  return rows.map((row) => {
    const [, label = '', text = ''] = row.split('\t');
    return { text, label };
  });
}

/** Title and description, as they are in the file. */
async function agNews(data: string): Promise<Labelled[]> {
  const classes = (await readFile(path.join(data, 'eval/agnews/classes.txt'), 'utf8')).trim().split('\n');
  return csvRows(await readFile(path.join(data, 'eval/agnews/test.csv'), 'utf8')).map(
    ([label = '', title = '', description = '']) => ({
      label: classes[Number(label) - 1]!.trim(),
      text: `${title}\n${description}`,
    }),
  );
}

/** Fields may be quoted, and then hold commas, line ends and doubled quotes. */
function csvRows(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    if (end === '' && quoted === undefined && plain === '' && row.length === 0) continue;
    row.push(quoted === undefined ? plain! : quoted.replaceAll('""', '"'));
    if (end === ',') continue;
    rows.push(row);
    row = [];
  }
  return rows;
}

function share<T>(cases: readonly T[], isRight: (one: T) => boolean): number {
  return cases.filter(isRight).length / cases.length;
}

function percent(part: number): string {
  return `${(100 * part).toFixed(1)} %`;
}
