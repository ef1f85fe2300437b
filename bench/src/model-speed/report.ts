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
  readonly model: string;
  readonly tokens: number;
  readonly spread: Spread;
}

export interface ModelSpeed {
  readonly models: readonly Measured[];
  /** Models that this copy of the repository has no weights of. */
  readonly missing: readonly string[];
  /** Megabytes (10^6 bytes of UTF-8) per second on news text. */
  readonly tokenizer: { readonly megabytesPerSecond: number; readonly tokensPerSecond: number };
  readonly curves: readonly Curve[];
}

export function modelSpeedMarkdown(results: ModelSpeed, about: Circumstances): string {
  return `# Speed of the built-in models

${circumstancesLine(about)}

In process, on one core, from the text to the whole answer. Times in milliseconds; "CPU" is processor time, which
other programs on the machine hardly touch. The texts are news paragraphs in a random order, another for every run
in turn.

${modelTable(results)}
${results.missing.map((model) => `\nNot measured, because its weights are not here: ${model}.\n`).join('')}
The tokenizer counts ${figure(results.tokenizer.megabytesPerSecond)} MB/s of news text, ${figure(results.tokenizer.tokensPerSecond / 1e6)} million tokens a second.

## Inputs made to hurt

Median processor time by length in characters. "Power" is the exponent with which the time grows with the length, fitted to
all points of 0.2 ms and more: 1 is linear, 2 would be quadratic; under 1 the input is cut at the model's limit.

${[...new Set(results.curves.map((curve) => curve.work))].map((work) => curveTable(work, results)).join('\n\n')}
`;
}

function modelTable({ models }: ModelSpeed): string {
  return markdownTable(
    ['model', 'tokens', 'p50', 'p99', 'CPU p50', 'CPU p99', 'runs'],
    models.map(({ model, tokens, spread }) => [
      model,
      figure(tokens),
      figure(spread.p50),
      figure(spread.p99),
      figure(spread.cpuP50),
      figure(spread.cpuP99),
      String(spread.runs),
    ]),
  );
}

function curveTable(work: string, { curves }: ModelSpeed): string {
  const own = curves.filter((curve) => curve.work === work);
  const lengths = own[0]?.points.map((point) => String(point.characters)) ?? [];
  const rows = own.map(({ input, points }) => {
    const power = growthPower(points);
    const times = points.map((point) => figure(point.milliseconds));
    return [input, ...times, power === null ? '–' : figure(power)];
  });
  return `### ${work}\n\n${markdownTable(['input', ...lengths, 'power'], rows)}`;
}
