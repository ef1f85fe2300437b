/**
 * Measures the built-in models on held-out data, beside simple rivals in the same run.
 *
 *     npm run models:eval -- [model] --data DIR
 */
import os from 'node:os';
import { parseArgs } from 'node:util';
import { encoderEvaluation } from './evaluations/encoder.ts';
import { type Evaluation, formatTable, weightsOf } from './evaluations/evaluation.ts';
import { extractionEvaluation } from './evaluations/extraction.ts';
import { followUpEvaluation } from './evaluations/follow-up.ts';
import { iabEvaluation } from './evaluations/iab.ts';
import { iabProfileEvaluation } from './evaluations/iab-profile.ts';
import { moderationEvaluation } from './evaluations/moderation.ts';
import { piiEvaluation } from './evaluations/pii.ts';
import { summaryEvaluation } from './evaluations/summary.ts';
import { zeroShotEvaluation } from './evaluations/zero-shot.ts';

/** One line an evaluation. */
const EVALUATIONS: readonly Evaluation[] = [
  encoderEvaluation,
  summaryEvaluation,
  iabEvaluation,
  iabProfileEvaluation,
  moderationEvaluation,
  extractionEvaluation,
  followUpEvaluation,
  piiEvaluation,
  zeroShotEvaluation,
];

const { values, positionals } = parseArgs({ options: { data: { type: 'string' } }, allowPositionals: true });
const chosen = EVALUATIONS.filter(({ model }) => positionals.length === 0 || positionals.includes(model));
if (!values.data || chosen.length === 0) {
  const models = EVALUATIONS.map(({ model }) => model).join(', ');
  console.error(`Usage: npm run models:eval -- [model] --data DIR\nModels: ${models}`);
  process.exit(2);
}
console.log(`${os.cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}\n`);
for (const evaluation of chosen) {
  console.log(`## ${evaluation.model}\n`);
  const weights = await weightsOf(evaluation.model);
  for (const table of await evaluation.run({ data: values.data, weights })) console.log(formatTable(table));
}
