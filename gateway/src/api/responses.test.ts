import { Value } from '@sinclair/typebox/value';
import { type Answer, ApiError, isRecord, ResponsesAnswer } from '@zerogpu/protocol';
import { createParser } from 'eventsource-parser';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { answer, type Piece, streamed } from '../testing/answers.ts';
import { responsesEndpoint } from './responses.ts';

const identity = { requestId: 'req_01abc', createdAt: 1_736_295_000_999, model: 'm' };
const shape = () => responsesEndpoint.read({ model: 'm', input: 'x' }).shape(identity);

interface Event {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** Every event's name is its type, and the numbers count up from 0. */
function events(stream: string): Event[] {
  const all: Event[] = [];
  createParser({
    onEvent: ({ event, data }) => {
      const value: unknown = JSON.parse(data);
      if (!isRecord(value) || value['type'] !== event) throw new Error(`Not an event: ${data}`);
      expect(value['sequence_number']).toBe(all.length);
      all.push({ ...value, type: String(event) });
    },
  }).feed(stream);
  return all;
}

function stream(pieces: readonly Piece[], given: Answer): Event[] {
  const one = shape();
  return events(one.open() + pieces.map(([kind, text]) => one.piece(kind, text)).join('') + one.close(given));
}

const item = (kind: 'text' | 'reasoning') => [
  'response.output_item.added',
  'response.content_part.added',
  `response.${kind === 'text' ? 'output_text' : 'reasoning_text'}.delta`,
  `response.${kind === 'text' ? 'output_text' : 'reasoning_text'}.done`,
  'response.content_part.done',
  'response.output_item.done',
];

describe('a whole response', () => {
  test('is the one of the contract', () => {
    expect(shape().whole(answer())).toEqual({
      id: 'resp_01abc',
      object: 'response',
      created: 1736295000,
      created_at: 1736295000,
      status: 'completed',
      error: null,
      incomplete_details: null,
      model: 'm',
      output: [
        {
          id: 'msg_01abc',
          type: 'message',
          role: 'assistant',
          status: 'completed',
          content: [{ type: 'output_text', text: 'The sky is blue.', annotations: [] }],
        },
      ],
      usage: {
        input_tokens: 12,
        input_tokens_details: { cached_tokens: 0 },
        output_tokens: 5,
        output_tokens_details: { reasoning_tokens: 0 },
        total_tokens: 17,
      },
    });
  });

  test.each([
    ['length', 'max_output_tokens'],
    ['content_filter', 'content_filter'],
  ] as const)('that ended by %s is incomplete, and so is its message', (finishReason, reason) => {
    expect(shape().whole(answer({ finishReason, reasoning: 'hm' }))).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason },
      output: [
        { type: 'reasoning', content: [{ text: 'hm' }] },
        { type: 'message', status: 'incomplete' },
      ],
    });
  });

  test('is always of the published schema', () => {
    fc.assert(fc.property(streamed, (given) => Value.Check(ResponsesAnswer, shape().whole(given.answer))));
  });
});

describe('a streamed response', () => {
  test("goes in OpenAI's order", () => {
    const types = stream(
      [
        ['reasoning', 'hm'],
        ['text', 'Blue.'],
      ],
      answer({ text: 'Blue.', reasoning: 'hm' }),
    ).map((e) => e.type);
    expect(types).toEqual([
      'response.created',
      'response.in_progress',
      ...item('reasoning'),
      ...item('text'),
      'response.completed',
    ]);
  });

  test('says the same as the whole one, piece by piece', () => {
    fc.assert(
      fc.property(streamed, ({ pieces, answer: given }) => {
        const all = stream(pieces, given);
        const joined = (type: string) =>
          all
            .filter((e) => e.type === type)
            .map((e) => e['delta'])
            .join('');
        expect(joined('response.output_text.delta')).toBe(given.text);
        expect(joined('response.reasoning_text.delta') || null).toBe(given.reasoning);
        expect(all.find((e) => e.type === 'response.output_text.done')?.['text']).toBe(given.text);
        const last = all.at(-1);
        expect(last?.type).toBe(given.finishReason === 'stop' ? 'response.completed' : 'response.incomplete');
        expect(last?.['response']).toEqual(shape().whole(given));
        const done = all.filter((e) => e.type === 'response.output_item.done').map((e) => e['item']);
        expect(last).toMatchObject({ response: { output: done } });
      }),
    );
  });

  test('every event but the first two and the last speaks of an item that is open', () => {
    fc.assert(
      fc.property(streamed, ({ pieces, answer: given }) => {
        const open = new Map<unknown, unknown>();
        for (const event of stream(pieces, given).slice(2, -1)) {
          const { type, output_index: index, item_id: id, item: whole } = event;
          if (type === 'response.output_item.added' && isRecord(whole)) open.set(index, whole['id']);
          else if (type === 'response.output_item.done' && isRecord(whole)) {
            expect(open.get(index)).toBe(whole['id']);
            open.delete(index);
          } else expect(open.get(index)).toBe(id);
        }
        expect(open.size).toBe(0);
      }),
    );
  });

  test('an empty answer is an empty message', () => {
    const types = stream([], answer({ text: '' })).map((e) => e.type);
    const empty = item('text').filter((type) => !type.endsWith('.delta'));
    expect(types).toEqual(['response.created', 'response.in_progress', ...empty, 'response.completed']);
  });

  test('reasoning that comes after the text begins no second round of items', () => {
    const pieces: Piece[] = [
      ['text', 'Bl'],
      ['reasoning', 'hm'],
      ['text', 'ue.'],
    ];
    const all = stream(pieces, answer({ text: 'Blue.', reasoning: 'hm' }));
    expect(all.filter((e) => e.type === 'response.output_item.added')).toHaveLength(1);
    expect(all.at(-1)).toMatchObject({ response: { output: [{ type: 'reasoning' }, { type: 'message' }] } });
  });

  test('that breaks ends with an error event', () => {
    const one = shape();
    const all = events(one.open() + one.piece('text', 'a') + one.fail(new ApiError('upstream_timeout')));
    expect(all.at(-1)).toMatchObject({ type: 'error', code: 'upstream_timeout', param: null });
  });
});
