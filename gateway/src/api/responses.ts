import type { Answer, ApiError, FinishReason, ResponsesAnswer, ResponsesOutputItem } from '@zerogpu/protocol';
import { readResponses } from './read-responses.ts';
import { type AnswerIdentity, type Endpoint, idTail, type Shape, sse } from './shape.ts';

/** `POST /v1/responses` */
export const responsesEndpoint: Endpoint = {
  route: 'responses',
  read(body) {
    return { inference: readResponses(body), shape: (identity) => new ResponsesShape(identity) };
  },
};

type ItemKind = 'text' | 'reasoning';
type ItemStatus = ResponsesAnswer['status'];

/** Why an answer that ended so is not complete; null when it is. */
const INCOMPLETE: Record<FinishReason, string | null> = {
  stop: null,
  tool_calls: null,
  length: 'max_output_tokens',
  content_filter: 'content_filter',
};

class ResponsesShape implements Shape {
  readonly #tail: string;
  readonly #created: number;
  readonly #model: string;
  #sequence = 0;
  /** The items begun in this stream, in order; the last one is open. */
  readonly #items: { kind: ItemKind; text: string }[] = [];

  constructor(identity: AnswerIdentity) {
    this.#tail = idTail(identity.requestId);
    this.#created = Math.floor(identity.createdAt / 1000);
    this.#model = identity.model;
  }

  whole(answer: Answer): ResponsesAnswer {
    const { inputTokens, outputTokens } = answer.usage;
    const reason = INCOMPLETE[answer.finishReason];
    const status = reason === null ? 'completed' : 'incomplete';
    return {
      ...this.#head(answer.model, status),
      incomplete_details: reason === null ? null : { reason },
      output: [
        ...(answer.reasoning === null ? [] : [this.#item('reasoning', answer.reasoning, 'completed')]),
        this.#item('text', answer.text, status),
      ],
      usage: {
        input_tokens: inputTokens,
        input_tokens_details: { cached_tokens: 0 },
        output_tokens: outputTokens,
        output_tokens_details: { reasoning_tokens: answer.usage.reasoningTokens },
        total_tokens: inputTokens + outputTokens,
      },
    };
  }

  open(): string {
    const response = { ...this.#head(this.#model, 'in_progress'), output: [], usage: null };
    return this.#event('response.created', { response }) + this.#event('response.in_progress', { response });
  }

  piece(kind: ItemKind, text: string): string {
    const begun = this.#items.at(-1);
    // Reasoning that comes after the text has begun has no place left in the stream; the whole answer has it.
    if (begun?.kind === 'text' && kind === 'reasoning') return '';
    const opened = begun?.kind === kind ? '' : this.#closeItem('completed') + this.#openItem(kind);
    this.#items.at(-1)!.text += text;
    return (
      opened + this.#event(`${EVENTS[kind].text}.delta`, { ...this.#place(), delta: text, ...logprobs(kind) })
    );
  }

  close(answer: Answer): string {
    const isMessage = this.#items.at(-1)?.kind === 'text';
    const message = isMessage ? '' : this.#closeItem('completed') + this.#openItem('text');
    const status = INCOMPLETE[answer.finishReason] === null ? 'completed' : 'incomplete';
    const closed = message + this.#closeItem(status);
    return closed + this.#event(`response.${status}`, { response: this.whole(answer) });
  }

  fail(error: ApiError): string {
    const { message, code, param } = error;
    return this.#event('error', { code, message, param });
  }

  #openItem(kind: ItemKind): string {
    this.#items.push({ kind, text: '' });
    const item = { ...this.#item(kind, '', 'in_progress'), content: [] };
    const { item_id, output_index, content_index } = this.#place();
    return (
      this.#event('response.output_item.added', { output_index, item }) +
      this.#event('response.content_part.added', {
        item_id,
        output_index,
        content_index,
        part: part(kind, ''),
      })
    );
  }

  #closeItem(status: ItemStatus): string {
    const open = this.#items.at(-1);
    if (!open) return '';
    const { item_id, output_index, content_index } = this.#place();
    const { kind, text } = open;
    return (
      this.#event(`${EVENTS[kind].text}.done`, {
        item_id,
        output_index,
        content_index,
        text,
        ...logprobs(kind),
      }) +
      this.#event('response.content_part.done', {
        item_id,
        output_index,
        content_index,
        part: part(kind, text),
      }) +
      this.#event('response.output_item.done', { output_index, item: this.#item(kind, text, status) })
    );
  }

  #place(): { item_id: string; output_index: number; content_index: 0 } {
    const output_index = this.#items.length - 1;
    return {
      item_id: EVENTS[this.#items[output_index]!.kind].prefix + this.#tail,
      output_index,
      content_index: 0,
    };
  }

  #item(kind: ItemKind, text: string, status: ItemStatus): ResponsesOutputItem {
    const id = EVENTS[kind].prefix + this.#tail;
    if (kind === 'reasoning')
      return { id, type: 'reasoning', summary: [], content: [{ type: 'reasoning_text', text }] };
    return {
      id,
      type: 'message',
      role: 'assistant',
      status,
      content: [{ type: 'output_text', text, annotations: [] }],
    };
  }

  #head(model: string, status: ResponsesAnswer['status']): Omit<ResponsesAnswer, 'output' | 'usage'> {
    return {
      id: `resp_${this.#tail}`,
      object: 'response',
      created: this.#created,
      created_at: this.#created,
      status,
      error: null,
      incomplete_details: null,
      model,
    };
  }

  #event(type: string, fields: object): string {
    return sse({ type, sequence_number: this.#sequence++, ...fields }, type);
  }
}

const EVENTS: Record<ItemKind, { prefix: string; text: string }> = {
  text: { prefix: 'msg_', text: 'response.output_text' },
  reasoning: { prefix: 'rs_', text: 'response.reasoning_text' },
};

function part(kind: ItemKind, text: string): object {
  return kind === 'text' ? { type: 'output_text', text, annotations: [] } : { type: 'reasoning_text', text };
}

/** OpenAI's clients expect the field on text events. */
function logprobs(kind: ItemKind): object {
  return kind === 'text' ? { logprobs: [] } : {};
}
