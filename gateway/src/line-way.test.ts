import { ApiError } from '@zerogpu/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LineOutcome, Settlement, Target } from './flow.ts';
import { type LineCall, type Written, walkLine } from './line-way.ts';
import { type OpenServer, openServer } from './testing/open-server.ts';

const MODEL = 'zlm-v1-iab-classify-edge';
const ANSWER = {
  text: '{"ok":true}',
  reasoning: null,
  toolCalls: [],
  finishReason: 'stop',
  usage: null,
  queueMs: 0,
  modelMs: 1,
} as const;

let server: OpenServer;
/** What was to be written of the line, and the words that are answered, in order. */
let written: { outcome: LineOutcome; settlement: Settlement | null }[];
let words: (Written | Error)[];

beforeEach(async () => {
  server = await openServer();
  written = [];
  words = [];
});
afterEach(() => server.close());

const answers = (run: Target['run']) =>
  server.targets.push({ kind: 'node', organizationId: null, id: 'node', run });

const body = (changes: object = {}) =>
  JSON.stringify({
    body: { model: MODEL, messages: [{ role: 'user', content: 'hello there' }], ...changes },
  });

function walk(changes: Partial<LineCall> = {}): Promise<void> {
  const line: LineCall = {
    endpoint: '/v1/chat/completions',
    keyId: 'k',
    projectId: 'p',
    text: Buffer.from(body()),
    signal: new AbortController().signal,
    turn: async () => {},
    async write(outcome, settlement) {
      written.push({ outcome, settlement });
      const word = words.shift() ?? (settlement === null ? 'unlogged' : 'logged');
      if (word instanceof Error) throw word;
      return word;
    },
    ...changes,
  };
  return walkLine(line, server.services);
}

describe('a line', () => {
  test('is read when it has its turn, and not at all when its worker ends before', async () => {
    answers(async () => ANSWER);
    const order: string[] = [];
    await walk({ turn: async () => void order.push('turn', `${written.length} written`) });
    expect(order).toEqual(['turn', '0 written']);
    const ending = new AbortController();
    const turn = async () => ending.abort(new ApiError('client_closed_request'));
    await walk({ turn, signal: ending.signal, text: Buffer.from('not read') });
    expect(written.map(({ outcome }) => outcome.kind === 'failed' && outcome.error.code)).toEqual([
      false,
      'client_closed_request',
    ]);
  });

  test('is answered as its endpoint answers, at half the price', async () => {
    answers(async () => ANSWER);
    await walk();
    const [{ outcome, settlement } = { outcome: null, settlement: null }] = written;
    expect(written).toHaveLength(1);
    expect(outcome).toMatchObject({ kind: 'answered', requestId: settlement?.requestId });
    expect(outcome?.kind === 'answered' && JSON.parse(outcome.body)).toMatchObject({
      object: 'chat.completion',
      model: MODEL,
      choices: [{ message: { content: '{"ok":true}' } }],
    });
    expect(settlement).toMatchObject({
      tier: 'batch',
      status: 200,
      held: true,
      endpoint: 'chat/completions',
    });
  });

  test('that cannot be read is settled as a request that cannot', async () => {
    await walk({ text: Buffer.from(body({ temperature: 'hot' })) });
    await walk({ text: Buffer.from('{"body":7}') });
    expect(written.map(({ settlement }) => settlement)).toMatchObject([
      { status: 400, errorCode: 'invalid_type', held: false },
      { status: 400, errorCode: 'invalid_json', held: false },
    ]);
    expect(written[0]?.outcome).toMatchObject({ kind: 'failed', error: { param: 'temperature' } });
  });

  test('whose key is gone is written without a settlement, because nobody asked', async () => {
    await walk({ keyId: 'gone' });
    expect(written).toMatchObject([
      { outcome: { kind: 'failed', error: { code: 'invalid_api_key' } }, settlement: null },
    ]);
    expect(server.memory.refused).toMatchObject([{ project: 'p' }]);
  });

  test('whose money went back before is settled again, as what came too late', async () => {
    answers(async () => ANSWER);
    words = ['hold_lost'];
    await walk();
    expect(written.map(({ settlement }) => [settlement?.status, settlement?.cost === 0n])).toEqual([
      [200, false],
      [504, true],
    ]);
    expect(server.memory.reports).toEqual([]);
  });

  test('that another worker has is left alone: nothing more is written, kept or told', async () => {
    answers(async () => Promise.reject(new Error('broken')));
    words = ['line_lost'];
    await walk();
    expect(written).toHaveLength(1);
    expect(server.memory.payloads).toEqual([]);
  });

  test('keeps the bodies of what was logged, and of nothing else', async () => {
    answers(async () => ANSWER);
    await walk();
    words = ['unlogged'];
    await walk();
    expect(server.memory.payloads).toMatchObject([{ status: 200 }]);
  });

  test('is broken off when its worker ends', async () => {
    const ending = new AbortController();
    answers(async (_inference, _deadline, _sink, signal) => {
      ending.abort(new ApiError('client_closed_request'));
      return Promise.reject(signal.reason);
    });
    await walk({ signal: ending.signal });
    expect(written).toMatchObject([
      { outcome: { kind: 'failed', error: { code: 'client_closed_request' } }, settlement: { held: true } },
    ]);
    expect(server.memory.reports).toEqual([]);
  });

  test('whose settlement cannot be written ends all the same', async () => {
    answers(async () => ANSWER);
    words = [new Error('no'), new Error('no')];
    await walk();
    expect(written.map(({ settlement }) => settlement?.status ?? null)).toEqual([200, 500, null]);
    words = [new Error('no'), new Error('no'), new Error('no')];
    await expect(walk()).rejects.toThrow('no');
  });

  test('does not tell the operator of each when the database is away', async () => {
    answers(async () => ANSWER);
    const away = Object.assign(new Error('terminating connection'), { code: '57P01' });
    words = [away];
    await walk();
    expect(written[1]?.outcome).toMatchObject({ kind: 'failed', error: { code: 'internal_error' } });
    expect(server.memory.reports).toEqual([]);
  });

  test('of an address that lines cannot ask for does not run', async () => {
    await expect(walk({ endpoint: '/v1/gliner' })).rejects.toThrow('Lines cannot ask for /v1/gliner');
  });
});
