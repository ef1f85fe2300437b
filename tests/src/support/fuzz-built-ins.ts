/** Built-in models on random texts with random options: what goes wrong, case by case. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Inference, Task } from '@zerogpu/protocol';
import { type LoadedModel, loadBuiltIn, ModelInputError, type RunEnd } from '@zerogpu/runtimes';
import { hostileInference, mulberry32, seededText } from './seeded-inferences.ts';

const WEIGHTS = path.join(import.meta.dirname, '../../../models/weights');
/** Their answers are plain text; all others promise JSON. */
const PLAIN: readonly Task[] = ['summarization', 'follow-up-questions'];
/** Enough to see what is wrong. */
const MOST_TOLD = 5;

export interface FuzzReport {
  readonly answered: number;
  /** Requests that the model cannot work on, and said so. */
  readonly refused: number;
  /** What should not have happened, with the request that did it; the first few. */
  readonly misbehaviours: readonly string[];
}

export async function fuzzBuiltIn(id: string, cases: number, seed: number): Promise<FuzzReport> {
  const model = await loadBuiltIn(id, (name, file) => readFile(path.join(WEIGHTS, name, file)));
  const random = mulberry32(seed);
  const misbehaviours: string[] = [];
  let refused = 0;
  for (let i = 0; i < cases && misbehaviours.length < MOST_TOLD; i++) {
    const inference = hostileInference(model.manifest, seededText(i, random), random);
    try {
      const complaint = complaintAbout(inference, model.manifest.task, await answerOf(model, inference));
      if (complaint) misbehaviours.push(told(complaint, inference));
    } catch (error) {
      if (error instanceof ModelInputError) refused++;
      else
        misbehaviours.push(
          told(error instanceof Error ? (error.stack ?? error.message) : String(error), inference),
        );
    }
  }
  model.unload();
  return { answered: cases - refused, refused, misbehaviours };
}

interface Answered {
  readonly text: string;
  readonly end: RunEnd;
}

async function answerOf(model: LoadedModel, inference: Inference): Promise<Answered> {
  const run = model.run(inference, new AbortController().signal);
  let text = '';
  let step = await run.next();
  for (; !step.done; step = await run.next()) text += step.value.text;
  return { text, end: step.value };
}

function complaintAbout({ texts }: Inference, task: Task, { text, end }: Answered): string | null {
  const { inputTokens, outputTokens, finishReason } = end;
  if (!isCount(inputTokens) || !isCount(outputTokens)) return `Tokens are no counts: ${JSON.stringify(end)}`;
  if (PLAIN.includes(task) || finishReason === 'length') return null;
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    return `The answer is no JSON: ${text.slice(0, 200)}`;
  }
  if (texts !== null && !(Array.isArray(answer) && answer.length === texts.length)) {
    return `Not an answer for each of ${texts.length} texts: ${text.slice(0, 200)}`;
  }
  return null;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/** JSON of ASCII, so that any terminal shows the case as it was. */
function told(
  complaint: string,
  { text, texts, instructions, metadata, maxOutputTokens }: Inference,
): string {
  const request = JSON.stringify({ text, texts, instructions, metadata, maxOutputTokens });
  return `${complaint}\n  ${request.replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)}`;
}
