/** An upstream that counts what each order tells it to count, after a few milliseconds. */
import type { ServerResponse } from 'node:http';
import { readOrder } from './money-faults-orders.ts';
import { startUpstream } from './scripted-upstream.ts';
import type { Random } from './seeded-inferences.ts';

export interface CountingUpstream {
  /** Such as `http://127.0.0.1:41234/v1`. */
  readonly url: string;
  /** Runs so far: more than orders, because an order whose gateway was killed runs again. */
  readonly runs: number;
  stop(): Promise<void>;
}

/** Like a model that answers in a few milliseconds, some answers late. */
const DELAY_MS = 4;
const LATE_MS = 40;
const LATE_SHARE = 0.05;
/** Has no room now and then, so that holds are given back as well as charged. */
const BUSY_SHARE = 0.01;

export async function startCountingUpstream(random: Random): Promise<CountingUpstream> {
  let runs = 0;
  const { url, stop } = await startUpstream((body, response) => {
    const order = readOrder(body);
    if (order === null) return void response.writeHead(400).end('{}');
    if (random() < BUSY_SHARE) return void response.writeHead(503).end('{}');
    runs++;
    const { name, inputTokens, outputTokens } = order;
    const usage = {
      prompt_tokens: inputTokens,
      completion_tokens: outputTokens,
      total_tokens: inputTokens + outputTokens,
    };
    const answer = { content: `Order ${name} of run ${runs}.`, usage };
    const wait = DELAY_MS * random() + (random() < LATE_SHARE ? LATE_MS * random() : 0);
    if (body.includes('"stream":true')) stream(response, answer, wait);
    else setTimeout(whole, wait, response, answer);
  });
  return {
    url,
    stop,
    get runs() {
      return runs;
    },
  };
}

interface Given {
  readonly content: string;
  readonly usage: object;
}

function whole(response: ServerResponse, { content, usage }: Given): void {
  const message = { role: 'assistant', content };
  const choices = [{ index: 0, message, finish_reason: 'stop' }];
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ choices, usage }));
}

/** The first half at once, so that a kill finds streams that have begun. */
function stream(response: ServerResponse, { content, usage }: Given, wait: number): void {
  const half = content.length >> 1;
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(event({ choices: [{ index: 0, delta: { content: content.slice(0, half) } }] }));
  setTimeout(() => {
    const rest = { index: 0, delta: { content: content.slice(half) }, finish_reason: 'stop' };
    response.end(`${event({ choices: [rest] })}${event({ choices: [], usage })}data: [DONE]\n\n`);
  }, wait);
}

const event = (data: object): string => `data: ${JSON.stringify(data)}\n\n`;
