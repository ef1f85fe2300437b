import { findManifest, priceOf, tokenizerOf } from '@zerogpu/catalogue';
import {
  ApiError,
  type Inference,
  type Message,
  type ModelManifest,
  type NanoDollars,
  type Route,
  type Tier,
} from '@zerogpu/protocol';
import type { Admission, Caller, PerMinute, ScopeLimits } from '../flow.ts';
import type { Asking, Grant } from './admit-requests.ts';
import { refusalOf } from './refusals.ts';
import { checkTaskOptions, isTaskRoute } from './task-options.ts';

export interface AdmitServices {
  /**
   * Takes from the rate limits and holds money.
   * @throws ApiError no_capacity when too many requests wait for the database
   */
  take(asking: Asking): Promise<Grant>;
  /** Of keys that have no limits of their own. */
  readonly keyLimits: PerMinute;
  /** A model's settings as the operator overrode them. */
  override(model: string): { readonly errorOnMaxToken?: boolean } | undefined;
  readonly deadlineMs: number;
}

/** Held this much longer than the deadline, so that a settlement at the last moment still finds its hold. */
const GRACE_MS = 15_000;

/**
 * Step 3: the model exists and is allowed, the input fits, the rate limits have room, the money is held.
 * @param now milliseconds since 1970; the deadline counts from here
 * @throws ApiError model_not_found, model_not_allowed, invalid_value, context_length_exceeded, insufficient_quota; RateLimited
 */
export async function admit(
  services: AdmitServices,
  caller: Caller,
  requestId: string,
  route: Route,
  asked: Inference,
  tier: Tier,
  now: number,
): Promise<Admission> {
  const manifest = allowedModel(services, caller, route, asked.model);
  checkTaskOptions(manifest, route, asked);
  const { inference, inputTokens } = fit(manifest, route, asked);
  const deadline = now + services.deadlineMs;
  const held = upperBound(manifest, inference, inputTokens, tier);
  const grant = await services.take({
    requestId,
    accountId: caller.walletId,
    projectId: caller.projectId,
    keyId: caller.keyId,
    amount: held,
    expiresAt: deadline + GRACE_MS,
    tokens: inputTokens,
    limits: withDefaults(caller.limits, services.keyLimits),
  });
  if (grant.result !== 'held') throw refusalOf(grant, now);
  return { manifest, tier, inference, inputTokens, held, deadline, limits: grant.limits };
}

function withDefaults({ key, project }: ScopeLimits, otherwise: PerMinute): ScopeLimits {
  const { requests, tokens } = otherwise;
  return { key: { requests: key.requests ?? requests, tokens: key.tokens ?? tokens }, project };
}

function allowedModel(services: AdmitServices, caller: Caller, route: Route, id: string): ModelManifest {
  const manifest = findManifest(id);
  if (!manifest) {
    throw new ApiError('model_not_found', {
      message: `The model "${id}" does not exist; GET /v1/models lists those that do`,
      param: 'model',
    });
  }
  if (caller.allowedModels !== null && !caller.allowedModels.has(id)) {
    throw new ApiError('model_not_allowed', {
      message: `The model "${id}" is not enabled for this project or key`,
      param: 'model',
    });
  }
  if (!manifest.routes.includes(route)) {
    throw new ApiError('invalid_value', {
      message: `The model "${id}" does not answer on /v1/${route}; it answers on ${manifest.routes.map((r) => `/v1/${r}`).join(', ')}`,
      param: 'model',
    });
  }
  return { ...manifest, ...services.override(id) };
}

interface Fitted {
  readonly inference: Inference;
  readonly inputTokens: number;
}

/** Counts the input and holds it to the model's limit: refused, or cut at a token. */
function fit(manifest: ModelManifest, route: Route, asked: Inference): Fitted {
  const maxOutputTokens = Math.min(asked.maxOutputTokens ?? Infinity, manifest.maxOutputTokens);
  const bounded = { ...asked, maxOutputTokens };
  return manifest.task === 'chat'
    ? fitConversation(manifest, route, bounded)
    : fitTexts(manifest, route, bounded);
}

function fitConversation(manifest: ModelManifest, route: Route, inference: Inference): Fitted {
  const inputTokens = count(manifest, conversation(inference));
  if (inputTokens > manifest.maxTokens) throw tooLong(manifest, paramOf(route), inputTokens);
  return { inference, inputTokens };
}

/** Each text is worked on by itself, so each has the model's whole limit. */
function fitTexts(manifest: ModelManifest, route: Route, asked: Inference): Fitted {
  const instructions = count(manifest, instructionsOf(asked));
  const room = manifest.maxTokens - instructions;
  const fitted = (asked.texts ?? [asked.text]).map((text, i) => {
    const tokens = count(manifest, [text]);
    if (tokens <= room) return { text, tokens };
    if (manifest.errorOnMaxToken || room <= 0)
      throw tooLong(manifest, paramOf(route, asked.texts, i), instructions + tokens);
    const cut = tokenizerOf(manifest.tokenizer).truncate(text, room);
    return { text: cut, tokens: count(manifest, [cut]) };
  });
  const texts = fitted.map(({ text }) => text);
  const text = texts[0] ?? '';
  return {
    inference: { ...asked, text, texts: asked.texts && texts, messages: taskMessages(asked, text) },
    inputTokens: fitted.reduce((sum, { tokens }) => sum + instructions + tokens, 0),
  };
}

function count(manifest: ModelManifest, texts: readonly string[]): number {
  const tokenizer = tokenizerOf(manifest.tokenizer);
  return texts.reduce((sum, text) => sum + tokenizer.count(text), 0);
}

function tooLong(manifest: ModelManifest, param: string, tokens: number): ApiError {
  const message = `The input has ${tokens} tokens; ${manifest.id} accepts at most ${manifest.maxTokens}`;
  return new ApiError('context_length_exceeded', { message, param });
}

/** The field that holds the input. */
function paramOf(route: Route, texts: Inference['texts'] = null, index = 0): string {
  if (route === 'chat/completions') return 'messages';
  if (isTaskRoute(route)) return 'text';
  return texts !== null && texts.length > 1 ? `input[${index}]` : 'input';
}

const instructionsOf = ({ instructions }: Inference): string[] =>
  instructions === null ? [] : [instructions];

/** Everything that a chat model reads. */
function conversation({ messages, tools, format }: Inference): string[] {
  const calls = messages.flatMap((message) => message.tool_calls ?? []).map((call) => call.function);
  return [
    ...messages.map((message) => message.content),
    ...calls.flatMap((call) => [call.name, call.arguments]),
    ...(tools.length === 0 ? [] : [JSON.stringify(tools)]),
    ...(format.type === 'json_schema' ? [JSON.stringify(format)] : []),
  ];
}

/** A task model is given what was counted, and nothing else of a conversation. */
function taskMessages(asked: Inference, text: string): Message[] {
  const system = instructionsOf(asked).map((content): Message => ({ role: 'system', content }));
  return [...system, { role: 'user', content: text }];
}

/** What a chat template puts around each message; the largest seen is ten. */
const TOKENS_AROUND_A_MESSAGE = 16;

/**
 * The most that a request can cost. An upstream counts with its own tokenizer, which on our measure of a text has
 * been seen to differ by up to half: twice our count bounds it.
 */
function upperBound(
  manifest: ModelManifest,
  inference: Inference,
  inputTokens: number,
  tier: Tier,
): NanoDollars {
  const around = inference.messages.length * TOKENS_AROUND_A_MESSAGE;
  const most = manifest.family === 'hub' ? 2 * inputTokens + around : inputTokens;
  const each = inference.maxOutputTokens ?? manifest.maxOutputTokens;
  const output = each * (inference.texts?.length ?? 1);
  return priceOf(manifest, { inputTokens: most, outputTokens: output }, tier);
}
