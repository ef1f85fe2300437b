/** The section "Speed" of a model's card, made of the model bench's results. Pure. */
import { type Circumstances, circumstancesLine } from '../support/machine.ts';
import { figure } from '../support/table.ts';
import { type ModelSpeed, modelTable } from './report.ts';
import { growthPower } from './timing.ts';

const HEADING = '## Speed';

/** @param chromium its version */
export function speedSection(
  model: string,
  results: ModelSpeed,
  about: Circumstances,
  chromium: string,
): string {
  const models = results.models.filter(({ name }) => isOf(model, name));
  const curves = results.curves.filter(({ work }) => isOf(model, work));
  const powers = curves.flatMap(({ points }) => growthPower(points) ?? []);
  const longest = Math.max(...curves.map(({ points }) => points.at(-1)?.milliseconds ?? 0));
  return `${HEADING}

In process, on one core, in milliseconds; \`npm run bench:models\` prints it with everything else (\`bench/results/models.md\`).
${circumstancesLine(about)} Chromium ${chromium}.

${modelTable({ models })}

131,072 characters or sentences of inputs made to hurt take at most ${figure(longest)} ms of processor time without the model's
limit; time grows with the length to the power of ${figure(Math.max(...powers))} at most (1 is linear).
`;
}

/** A model's work is named by its id, and its use case where it has several. */
function isOf(model: string, name: string): boolean {
  return name === model || name.startsWith(`${model} `);
}

/** The card with its section on speed replaced, or with one at its end. */
export function withSpeed(card: string, section: string): string {
  const start = card.indexOf(`${HEADING}\n`);
  if (start === -1) return `${card.trimEnd()}\n\n${section}`;
  const next = card.indexOf('\n## ', start);
  return card.slice(0, start) + section + (next === -1 ? '' : card.slice(next));
}
