/**
 * Which nodes of the IAB taxonomies `zlm-v1-iab-classify-edge` never lists over the corpora it was trained on: all
 * Wikinews and Wikipedia articles, their first paragraphs. Writes the list beside the model's card.
 *
 *     node models/src/iab-coverage.ts --data DIR
 */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { tokenizerOf } from '@zerogpu/catalogue';
import { IabModel } from '@zerogpu/runtimes';
import { archivedFiles } from './corpora.ts';
import { weightsOf } from './evaluations/evaluation.ts';

const MODEL = 'zlm-v1-iab-classify-edge';
const OUTPUT = path.join(import.meta.dirname, '../weights', MODEL, 'never-predicted.txt');
const PARAGRAPHS_OF_ARTICLE = 4;
const LEAST_WORDS = 25;

interface NodeOfTaxonomy {
  readonly id: string;
  readonly name: string;
}

const { values } = parseArgs({ options: { data: { type: 'string' } } });
if (!values.data) {
  console.error('Usage: node models/src/iab-coverage.ts --data DIR');
  process.exit(2);
}
await writeFile(OUTPUT, await coverage(values.data));

async function coverage(data: string): Promise<string> {
  const model = new IabModel(await weightsOf(MODEL));
  const listed = { audience: new Set<string>(), iab_1_0: new Set<string>(), iab_2_2: new Set<string>() };
  let texts = 0;
  for await (const text of paragraphs(data)) {
    const { audience, content } = model.classify(tokenizerOf('zlm').truncate(text, 400));
    for (const { name } of audience) listed.audience.add(name);
    for (const { name } of content.iab_1_0) listed.iab_1_0.add(name);
    for (const { name } of content.iab_2_2) listed.iab_2_2.add(name);
    texts++;
  }
  return [
    `Nodes that ${MODEL} listed for none of ${texts} paragraphs of Wikinews and Wikipedia.`,
    section('Content Taxonomy 1.0', await content10(data), listed.iab_1_0),
    section('Content Taxonomy 2.2', await content22(data), listed.iab_2_2),
    section('Audience Taxonomy 1.1', await audience11(data), listed.audience),
    '',
  ].join('\n\n');
}

function section(title: string, nodes: readonly NodeOfTaxonomy[], listed: ReadonlySet<string>): string {
  const never = nodes.filter(({ name }) => !listed.has(name));
  const head = `${title}: ${never.length} of ${nodes.length} nodes`;
  return [head, '', ...never.map(({ id, name }) => `${id}\t${name}`)].join('\n');
}

async function* paragraphs(data: string): AsyncGenerator<string> {
  for (const file of await archivedFiles(data, 'wikinews_en')) {
    for (const line of file.split('\n').filter(Boolean)) {
      const { title, text } = JSON.parse(line);
      yield* firstParagraphs(`${title}\n${text}`);
    }
  }
  for (const file of await archivedFiles(data, 'wiki_en')) {
    for (const article of file.split('</doc>')) {
      yield* firstParagraphs(article.replace(/^\s*<doc [^>]*>/, ''));
    }
  }
}

function firstParagraphs(text: string): string[] {
  const long = text.split('\n').filter((line) => line.split(' ').length >= LEAST_WORDS);
  return long.slice(0, PARAGRAPHS_OF_ARTICLE);
}

async function rows(data: string, file: string): Promise<string[][]> {
  const text = await readFile(path.join(data, 'iab', file), 'utf8');
  return text.split(/\r?\n/).map((line) => line.split('\t').map((cell) => cell.trim()));
}

async function content10(data: string): Promise<NodeOfTaxonomy[]> {
  const table = await rows(data, 'Content Taxonomies/Content Taxonomy 1.0.tsv');
  const nodes = table.filter(([id]) => id?.startsWith('IAB') && id !== 'IAB Code');
  return nodes.map(([id = '', , name = '']) => ({
    id,
    name: name.replace('41832 Education', '7-12 Education'),
  }));
}

async function content22(data: string): Promise<NodeOfTaxonomy[]> {
  const table = await rows(data, 'Content Taxonomies/Content Taxonomy 2.2.tsv');
  const nodes = table.slice(2).filter(([id, , name]) => id && name);
  return nodes.map(([id = '', , name = '']) => ({ id, name }));
}

async function audience11(data: string): Promise<NodeOfTaxonomy[]> {
  const table = await rows(data, 'Audience Taxonomies/Audience Taxonomy 1.1.tsv');
  const nodes = table.filter(([, id]) => /^\d+$/.test(id ?? ''));
  return nodes.map(([, id = '', , name = '']) => ({
    id,
    name: name.replace(/[| ]+$/, '').replaceAll('*', ''),
  }));
}
