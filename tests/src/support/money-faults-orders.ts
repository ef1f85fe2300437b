/**
 * What is asked, so that its price is known beforehand: the text of an order says how many tokens the upstream is to
 * report, and no other order of the same key has the same two numbers. So the log and the books tell every order apart.
 */
import { findManifest, tokenizerOf } from '@zerogpu/catalogue';

/** A hub model: what it costs is what the upstream counted. */
export const MODEL = 'llama-3.1-8b-instruct-fast';

const manifest = findManifest(MODEL)!;
const { inputPerToken, outputPerToken } = manifest.price;

export const MAX_OUTPUT = 2048;
const INPUTS = 128;
/** Orders of one key that can be told apart. */
export const ORDERS_OF_A_KEY = INPUTS * MAX_OUTPUT;

/** Long enough that twice its tokens bound any count of input tokens. */
const FILLER =
  'The harbour bridge will close for repairs on Monday, and drivers are asked to take the tunnel until the work ends. ' +
  'Engineers found cracks in two of its cables in March, and the city expects the repair to take eleven weeks. ' +
  'Ferries will run every quarter of an hour between the old market and the north pier for as long as it lasts.';

export type Endpoint = '/v1/chat/completions' | '/v1/responses';

export interface Order {
  /** Told back in the answer. */
  readonly name: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** What the caller allows; the hold covers all of it. */
  readonly maxOutput: number;
  readonly endpoint: Endpoint;
  readonly stream: boolean;
}

/** The two numbers of a key's nth order. */
export function tokensOf(n: number): Pick<Order, 'inputTokens' | 'outputTokens'> {
  // 1021 is prime to the number of orders: neighbours in time are far apart in price.
  const place = (n * 1021) % ORDERS_OF_A_KEY;
  return { inputTokens: 1 + Math.floor(place / MAX_OUTPUT), outputTokens: 1 + (place % MAX_OUTPUT) };
}

export function textOf({ name, inputTokens, outputTokens }: Order): string {
  return `Order ${name} reads ${inputTokens} and writes ${outputTokens}. ${FILLER}`;
}

/** What the upstream reads of the text; null when it is no order. */
export function readOrder(text: string): Pick<Order, 'name' | 'inputTokens' | 'outputTokens'> | null {
  const match = /Order (\S+) reads (\d+) and writes (\d+)\./.exec(text);
  return match && { name: match[1]!, inputTokens: Number(match[2]), outputTokens: Number(match[3]) };
}

export function bodyOf(order: Order): object {
  const content = textOf(order);
  const common = { model: MODEL, stream: order.stream };
  return order.endpoint === '/v1/responses'
    ? { ...common, input: content, max_output_tokens: order.maxOutput }
    : {
        ...common,
        messages: [{ role: 'user', content }],
        max_tokens: order.maxOutput,
        ...(order.stream ? { stream_options: { include_usage: true } } : {}),
      };
}

export function costOf({ inputTokens, outputTokens }: Pick<Order, 'inputTokens' | 'outputTokens'>): bigint {
  return BigInt(inputTokens) * inputPerToken + BigInt(outputTokens) * outputPerToken;
}

/** The documented bound of a hub model: twice our count of the input, 16 tokens around a message, all output allowed. */
export function boundOf(order: Order): bigint {
  const counted = tokenizerOf(manifest.tokenizer).count(textOf(order));
  return BigInt(2 * counted + 16) * inputPerToken + BigInt(order.maxOutput) * outputPerToken;
}

/** The largest output that still fits into this much money; below 1 when none does. */
export function outputFor(order: Order, available: bigint): number {
  const input = boundOf({ ...order, maxOutput: 0 });
  return available < input ? 0 : Number((available - input) / outputPerToken);
}
