/** One order as a caller sends it, and what became of it as the caller saw it. */
import { type Agent, type IncomingMessage, request } from 'node:http';
import { isRecord } from '@zerogpu/protocol';
import { bodyOf, type Order } from './money-faults-orders.ts';

export type Outcome =
  /** The whole body, or the stream with its final event, was received. */
  | {
      readonly kind: 'answered';
      readonly requestId: string;
      /** The same for the same answer, however its pieces were cut. */
      readonly said: string;
      readonly replayed: boolean;
      readonly usage: Usage;
    }
  /** 420 insufficient_quota. */
  | { readonly kind: 'refused'; readonly requestId: string }
  /** Any other error. */
  | { readonly kind: 'failed'; readonly requestId: string; readonly status: number; readonly code: string }
  /** The caller went away in the middle. */
  | { readonly kind: 'left' }
  /** The connection broke before the end. */
  | { readonly kind: 'lost' };

export interface Usage {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export interface Sent {
  readonly port: number;
  readonly agent: Agent;
  readonly apiKey: string;
  readonly order: Order;
  readonly idempotencyKey: string | null;
  /** The caller goes away at the first piece of a stream. */
  readonly leaves: boolean;
}

/** Never rejects. */
export async function send(sent: Sent): Promise<Outcome> {
  try {
    const response = await open(sent);
    const requestId = String(response.headers['x-request-id'] ?? '');
    const text = await readAll(response, sent.leaves);
    if (text === null) return { kind: 'left' };
    const replayed = response.headers['idempotent-replayed'] === 'true';
    return outcomeOf(sent.order, response.statusCode ?? 0, requestId, text, replayed);
  } catch {
    return { kind: 'lost' };
  }
}

function open({ port, agent, apiKey, order, idempotencyKey }: Sent): Promise<IncomingMessage> {
  const body = JSON.stringify(bodyOf(order));
  const headers = {
    'x-api-key': apiKey,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...(idempotencyKey === null ? {} : { 'idempotency-key': idempotencyKey }),
  };
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, agent, path: order.endpoint, method: 'POST', headers }, resolve)
      .once('error', reject)
      .end(body);
  });
}

/** Null when the caller left. @throws when the connection broke before the end */
async function readAll(response: IncomingMessage, leaves: boolean): Promise<string | null> {
  let text = '';
  const stream = String(response.headers['content-type']).startsWith('text/event-stream');
  for await (const chunk of response.setEncoding('utf8')) {
    text += chunk;
    if (leaves && stream && text.includes('delta')) {
      response.destroy();
      return null;
    }
  }
  if (!response.complete) throw new Error('Cut off');
  return text;
}

function outcomeOf(
  order: Order,
  status: number,
  requestId: string,
  text: string,
  replayed: boolean,
): Outcome {
  const answer = status === 200 ? (order.stream ? lastOf(text) : parsed(text)) : null;
  const usage = usageOf(isRecord(answer) && isRecord(answer['response']) ? answer['response'] : answer);
  if (usage !== null) return { kind: 'answered', requestId, said: saidBy(order, text), replayed, usage };
  const code = codeOf(order.stream && status === 200 ? lastOf(text) : parsed(text));
  if (code === 'insufficient_quota') return { kind: 'refused', requestId };
  return { kind: 'failed', requestId, status, code };
}

/** Of a stream only what does not depend on how it was cut. */
function saidBy(order: Order, text: string): string {
  if (!order.stream) return text;
  const last = lastOf(text);
  if (order.endpoint === '/v1/responses') return JSON.stringify(isRecord(last) ? last['response'] : null);
  const id = /"id":"([^"]*)"/.exec(text)?.[1];
  const pieces = [...text.matchAll(/"delta":\{"content":("(?:[^"\\]|\\.)*")\}/g)].map(([, piece]) =>
    parsed(piece ?? ''),
  );
  return `${id} ${pieces.join('')}`;
}

/** The last event but `[DONE]`: of a stream that ended well, the one that has the usage. */
function lastOf(text: string): unknown {
  const events = text.split('\n\n').filter((event) => event.includes('data: '));
  const data = events.map((event) => event.slice(event.indexOf('data: ') + 6));
  return parsed(data.findLast((line) => line !== '[DONE]') ?? '');
}

function usageOf(value: unknown): Usage | null {
  const usage = isRecord(value) ? value['usage'] : null;
  if (!isRecord(usage)) return null;
  const inputTokens = usage['input_tokens'] ?? usage['prompt_tokens'];
  const outputTokens = usage['output_tokens'] ?? usage['completion_tokens'];
  const counted = typeof inputTokens === 'number' && typeof outputTokens === 'number';
  return counted ? { inputTokens, outputTokens } : null;
}

function codeOf(value: unknown): string {
  const error = isRecord(value) ? (value['error'] ?? value) : null;
  return isRecord(error) ? String(error['code']) : 'none';
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
