/**
 * Which nodes of the IAB taxonomies the IAB models never list over the corpora they were trained on: all Wikinews and
 * Wikipedia articles, their first paragraphs. Writes a list beside the card of each. The model for long texts lists
 * what the enriched one does.
 *
 *     node models/src/iab-coverage.ts --data DIR
 */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { tokenizerOf } from '@zerogpu/catalogue';
import {
  type EnrichedProfile,
  IabModel,
  type IabProfile,
  PROFILE_BOUNDS,
  ProfileModel,
} from '@zerogpu/runtimes';
import { archivedFiles } from './corpora.ts';
import { weightsOf } from './evaluations/evaluation.ts';

const BASE = 'zlm-v1-iab-classify-edge';
const ENRICHED = 'zlm-v1-iab-classify-edge-enriched';
const PARAGRAPHS_OF_ARTICLE = 4;
const LEAST_WORDS = 25;

interface NodeOfTaxonomy {
  readonly id: string;
  readonly name: string;
}

/** What a model listed so far; the base tells names, the enriched model ids. */
interface Listed {
  readonly audience: Set<string>;
  readonly iab_1_0: Set<string>;
  readonly iab_2_2: Set<string>;
}

const { values } = parseArgs({ options: { data: { type: 'string' } } });
if (!values.data) {
  console.error('Usage: node models/src/iab-coverage.ts --data DIR');
  process.exit(2);
}
await writeCoverage(values.data);

async function writeCoverage(data: string): Promise<void> {
  const base = new IabModel(await weightsOf(BASE));
  const enriched = new ProfileModel(await weightsOf(ENRICHED), base);
  const ofBase = emptyLists();
  const ofEnriched = emptyLists();
  let texts = 0;
  for await (const text of paragraphs(data)) {
    const probabilities = base.probabilities(tokenizerOf('zlm').truncate(text, 400));
    noteNames(ofBase, base.profileOf(probabilities));
    noteIds(ofEnriched, enriched.categories(probabilities, PROFILE_BOUNDS));
    texts++;
  }
  await write(BASE, texts, await sections(data, ofBase, ({ name }) => name));
  await write(ENRICHED, texts, await sections(data, ofEnriched, ({ id }) => id));
}

function emptyLists(): Listed {
  return { audience: new Set(), iab_1_0: new Set(), iab_2_2: new Set() };
}

function noteNames(listed: Listed, { audience, content }: IabProfile): void {
  for (const { name } of audience) listed.audience.add(name);
  for (const { name } of content.iab_1_0) listed.iab_1_0.add(name);
  for (const { name } of content.iab_2_2) listed.iab_2_2.add(name);
}

function noteIds(listed: Listed, { audience, content }: Pick<EnrichedProfile, 'audience' | 'content'>): void {
  for (const { id } of audience) listed.audience.add(id);
  for (const { code } of content.iab_1_0) listed.iab_1_0.add(code);
  for (const { id } of content.iab_2_2) listed.iab_2_2.add(id);
}

async function sections(
  data: string,
  listed: Listed,
  keyOf: (node: NodeOfTaxonomy) => string,
): Promise<string[]> {
  return [
    section('Content Taxonomy 1.0', await content10(data), listed.iab_1_0, keyOf),
    section('Content Taxonomy 2.2', await content22(data), listed.iab_2_2, keyOf),
    section('Audience Taxonomy 1.1', await audience11(data), listed.audience, keyOf),
  ];
}

async function write(model: string, texts: number, lists: readonly string[]): Promise<void> {
  const file = path.join(import.meta.dirname, '../weights', model, 'never-predicted.txt');
  const head = `Nodes that ${model} listed for none of ${texts} paragraphs of Wikinews and Wikipedia.`;
  await writeFile(file, [head, ...lists, ''].join('\n\n'));
}

function section(
  title: string,
  nodes: readonly NodeOfTaxonomy[],
  listed: ReadonlySet<string>,
  keyOf: (node: NodeOfTaxonomy) => string,
): string {
  const never = nodes.filter((node) => !listed.has(keyOf(node)));
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
