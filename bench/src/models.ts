/**
 * Speed of the built-in models in process, in Node and in Chromium, of the tokenizer, and how all grow on inputs made to hurt:
 * `npm run bench:models [-- --seed 1 --model ID --without-chromium --quick]`. Writes `bench/results/models.md` and
 * `.json` and the section on speed of every card, but for quick and partial runs.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { MANIFESTS, tokenizerOf } from '@zerogpu/catalogue';
import { BrowserPage } from './model-speed/browser-page.ts';
import { speedSection, withSpeed } from './model-speed/cards.ts';
import { readChecked } from './model-speed/files.ts';
import { type Curve, type Measured, type ModelSpeed, modelSpeedMarkdown } from './model-speed/report.ts';
import { newsText, PATHOLOGIES } from './model-speed/texts.ts';
import { type Clock, medianTime, spreadOf } from './model-speed/timing.ts';
import { answer, lengthsOf, loadWork, newsTexts, runsOf, type Work, worksOf } from './model-speed/works.ts';
import { type Circumstances, circumstances } from './support/machine.ts';
import { seededRandom } from './support/random.ts';

const { values: options } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    model: { type: 'string' },
    'without-chromium': { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
  },
});
const seed = Number(options.seed);
const tokenizer = tokenizerOf('zlm');
const LENGTHS = options.quick ? [1_024, 8_192] : [1_024, 4_096, 16_384, 32_768, 65_536, 131_072];
const CURVE_BUDGET_MS = options.quick ? 5 : 60;

const wall: Clock = () => performance.now();
/** Milliseconds of processor time that this process has used. */
const processor: Clock = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

async function measure(work: Work, page: BrowserPage | null): Promise<Measured[]> {
  const measured: Measured[] = [];
  const model = await loadWork(work, readChecked);
  for (const tokens of lengthsOf(work)) {
    const runs = runsOf(tokens, options.quick);
    const texts = newsTexts(tokens, seed);
    const run = (text: string) => answer(model, work, text);
    measured.push({
      name: work.name,
      tokens,
      runs,
      node: await spreadOf(wall, runs, texts, run),
      processor: await spreadOf(processor, runs, texts, run),
      chromium: page ? await page.spread(work.name, tokens, seed, options.quick) : null,
    });
  }
  model.unload();
  return measured;
}

async function measureTokenizer(): Promise<ModelSpeed['tokenizer']> {
  const text = newsText(1_000_000, seededRandom(seed));
  const seconds =
    (await medianTime(processor, options.quick ? 50 : 2_000, () => tokenizer.count(text))) / 1000;
  return {
    megabytesPerSecond: Buffer.byteLength(text) / 1e6 / seconds,
    tokensPerSecond: tokenizer.count(text) / seconds,
  };
}

/** @param run the whole work on a text, of which nothing is cut */
async function measureCurves(name: string, run: (text: string) => unknown): Promise<Curve[]> {
  const curves: Curve[] = [];
  for (const [input, pathology] of Object.entries(PATHOLOGIES)) {
    const points = [];
    for (const length of LENGTHS) {
      const text = pathology(length);
      points.push({ length, milliseconds: await medianTime(processor, CURVE_BUDGET_MS, () => run(text)) });
    }
    curves.push({ input, work: name, points });
  }
  return curves;
}

async function measureAll(page: BrowserPage | null): Promise<ModelSpeed> {
  const works = worksOf(MANIFESTS).filter(({ model }) => (options.model ?? model) === model);
  const models: Measured[] = [];
  const curves = await measureCurves('tokenizer: count', (text) => tokenizer.count(text));
  for (const work of works) {
    console.error(work.name);
    models.push(...(await measure(work, page)));
    const model = await loadWork(work, readChecked, { withoutLimit: true });
    curves.push(...(await measureCurves(work.name, (text) => answer(model, work, text))));
    model.unload();
  }
  return { models, tokenizer: await measureTokenizer(), curves };
}

function writeCards(results: ModelSpeed, about: Circumstances, chromium: string): void {
  for (const model of new Set(worksOf(MANIFESTS).map((work) => work.model))) {
    const card = path.join(import.meta.dirname, '../../models/weights', model, 'README.md');
    const section = speedSection(model, results, about, chromium);
    writeFileSync(card, withSpeed(readFileSync(card, 'utf8'), section));
  }
}

const page = options['without-chromium'] ? null : await BrowserPage.open();
try {
  const results = await measureAll(page);
  const about = circumstances(seed);
  const markdown = modelSpeedMarkdown(results, about, page?.version ?? null);
  if (!options.quick && options.model === undefined && page) {
    const folder = path.join(import.meta.dirname, '../results');
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, 'models.md'), markdown);
    writeFileSync(path.join(folder, 'models.json'), `${JSON.stringify({ about, results }, null, 2)}\n`);
    writeCards(results, about, page.version);
  }
  console.log(markdown);
} finally {
  await page?.close();
}
