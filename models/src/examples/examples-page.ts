/** What every built-in says to every example text, as a page for people. */
import { plainInference } from '@zerogpu/protocol';
import type { LoadedModel } from '@zerogpu/runtimes';
import { EXAMPLE_TEXTS, type ExampleText } from './example-texts.ts';
import { EMBEDDING_MODEL, EXAMPLE_TASKS, type ExampleTask } from './tasks.ts';

const NEAREST = 3;

/** @param load gives a built-in by its id; called once a model */
export async function examplesPage(load: (id: string) => Promise<LoadedModel>): Promise<string> {
  const models = new Map<string, LoadedModel>();
  for (const id of new Set([...EXAMPLE_TASKS.map(({ model }) => model), EMBEDDING_MODEL])) {
    models.set(id, await load(id));
  }
  const model = (id: string) => models.get(id)!;
  const neighbours = await nearestTexts(model(EMBEDDING_MODEL));
  const parts = [HEAD];
  for (const [i, example] of EXAMPLE_TEXTS.entries()) {
    parts.push(`## ${i + 1}. ${example.name}\n\n${fenced(example.text)}`);
    for (const task of EXAMPLE_TASKS) parts.push(await section(task, example, model(task.model)));
    parts.push(`### Nearest texts by embedding\n\n${neighbours[i]!.join(' · ')}\n`);
  }
  for (const loaded of models.values()) loaded.unload();
  return parts.join('\n');
}

const HEAD = `# What the built-in models say

Twenty texts from different walks of life, all invented, and the answer of every built-in model to each, as it came:
nothing is picked. \`npm run models:examples\` writes this page; a test holds it to what the models say. Of moderation's
scores those below 0.01 are left out.

The page is no measure of quality: an earlier version of it was read by critical eyes, and what was found bad was mended where
a general rule could, so these texts are no longer unseen. Mended since: extraction made several records of one invoice,
lease or match, read only the first pair of a line with several, took an old price for the price and "not allowed" for
allowed; zero-shot did not know kinds of documents (a lease was an advertisement, a poem a weather report) nor a label that
stands in the text; follow-up questions asked about pockets, chairs and files as if they were disputes, and asked Germans in
English; the IAB models knew no shop pages, forms, poems or other languages; redaction missed names over line
breaks, roles and foreign streets, and took a browser's version for a street; the summary cut sentences at wide line ends.
What is still bad stands below for all to see, and in each model's card.
`;

async function section(task: ExampleTask, example: ExampleText, model: LoadedModel): Promise<string> {
  const options = task.options(example);
  const sent = Object.keys(options).length > 0 ? `Sent: \`${JSON.stringify(options)}\`\n\n` : '';
  const answer = await answerOf(model, example.text, options);
  return `### ${task.title}\n\n${sent}${fenced(readable(answer))}`;
}

/** The whole answer, or what the model says against the request. */
export async function answerOf(
  model: LoadedModel,
  text: string,
  options: ReturnType<ExampleTask['options']>,
): Promise<string> {
  const inference = { ...plainInference(model.manifest.id, text), ...options };
  let answer = '';
  try {
    for await (const piece of model.run(inference, new AbortController().signal)) answer += piece.text;
  } catch (error) {
    return `${error instanceof Error ? error.name : 'Error'}: ${String(error instanceof Error ? error.message : error)}`;
  }
  return answer;
}

/** JSON on as many lines as it has parts of note; anything else as it is. */
function readable(answer: string): string {
  if (!answer.startsWith('{')) return answer;
  let parsed: object;
  try {
    parsed = JSON.parse(answer);
  } catch {
    return answer;
  }
  if ('flagged' in parsed) return JSON.stringify(withoutZeros(parsed));
  return outline(parsed, '');
}

const LINE = 116;

function outline(value: unknown, indent: string): string {
  const flat = JSON.stringify(value);
  if (flat.length + indent.length <= LINE || typeof value !== 'object' || value === null) return flat;
  const deeper = `${indent}  `;
  if (Array.isArray(value)) {
    return `[\n${value.map((item) => deeper + outline(item, deeper)).join(',\n')}\n${indent}]`;
  }
  const entries = Object.entries(value).map(
    ([key, item]) => `${deeper}${JSON.stringify(key)}: ${outline(item, deeper)}`,
  );
  return `{\n${entries.join(',\n')}\n${indent}}`;
}

/** A moderation with the scores that are not nothing. */
function withoutZeros(result: object): object {
  const { flagged, category_scores: scores } = result as { flagged: unknown; category_scores: object };
  const told = Object.entries(scores).filter(([, score]) => typeof score === 'number' && score >= 0.01);
  return { flagged, category_scores: Object.fromEntries(told) };
}

async function nearestTexts(encoder: LoadedModel): Promise<string[][]> {
  const vectors: number[][] = [];
  for (const { text } of EXAMPLE_TEXTS) vectors.push(JSON.parse(await answerOf(encoder, text, {})));
  return vectors.map((vector, i) => {
    const others = EXAMPLE_TEXTS.map(({ name }, j) => ({ name, j, near: dot(vector, vectors[j]!) }));
    const best = others.filter(({ j }) => j !== i).sort((a, b) => b.near - a.near || a.j - b.j);
    return best.slice(0, NEAREST).map(({ name, near }) => `${name} ${near.toFixed(2)}`);
  });
}

function dot(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (const [i, x] of a.entries()) sum += x * b[i]!;
  return sum;
}

/** A fence longer than any in the text. */
function fenced(text: string): string {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}text\n${text}\n${fence}\n`;
}
