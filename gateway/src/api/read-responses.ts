import { type AnswerFormat, type Inference, type Message, ResponsesRequest } from '@zerogpu/protocol';
import { checker } from './check.ts';
import { plainText } from './plain-text.ts';

const check = checker(ResponsesRequest);

/**
 * Step 2 of `/v1/responses`: the body as an `Inference`.
 * @throws ApiError as `checker`
 */
export function readResponses(body: Record<string, unknown>): Inference {
  const request = check(body);
  const turns = messagesOf(request.input);
  const system = turns.filter((m) => m.role === 'system' || m.role === 'developer').map((m) => m.content);
  const instructions = [...(request.instructions === undefined ? [] : [request.instructions]), ...system];
  return {
    model: request.model,
    messages:
      request.instructions === undefined
        ? turns
        : [{ role: 'system', content: request.instructions }, ...turns],
    text: textOf(turns),
    texts: null,
    instructions: instructions.length === 0 ? null : instructions.join('\n\n'),
    metadata: request.metadata ?? {},
    maxOutputTokens: request.max_output_tokens ?? request.max_tokens ?? null,
    temperature: request.temperature ?? null,
    topP: request.top_p ?? null,
    seed: request.seed ?? null,
    stop: [],
    format: formatOf(request.text?.format),
    tools: [],
    toolChoice: null,
    stream: request.stream ?? false,
  };
}

function messagesOf(input: ResponsesRequest['input']): Message[] {
  if (typeof input === 'string') return [{ role: 'user', content: input }];
  return input.map(({ role, content }) => ({ role, content: plainText(content) }));
}

/** A task model works on the user's turns; a conversation without one is taken whole. */
function textOf(turns: readonly Message[]): string {
  const user = turns.filter((m) => m.role === 'user');
  return (user.length > 0 ? user : turns).map((m) => m.content).join('\n\n');
}

function formatOf(format: NonNullable<ResponsesRequest['text']>['format']): AnswerFormat {
  if (format === undefined || format.type !== 'json_schema') return { type: format?.type ?? 'text' };
  return format;
}
