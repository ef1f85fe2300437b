/**
 * Follow-up questions on 200 texts of which nothing was learned: Wikinews articles and Wikipedia files held out of
 * training, and texts of other walks of life made up for this and left alone while the questions were written. Counts
 * what can be counted and writes all questions to a file, because only a reader can say which are worth asking.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { tokenizerOf } from '@zerogpu/catalogue';
import { FollowUpModel, lowerCase, type Weights, wordsOf } from '@zerogpu/runtimes';
import { archivedFiles } from '../corpora.ts';
import type { Evaluation, EvaluationInput, Table } from './evaluation.ts';

const MODEL = 'zlm-v1-followup-questions-edge';
const INPUT_TOKENS = 400;
const NEWS = 80;
const ARTICLES = 70;
const SHORTEST = 500;
const LONGEST = 2400;
const DUMP = path.join(import.meta.dirname, '../../../.models-cache/follow-up-questions.txt');

interface Asked {
  readonly text: string;
  readonly questions: readonly string[];
}

export const followUpEvaluation: Evaluation = {
  model: MODEL,
  async run({ data, weights }: EvaluationInput): Promise<readonly Table[]> {
    const model = new FollowUpModel(weights);
    const tokenizer = tokenizerOf('zlm');
    const texts = [...(await newsTexts(data)), ...(await articleTexts(data)), ...(await ownTexts())];
    const asked = texts.map((text) => {
      const cut = tokenizer.truncate(text, INPUT_TOKENS);
      return { text: cut, questions: model.ask(cut) };
    });
    await dump(asked);
    return [figures(asked, weights), frames(asked, weights)];
  },
};

/** Articles whose id ends in 0: the training leaves them out. */
async function newsTexts(data: string): Promise<string[]> {
  const lines = (await archivedFiles(data, 'wikinews_en')).flatMap((file) => file.split('\n'));
  const texts = lines.filter((line) => line !== '').map(heldOutNews);
  return spread(
    texts.filter((text) => text.length >= SHORTEST),
    NEWS,
  );
}

function heldOutNews(line: string): string {
  const article: unknown = JSON.parse(line);
  if (typeof article !== 'object' || article === null || !('id' in article) || !('text' in article))
    return '';
  return String(article.id).endsWith('0') ? unescaped(String(article.text)).slice(0, LONGEST) : '';
}

/** Files of even number: the training reads the odd ones. */
async function articleTexts(data: string): Promise<string[]> {
  const files = (await archivedFiles(data, 'wiki_en')).filter((_, i) => i % 2 === 0);
  const texts = files.flatMap((file) => file.split('</doc>').slice(3, 40).map(articleText));
  return spread(
    texts.filter((text) => text.length >= SHORTEST),
    ARTICLES,
  );
}

function articleText(document: string): string {
  const [, title = '', body = ''] = /<doc [^>]*title="([^"]*)"[^>]*>\n([\s\S]*)/.exec(document) ?? [];
  const text = unescaped(body).trimStart();
  return (text.startsWith(title) ? text.slice(title.length) : text).trim().slice(0, LONGEST);
}

function unescaped(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&');
}

/** `count` texts at even distances. */
function spread(texts: readonly string[], count: number): string[] {
  return Array.from({ length: count }, (_, i) => texts[Math.floor((i * texts.length) / count)] ?? '');
}

async function ownTexts(): Promise<string[]> {
  const file = await readFile(path.join(import.meta.dirname, 'follow-up-texts.txt'), 'utf8');
  return file.split('\n=====\n').map((text) => text.trim());
}

function figures(asked: readonly Asked[], weights: Weights): Table {
  const all = asked.flatMap(({ questions }) => questions);
  const small = frameWords(weights);
  const share = (count: number) => `${((100 * count) / all.length).toFixed(1)} %`;
  const naming = asked.flatMap(({ text, questions }) =>
    questions.filter((question) => names(question, text, small)),
  );
  return {
    title: 'Questions on unseen texts',
    columns: ['', ''],
    rows: [
      ['texts', asked.length],
      ['questions', all.length],
      ['ending in "?", on one line', share(all.filter((question) => /^[^\n]+\?$/.test(question)).length)],
      ['different among all', share(new Set(all).size)],
      ['naming something of the text', share(naming.length)],
      [
        'words, on average',
        (all.reduce((sum, question) => sum + wordsOf(question).length, 0) / all.length).toFixed(1),
      ],
    ],
  };
}

/** Does the question have a word of weight that stands in the text? */
function names(question: string, text: string, small: ReadonlySet<string>): boolean {
  const words = new Set(wordsOf(text).map((word) => word.text));
  return wordsOf(question).some(
    (word) => word.text.length > 3 && !small.has(word.text) && words.has(word.text),
  );
}

function frameWords(weights: Weights): ReadonlySet<string> {
  return new Set(weights.lines('table.frame-words').flatMap((line) => line.split(' ')));
}

const NOUN_PHRASE_WORDS = new Set('the a an of in his her its their and'.split(' '));

/** A question without its content words; `closed` also without the small words of noun phrases. */
function frameOf(question: string, small: ReadonlySet<string>, closed: boolean): string {
  const words = lowerCase(question).replace(/[?,]/g, '').split(' ');
  const kept = words.map((word) =>
    small.has(word) && !(closed && NOUN_PHRASE_WORDS.has(word)) ? word : '_',
  );
  return kept.filter((word, i) => word !== '_' || kept[i - 1] !== '_').join(' ');
}

function frames(asked: readonly Asked[], weights: Weights): Table {
  const all = asked.flatMap(({ questions }) => questions);
  const small = frameWords(weights);
  const [open, closed] = [false, true].map((close) =>
    mostFrequent(all.map((question) => frameOf(question, small, close))),
  );
  const rows = open!.slice(0, 10).map(([frame, count], i) => {
    const [other, times] = closed![i]!;
    return [frame, percent(count, all.length), other, percent(times, all.length)];
  });
  return {
    title: 'Most frequent frames (content words taken out; then articles, of, in, and as well)',
    columns: ['frame', 'share', 'without the small words of noun phrases', 'share'],
    rows,
    notes: [
      `${open!.length} and ${closed!.length} different frames. All questions: .models-cache/follow-up-questions.txt`,
    ],
  };
}

function mostFrequent(items: readonly string[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]);
}

function percent(count: number, of: number): string {
  return `${((100 * count) / of).toFixed(1)} %`;
}

async function dump(asked: readonly Asked[]): Promise<void> {
  const lines = asked.map(
    ({ text, questions }) =>
      `${text.replaceAll('\n', ' / ')}\n${questions.map((q) => `    ${q}\n`).join('')}`,
  );
  await mkdir(path.dirname(DUMP), { recursive: true });
  await writeFile(DUMP, lines.join('\n'));
}
