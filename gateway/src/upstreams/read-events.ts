import type { Readable } from 'node:stream';
import { type FinishReason, isRecord, type ToolCall, type Usage } from '@zerogpu/protocol';
import { createParser } from 'eventsource-parser';
import { type PieceSink, TargetFailure } from '../flow.ts';
import { finishReasonOf, type Given, text, usageOf } from './read-answer.ts';

/**
 * Reads a streamed chat answer to its end and passes its pieces on.
 * @throws TargetFailure lost when it stops before its end, internal when it is an error or more than `maxBytes`
 */
export async function readEvents(body: Readable, sink: PieceSink, maxBytes: number): Promise<Given> {
  const reader = new EventReader(sink);
  const decoder = new TextDecoder();
  let size = 0;
  let closing: NodeJS.Timeout | undefined;
  try {
    for await (const chunk of body) {
      size += chunk.length;
      if (size > maxBytes) throw new TargetFailure('internal', 'The upstream answered too much');
      reader.feed(decoder.decode(chunk, { stream: true }));
      if (reader.done) closing ??= setTimeout(() => body.destroy(), END_AFTER_DONE_MS);
    }
  } catch (error) {
    if (!reader.done) throw error;
  } finally {
    clearTimeout(closing);
  }
  return reader.finish();
}

/** An upstream that said that it is done ends its body at once, and its connection is used again; else we end both. */
const END_AFTER_DONE_MS = 1000;

class EventReader {
  /** The upstream said that nothing follows. */
  done = false;
  #text = '';
  #reasoning = '';
  #usage: Usage | null = null;
  #finishReason: FinishReason | null = null;
  readonly #toolCalls: { id: string; name: string; arguments: string }[] = [];
  readonly #sink: PieceSink;
  readonly #parser = createParser({ onEvent: (event) => this.#event(event.data) });

  constructor(sink: PieceSink) {
    this.#sink = sink;
  }

  feed(chunk: string): void {
    this.#parser.feed(chunk);
  }

  finish(): Given {
    if (this.#finishReason === null) throw new TargetFailure('lost', 'The upstream broke off its answer');
    return {
      text: this.#text,
      reasoning: this.#reasoning || null,
      toolCalls: this.#toolCalls.map(
        ({ id, name, arguments: args }): ToolCall => ({
          id,
          type: 'function',
          function: { name, arguments: args },
        }),
      ),
      finishReason: this.#finishReason,
      usage: this.#usage,
    };
  }

  #event(data: string): void {
    if (data === '[DONE]') this.done = true;
    if (this.done) return;
    const event = parse(data);
    if (event['error']) throw new TargetFailure('internal', 'The upstream failed while it answered');
    this.#usage = usageOf(event['usage']) ?? this.#usage;
    const choice = Array.isArray(event['choices']) ? event['choices'][0] : null;
    if (!isRecord(choice)) return;
    if (isRecord(choice['delta'])) this.#delta(choice['delta']);
    if (typeof choice['finish_reason'] === 'string')
      this.#finishReason = finishReasonOf(choice['finish_reason']);
  }

  #delta(delta: Record<string, unknown>): void {
    const reasoning = text(delta['reasoning'] ?? delta['reasoning_content']);
    const content = text(delta['content']);
    this.#reasoning += reasoning;
    this.#text += content;
    if (reasoning !== '') this.#sink.piece('reasoning', reasoning);
    if (content !== '') this.#sink.piece('text', content);
    const calls = Array.isArray(delta['tool_calls']) ? delta['tool_calls'].filter(isRecord) : [];
    for (const call of calls) this.#toolCall(call);
  }

  /** A call comes in parts: its id and name first, then its arguments bit by bit. */
  #toolCall(part: Record<string, unknown>): void {
    const index = typeof part['index'] === 'number' ? part['index'] : this.#toolCalls.length;
    if (!Number.isInteger(index) || index < 0 || index > this.#toolCalls.length || index > 127) return;
    this.#toolCalls[index] ??= { id: '', name: '', arguments: '' };
    const call = this.#toolCalls[index];
    const fn = isRecord(part['function']) ? part['function'] : {};
    call.id ||= text(part['id']);
    call.name ||= text(fn['name']);
    call.arguments += text(fn['arguments']);
  }
}

function parse(data: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(data);
    return isRecord(value) ? value : {};
  } catch {
    throw new TargetFailure('internal', 'The upstream sent an event that is not JSON');
  }
}
