import type { Answer } from '@zerogpu/protocol';
import fc from 'fast-check';

export function answer(changes: Partial<Answer> = {}): Answer {
  return {
    model: 'm',
    text: 'The sky is blue.',
    reasoning: null,
    toolCalls: [],
    finishReason: 'stop',
    usage: { inputTokens: 12, outputTokens: 5, reasoningTokens: 0 },
    ...changes,
  };
}

export type Piece = readonly [kind: 'text' | 'reasoning', text: string];

/** Answers with the pieces in which they were streamed: all of them, or only a beginning. */
export const streamed: fc.Arbitrary<{ readonly pieces: Piece[]; readonly answer: Answer }> = fc
  .record({
    reasoning: fc.array(fc.string({ unit: 'binary', minLength: 1 }), { maxLength: 4 }),
    text: fc.array(fc.string({ unit: 'binary', minLength: 1 }), { maxLength: 6 }),
    finishReason: fc.constantFrom('stop' as const, 'length' as const, 'content_filter' as const),
    inputTokens: fc.nat(),
    outputTokens: fc.nat(),
  })
  .map(({ reasoning, text, finishReason, inputTokens, outputTokens }) => ({
    pieces: [
      ...reasoning.map((piece): Piece => ['reasoning', piece]),
      ...text.map((piece): Piece => ['text', piece]),
    ],
    answer: answer({
      text: text.join(''),
      reasoning: reasoning.join('') || null,
      finishReason,
      usage: { inputTokens, outputTokens, reasoningTokens: 0 },
    }),
  }));
