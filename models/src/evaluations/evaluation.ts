/** What every evaluation is given and gives. `evaluate.ts` lists them. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { readWeights, type Weights } from '@zerogpu/runtimes';

export interface EvaluationInput {
  /** The folder of the corpora. */
  readonly data: string;
  /** The weight file to measure. */
  readonly weights: Weights;
}

export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
  /** What the figures do not say: sizes, examples, failures. */
  readonly notes?: readonly string[];
}

export interface Evaluation {
  readonly model: string;
  run(input: EvaluationInput): Promise<readonly Table[]>;
}

export async function weightsOf(model: string): Promise<Weights> {
  return readWeights(await readFile(weightsPath(model)));
}

export function weightsPath(model: string): string {
  return path.join(import.meta.dirname, '../../weights', model, 'model.zlm');
}

export function formatTable({ title, columns, rows, notes = [] }: Table): string {
  const lines = [columns, columns.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  return [`### ${title}`, '', ...lines, ...(notes.length > 0 ? ['', ...notes] : []), ''].join('\n');
}
