import { tokenizerOf } from '@zerogpu/catalogue';
import type { Piece, RunEnd } from '../runtime.ts';
import type { ProgramInference } from './programs.ts';

/** The run of a program whose answer is there at once: cut to the bound, in one piece, counted. */
export async function* wholeAnswer(
  inference: ProgramInference,
  signal: AbortSignal,
  answerTo: (text: string) => string,
): AsyncGenerator<Piece, RunEnd, undefined> {
  signal.throwIfAborted();
  const tokenizer = tokenizerOf('zlm');
  const answer = answerTo(inference.text);
  const text = tokenizer.truncate(answer, inference.maxOutputTokens);
  if (text !== '') yield { kind: 'text', text };
  return {
    finishReason: text === answer ? 'stop' : 'length',
    inputTokens: tokenizer.count(inference.text),
    outputTokens: tokenizer.count(text),
  };
}
