import { type AnswerFormat, ApiError, ChatRequest, type Inference, type Message } from '@zerogpu/protocol';
import { checker } from './check.ts';
import { plainText } from './plain-text.ts';

const check = checker(ChatRequest);

export interface ChatAsked {
  readonly inference: Inference;
  /** A stream ends with one more event that holds the usage. */
  readonly includeUsage: boolean;
}

/**
 * Step 2 of `/v1/chat/completions`: the body as an `Inference`.
 * @throws ApiError as `checker`
 */
export function readChat(body: Record<string, unknown>): ChatAsked {
  const request = check(body);
  const messages = request.messages.map(messageOf);
  const system = messages.filter((m) => m.role === 'system' || m.role === 'developer').map((m) => m.content);
  return {
    includeUsage: request.stream_options?.include_usage ?? false,
    inference: {
      model: request.model,
      messages,
      text: textOf(messages),
      texts: null,
      instructions: system.length === 0 ? null : system.join('\n\n'),
      metadata: request.metadata ?? {},
      maxOutputTokens: request.max_completion_tokens ?? request.max_tokens ?? null,
      temperature: request.temperature ?? null,
      topP: request.top_p ?? null,
      seed: request.seed ?? null,
      stop: request.stop === undefined ? [] : [request.stop].flat(),
      format: formatOf(request.response_format),
      tools: request.tools ?? [],
      toolChoice: request.tool_choice ?? null,
      stream: request.stream ?? false,
    },
  };
}

function messageOf(message: ChatRequest['messages'][number], index: number): Message {
  if (message.role !== 'assistant') {
    const { role, content, tool_call_id } = message;
    return { role, content: plainText(content), ...(tool_call_id === undefined ? {} : { tool_call_id }) };
  }
  const { content, tool_calls } = message;
  if ((content === undefined || content === null) && tool_calls === undefined) {
    const param = `messages[${index}].content`;
    throw new ApiError('missing_required_parameter', {
      message: `${param} is required without tool_calls`,
      param,
    });
  }
  return {
    role: 'assistant',
    content: plainText(content ?? ''),
    ...(tool_calls === undefined ? {} : { tool_calls }),
  };
}

/** A task model works on the last user message; a conversation without one is taken whole. */
function textOf(messages: readonly Message[]): string {
  const user = messages.findLast((m) => m.role === 'user');
  return user?.content ?? messages.map((m) => m.content).join('\n\n');
}

function formatOf(format: ChatRequest['response_format']): AnswerFormat {
  if (format?.type === 'json_schema') return { ...format.json_schema, type: 'json_schema' };
  return { type: format?.type ?? 'text' };
}
