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

/** The body of `POST /v1/embeddings`. */
export interface EmbeddingsRequest {
  /** The id of a model, such as `zlm-v1-embed-edge`. */
  model: string;
  /** A text of 1 to 131072 characters, or at most 2048 of them. */
  input: string | string[];
  /** `float` when absent. Both hold the same 32-bit floats; base64 is a third as long. */
  encoding_format?: 'float' | 'base64' | undefined;
  /** How many leading dimensions; all when absent. */
  dimensions?: number | undefined;
  /** Only false: the answer comes whole. */
  stream?: false | undefined;
  user?: string | undefined;
}

/** The answer of `POST /v1/embeddings`. */
export interface EmbeddingsAnswer {
  object: 'list';
  /** In the order of the texts. */
  data: {
    object: 'embedding';
    index: number;
    /** Numbers, or base64 of little-endian 32-bit floats. */
    embedding: number[] | string;
  }[];
  /** The model that ran. */
  model: string;
  usage: { prompt_tokens: number; total_tokens: number };
}

/** The body of `POST /v1/moderations`. */
export interface ModerationsRequest {
  /** `zlm-v1-moderation-edge` when absent. */
  model?: string | undefined;
  /** A text, at most 2048 texts judged one by one, or the parts of one text. */
  input: string | (string | { type: 'text'; text: string })[];
  /** Only false: the answer comes whole. */
  stream?: false | undefined;
  user?: string | undefined;
}

export type ModerationCategory =
  | 'harassment'
  | 'harassment/threatening'
  | 'hate'
  | 'hate/threatening'
  | 'illicit'
  | 'illicit/violent'
  | 'self-harm'
  | 'self-harm/intent'
  | 'self-harm/instructions'
  | 'sexual'
  | 'sexual/minors'
  | 'violence'
  | 'violence/graphic';

export interface ModerationResult {
  flagged: boolean;
  categories: Record<ModerationCategory, boolean>;
  /** From 0 to 1. */
  category_scores: Record<ModerationCategory, number>;
  category_applied_input_types: Record<ModerationCategory, 'text'[]>;
}

/** The answer of `POST /v1/moderations`. */
export interface ModerationsAnswer {
  id: string;
  /** The model that ran. */
  model: string;
  /** In the order of the texts; one for the parts of one text. */
  results: ModerationResult[];
}

/** What every task route takes: one of `text` and `input` is required, and `text` wins. */
interface TaskSource {
  /** 1 to 131072 characters. */
  text?: string | undefined;
  /** The same as `text`. */
  input?: string | undefined;
  /** Only false: the answer comes whole. */
  stream?: false | undefined;
  user?: string | undefined;
}

export interface TaskUsage {
  input_tokens: number;
  output_tokens: number;
  total_tokens: number;
}

/** What every task route adds to its task's own answer. */
interface TaskTold {
  /** The model that ran. */
  model: string;
  usage: TaskUsage;
}

/** The body of `POST /v1/summary`. */
export interface SummaryRequest extends TaskSource {
  /** `zlm-v1-summary-cloud` when absent. */
  model?: string | undefined;
  /** Hard bound on the summary's tokens. */
  max_tokens?: number | undefined;
}

/** The answer of `POST /v1/summary`. */
export interface SummaryAnswer extends TaskTold {
  summary: string;
}

/** The body of `POST /v1/usecase/classify/iab`. */
export interface IabRequest extends TaskSource {
  /** Absent: as `enriched` says. */
  model?: string | undefined;
  /** True: ids, parents, topics, keywords and intent. */
  enriched?: boolean | undefined;
}

export interface ScoredName {
  name: string;
  score: number;
}

/** An entry of Content Taxonomy 2.2 or Audience Taxonomy 1.1, with the names above it. */
export interface IabEntry {
  id: string;
  parent_id: string | null;
  name: string;
  tier1_name: string;
  tier2_name?: string;
  tier3_name?: string;
  score: number;
}

/** An entry of Content Taxonomy 1.0. */
export interface IabCode {
  /** Such as `IAB19-6`. */
  code: string;
  name: string;
  tier: number;
  parent_code: string | null;
  score: number;
}

/** The answer of `POST /v1/usecase/classify/iab` by `zlm-v1-iab-classify-edge`; every list best first. */
export interface IabClassification extends TaskTold {
  audience: ScoredName[];
  content: { iab_1_0: ScoredName[]; iab_2_2: ScoredName[] };
}

/** The same by the enriched and the cloud model. */
export interface IabProfile extends TaskTold {
  audience: IabEntry[];
  content: { iab_1_0: IabCode[]; iab_2_2: IabEntry[] };
  topics: ScoredName[];
  keywords: string[];
  user_intent: {
    name: string;
    category: 'informational' | 'navigational' | 'commercial' | 'transactional';
    score: number;
  };
}

export type IabAnswer = IabProfile | IabClassification;

/** The body of `POST /v1/gliner`. */
export interface GlinerRequest extends TaskSource {
  /** Absent: as `usecase` says. */
  model?: string | undefined;
  /** ner, json, classification; redact, extract-pii. */
  usecase?: unknown;
  /** Names of what is to be found. */
  labels?: unknown;
  /** json: `{ group: ['field::type::description'] }`; classification: `{ axis: ['label', 'label'] }`. */
  schema?: unknown;
  /** The least score that counts, from 0 to 1. */
  threshold?: unknown;
  /** Categories of personal data, such as `contact` or `financial`. */
  categories?: unknown;
  /** `label`, `char`, or one character. */
  mask?: unknown;
}

/** A found piece of personal data. */
export interface PiiSpan {
  text: string;
  label: string;
  /** In UTF-16 code units of the text as sent. */
  start: number;
  end: number;
  score: number;
}

/** Of redact and extract-pii. */
export interface PiiAnswer extends TaskTold {
  /** Only of redact. */
  redacted_text?: string;
  entities: PiiSpan[];
  entities_by_label: Record<string, string[]>;
}

/** Of ner: every requested label is there. */
export interface EntitiesAnswer extends TaskTold {
  entities: Record<string, string[]>;
}

/** Of json: one record per instance found. */
export interface RecordsAnswer extends TaskTold {
  data: Record<string, Record<string, unknown>[]>;
}

/** Of classification. */
export interface ClassificationAnswer extends TaskTold {
  classification: Record<string, string>;
}

/** The answer of `POST /v1/gliner`, by use case. */
export type GlinerAnswer = PiiAnswer | EntitiesAnswer | RecordsAnswer | ClassificationAnswer;

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
    /** What a copy of the model must say of its sources. */
    licence_notice: string | null;
    /** Where its open weights lie; null for a built-in. */
    hub: { repository: string; revision: string; files: string[] } | null;
    /** The built-in that answers for it where the project lets it. */
    stand_in: string | null;
    /** Something can serve it at this moment. */
    available: boolean;
    edge_nodes: number;
    fallback: boolean;
    /** What the operator does to make it available; null when it is. */
    how_to_serve: string | null;
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

export type FilePurpose = 'batch' | 'batch_output';

/** One file. */
export interface FileObject {
  id: string;
  object: 'file';
  bytes: number;
  /** Unix seconds. */
  created_at: number;
  filename: string;
  purpose: FilePurpose;
  status: 'processed';
  /** Unix seconds. */
  expires_at: number;
  /** Of the file with a batch's failed lines alone. */
  is_error?: true;
}

export interface FileList {
  object: 'list';
  data: FileObject[];
  first_id: string | null;
  last_id: string | null;
  has_more: boolean;
}

export interface FileDeleted {
  id: string;
  object: 'file';
  deleted: true;
}

export type BatchStatus =
  | 'validating'
  | 'failed'
  | 'in_progress'
  | 'finalizing'
  | 'completed'
  | 'cancelling'
  | 'cancelled'
  | 'expired';

/** Why a batch was not begun. */
export interface BatchFault {
  code: string;
  message: string;
  /** In the input file, from 1; null where no line is at fault. */
  line: number | null;
  param: string | null;
}

/** One batch; times are Unix seconds. */
export interface Batch {
  id: string;
  object: 'batch';
  endpoint: string;
  /** Of a failed one; null otherwise. */
  errors: { object: 'list'; data: BatchFault[] } | null;
  input_file_id: string;
  completion_window: '24h';
  status: BatchStatus;
  output_file_id: string | null;
  error_file_id: string | null;
  created_at: number;
  in_progress_at: number | null;
  expires_at: number;
  finalizing_at: number | null;
  completed_at: number | null;
  failed_at: number | null;
  expired_at: number | null;
  cancelling_at: number | null;
  cancelled_at: number | null;
  request_counts: { total: number; completed: number; failed: number };
  metadata: Record<string, unknown>;
}

export interface BatchList {
  object: 'list';
  data: Batch[];
  first_id: string | null;
  last_id: string | null;
  has_more: boolean;
}

/** The body of `POST /v1/batches`. */
export interface BatchRequest {
  /** A file uploaded with the purpose `batch`. */
  input_file_id: string;
  /** Only `/v1/chat/completions` unless the operator allows more; that when absent. */
  endpoint?: string | undefined;
  /** Only `24h`; that when absent. */
  completion_window?: '24h' | undefined;
  metadata?: Record<string, unknown> | undefined;
}

/** A line of an input file. */
export interface BatchInputLine<Body = ChatRequest> {
  /** Different in each line; results are found by it. */
  custom_id: string;
  method: 'POST';
  url: string;
  body: Body;
}

export type BatchLineErrorCode =
  | 'invalid_request_error'
  | 'context_length_exceeded'
  | 'authentication_error'
  | 'not_found_error'
  | 'request_too_large'
  | 'insufficient_quota'
  | 'rate_limit_exceeded'
  | 'internal_error'
  | 'batch_cancelled'
  | 'batch_expired';

/** A line that was answered. */
export interface BatchOutputLine<Body = ChatAnswer> {
  id: string;
  custom_id: string;
  response: { status_code: number; request_id: string; body: Body };
  error: null;
}

/** A line that was not. */
export interface BatchErrorLine {
  id: string;
  custom_id: string;
  response: null;
  error: { code: BatchLineErrorCode; message: string; param: string | null };
}

/** What became of a line. */
export type BatchResultLine<Body = ChatAnswer> = BatchOutputLine<Body> | BatchErrorLine;
