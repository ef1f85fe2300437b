import { findManifest } from '@zerogpu/catalogue';
import {
  type Answer,
  ApiError,
  GlinerRequest,
  IabRequest,
  type Inference,
  plainInference,
  type SummaryAnswer,
  SummaryRequest,
  type TaskUsage,
} from '@zerogpu/protocol';
import { checker } from './check.ts';
import { inOnePiece, objectOf } from './json-answer.ts';
import type { Endpoint } from './shape.ts';

/** What a chat model is told on the route of this task. */
const SUMMARIZE = 'Summarize the text in one to four sentences. Answer with the summary alone.';
const checkSummary = checker(SummaryRequest);
const checkIab = checker(IabRequest);
const checkGliner = checker(GlinerRequest);

/** `POST /v1/summary` */
export const summaryEndpoint: Endpoint = {
  route: 'summary',
  read(body) {
    const request = checkSummary(body);
    const model = request.model ?? 'zlm-v1-summary-cloud';
    const inference = summaryOf(model, sourceOf(request), request.max_tokens ?? null);
    return { inference, shape: () => inOnePiece(wholeSummary) };
  },
};

/** `POST /v1/usecase/classify/iab` */
export const iabEndpoint: Endpoint = {
  route: 'usecase/classify/iab',
  read(body) {
    const request = checkIab(body);
    const otherwise = request.enriched ? 'zlm-v1-iab-classify-edge-enriched' : 'zlm-v1-iab-classify-edge';
    const inference = plainInference(request.model ?? otherwise, sourceOf(request));
    return { inference, shape: () => inOnePiece(wholeTask) };
  },
};

/** `POST /v1/gliner` */
export const glinerEndpoint: Endpoint = {
  route: 'gliner',
  read(body) {
    const request = checkGliner(body);
    const metadata = glinerOptions(request);
    const model = request.model ?? glinerModel(metadata);
    const inference = { ...plainInference(model, sourceOf(request)), metadata };
    return { inference, shape: () => inOnePiece(wholeTask) };
  },
};

/** @throws ApiError missing_required_parameter */
function sourceOf({ text, input }: { readonly text?: string; readonly input?: string }): string {
  const source = text ?? input;
  if (source !== undefined) return source;
  throw new ApiError('missing_required_parameter', { message: 'text or input is required', param: 'text' });
}

function summaryOf(model: string, text: string, maxOutputTokens: number | null): Inference {
  const plain = { ...plainInference(model, text), maxOutputTokens };
  if (findManifest(model)?.task !== 'chat') return plain;
  return {
    ...plain,
    instructions: SUMMARIZE,
    messages: [{ role: 'system', content: SUMMARIZE }, ...plain.messages],
  };
}

const GLINER_OPTIONS = ['usecase', 'labels', 'schema', 'threshold', 'categories', 'mask'] as const;

/** The options that were sent; a mask without a use case is there to be put on something. */
function glinerOptions(request: GlinerRequest): Record<string, unknown> {
  const sent = GLINER_OPTIONS.filter((name) => request[name] !== undefined);
  const options = Object.fromEntries(sent.map((name) => [name, request[name]]));
  const redacts = request.usecase === undefined && request.mask !== undefined;
  return redacts ? { usecase: 'redact', ...options } : options;
}

const EXTRACTION_USECASES: readonly unknown[] = ['ner', 'json', 'classification'];
const PII_USECASES: readonly unknown[] = ['redact', 'extract-pii', 'extract'];
const GLINER_EXAMPLE = { usecase: 'ner', labels: ['person', 'company', 'city'] };

/**
 * The model of the use case, for whoever names none.
 * @throws ApiError invalid_value for a use case of neither model
 */
function glinerModel({ usecase, categories }: Readonly<Record<string, unknown>>): string {
  const isPii = usecase === undefined ? categories !== undefined : PII_USECASES.includes(usecase);
  if (isPii) return 'gliner-multi-pii-v1';
  if (usecase === undefined || EXTRACTION_USECASES.includes(usecase)) return 'gliner2-base-v1';
  const known = [...EXTRACTION_USECASES, ...PII_USECASES].join(', ');
  throw new ApiError('invalid_value', {
    message: `${JSON.stringify(usecase).slice(0, 100)} is no usecase; it is one of ${known}. For example: ${JSON.stringify(GLINER_EXAMPLE)}`,
    param: 'usecase',
  });
}

function wholeSummary(answer: Answer): SummaryAnswer {
  return { summary: answer.text, ...toldOf(answer) };
}

/** The task's own JSON as the model wrote it, and what ran. */
function wholeTask(answer: Answer): string {
  const isEmpty = Object.keys(objectOf(answer)).length === 0;
  const own = isEmpty ? '{' : `${answer.text.trim().slice(0, -1)},`;
  return own + JSON.stringify(toldOf(answer)).slice(1);
}

function toldOf({ model, usage }: Answer): { model: string; usage: TaskUsage } {
  const { inputTokens, outputTokens } = usage;
  return {
    model,
    usage: {
      input_tokens: inputTokens,
      output_tokens: outputTokens,
      total_tokens: inputTokens + outputTokens,
    },
  };
}
