/** What callers of the fault test ask, in every form, and what the models themselves answer to it. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { plainInference } from '@zerogpu/protocol';
import { loadBuiltIn } from '@zerogpu/runtimes';
import { ROOT } from './managed-process.ts';

export interface Ask {
  readonly model: string;
  readonly route: string;
  readonly body: object;
  /** What the model answers, byte for byte. */
  readonly expected: string;
  /** The model's answer in the body of a response; null when it does not end as it should. */
  read(body: string): string | null;
}

/** Models, with the options of their task, the length of their texts in UTF-16 code units and their own route. */
const MODELS = [
  { model: 'zlm-v1-summary-cloud', metadata: {}, length: 12_000, own: '/v1/summary' },
  { model: 'zlm-v1-iab-classify-cloud', metadata: {}, length: 6_000, own: '/v1/usecase/classify/iab' },
  { model: 'zlm-v1-pii-edge', metadata: { usecase: 'redact' }, length: 1_200, own: '/v1/gliner' },
  { model: 'zlm-v1-followup-questions-edge', metadata: {}, length: 900, own: null },
] as const;
/** What nodes are started with: the models above and those that they need. */
export const ONLY = 'zlm-v1-summary-cloud,zlm-v1-iab-*,zlm-v1-pii-edge,zlm-v1-followup-questions-edge';
/** Of each model: enough that answers differ, few enough that each is computed before the test in seconds. */
const TEXTS = 6;

export async function makeAsks(random: () => number): Promise<Ask[]> {
  const asks: Ask[] = [];
  for (const { model, metadata, length, own } of MODELS) {
    const loaded = await loadBuiltIn(model, (id, file) =>
      readFile(path.join(ROOT, 'models/weights', id, file)),
    );
    for (let i = 0; i < TEXTS; i++) {
      const text = textOf(length * (0.25 + 0.75 * random()), random);
      const inference = { ...plainInference(model, text), metadata };
      let expected = '';
      for await (const piece of loaded.run(inference, new AbortController().signal)) expected += piece.text;
      asks.push(...formsOf({ model, text, metadata, own, expected }));
    }
    loaded.unload();
  }
  return asks;
}

interface Question {
  readonly model: string;
  readonly text: string;
  readonly metadata: object;
  readonly own: string | null;
  readonly expected: string;
}

function formsOf({ model, text, metadata, own, expected }: Question): Ask[] {
  const responses = { model, input: text, metadata };
  const chat = { model, messages: [{ role: 'user', content: text }], metadata };
  const forms: Omit<Ask, 'model' | 'expected'>[] = [
    { route: '/v1/responses', body: responses, read: (body) => JSON.parse(body).output[0].content[0].text },
    { route: '/v1/responses', body: { ...responses, stream: true }, read: streamedResponse },
    {
      route: '/v1/chat/completions',
      body: chat,
      read: (body) => JSON.parse(body).choices[0].message.content,
    },
    { route: '/v1/chat/completions', body: { ...chat, stream: true }, read: streamedChat },
  ];
  if (own !== null) {
    const read = own === '/v1/summary' ? (body: string) => JSON.parse(body).summary : taskAnswer;
    forms.push({ route: own, body: { model, text, ...metadata }, read });
  }
  return forms.map((form) => ({ model, expected, ...form }));
}

function streamedResponse(body: string): string | null {
  const events = eventsOf(body);
  const [last] = events.slice(-1);
  if (last?.type !== 'response.completed') return null;
  const said = events.filter(({ type }) => type === 'response.output_text.delta');
  const text = said.map(({ delta }) => delta).join('');
  return last.response.output[0].content[0].text === text ? text : null;
}

function streamedChat(body: string): string | null {
  if (!body.endsWith('data: [DONE]\n\n')) return null;
  return eventsOf(body)
    .map(({ choices }) => choices?.[0]?.delta?.content ?? '')
    .join('');
}

// biome-ignore lint/suspicious/noExplicitAny: events as a client sees them
type Event = any;

function eventsOf(body: string): Event[] {
  const lines = body.split('\n').filter((line) => line.startsWith('data: {'));
  return lines.map((line) => JSON.parse(line.slice(6)));
}

/** A task's own route adds what ran to the model's JSON, and changes nothing in it. */
function taskAnswer(body: string): string | null {
  const end = body.lastIndexOf(',"model":');
  return end < 0 ? null : `${body.slice(0, end)}}`;
}

function textOf(length: number, random: () => number): string {
  let text = '';
  while (text.length < length) text += `${sentence(random)} `;
  return text.trim();
}

function sentence(random: () => number): string {
  const pick = (words: readonly string[]) => words[Math.floor(random() * words.length)];
  const number = 2 + Math.floor(random() * 997);
  return `${pick(WHO)} ${pick(DID)} ${pick(WHAT)} ${pick(WHEN)}, and ${number} people in ${pick(WHERE)} heard of it.`;
}

const WHO = [
  'The harbour office',
  'Maria Keller',
  'The orchestra',
  'A bank',
  'Dr. Osei',
  'The football club',
];
const DID = ['closed', 'painted', 'sold', 'praised', 'rebuilt', 'lost', 'insured', 'measured'];
const WHAT = [
  'the swing bridge',
  'two old ferries',
  'a database',
  'the winter menu',
  'a vineyard',
  'the phone line',
];
const WHEN = ['on Monday', 'last spring', 'after the storm', 'in 2019', 'before the vote', 'at noon'];
const WHERE = ['Bergen', 'Porto', 'Accra', 'Leeds', 'Kyoto', 'Lyon', 'Turin'];
