/** The results of the model bench in words and tables. Pure. */
import { type Circumstances, circumstancesLine } from '../support/machine.ts';
import { figure, markdownTable } from '../support/table.ts';
import { type CurvePoint, growthPower, type Spread } from './timing.ts';

export interface Curve {
  readonly input: string;
  readonly work: string;
  readonly points: readonly CurvePoint[];
}

export interface Measured {
  /** The model's id, and its use case where it has several. */
  readonly name: string;
  readonly tokens: number;
  readonly runs: number;
  /** By the clock. */
  readonly node: Spread;
  /** Processor time in Node. */
  readonly processor: Spread;
  /** By the clock; null when not measured. */
  readonly chromium: Spread | null;
}

export interface ModelSpeed {
  readonly models: readonly Measured[];
  /** Megabytes (10^6 bytes of UTF-8) per second on news text. */
  readonly tokenizer: { readonly megabytesPerSecond: number; readonly tokensPerSecond: number };
  readonly curves: readonly Curve[];
}

/** @param chromium its version; null when not measured */
export function modelSpeedMarkdown(
  results: ModelSpeed,
  about: Circumstances,
  chromium: string | null,
): string {
  const { megabytesPerSecond, tokensPerSecond } = results.tokenizer;
  return `# Speed of the built-in models

${circumstancesLine(about)}${chromium === null ? '' : ` Chromium ${chromium}.`}

In process, on one core, from the text to the whole answer. Times in milliseconds; "CPU" is processor time, which
other programs on the machine hardly touch. The texts are news paragraphs in a random order, another for every run
in turn; the last length is the model's limit.

${modelTable(results)}

The tokenizer counts ${figure(megabytesPerSecond)} MB/s of news text, ${figure(tokensPerSecond / 1e6)} million tokens a second.

## Inputs made to hurt

Median processor time in Node by length: in characters, or in sentences of three characters where the input says so. The
models' limits are lifted, so that all of the text is read. "Power" is the exponent with which the time grows with the
length, fitted to all points of 0.2 ms and more: 1 is linear, 2 would be quadratic.

${[...new Set(results.curves.map((curve) => curve.work))].map((work) => curveTable(work, results)).join('\n\n')}
`;
}

export function modelTable({ models }: Pick<ModelSpeed, 'models'>): string {
  const columns = ['model', 'tokens', 'Node p50', 'p99', 'CPU p50', 'p99', 'Chromium p50', 'p99', 'runs'];
  return markdownTable(
    columns,
    models.map(({ name, tokens, runs, node, processor, chromium }) => [
      name,
      tokens.toLocaleString('en-US'),
      figure(node.p50),
      figure(node.p99),
      figure(processor.p50),
      figure(processor.p99),
      chromium ? figure(chromium.p50) : '–',
      chromium ? figure(chromium.p99) : '–',
      String(runs),
    ]),
  );
}

function curveTable(work: string, { curves }: ModelSpeed): string {
  const own = curves.filter((curve) => curve.work === work);
  const lengths = own[0]?.points.map((point) => String(point.length)) ?? [];
  const rows = own.map(({ input, points }) => {
    const power = growthPower(points);
    const times = points.map((point) => figure(point.milliseconds));
    return [input, ...times, power === null ? '–' : figure(power)];
  });
  return `### ${work}\n\n${markdownTable(['input', ...lengths, 'power'], rows)}`;
}
