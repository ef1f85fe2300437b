/**
 * What training the summary model needs of the runtime's own code, so that training and running see the same numbers.
 * `train_summary.py` runs it in two steps:
 *
 *     node prepare-summary.ts terms texts.jsonl terms.json          {text} lines → {documents, counts: {term: texts}}
 *     node prepare-summary.ts features model.zlm texts.jsonl DIR    {text, references} lines → binary tables
 *
 * The tables: features.f32 (sentence × feature), labels.f32 (a sentence's likeness to the nearest reference),
 * documents.i32 (the sentence's line of texts.jsonl).
 */
import { createReadStream, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { documentFacts, FEATURES, readWeights, TermTable, termOf, wordsOf } from '@zerogpu/runtimes';
import { type Rouge, rouge } from './rouge.ts';

/** Terms in fewer texts than this are no news: they get the weight of the unseen. */
const FEWEST_TEXTS = 4;

async function* jsonLines(file: string): AsyncGenerator<Record<string, unknown>> {
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    if (line) yield JSON.parse(line);
  }
}

async function countTerms(input: string, output: string): Promise<void> {
  const counts = new Map<string, number>();
  let documents = 0;
  for await (const { text } of jsonLines(input)) {
    documents++;
    for (const term of new Set(wordsOf(String(text)).map((word) => termOf(word.text)))) {
      counts.set(term, (counts.get(term) ?? 0) + 1);
    }
  }
  const kept = [...counts].filter(([, count]) => count >= FEWEST_TEXTS);
  writeFileSync(output, JSON.stringify({ documents, counts: Object.fromEntries(kept) }));
}

async function writeFeatures(modelFile: string, input: string, folder: string): Promise<void> {
  const table = TermTable.of(readWeights(readFileSync(modelFile)));
  const features: number[] = [];
  const labels: number[] = [];
  const documents: number[] = [];
  let line = 0;
  for await (const { text, references } of jsonLines(input)) {
    const source = String(text);
    const wanted = Array.isArray(references) ? references.map(String) : [];
    for (const sentence of documentFacts(source, table).sentences) {
      if (sentence.isTitle) continue;
      for (const value of sentence.features) features.push(value);
      labels.push(likeness(source.slice(sentence.start, sentence.end), wanted));
      documents.push(line);
    }
    line++;
  }
  write(path.join(folder, 'features.f32'), Float32Array.from(features));
  write(path.join(folder, 'labels.f32'), Float32Array.from(labels));
  write(path.join(folder, 'documents.i32'), Int32Array.from(documents));
  writeFileSync(path.join(folder, 'features.json'), JSON.stringify(FEATURES));
}

/** Mean of the three measures, for the reference where it is highest. */
function likeness(sentence: string, references: readonly string[]): number {
  const mean = ({ rouge1, rouge2, rougeL }: Rouge) => (rouge1 + rouge2 + rougeL) / 3;
  return Math.max(0, ...references.map((reference) => mean(rouge(sentence, reference))));
}

function write(file: string, table: Float32Array | Int32Array): void {
  writeFileSync(file, new Uint8Array(table.buffer, table.byteOffset, table.byteLength));
}

const [command, ...paths] = process.argv.slice(2);
if (command === 'terms' && paths.length === 2) await countTerms(paths[0]!, paths[1]!);
else if (command === 'features' && paths.length === 3) await writeFeatures(paths[0]!, paths[1]!, paths[2]!);
else throw new Error('Usage: prepare-summary.ts terms TEXTS OUT | features MODEL TEXTS DIR');
