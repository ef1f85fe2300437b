/**
 * One inference as every room knows it, whichever endpoint it came through: what is asked of a model, and what
 * the model gave. JSON throughout, because it travels to nodes.
 */

/** The longest text of one input or message, in UTF-16 code units. */
export const MAX_TEXT_LENGTH = 131_072;

export type Role = 'system' | 'user' | 'assistant' | 'tool' | 'developer';

export interface ToolCall {
  readonly id: string;
  readonly type: 'function';
  readonly function: { readonly name: string; readonly arguments: string };
}

export interface Message {
  readonly role: Role;
  readonly content: string;
  readonly tool_calls?: readonly ToolCall[];
  readonly tool_call_id?: string;
}

export type AnswerFormat =
  | { readonly type: 'text' }
  | { readonly type: 'json_object' }
  | {
      readonly type: 'json_schema';
      readonly name: string;
      readonly schema?: Record<string, unknown>;
      readonly strict?: boolean;
    };

export interface Inference {
  readonly model: string;
  /** The conversation in order; for a plain `input` string, one user message. Never empty. */
  readonly messages: readonly Message[];
  /** What a single-task model works on: `input`, the user turns joined by blank lines, or the last user message. */
  readonly text: string;
  /**
   * Several texts to be worked on one by one, answered by a JSON array of one answer each, in order; then `text` is
   * the first of them. Null for one text.
   */
  readonly texts: readonly string[] | null;
  /** `instructions`, or the system and developer messages joined by blank lines; null when there are none. */
  readonly instructions: string | null;
  /** The task's options (see each model's card), as sent. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Hard bound on the answer's tokens as asked for; null leaves it to the model. */
  readonly maxOutputTokens: number | null;
  readonly temperature: number | null;
  readonly topP: number | null;
  readonly seed: number | null;
  readonly stop: readonly string[];
  readonly format: AnswerFormat;
  readonly tools: readonly unknown[];
  readonly toolChoice: unknown;
  /** True when the caller wants the answer in pieces while it is made. */
  readonly stream: boolean;
}

/** What a caller asks who gives a text and nothing else: every choice is the model's. */
export function plainInference(model: string, text: string): Inference {
  return {
    model,
    messages: [{ role: 'user', content: text }],
    text,
    texts: null,
    instructions: null,
    metadata: {},
    maxOutputTokens: null,
    temperature: null,
    topP: null,
    seed: null,
    stop: [],
    format: { type: 'text' },
    tools: [],
    toolChoice: null,
    stream: false,
  };
}

export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter';

export interface Usage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** The part of `outputTokens` that went into reasoning. */
  readonly reasoningTokens: number;
}

export interface Answer {
  /** The model that ran, which is not always the one that was asked for. */
  readonly model: string;
  readonly text: string;
  /** A reasoning model's trace, kept out of `text`; null for every other model. */
  readonly reasoning: string | null;
  readonly toolCalls: readonly ToolCall[];
  readonly finishReason: FinishReason;
  readonly usage: Usage;
}
