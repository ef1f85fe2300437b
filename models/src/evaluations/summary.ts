/**
 * Summaries: SciTLDR's test abstracts against their one-sentence TLDRs, and unseen Wikinews articles against their
 * headlines and against their first paragraphs (which are taken out of the text first).
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { documentFacts, type SummaryModel, summarize, summaryModel } from '@zerogpu/runtimes';
import { archivedFiles } from '../corpora.ts';
import { bestRouge, type Rouge } from '../rouge.ts';
import { textRank } from '../text-rank.ts';
import type { Evaluation, EvaluationInput, Table } from './evaluation.ts';

interface Case {
  readonly text: string;
  readonly references: readonly string[];
}

/** A way of choosing `count` sentences. */
type Summarizer = (text: string, count: number) => string;

const UNBOUNDED = 1_000_000;

export const summaryEvaluation: Evaluation = {
  model: 'zlm-v1-summary-cloud',
  async run({ data, weights }: EvaluationInput): Promise<readonly Table[]> {
    const model = summaryModel(weights);
    const papers = await scitldrCases(data);
    const articles = await wikinewsCases(data);
    return [
      compare('SciTLDR test, abstract, one sentence', papers, 1, model),
      ownLength('SciTLDR test, abstract, length chosen by the model', papers, model),
      compare('Unseen Wikinews articles, headline, one sentence', articles.headlines, 1, model),
      compare(
        'The same articles behind four lines of a page’s frame, headline, one sentence',
        articles.headlines.map(framed),
        1,
        model,
      ),
      compare(
        'Unseen Wikinews articles without first paragraph, that paragraph, two sentences',
        articles.leads,
        2,
        model,
      ),
      compare(
        'Unseen Wikinews articles without first paragraph, that paragraph, three sentences',
        articles.leads,
        3,
        model,
      ),
    ];
  },
};

async function scitldrCases(data: string): Promise<Case[]> {
  const lines = (await readFile(path.join(data, 'eval/scitldr/test.jsonl'), 'utf8'))
    .split('\n')
    .filter(Boolean);
  return lines.map((line) => {
    const { source, target } = JSON.parse(line);
    return { text: source.join(' '), references: target };
  });
}

/**
 * Signs that the corpus lost a link's text ("struck the of ."), as in train_summary.py. A summary of such an article
 * says nothing: half of its headline's words are not in it.
 */
const DAMAGED =
  /\s[,.](?:\s|$)|""|\(\s*\)|__|formula_\d|\b(?:the|The|of|a|an|and|'s) ?[,.;:](?:\s|$)|\bthe (?:is|was|has|have|and|in|of|to|for|at) |\b(?:of|in|at|by|from|with) (?:and|is|was|has|have|of) /m;

/** Articles whose id ends in 0: train_summary.py leaves them out. */
async function wikinewsCases(data: string): Promise<{ headlines: Case[]; leads: Case[] }> {
  const headlines: Case[] = [];
  const leads: Case[] = [];
  for (const file of await archivedFiles(data, 'wikinews_en')) {
    for (const line of file.split('\n').filter(Boolean)) {
      const { id, title, text } = JSON.parse(line);
      const paragraphs = text.split('\n').filter((paragraph: string) => paragraph.trim());
      if (Number(id) % 10 !== 0 || paragraphs.length < 4 || text.length < 600 || DAMAGED.test(text)) continue;
      headlines.push({ text: paragraphs.join('\n\n'), references: [title] });
      if (paragraphs[0].length > 80) {
        leads.push({ text: paragraphs.slice(1).join('\n\n'), references: [paragraphs[0]] });
      }
    }
  }
  return { headlines, leads };
}

/** Lines of web pages; training has others. */
const FRAME = [
  'World | Politics | Tech | Science | Arts',
  'Get the best of our reporting delivered to your inbox every morning.',
  'Please enable JavaScript to watch this video.',
  'You have 2 free articles left this month.',
  'Save this story for later.',
  'Listen to this article (4 minutes).',
  'Join our community of 200,000 readers today.',
  'This page was last changed on Friday at noon.',
  'Printed from www.example.com.',
  'Most read in this section',
] as const;

function framed({ text, references }: Case, index: number): Case {
  const lines = [0, 3, 5, 7].map((step) => FRAME[(index + step) % FRAME.length]);
  return { text: `${lines.join('\n\n')}\n\n${text}`, references };
}

function compare(title: string, cases: readonly Case[], count: number, model: SummaryModel): Table {
  const rivals: [string, Summarizer][] = [
    ['zlm-v1-summary-cloud', (text) => ours(text, model, count)],
    [
      count === 1 ? 'first sentence' : `first ${count} sentences`,
      (text) => firstSentences(text, model, count),
    ],
    ['TextRank', (text) => textRank(sentencesOf(text, model), count)],
  ];
  const rows = rivals.map(([name, summarizer]) => row(name, cases, (one) => summarizer(one.text, count)));
  if (count === 1) rows.push(row('best possible sentence', cases, (one) => bestSentence(one, model)));
  return { title, columns: ['', 'ROUGE-1', 'ROUGE-2', 'ROUGE-L'], rows, notes: [`${cases.length} texts`] };
}

function ownLength(title: string, cases: readonly Case[], model: SummaryModel): Table {
  let sentences = 0;
  const rows = [
    row('zlm-v1-summary-cloud', cases, ({ text }) => {
      const { pieces } = summarize(text, model, { maxOutputTokens: UNBOUNDED });
      sentences += pieces.length;
      return pieces.join('');
    }),
    row('first as many sentences', cases, ({ text }) => {
      const { pieces } = summarize(text, model, { maxOutputTokens: UNBOUNDED });
      return firstSentences(text, model, pieces.length);
    }),
  ];
  const notes = [`${cases.length} texts, ${(sentences / cases.length).toFixed(2)} sentences on average`];
  return { title, columns: ['', 'ROUGE-1', 'ROUGE-2', 'ROUGE-L'], rows, notes };
}

function row(name: string, cases: readonly Case[], summary: (one: Case) => string): (string | number)[] {
  const sums = { rouge1: 0, rouge2: 0, rougeL: 0 };
  for (const one of cases) {
    const scores = bestRouge(summary(one), one.references);
    for (const key of Object.keys(sums) as (keyof Rouge)[]) sums[key] += scores[key];
  }
  const mean = (sum: number) => ((100 * sum) / cases.length).toFixed(2);
  return [name, mean(sums.rouge1), mean(sums.rouge2), mean(sums.rougeL)];
}

function ours(text: string, model: SummaryModel, sentences: number): string {
  return summarize(text, model, { maxOutputTokens: UNBOUNDED, sentences }).pieces.join('');
}

/** Cut by our own splitter, so that the rivals choose among the same sentences; a heading is none. */
function sentencesOf(text: string, model: SummaryModel): string[] {
  const { sentences } = documentFacts(text, model.table);
  return sentences.filter((one) => !one.isTitle).map(({ start, end }) => text.slice(start, end));
}

function firstSentences(text: string, model: SummaryModel, count: number): string {
  return sentencesOf(text, model).slice(0, count).join(' ');
}

function bestSentence({ text, references }: Case, model: SummaryModel): string {
  let best = '';
  let most = -1;
  for (const sentence of sentencesOf(text, model)) {
    const { rouge1, rouge2, rougeL } = bestRouge(sentence, references);
    if (rouge1 + rouge2 + rougeL > most) [best, most] = [sentence, rouge1 + rouge2 + rougeL];
  }
  return best;
}
