/** Reads OpenAI's chat answers, as upstreams of many makes write them. Pure. */
import { type FinishReason, isRecord, type ToolCall, type Usage } from '@zerogpu/protocol';
import { type TargetAnswer, TargetFailure } from '../flow.ts';

/** An answer, without the times. */
export type Given = Omit<TargetAnswer, 'queueMs' | 'modelMs'>;

/** @throws TargetFailure internal, when there is no message in it */
export function answerOf(value: unknown): Given {
  const choice = isRecord(value) && Array.isArray(value['choices']) ? value['choices'][0] : null;
  const message = isRecord(choice) ? choice['message'] : null;
  if (!isRecord(value) || !isRecord(choice) || !isRecord(message)) {
    throw new TargetFailure('internal', 'The upstream answered without a message');
  }
  return {
    text: text(message['content']),
    reasoning: text(message['reasoning'] ?? message['reasoning_content']) || null,
    toolCalls: toolCallsOf(message['tool_calls']),
    finishReason: finishReasonOf(choice['finish_reason']),
    usage: usageOf(value['usage']),
  };
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export function toolCallsOf(value: unknown): ToolCall[] {
  if (!Array.isArray(value)) return [];
  return value.filter(isRecord).map((call) => {
    const fn = isRecord(call['function']) ? call['function'] : {};
    return {
      id: text(call['id']),
      type: 'function',
      function: { name: text(fn['name']), arguments: text(fn['arguments']) },
    };
  });
}

/** What an upstream says of the end, in OpenAI's words; anything else counts as a natural end. */
export function finishReasonOf(value: unknown): FinishReason {
  return value === 'length' || value === 'tool_calls' || value === 'content_filter' ? value : 'stop';
}

/** An upstream's count, where it gave a sound one. */
export function usageOf(value: unknown): Usage | null {
  if (!isRecord(value)) return null;
  const details = isRecord(value['completion_tokens_details']) ? value['completion_tokens_details'] : {};
  const inputTokens = count(value['prompt_tokens']);
  const outputTokens = count(value['completion_tokens']);
  if (inputTokens === null || outputTokens === null) return null;
  return { inputTokens, outputTokens, reasoningTokens: count(details['reasoning_tokens']) ?? 0 };
}

/** Above this it is no count of tokens, and no integer of the log. */
const MAX_COUNT = 2 ** 31 - 1;

function count(value: unknown): number | null {
  const isCount = typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_COUNT;
  return isCount ? value : null;
}
