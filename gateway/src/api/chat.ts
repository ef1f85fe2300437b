import {
  type Answer,
  type ApiError,
  type ChatAnswer,
  type ChatChunk,
  type ChatUsage,
  errorEnvelope,
  type Usage,
} from '@zerogpu/protocol';
import { readChat } from './read-chat.ts';
import { type AnswerIdentity, type Endpoint, idTail, type Shape, sse } from './shape.ts';

/** `POST /v1/chat/completions` */
export const chatEndpoint: Endpoint = {
  route: 'chat/completions',
  read(body) {
    const { inference, includeUsage } = readChat(body);
    return { inference, shape: (identity) => new ChatShape(identity, includeUsage) };
  },
};

class ChatShape implements Shape {
  readonly #id: string;
  readonly #created: number;
  readonly #model: string;
  readonly #includeUsage: boolean;

  constructor(identity: AnswerIdentity, includeUsage: boolean) {
    this.#id = `chatcmpl-${idTail(identity.requestId)}`;
    this.#created = Math.floor(identity.createdAt / 1000);
    this.#model = identity.model;
    this.#includeUsage = includeUsage;
  }

  whole(answer: Answer): ChatAnswer {
    const { text, reasoning, toolCalls } = answer;
    return {
      id: this.#id,
      object: 'chat.completion',
      created: this.#created,
      model: answer.model,
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            content: toolCalls.length > 0 && text === '' ? null : text,
            ...(reasoning === null ? {} : { reasoning }),
            ...(toolCalls.length === 0 ? {} : { tool_calls: [...toolCalls] }),
            annotations: [],
          },
          finish_reason: answer.finishReason,
          logprobs: null,
        },
      ],
      usage: chatUsage(answer.usage),
      service_tier: 'default',
      system_fingerprint: null,
    };
  }

  open(): string {
    return this.#chunk({ role: 'assistant', content: '' }, null);
  }

  piece(kind: 'text' | 'reasoning', text: string): string {
    return this.#chunk(kind === 'text' ? { content: text } : { reasoning: text }, null);
  }

  close(answer: Answer): string {
    const calls = answer.toolCalls.map((call, index) => ({ index, ...call }));
    const tools = calls.length === 0 ? '' : this.#chunk({ tool_calls: calls }, null);
    const usage = this.#includeUsage
      ? sse({ ...this.#head(), choices: [], usage: chatUsage(answer.usage) })
      : '';
    return `${tools}${this.#chunk({}, answer.finishReason)}${usage}data: [DONE]\n\n`;
  }

  fail(error: ApiError): string {
    return sse(errorEnvelope(error));
  }

  #chunk(delta: ChatChunk['choices'][number]['delta'], finish: Answer['finishReason'] | null): string {
    const choices: ChatChunk['choices'] = [{ index: 0, delta, finish_reason: finish, logprobs: null }];
    const chunk: ChatChunk = { ...this.#head(), choices, ...(this.#includeUsage ? { usage: null } : {}) };
    return sse(chunk);
  }

  #head(): Omit<ChatChunk, 'choices'> {
    return {
      id: this.#id,
      object: 'chat.completion.chunk',
      created: this.#created,
      model: this.#model,
      service_tier: 'default',
      system_fingerprint: null,
    };
  }
}

function chatUsage(usage: Usage): ChatUsage {
  return {
    prompt_tokens: usage.inputTokens,
    completion_tokens: usage.outputTokens,
    total_tokens: usage.inputTokens + usage.outputTokens,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: usage.reasoningTokens,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}
