import { type Answer, ApiError, isRecord } from '@zerogpu/protocol';
import type { Shape } from './shape.ts';

/**
 * The shape of an endpoint that answers in one piece: it refuses `stream`, so nothing ever asks for events.
 * @param whole as `Shape.whole`
 */
export function inOnePiece(whole: Shape['whole']): Shape {
  return { whole, open: () => '', piece: () => '', close: () => '', fail: () => '' };
}

/**
 * The JSON object that a model answered with.
 * @throws ApiError invalid_value when it was cut short, internal_error when it is no object
 */
export function objectOf(answer: Answer): Record<string, unknown> {
  const value = jsonOf(answer);
  if (isRecord(value) && !Array.isArray(value)) return value;
  throw notInForm(answer);
}

/**
 * The JSON array that a model answered several texts with.
 * @throws ApiError as `objectOf`
 */
export function arrayOf(answer: Answer, length: number): readonly unknown[] {
  const value = jsonOf(answer);
  if (Array.isArray(value) && value.length === length) return value;
  throw notInForm(answer);
}

function jsonOf(answer: Answer): unknown {
  try {
    return JSON.parse(answer.text);
  } catch (cause) {
    throw answer.finishReason === 'length' ? cutShort(answer) : notInForm(answer, cause);
  }
}

/** Part of a JSON text is of no use to anybody: nothing is charged for it. */
function cutShort({ model, usage }: Answer): ApiError {
  return new ApiError('invalid_value', {
    message: `The answer would be longer than the ${usage.outputTokens} tokens that ${model} may write; send a shorter text, or fewer and shorter labels`,
  });
}

/** A node that does not keep to its task's form. */
export function notInForm({ model }: Answer, cause?: unknown): ApiError {
  // The message of a parser's error quotes the answer.
  const reason = cause instanceof Error ? cause.name : 'not in the form of its task';
  return new ApiError('internal_error', {
    cause: new Error(`${model} answered what is no answer: ${reason}`),
  });
}
