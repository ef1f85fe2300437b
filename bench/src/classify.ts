/**
 * Speed of the built-in models in process, of the tokenizer, and how both grow on inputs made to hurt:
 * `npm run bench:classify [-- --seed 1 --quick]`. Writes `bench/results/classify.md` and `.json`, but for quick runs.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { tokenizerOf } from '@zerogpu/catalogue';
import type { LoadedModel } from '@zerogpu/runtimes';
import { loadModel, runModel } from './model-speed/load.ts';
import { type Curve, type Measured, type ModelSpeed, modelSpeedMarkdown } from './model-speed/report.ts';
import { newsText, PATHOLOGIES } from './model-speed/texts.ts';
import { medianTime, spreadOf } from './model-speed/timing.ts';
import { circumstances } from './support/machine.ts';
import { seededRandom } from './support/random.ts';

const { values: options } = parseArgs({
  options: { seed: { type: 'string', default: '1' }, quick: { type: 'boolean', default: false } },
});
const seed = Number(options.seed);
const random = seededRandom(seed);
const tokenizer = tokenizerOf('zlm');

/** Each model at these lengths in tokens. */
const TOKENS: Readonly<Record<string, readonly number[]>> = {
  'zlm-v1-iab-classify-edge': [50, 400],
  'zlm-v1-summary-cloud': [100, 400, 2_000, 8_000],
};
const LENGTHS = options.quick ? [1_024, 8_192] : [1_024, 4_096, 16_384, 32_768, 65_536, 131_072];
const CURVE_BUDGET_MS = options.quick ? 5 : 60;
const NEWS_TEXTS = 50;

function textsOf(tokens: number): string[] {
  return Array.from({ length: NEWS_TEXTS }, () => tokenizer.truncate(newsText(tokens * 8, random), tokens));
}

async function measureModel(model: LoadedModel): Promise<Measured[]> {
  const measured: Measured[] = [];
  for (const tokens of TOKENS[model.manifest.id] ?? []) {
    // About as much time for every length.
    const runs = Math.ceil((options.quick ? 20_000 : 400_000) / Math.max(tokens, 100));
    const spread = await spreadOf(runs, textsOf(tokens), (text) => runModel(model, text));
    measured.push({ model: model.manifest.id, tokens, spread });
  }
  return measured;
}

async function measureTokenizer(): Promise<ModelSpeed['tokenizer']> {
  const text = newsText(1_000_000, random);
  const seconds = (await medianTime(2_000, () => tokenizer.count(text))) / 1000;
  return {
    megabytesPerSecond: Buffer.byteLength(text) / 1e6 / seconds,
    tokensPerSecond: tokenizer.count(text) / seconds,
  };
}

async function measureCurves(models: readonly LoadedModel[]): Promise<Curve[]> {
  const works: [string, (text: string) => Promise<unknown> | unknown][] = [
    ['tokenizer: count', (text) => tokenizer.count(text)],
    ...models.map((model): [string, (text: string) => Promise<unknown>] => [
      model.manifest.id,
      (text) => runModel(model, text),
    ]),
  ];
  const curves: Curve[] = [];
  for (const [work, run] of works) {
    for (const [input, pathology] of Object.entries(PATHOLOGIES)) {
      const points = [];
      for (const characters of LENGTHS) {
        const text = pathology(characters);
        points.push({ characters, milliseconds: await medianTime(CURVE_BUDGET_MS, () => run(text)) });
      }
      curves.push({ input, work, points });
    }
  }
  return curves;
}

const loaded = await Promise.all(Object.keys(TOKENS).map(async (id) => ({ id, model: await loadModel(id) })));
const models = loaded.map(({ model }) => model).filter((model) => model !== null);
const measured: Measured[] = [];
for (const model of models) measured.push(...(await measureModel(model)));
const results: ModelSpeed = {
  models: measured,
  missing: loaded.filter(({ model }) => model === null).map(({ id }) => id),
  tokenizer: await measureTokenizer(),
  curves: await measureCurves(models),
};
const about = circumstances(seed);
const markdown = modelSpeedMarkdown(results, about);
if (!options.quick) {
  const folder = path.join(import.meta.dirname, '../results');
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'classify.md'), markdown);
  writeFileSync(path.join(folder, 'classify.json'), `${JSON.stringify({ about, results }, null, 2)}\n`);
}
console.log(markdown);
