import { findManifest } from '@zerogpu/catalogue';
import { type Inference, isRecord, type Tier } from '@zerogpu/protocol';
import { type Dispatcher, Pool } from 'undici';
import { Breaker } from '../breaker.ts';
import type { UpstreamConfig } from '../config.ts';
import { type FailureKind, type PieceSink, type Target, type TargetAnswer, TargetFailure } from '../flow.ts';
import { SlotQueue } from '../slot-queue.ts';
import { answerOf } from './read-answer.ts';
import { readEvents } from './read-events.ts';

/** As many requests are under way to one upstream at once; more wait, and too many are sent elsewhere at once. */
const CONNECTIONS = 128;
const MAX_WAITING = 2000;
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
const MAX_ERROR_BYTES = 64 * 1024;

/** What speaks against the upstream, and not against what was asked of it. */
const BROKEN: ReadonlySet<FailureKind> = new Set(['lost', 'internal', 'unavailable']);

/** An OpenAI-compatible server by URL, as a target like a node. Speaks only to its `/chat/completions`. */
export class Upstream implements Target {
  readonly kind = 'upstream';
  readonly organizationId = null;
  readonly id: string;
  readonly #config: UpstreamConfig;
  readonly #pool: Pool;
  readonly #path: string;
  readonly #headers: Record<string, string>;
  /** Of batch runs alone: interactive ones are asked at once, and the upstream orders its own work. */
  readonly #batchRuns: SlotQueue;
  readonly #breaker = new Breaker();
  #underWay = 0;

  constructor(config: UpstreamConfig) {
    const url = new URL(config.url);
    this.id = config.name;
    this.#config = config;
    this.#batchRuns = new SlotQueue(config.batchRuns, 0);
    // Our own deadline ends a request; undici's would be a second clock.
    this.#pool = new Pool(url.origin, { connections: CONNECTIONS, headersTimeout: 0, bodyTimeout: 0 });
    this.#path = `${url.pathname.replace(/\/$/, '')}/chat/completions`;
    this.#headers = {
      'content-type': 'application/json',
      ...(config.apiKey === null ? {} : { authorization: `Bearer ${config.apiKey}` }),
    };
  }

  /** Whether the operator vouches for it. Only then is it given texts of projects that did not opt in. */
  get trusted(): boolean {
    return this.#config.trusted;
  }

  /** Failed several times in a row, and is given a rest where there is another. */
  resting(now: number): boolean {
    return this.#breaker.resting(now);
  }

  has(model: string): boolean {
    return this.#config.models.has(model);
  }

  async run(
    inference: Inference,
    deadline: number,
    sink: PieceSink | null,
    signal: AbortSignal,
    tier: Tier,
  ): Promise<TargetAnswer> {
    if (tier === 'interactive') return this.#run(inference, sink, signal);
    const askedAt = Date.now();
    await this.#batchRuns.enter(tier, Math.max(0, deadline - askedAt), signal);
    try {
      const queueMs = Math.max(0, Date.now() - askedAt);
      return { ...(await this.#run(inference, sink, signal)), queueMs };
    } finally {
      this.#batchRuns.leave();
    }
  }

  async #run(inference: Inference, sink: PieceSink | null, signal: AbortSignal): Promise<TargetAnswer> {
    if (this.#underWay >= CONNECTIONS + MAX_WAITING) {
      throw new TargetFailure('busy', 'The upstream is overloaded');
    }
    this.#underWay++;
    this.#breaker.begin(Date.now());
    try {
      const given = await this.#answer(inference, sink, signal);
      this.#breaker.worked();
      return given;
    } catch (error) {
      if (error instanceof TargetFailure && BROKEN.has(error.kind)) this.#breaker.failed(Date.now());
      throw error;
    } finally {
      this.#underWay--;
    }
  }

  async #answer(inference: Inference, sink: PieceSink | null, signal: AbortSignal): Promise<TargetAnswer> {
    const startedAt = performance.now();
    const response = await this.#request(inference, sink !== null, signal);
    const given =
      sink === null
        ? answerOf(await readJson(response, MAX_ANSWER_BYTES, signal))
        : await readEvents(response.body, sink, MAX_ANSWER_BYTES).catch((error) => {
            throw signal.aborted ? signal.reason : lost(error);
          });
    return {
      ...given,
      usage: this.#config.trusted ? given.usage : null,
      queueMs: 0,
      modelMs: performance.now() - startedAt,
    };
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }

  async #request(
    inference: Inference,
    stream: boolean,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    const body = JSON.stringify(requestBody(inference, this.#config.models.get(inference.model)!, stream));
    const response = await this.#pool
      .request({ method: 'POST', path: this.#path, headers: this.#headers, body, signal })
      .catch((error: unknown) => {
        throw signal.aborted ? signal.reason : lost(error);
      });
    if (response.statusCode === 200) return response;
    const failure = await failureOf(response, signal, this.#config.apiKey);
    throw signal.aborted ? signal.reason : failure;
  }
}

function lost(cause: unknown): TargetFailure {
  if (cause instanceof TargetFailure) return cause;
  return new TargetFailure('lost', 'The upstream could not be reached, or broke off');
}

function requestBody(inference: Inference, model: string, stream: boolean): Record<string, unknown> {
  const { format, maxOutputTokens, temperature, topP, seed, stop, tools, toolChoice } = inference;
  return {
    model,
    messages: inference.messages,
    ...(maxOutputTokens === null ? {} : { max_tokens: maxOutputTokens }),
    ...(temperature === null ? {} : { temperature }),
    ...(topP === null ? {} : { top_p: topP }),
    ...(seed === null ? {} : { seed }),
    ...(stop.length === 0 ? {} : { stop }),
    ...(tools.length === 0 ? {} : { tools }),
    ...(toolChoice === null ? {} : { tool_choice: toolChoice }),
    ...(format.type === 'text' ? {} : { response_format: responseFormat(format) }),
    ...taskOptions(inference),
    ...(stream ? { stream, stream_options: { include_usage: true } } : {}),
  };
}

/** A task's options are part of what is asked; what a caller of a chat model notes down for itself is not. */
function taskOptions({ model, metadata }: Inference): { metadata?: Inference['metadata'] } {
  const isTask = findManifest(model)?.task !== 'chat';
  return isTask && Object.keys(metadata).length > 0 ? { metadata } : {};
}

function responseFormat(format: Inference['format']): Record<string, unknown> {
  if (format.type !== 'json_schema') return { type: format.type };
  const { type, ...json_schema } = format;
  return { type, json_schema };
}

/**
 * Only a refusal of the request itself is told in the upstream's words, without our key, should it quote it: others may
 * quote the prompt, too, and help no caller.
 */
async function failureOf(
  response: Dispatcher.ResponseData,
  signal: AbortSignal,
  apiKey: string | null,
): Promise<TargetFailure> {
  const { statusCode: status, body } = response;
  const message = `The upstream answered ${status}`;
  if (status === 400 || status === 422) {
    return new TargetFailure('input', (await errorMessage(response, signal, apiKey)) ?? message);
  }
  await body.dump({ limit: MAX_ERROR_BYTES, signal }).catch(() => undefined);
  if (status === 413) return new TargetFailure('too_large', message);
  if (status === 429 || status === 503) return new TargetFailure('busy', message);
  // Its own key, project or model list is wrong: ours to mend, nothing that the caller can do.
  if (status < 500) return new TargetFailure('unavailable', message);
  return new TargetFailure('internal', message);
}

async function errorMessage(
  response: Dispatcher.ResponseData,
  signal: AbortSignal,
  apiKey: string | null,
): Promise<string | null> {
  const value = await readJson(response, MAX_ERROR_BYTES, signal).catch(() => null);
  const error = isRecord(value) ? value['error'] : null;
  const message = isRecord(error) ? error['message'] : null;
  if (typeof message !== 'string') return null;
  // Before it is cut, or half a key would stay.
  return (apiKey ? message.replaceAll(apiKey, '…') : message).slice(0, 500);
}

async function readJson(
  response: Dispatcher.ResponseData,
  maxBytes: number,
  signal: AbortSignal,
): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response.body) {
      size += chunk.length;
      if (size > maxBytes) throw new TargetFailure('internal', 'The upstream answered too much');
      chunks.push(chunk);
    }
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof SyntaxError) throw new TargetFailure('internal', 'The upstream did not answer JSON');
    throw lost(error);
  }
}
