import { Value } from '@sinclair/typebox/value';
import { ApiError, ChatAnswer, ChatChunk } from '@zerogpu/protocol';
import { createParser } from 'eventsource-parser';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { answer, streamed } from '../testing/answers.ts';
import { chatEndpoint } from './chat.ts';

const identity = { requestId: 'req_01abc', createdAt: 1_736_295_000_999, model: 'm' };
const call = { id: 'call_1', type: 'function' as const, function: { name: 'f', arguments: '{"a":1}' } };

function shape(more: object = {}) {
  const messages = [{ role: 'user', content: 'x' }];
  return chatEndpoint.read({ model: 'm', messages, ...more }).shape(identity);
}

/** The data of a stream; every event but the last must be a chunk. */
function chunks(stream: string): ChatChunk[] {
  const datas: string[] = [];
  createParser({ onEvent: (event) => datas.push(event.data) }).feed(stream);
  expect(datas.pop()).toBe('[DONE]');
  return datas.map((data) => Value.Parse(ChatChunk, JSON.parse(data)));
}

describe('a whole chat answer', () => {
  test('is byte for byte the one of the contract', () => {
    expect(shape().whole(answer())).toEqual({
      id: 'chatcmpl-01abc',
      object: 'chat.completion',
      created: 1736295000,
      model: 'm',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'The sky is blue.', annotations: [] },
          finish_reason: 'stop',
          logprobs: null,
        },
      ],
      usage: {
        prompt_tokens: 12,
        completion_tokens: 5,
        total_tokens: 17,
        prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
        completion_tokens_details: {
          reasoning_tokens: 0,
          audio_tokens: 0,
          accepted_prediction_tokens: 0,
          rejected_prediction_tokens: 0,
        },
      },
      service_tier: 'default',
      system_fingerprint: null,
    });
  });

  test('has reasoning and calls where there are some', () => {
    const given = answer({ text: '', reasoning: 'hm', toolCalls: [call], finishReason: 'tool_calls' });
    const whole = shape().whole(given);
    expect(whole).toMatchObject({
      choices: [
        {
          message: { content: null, reasoning: 'hm', tool_calls: [call] },
          finish_reason: 'tool_calls',
        },
      ],
    });
    expect(Value.Check(ChatAnswer, whole)).toBe(true);
    expect(shape().whole(answer({ text: '' }))).toMatchObject({ choices: [{ message: { content: '' } }] });
  });

  test('is always of the published schema', () => {
    fc.assert(fc.property(streamed, (given) => Value.Check(ChatAnswer, shape().whole(given.answer))));
  });
});

describe('a streamed chat answer', () => {
  test('says the same as the whole one, piece by piece', () => {
    fc.assert(
      fc.property(streamed, fc.boolean(), ({ pieces, answer: given }, include_usage) => {
        const stream = shape({ stream: true, stream_options: { include_usage } });
        const events = chunks(
          stream.open() +
            pieces.map(([kind, text]) => stream.piece(kind, text)).join('') +
            stream.close(given),
        );
        const deltas = events.flatMap((event) => event.choices.map((choice) => choice.delta));
        expect(deltas[0]).toEqual({ role: 'assistant', content: '' });
        expect(deltas.map((delta) => delta.content ?? '').join('')).toBe(given.text);
        expect(deltas.map((delta) => delta.reasoning ?? '').join('') || null).toBe(given.reasoning);
        const reasons = events.flatMap((event) => event.choices.map((choice) => choice.finish_reason));
        expect(reasons.filter((reason) => reason !== null)).toEqual([given.finishReason]);
        expect(new Set(events.map(({ id, created, model }) => `${id} ${created} ${model}`)).size).toBe(1);
        const usages = events.map((event) => event.usage);
        if (!include_usage) expect(usages.every((usage) => usage === undefined)).toBe(true);
        else
          expect(usages.filter((usage) => usage !== null)).toMatchObject([
            { prompt_tokens: given.usage.inputTokens },
          ]);
      }),
    );
  });

  test('gives calls with their index, before the end', () => {
    const stream = shape({ stream: true });
    const events = chunks(
      stream.open() + stream.close(answer({ text: '', toolCalls: [call, call], finishReason: 'tool_calls' })),
    );
    expect(events.map((event) => event.choices[0]?.delta)).toEqual([
      { role: 'assistant', content: '' },
      {
        tool_calls: [
          { index: 0, ...call },
          { index: 1, ...call },
        ],
      },
      {},
    ]);
  });

  test('that breaks ends with the error envelope', () => {
    const failed = shape().fail(new ApiError('upstream_timeout'));
    expect(failed).toMatch(
      /^data: \{"error":\{"message":".+","type":"timeout_error","code":"upstream_timeout","param":null\}\}\n\n$/,
    );
  });
});
