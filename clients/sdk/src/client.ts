/** The client: one method per route of the API, named as the paths are. */
import { Batches } from './batches.ts';
import { ZeroGPUError } from './errors.ts';
import { Files } from './files.ts';
import { type CallOptions, type ClientOptions, readSettings, type Settings } from './options.ts';
import { CHAT_STREAM, type EventStream, RESPONSES_STREAM } from './stream.ts';
import { pageURL, processEnvironment } from './surroundings.ts';
import { type Identity, Transport, type WithRequestId } from './transport.ts';
import type {
  ChatAnswer,
  ChatChunk,
  ChatRequest,
  ClassificationAnswer,
  EmbeddingsAnswer,
  EmbeddingsRequest,
  EntitiesAnswer,
  GlinerAnswer,
  GlinerRequest,
  Health,
  IabAnswer,
  IabClassification,
  IabProfile,
  IabRequest,
  ModelEntry,
  ModelList,
  ModerationsAnswer,
  ModerationsRequest,
  PiiAnswer,
  RecordsAnswer,
  ResponsesAnswer,
  ResponsesEvent,
  ResponsesRequest,
  SummaryAnswer,
  SummaryRequest,
} from './types.ts';

/** A request whose answer comes whole. */
export type Whole<Request> = Request & { stream?: false | undefined };
/** A request whose answer comes in pieces. */
export type Streamed<Request> = Request & { stream: true };
/** A response with its text in one string. */
export type TextResponse = WithRequestId<ResponsesAnswer> & { readonly output_text: string };

/**
 * The text of a response: its messages' parts, joined. Also for the response in a `response.completed` event.
 *
 * @example
 * outputText({ output: [] }) // ''
 */
export function outputText(response: Pick<ResponsesAnswer, 'output'>): string {
  let text = '';
  for (const item of response.output) {
    if (item.type !== 'message') continue;
    for (const part of item.content) if (part.type === 'output_text') text += part.text;
  }
  return text;
}

class Responses {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** `POST /v1/responses`. @throws ZeroGPUError, one class per kind of failure */
  create(body: Whole<ResponsesRequest>, options?: CallOptions): Promise<TextResponse>;
  create(body: Streamed<ResponsesRequest>, options?: CallOptions): Promise<EventStream<ResponsesEvent>>;
  create(body: ResponsesRequest, options?: CallOptions): Promise<TextResponse | EventStream<ResponsesEvent>>;
  async create(
    body: ResponsesRequest,
    options: CallOptions = {},
  ): Promise<TextResponse | EventStream<ResponsesEvent>> {
    const call = { method: 'POST', path: '/v1/responses', body, options } as const;
    if (body.stream) return this.#transport.stream<ResponsesEvent>(call, RESPONSES_STREAM);
    const answer = await this.#transport.json<ResponsesAnswer>(call);
    if (!Array.isArray(answer.output)) throw foreignAnswer('output');
    return Object.assign(answer, { output_text: outputText(answer) });
  }
}

class Completions {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** `POST /v1/chat/completions`. @throws ZeroGPUError, one class per kind of failure */
  create(body: Whole<ChatRequest>, options?: CallOptions): Promise<WithRequestId<ChatAnswer>>;
  create(body: Streamed<ChatRequest>, options?: CallOptions): Promise<EventStream<ChatChunk>>;
  create(
    body: ChatRequest,
    options?: CallOptions,
  ): Promise<WithRequestId<ChatAnswer> | EventStream<ChatChunk>>;
  async create(
    body: ChatRequest,
    options: CallOptions = {},
  ): Promise<WithRequestId<ChatAnswer> | EventStream<ChatChunk>> {
    const call = { method: 'POST', path: '/v1/chat/completions', body, options } as const;
    if (body.stream) return this.#transport.stream<ChatChunk>(call, CHAT_STREAM);
    return this.#transport.json<ChatAnswer>(call);
  }
}

class Chat {
  readonly completions: Completions;

  constructor(transport: Transport) {
    this.completions = new Completions(transport);
  }
}

/** An answer whose vectors are numbers. */
export type FloatEmbeddings = WithRequestId<
  Omit<EmbeddingsAnswer, 'data'> & {
    data: { object: 'embedding'; index: number; embedding: number[] }[];
  }
>;

class Embeddings {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** `POST /v1/embeddings`. @throws ZeroGPUError, one class per kind of failure */
  create(
    body: EmbeddingsRequest & { encoding_format?: 'float' | undefined },
    options?: CallOptions,
  ): Promise<FloatEmbeddings>;
  create(body: EmbeddingsRequest, options?: CallOptions): Promise<WithRequestId<EmbeddingsAnswer>>;
  create(body: EmbeddingsRequest, options: CallOptions = {}): Promise<WithRequestId<EmbeddingsAnswer>> {
    return this.#transport.json({ method: 'POST', path: '/v1/embeddings', body, options });
  }
}

class Moderations {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** `POST /v1/moderations`. @throws ZeroGPUError, one class per kind of failure */
  create(body: ModerationsRequest, options: CallOptions = {}): Promise<WithRequestId<ModerationsAnswer>> {
    return this.#transport.json({ method: 'POST', path: '/v1/moderations', body, options });
  }
}

class Models {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** `GET /v1/models`. */
  list(options: CallOptions = {}): Promise<WithRequestId<ModelList>> {
    return this.#transport.json({ method: 'GET', path: '/v1/models', options });
  }

  /** `GET /v1/models/{id}`. */
  async retrieve(id: string, options: CallOptions = {}): Promise<WithRequestId<ModelEntry>> {
    // '.' and '..' would vanish from the path, and another route would answer.
    if (/^\.{0,2}$/.test(id)) throw new ZeroGPUError(`A model cannot have the id '${id}'`);
    return this.#transport.json({ method: 'GET', path: `/v1/models/${encodeURIComponent(id)}`, options });
  }
}

/**
 * A client of one server and one key.
 *
 * @example
 * const client = new ZeroGPU(); // ZEROGPU_API_KEY, ZEROGPU_BASE_URL
 * const response = await client.responses.create({ model: 'zlm-v1-summary-cloud', input: text });
 * console.log(response.output_text);
 */
export class ZeroGPU {
  /** Without `/v1`. */
  readonly baseURL: string;
  readonly responses: Responses;
  readonly chat: Chat;
  readonly embeddings: Embeddings;
  readonly moderations: Moderations;
  readonly models: Models;
  readonly files: Files;
  readonly batches: Batches;
  // Private fields hold the key, so that neither JSON.stringify nor console.log of a client shows it.
  readonly #transport: Transport;

  /** @throws ZeroGPUError when an option cannot be used */
  constructor(options: ClientOptions = {}) {
    const settings = readSettings(options, processEnvironment(), pageURL());
    this.baseURL = settings.root;
    this.#transport = new Transport(settings, identityOf(settings));
    this.responses = new Responses(this.#transport);
    this.chat = new Chat(this.#transport);
    this.embeddings = new Embeddings(this.#transport);
    this.moderations = new Moderations(this.#transport);
    this.models = new Models(this.#transport);
    this.files = new Files(this.#transport);
    this.batches = new Batches(this.#transport);
  }

  /** `POST /v1/summary`: one to four sentences. @throws ZeroGPUError, one class per kind of failure */
  summary(body: SummaryRequest, options: CallOptions = {}): Promise<WithRequestId<SummaryAnswer>> {
    return this.#transport.json({ method: 'POST', path: '/v1/summary', body, options });
  }

  /** `POST /v1/usecase/classify/iab`. @throws ZeroGPUError, one class per kind of failure */
  classifyIab(
    body: IabRequest & { model?: undefined; enriched: true },
    options?: CallOptions,
  ): Promise<WithRequestId<IabProfile>>;
  classifyIab(
    body: IabRequest & { model?: undefined; enriched?: false | undefined },
    options?: CallOptions,
  ): Promise<WithRequestId<IabClassification>>;
  classifyIab(body: IabRequest, options?: CallOptions): Promise<WithRequestId<IabAnswer>>;
  classifyIab(body: IabRequest, options: CallOptions = {}): Promise<WithRequestId<IabAnswer>> {
    return this.#transport.json({ method: 'POST', path: '/v1/usecase/classify/iab', body, options });
  }

  /** `POST /v1/gliner`. @throws ZeroGPUError, one class per kind of failure */
  gliner(
    body: GlinerRequest & { model?: undefined; usecase: 'redact' | 'extract-pii' | 'extract' },
    options?: CallOptions,
  ): Promise<WithRequestId<PiiAnswer>>;
  gliner(
    body: GlinerRequest & { model?: undefined; usecase: 'ner' },
    options?: CallOptions,
  ): Promise<WithRequestId<EntitiesAnswer>>;
  gliner(
    body: GlinerRequest & { model?: undefined; usecase: 'json' },
    options?: CallOptions,
  ): Promise<WithRequestId<RecordsAnswer>>;
  gliner(
    body: GlinerRequest & { model?: undefined; usecase: 'classification' },
    options?: CallOptions,
  ): Promise<WithRequestId<ClassificationAnswer>>;
  gliner(body: GlinerRequest, options?: CallOptions): Promise<WithRequestId<GlinerAnswer>>;
  gliner(body: GlinerRequest, options: CallOptions = {}): Promise<WithRequestId<GlinerAnswer>> {
    return this.#transport.json({ method: 'POST', path: '/v1/gliner', body, options });
  }

  /** `GET /health`: also resolves when the server says that it is down. Never tried again. */
  async health(options: Pick<CallOptions, 'signal' | 'timeout'> = {}): Promise<WithRequestId<Health>> {
    const health = await this.#transport.json<Health>({
      method: 'GET',
      path: '/health',
      options: { ...options, maxRetries: 0 },
      alsoFine: 503,
    });
    if (typeof health.status !== 'string') throw foreignAnswer('status');
    return health;
  }
}

/** The key in a header, where no browser's cookie has to be. */
function identityOf({ apiKey, projectId }: Settings): Identity {
  const headers = { 'x-api-key': apiKey, ...(projectId === null ? {} : { 'x-project-id': projectId }) };
  return {
    headers: () => headers,
    credentials: 'omit',
    postsOnce: true,
    hide: (text) => text.replaceAll(apiKey, '[api key]'),
  };
}

function foreignAnswer(field: string): ZeroGPUError {
  return new ZeroGPUError(`The server's answer has no ${field}; check baseURL`);
}
