/**
 * What travels over the wire, written out so that the published package stands alone; a test holds each of
 * these against the platform's own schemas. Optional fields also take `undefined`, which is not sent.
 */

/** Options that both endpoints share. */
interface Sampling {
  /** The id of a model, as `models.list()` gives it. */
  model: string;
  /** The task's options; see the model's page. */
  metadata?: Record<string, unknown> | undefined;
  /** From 0 to 2. */
  temperature?: number | undefined;
  /** From 0 to 1. */
  top_p?: number | undefined;
  seed?: number | undefined;
  /** True: the answer comes in pieces, as an EventStream. */
  stream?: boolean | undefined;
  user?: string | undefined;
  /** Accepted and ignored. */
  store?: boolean | undefined;
}

interface JsonSchemaFormat {
  name: string;
  schema?: Record<string, unknown> | undefined;
  strict?: boolean | undefined;
}

export interface ResponsesInputPart {
  type: 'input_text' | 'output_text' | 'text';
  text: string;
}

export interface ResponsesInputMessage {
  role: 'user' | 'system' | 'assistant' | 'developer';
  content: string | ResponsesInputPart[];
}

export type ResponsesTextFormat =
  | { type: 'text' }
  | { type: 'json_object' }
  | ({ type: 'json_schema' } & JsonSchemaFormat);

/** The body of `POST /v1/responses`. */
export interface ResponsesRequest extends Sampling {
  /** A string of 1 to 131072 characters, or the messages of a conversation. */
  input: string | ResponsesInputMessage[];
  instructions?: string | undefined;
  text?: { format?: ResponsesTextFormat | undefined } | undefined;
  /** Hard bound on the answer's tokens. */
  max_output_tokens?: number | undefined;
  /** The same as `max_output_tokens`. */
  max_tokens?: number | undefined;
}

export interface ResponsesOutputText {
  type: 'output_text';
  text: string;
  annotations: unknown[];
}

export interface ResponsesMessageItem {
  id: string;
  type: 'message';
  role: 'assistant';
  status: 'completed' | 'in_progress' | 'incomplete';
  content: ResponsesOutputText[];
}

/** What a reasoning model thought, before its message. */
export interface ResponsesReasoningItem {
  id: string;
  type: 'reasoning';
  summary: unknown[];
  content: { type: 'reasoning_text'; text: string }[];
}

export type ResponsesOutputItem = ResponsesReasoningItem | ResponsesMessageItem;

export interface ResponsesUsage {
  input_tokens: number;
  input_tokens_details: { cached_tokens: number };
  output_tokens: number;
  output_tokens_details: { reasoning_tokens: number };
  total_tokens: number;
}

/** The answer of `POST /v1/responses`, as it travels. */
export interface ResponsesAnswer {
  id: string;
  object: 'response';
  /** Unix seconds. */
  created: number;
  /** Unix seconds; the same as `created`. */
  created_at: number;
  status: 'completed' | 'in_progress' | 'incomplete';
  /** Always null: a failure is thrown. */
  error: null;
  incomplete_details: { reason: string } | null;
  /** The model that ran. */
  model: string;
  output: ResponsesOutputItem[];
  usage: ResponsesUsage | null;
}

interface EventBase {
  sequence_number: number;
}

interface ItemEventBase extends EventBase {
  item_id: string;
  output_index: number;
}

interface PartEventBase extends ItemEventBase {
  content_index: number;
}

/** One event of a streamed response. Servers may add types to these; switch on `type` with a default. */
export type ResponsesEvent =
  | ({ type: 'response.created' | 'response.in_progress'; response: ResponsesAnswer } & EventBase)
  | ({ type: 'response.completed' | 'response.incomplete'; response: ResponsesAnswer } & EventBase)
  | ({
      type: 'response.output_item.added' | 'response.output_item.done';
      output_index: number;
      item: ResponsesOutputItem;
    } & EventBase)
  | ({
      type: 'response.content_part.added' | 'response.content_part.done';
      part: ResponsesOutputText | { type: 'reasoning_text'; text: string };
    } & PartEventBase)
  | ({ type: 'response.output_text.delta'; delta: string } & PartEventBase)
  | ({ type: 'response.output_text.done'; text: string } & PartEventBase)
  | ({ type: 'response.reasoning_text.delta'; delta: string } & PartEventBase)
  | ({ type: 'response.reasoning_text.done'; text: string } & PartEventBase);

export interface ChatToolCall {
  id: string;
  type: 'function';
  function: { name: string; arguments: string };
}

export type ChatContent = string | { type: 'text'; text: string }[];

export type ChatMessage =
  | {
      role: 'system' | 'user' | 'developer' | 'tool';
      content: ChatContent;
      tool_call_id?: string | undefined;
    }
  | {
      role: 'assistant';
      content?: ChatContent | null | undefined;
      tool_calls?: ChatToolCall[] | undefined;
    };

export type ChatResponseFormat =
  | { type: 'text' }
  | { type: 'json_object' }
  | { type: 'json_schema'; json_schema: JsonSchemaFormat };

/** The body of `POST /v1/chat/completions`. */
export interface ChatRequest extends Sampling {
  messages: ChatMessage[];
  /** Hard bound on the answer's tokens. */
  max_tokens?: number | undefined;
  /** The same as `max_tokens`. */
  max_completion_tokens?: number | undefined;
  /** At most 4. */
  stop?: string | string[] | undefined;
  /** Only 1. */
  n?: number | undefined;
  stream_options?: { include_usage?: boolean | undefined } | undefined;
  response_format?: ChatResponseFormat | undefined;
  tools?: unknown[] | undefined;
  tool_choice?: unknown;
}

export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter';

export interface ChatUsage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  prompt_tokens_details: { cached_tokens: number; audio_tokens: number };
  completion_tokens_details: {
    reasoning_tokens: number;
    audio_tokens: number;
    accepted_prediction_tokens: number;
    rejected_prediction_tokens: number;
  };
}

/** The answer of `POST /v1/chat/completions`. */
export interface ChatAnswer {
  id: string;
  object: 'chat.completion';
  /** Unix seconds. */
  created: number;
  /** The model that ran. */
  model: string;
  choices: {
    index: number;
    message: {
      role: 'assistant';
      content: string | null;
      /** A reasoning model's trace. */
      reasoning?: string;
      tool_calls?: ChatToolCall[];
      annotations: unknown[];
    };
    finish_reason: FinishReason;
    logprobs: null;
  }[];
  usage: ChatUsage;
  service_tier: 'default';
  system_fingerprint: null;
}

/** One event of a streamed chat answer. */
export interface ChatChunk {
  id: string;
  object: 'chat.completion.chunk';
  created: number;
  model: string;
  choices: {
    index: number;
    delta: {
      role?: 'assistant';
      content?: string;
      reasoning?: string;
      tool_calls?: (ChatToolCall & { index: number })[];
    };
    finish_reason: FinishReason | null;
    logprobs: null;
  }[];
  /** In the last chunk, when `stream_options.include_usage` asked for it. */
  usage?: ChatUsage | null;
  service_tier: 'default';
  system_fingerprint: null;
}

/** A model in the shape of the OpenAI API, with the platform's own facts under `zerogpu`. */
export interface ModelEntry {
  id: string;
  object: 'model';
  created: number;
  owned_by: string;
  zerogpu: {
    task: string;
    family: 'built-in' | 'hub';
    description: string;
    params: number | null;
    /** Longest input, in tokens. */
    max_tokens: number;
    /** A longer input is refused (true) or cut (false). */
    error_on_max_token: boolean;
    max_output_tokens: number;
    /** In US dollars, as exact decimals. */
    price_per_million: { input: string; output: string };
    routes: string[];
    licence: string;
    /** Something can serve it at this moment. */
    available: boolean;
    edge_nodes: number;
    fallback: boolean;
  };
}

export interface ModelList {
  object: 'list';
  data: ModelEntry[];
}

export interface ComponentHealth {
  status: 'ok' | 'degraded' | 'down';
  error: string | null;
}

/** The answer of `GET /health`. */
export interface Health {
  status: 'ok' | 'degraded' | 'down';
  components: {
    worker: ComponentHealth;
    deviceRegistry: ComponentHealth;
    keys: ComponentHealth;
    database: ComponentHealth;
    cloudInference: ComponentHealth;
  };
}
