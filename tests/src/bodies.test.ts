/** Every kind of input that a caller may send, good and bad: a clear answer to each, and never a 5xx. */
import { MAX_TEXT_LENGTH } from '@zerogpu/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { misbehaviour, sendHostile } from './support/hostile-requests.ts';
import { exchange, type RawAnswer, RawConnection } from './support/raw-http.ts';
import {
  ALL_ROUTES,
  announced,
  EMBED,
  EXTRACT,
  IAB,
  PII,
  SUMMARY,
  wordsOf,
} from './support/scripted-node.ts';
import { type CallAnswer, TestGateway } from './support/test-gateway.ts';

const RESPONSES = '/v1/responses';
const CHAT = '/v1/chat/completions';
const BODY_TIMEOUT_MS = 2_000;
const FUZZ_REQUESTS = 1_500;

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start({ ZEROGPU_BODY_TIMEOUT_MS: String(BODY_TIMEOUT_MS) });
  await gateway.join({ models: ALL_ROUTES.map((id) => announced(id)) });
});
afterAll(() => gateway.stop());

const respond = (changes: object): Promise<CallAnswer> =>
  gateway.call(RESPONSES, { model: SUMMARY, input: 'The sky is blue.', ...changes });
const chat = (changes: object): Promise<CallAnswer> =>
  gateway.call(CHAT, {
    model: SUMMARY,
    messages: [{ role: 'user', content: 'The sky is blue.' }],
    ...changes,
  });
const raw = (
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<CallAnswer> => gateway.call(RESPONSES, undefined, { raw: body, headers });

/** The text of an answer of either endpoint. */
const said = ({ json }: CallAnswer): string =>
  json.output ? json.output.at(-1).content[0].text : json.choices[0].message.content;

async function expectRefused(
  answer: Promise<CallAnswer>,
  status: number,
  code: string,
  param: string | null = null,
) {
  const { status: actual, json, text } = await answer;
  expect({ status: actual, code: json?.error?.code, param: json?.error?.param }, text).toEqual({
    status,
    code,
    param,
  });
  return json.error.message;
}

describe('what is answered', () => {
  const user = (content: unknown) => ({ role: 'user', content });
  const INPUTS: Readonly<Record<string, readonly [input: unknown, text: string]>> = {
    'a string': ['One two.', 'One two.'],
    'an array of messages': [[user('One.'), user('Two.')], 'One.\n\nTwo.'],
    parts: [
      [
        user([
          { type: 'input_text', text: 'One ' },
          { type: 'input_text', text: 'two.' },
        ]),
      ],
      'One two.',
    ],
    'a conversation': [
      [user('One.'), { role: 'assistant', content: 'Two.' }, user('Three.')],
      'One.\n\nThree.',
    ],
    'a developer turn': [[{ role: 'developer', content: 'Be brief.' }, user('One.')], 'One.'],
    emoji: ['😀 smile 👩‍👩‍👧‍👦 family', '😀 smile 👩‍👩‍👧‍👦 family'],
    'lone surrogates': ['\ud800 half \udc00', '\ud800 half \udc00'],
    'NUL bytes': ['a\0b and c', 'a\0b and c'],
    'right to left': ['שלום עולם', 'שלום עולם'],
    'one space': [' ', ' '],
  };

  test.for(Object.entries(INPUTS))('input: %s', async ([, [input, text]]) => {
    const answer = await respond({ input });
    expect(answer.status, answer.text).toBe(200);
    expect(said(answer)).toBe(wordsOf(text));
  });

  test.for([
    ['a string', 'One two.', 'One two.'],
    [
      'parts',
      [
        { type: 'text', text: 'One ' },
        { type: 'text', text: 'two.' },
      ],
      'One two.',
    ],
    ['emoji', '😀 smile', '😀 smile'],
    ['lone surrogates', '\udfff half', '\udfff half'],
    ['NUL bytes', 'a\0b', 'a\0b'],
  ] as const)('message content: %s', async ([, content, text]) => {
    const answer = await chat({
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content },
      ],
    });
    expect(answer.status, answer.text).toBe(200);
    expect(said(answer)).toBe(wordsOf(text));
  });

  test('a turn that called tools, and the answer of a tool', async () => {
    const call = { id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } };
    const messages = [
      { role: 'user', content: 'Call f.' },
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'assistant', tool_calls: [call] },
      { role: 'tool', tool_call_id: 'call_1', content: 'Done.' },
    ];
    const answer = await chat({ messages });
    expect(answer.status, answer.text).toBe(200);
    expect(said(answer)).toBe('Call f');
  });

  test.for(['text', 'json_object'])('text.format %s', async (type) => {
    expect((await respond({ text: { format: { type } } })).status).toBe(200);
    expect((await chat({ response_format: { type } })).status).toBe(200);
  });

  test('json_schema', async () => {
    const schema = { name: 'a', schema: { type: 'object' }, strict: true };
    expect((await respond({ text: { format: { type: 'json_schema', ...schema } } })).status).toBe(200);
    expect((await chat({ response_format: { type: 'json_schema', json_schema: schema } })).status).toBe(200);
  });

  test('instructions, options, fields that nobody knows, and null for what was not set', async () => {
    const known = { temperature: 2, top_p: 0, seed: -5, user: 'u', store: true, metadata: { a: [1] } };
    const unset = { temperature: null, metadata: null, stream: null, max_tokens: null };
    for (const changes of [known, unset, { unknown: { deep: [1] }, input_audio: 3 }]) {
      const answers = [await respond({ instructions: 'Be brief.', ...changes }), await chat(changes)];
      for (const answer of answers) expect(answer.status, answer.text).toBe(200);
    }
    expect((await respond({ instructions: null, text: null, max_output_tokens: null })).status).toBe(200);
  });

  test.for([
    ['letters', 'a'.repeat(MAX_TEXT_LENGTH)],
    ['words', 'word '.repeat(MAX_TEXT_LENGTH).slice(0, MAX_TEXT_LENGTH)],
    ['emoji', '😀'.repeat(MAX_TEXT_LENGTH / 2)],
    ['one repeated CJK character', '是'.repeat(MAX_TEXT_LENGTH)],
    ['NUL bytes', '\0'.repeat(MAX_TEXT_LENGTH)],
    ['lone surrogates', '\ud800'.repeat(MAX_TEXT_LENGTH)],
  ] as const)('131,072 characters of %s, on both endpoints', async ([, text]) => {
    const answers = [
      await respond({ input: text }),
      await chat({ messages: [{ role: 'user', content: text }] }),
    ];
    for (const answer of answers) expect(answer.status, answer.text.slice(0, 300)).toBe(200);
    // Cut to what the model accepts, and counted as cut.
    for (const { json } of answers)
      expect(json.usage.input_tokens ?? json.usage.prompt_tokens).toBeLessThanOrEqual(8192);
  });

  test('4,096 messages', async () => {
    const messages = Array.from({ length: 4096 }, () => ({ role: 'user', content: 'One.' }));
    expect((await chat({ messages })).status).toBe(200);
    expect((await respond({ input: messages })).status).toBe(200);
  });

  test.for([
    'application/json',
    'application/json; charset=utf-8',
    'Application/JSON;charset="UTF-8"',
    'application/json; charset=UTF8; boundary=x',
  ])('content type %s', async (type) => {
    const answer = await raw(JSON.stringify({ model: SUMMARY, input: 'One.' }), { 'content-type': type });
    expect(answer.status, answer.text).toBe(200);
  });

  test('a byte order mark, and the last of two equal keys', async () => {
    const answer = await raw(`\ufeff{"model":"${SUMMARY}","input":"One.","input":"Two."}`);
    expect(answer.status, answer.text).toBe(200);
    expect(said(answer)).toBe('Two');
  });

  test('names that JavaScript knows are only names', async () => {
    const answer = await raw(
      `{"__proto__":{"stream":true,"polluted":1},"constructor":{"prototype":{"polluted":1}},"model":"${SUMMARY}","input":"One.","metadata":{"__proto__":{"polluted":1},"toString":1}}`,
    );
    expect(answer.status, answer.text).toBe(200);
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    expect('polluted' in {}).toBe(false);
  });

  test('a limit of tokens larger than any model has', async () => {
    const answer = await raw(`{"model":"${SUMMARY}","input":"One.","max_output_tokens":1e308,"seed":-1e308}`);
    expect(answer.status, answer.text).toBe(200);
  });

  test('metadata as deep as bodies may be', async () => {
    const deep = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
    const body = (levels: number) => `{"model":"${SUMMARY}","input":"One.","metadata":${deep(levels)}}`;
    expect((await raw(body(63))).status).toBe(200);
    await expectRefused(raw(body(64)), 400, 'invalid_json');
  });
});

describe('what is refused, and why', () => {
  test('one character too many', async () => {
    const text = 'a'.repeat(MAX_TEXT_LENGTH + 1);
    const parts = (type: string) => [
      {
        role: 'user',
        content: [
          { type, text: 'a' },
          { type, text },
        ],
      },
    ];
    const code = 'string_above_max_length';
    await expectRefused(respond({ input: text }), 400, code, 'input');
    await expectRefused(respond({ input: `${'😀'.repeat(MAX_TEXT_LENGTH / 2)}a` }), 400, code, 'input');
    await expectRefused(respond({ instructions: text }), 400, code, 'instructions');
    await expectRefused(respond({ input: parts('input_text') }), 400, code, 'input[0].content[1].text');
    await expectRefused(
      chat({ messages: [{ role: 'user', content: text }] }),
      400,
      code,
      'messages[0].content',
    );
    await expectRefused(chat({ messages: parts('text') }), 400, code, 'messages[0].content[1].text');
  });

  test.for([
    ['input', '', 'invalid_value', 'input'],
    ['input', [], 'invalid_value', 'input'],
    ['input', 3, 'invalid_type', 'input'],
    ['input', {}, 'invalid_type', 'input'],
    ['input', true, 'invalid_type', 'input'],
    ['input', null, 'missing_required_parameter', 'input'],
    ['model', '', 'invalid_value', 'model'],
    ['model', 'm'.repeat(257), 'string_above_max_length', 'model'],
    ['model', ['m'], 'invalid_type', 'model'],
    ['temperature', 2.1, 'invalid_value', 'temperature'],
    ['temperature', -0.1, 'invalid_value', 'temperature'],
    ['top_p', 1.5, 'invalid_value', 'top_p'],
    ['seed', 1.5, 'invalid_type', 'seed'],
    ['stream', 'yes', 'invalid_type', 'stream'],
    ['metadata', 'a', 'invalid_type', 'metadata'],
    ['max_output_tokens', 0, 'invalid_value', 'max_output_tokens'],
    ['max_output_tokens', -1, 'invalid_value', 'max_output_tokens'],
    ['text', 'a', 'invalid_type', 'text'],
    ['text', { format: { type: 'xml' } }, 'invalid_value', 'text.format'],
    ['instructions', '', 'invalid_value', 'instructions'],
  ] as const)('%s: %j', async ([field, value, code, param]) => {
    const message = await expectRefused(respond({ [field]: value }), 400, code, param);
    expect(message).toContain(param);
  });

  test.for([
    [[], 'invalid_value', 'messages'],
    ['hello', 'invalid_type', 'messages'],
    [[{ role: 'user' }], 'missing_required_parameter', 'messages[0].content'],
    [[{ role: 'user', content: '' }], 'invalid_value', 'messages[0].content'],
    [[{ role: 'user', content: [] }], 'invalid_value', 'messages[0].content'],
    [[{ role: 'root', content: 'a' }], 'invalid_value', 'messages[0].role'],
    [
      [{ role: 'user', content: [{ type: 'image_url', image_url: 'a' }] }],
      'invalid_value',
      'messages[0].content[0].type',
    ],
  ] as const)('messages: %j', async ([messages, code, param]) => {
    const message = await expectRefused(chat({ messages }), 400, code, param);
    expect(message).toContain(param);
  });

  test('4,097 messages', async () => {
    const messages = Array.from({ length: 4097 }, () => ({ role: 'user', content: 'One.' }));
    await expectRefused(chat({ messages }), 400, 'invalid_value', 'messages');
    await expectRefused(respond({ input: messages }), 400, 'invalid_value', 'input');
  });

  test('a body of 10 MB', async () => {
    const text = 'a'.repeat(10 * 1024 * 1024);
    await expectRefused(respond({ input: text }), 413, 'request_too_large');
    const stream = new Blob([JSON.stringify({ model: SUMMARY, input: text })]).stream();
    const chunked = gateway.send(RESPONSES, undefined, { raw: stream }).then((response) => response.status);
    await expect(chunked).resolves.toBe(413);
  });

  test('deep JSON', async () => {
    const levels = 200_000;
    await expectRefused(raw('['.repeat(levels) + ']'.repeat(levels)), 400, 'invalid_json');
    await expectRefused(raw(`{"a":${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}}`), 400, 'invalid_json');
  });

  test.for([
    ['nothing', ''],
    ['a blank', ' \n'],
    ['null', 'null'],
    ['an array', '[]'],
    ['a number', '1e999'],
    ['cut off', '{"model":"a"'],
    ['two', '{}{}'],
    ['a trailing comma', '{"a":1,}'],
    ['single quotes', "{'a':1}"],
    ['NaN', '{"a":NaN}'],
    ['a raw line feed in a text', '{"a":"\n"}'],
  ] as const)('not a JSON object: %s', async ([, body]) => {
    await expectRefused(raw(body), 400, 'invalid_json');
  });

  test('bytes that are no UTF-8', async () => {
    await expectRefused(
      raw(Uint8Array.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])),
      400,
      'invalid_json',
    );
    await expectRefused(raw(Uint8Array.from(Buffer.from('{"a":1}', 'utf16le'))), 400, 'invalid_json');
    // A surrogate encoded as three bytes, as CESU-8 does.
    await expectRefused(
      raw(Uint8Array.from(Buffer.from('7b2261223a22eda080227d', 'hex'))),
      400,
      'invalid_json',
    );
  });

  test('a number beyond all numbers', async () => {
    const body = (field: string) => `{"model":"${SUMMARY}","input":"One.","${field}":1e999}`;
    await expectRefused(raw(body('temperature')), 400, 'invalid_type', 'temperature');
    await expectRefused(raw(body('seed')), 400, 'invalid_type', 'seed');
    await expectRefused(raw(body('max_output_tokens')), 400, 'invalid_type', 'max_output_tokens');
  });

  test.for([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/vnd.api+json',
    'application/jsonl',
    'application/json; charset=latin1',
    'application/json; charset=utf-16',
    'json',
  ])('content type %s', async (type) => {
    await expectRefused(raw('{}', { 'content-type': type }), 415, 'unsupported_media_type');
  });

  test('no content type, and a compressed body', async () => {
    await expectRefused(
      raw(Uint8Array.from([0x7b, 0x7d]), { 'content-type': '' }),
      415,
      'unsupported_media_type',
    );
    await expectRefused(raw('{}', { 'content-encoding': 'gzip' }), 415, 'unsupported_media_type');
  });
});

describe("the tasks' own routes", () => {
  const summary = (changes: object) => gateway.call('/v1/summary', { text: 'One two.', ...changes });
  const iab = (changes: object) => gateway.call('/v1/usecase/classify/iab', { text: 'One two.', ...changes });
  const gliner = (changes: object) =>
    gateway.call('/v1/gliner', { text: 'One two.', usecase: 'ner', labels: ['person'], ...changes });
  const embed = (changes: object) =>
    gateway.call('/v1/embeddings', { model: EMBED, input: 'One two.', ...changes });
  const moderate = (changes: object) => gateway.call('/v1/moderations', { input: 'One two.', ...changes });
  const longest = 'a'.repeat(MAX_TEXT_LENGTH);

  test('answer in the form of the task', async () => {
    expect((await summary({})).json).toMatchObject({ summary: 'One two', model: SUMMARY });
    expect((await iab({})).json).toMatchObject({ content: { iab_1_0: [] }, model: IAB });
    expect((await gliner({ model: EXTRACT })).json).toMatchObject({ entities: {}, model: EXTRACT });
    expect((await gliner({ usecase: 'redact', model: PII })).json).toMatchObject({
      entities: [],
      model: PII,
    });
    const { json } = await embed({ input: ['One.', 'Two.'] });
    expect(json.data.map(({ embedding }: { embedding: number[] }) => embedding)).toEqual([
      [0, 0, 0, 0],
      [0, 0, 0, 0],
    ]);
    expect((await moderate({ input: ['One.', 'Two.'] })).json.results).toHaveLength(2);
  });

  test.for(['\ud800 half \udc00', 'a\0b', '😀', ' ', '\n\n', '{"a":1}', longest])(
    'any text: %#',
    async (text) => {
      for (const asking of [summary({ text }), iab({ text }), moderate({ input: [text, 'a'] })]) {
        const answer = await asking;
        expect(answer.status, answer.text).toBe(200);
      }
    },
  );

  test('many texts, as many as a body may hold', async () => {
    const input = Array.from({ length: 2048 }, () => 'word '.repeat(200));
    expect((await moderate({ input })).json.results).toHaveLength(2048);
    expect((await embed({ input })).json.data).toHaveLength(2048);
  });

  test('many texts again under the same Idempotency-Key: the same bytes, charged once', async () => {
    const project = await gateway.newProject();
    const options = { key: project.apiKey, headers: { 'idempotency-key': 'many' } };
    const body = { model: EMBED, input: Array.from({ length: 2048 }, (_, i) => `Text ${i}`) };
    const first = await gateway.call('/v1/embeddings', body, options);
    const charged = await gateway.charged(first.requestId);
    const again = await gateway.call('/v1/embeddings', body, options);
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([200, 'true']);
    expect(again.text).toBe(first.text);
    expect(charged).toBe(20n * BigInt(first.json.usage.prompt_tokens));
    expect(await gateway.charged(again.requestId)).toBe(0n);
  });

  test.for([
    [{}, 'missing_required_parameter', 'text', { text: undefined }],
    [{}, 'invalid_value', 'text', { text: '' }],
    [{}, 'invalid_type', 'text', { text: ['a'] }],
    [{}, 'invalid_type', 'input', { text: undefined, input: [{ role: 'user', content: 'a' }] }],
    [{}, 'string_above_max_length', 'text', { text: `${longest}a` }],
    [{}, 'invalid_value', 'stream', { stream: true }],
    [{}, 'invalid_type', 'model', { model: 5 }],
    [{}, 'invalid_type', 'user', { user: {} }],
  ] as const)('%# is refused on each of them', async ([, code, param, changes]) => {
    for (const ask of [summary, iab, gliner]) await expectRefused(ask(changes), 400, code, param);
  });

  test('a model of another task, one that is nobody, and one that reads more than it may', async () => {
    await expectRefused(summary({ model: IAB }), 400, 'invalid_value', 'model');
    await expectRefused(gliner({ model: SUMMARY }), 400, 'invalid_value', 'model');
    await expectRefused(iab({ model: 'nobody' }), 404, 'model_not_found', 'model');
    await expectRefused(embed({ model: SUMMARY }), 400, 'invalid_value', 'model');
    await expectRefused(moderate({ model: EMBED }), 400, 'invalid_value', 'model');
    const text = 'word '.repeat(1000);
    await expectRefused(gliner({ model: EXTRACT, text }), 420, 'context_length_exceeded', 'text');
    const input = ['One.', 'word '.repeat(10_000)];
    await expectRefused(embed({ input }), 420, 'context_length_exceeded', 'input[1]');
  });

  test.for([
    [{ input: [] }, 'invalid_value', 'input'],
    [{ input: Array.from({ length: 2049 }, () => 'a') }, 'invalid_value', 'input'],
    [{ input: ['a', null] }, 'invalid_type', 'input[1]'],
    [{ input: ['a', ''] }, 'invalid_value', 'input[1]'],
    [{ input: {} }, 'invalid_type', 'input'],
    [{ input: undefined }, 'missing_required_parameter', 'input'],
    [{ stream: true }, 'invalid_value', 'stream'],
  ] as const)('%# is refused of embeddings and moderations', async ([changes, code, param]) => {
    await expectRefused(embed(changes), 400, code, param);
    // A moderation's text may be a part as well: what is neither has a wrong value or a wrong type.
    const { status, json } = await moderate(changes);
    expect(status, JSON.stringify(json)).toBe(400);
    expect(json.error.param).toBe(param);
  });

  test('token ids, unknown formats and pictures', async () => {
    await expectRefused(embed({ input: [1, 2, 3] }), 400, 'invalid_type', 'input');
    await expectRefused(embed({ input: [[1], [2]] }), 400, 'invalid_type', 'input');
    await expectRefused(embed({ encoding_format: 'hex' }), 400, 'invalid_value', 'encoding_format');
    await expectRefused(embed({ dimensions: 1e9 }), 400, 'invalid_value', 'dimensions');
    const image = { type: 'image_url', image_url: { url: 'https://example.org/a.png' } };
    await expectRefused(moderate({ input: [image] }), 400, 'invalid_value', 'input[0]');
  });

  test('names that JavaScript knows are only names', async () => {
    const labels = ['__proto__', 'constructor', 'toString'];
    expect((await gliner({ model: EXTRACT, labels })).status).toBe(200);
    const schema = '{"__proto__":["name::str"],"constructor":["a::str"]}';
    const body = `{"text":"a","model":"${EXTRACT}","usecase":"json","schema":${schema}}`;
    const answer = await gateway.call('/v1/gliner', undefined, { raw: body });
    expect(answer.status, answer.text).toBe(200);
    expect('name::str' in {}).toBe(false);
  });
});

describe('how it is sent', () => {
  const body = JSON.stringify({ model: SUMMARY, input: 'One two.' });
  const head = (...lines: string[]) =>
    [
      'POST /v1/responses HTTP/1.1',
      'host: a',
      `x-api-key: ${gateway.first.apiKey}`,
      'content-type: application/json',
      ...lines,
      '',
      '',
    ].join('\r\n');
  const length = (bytes: number) => `content-length: ${bytes}`;

  function expectAnswer(answer: RawAnswer | null, status: number): void {
    expect(answer?.status, answer?.body).toBe(status);
    expect(misbehaviour(answer)).toBeNull();
  }

  test('in chunks, of one byte each too, and with trailers', async () => {
    const chunks = [...body].map((byte) => `1\r\n${byte}\r\n`).join('');
    const whole = `${body.length.toString(16).toUpperCase()};name=value\r\n${body}\r\n0\r\ntrailer: x\r\n\r\n`;
    for (const sent of [`${chunks}0\r\n\r\n`, whole]) {
      expectAnswer(await exchange(gateway.url, head('transfer-encoding: chunked') + sent), 200);
    }
  });

  test('with "expect: 100-continue", and with an expectation that nobody knows', async () => {
    for (const expectation of ['100-continue', 'a miracle']) {
      const sent = head(length(body.length), `expect: ${expectation}`) + body;
      expectAnswer(await exchange(gateway.url, sent), 200);
    }
  });

  test('two at once on one connection: answered in order', async () => {
    const connection = await RawConnection.open(gateway.url);
    const second = JSON.stringify({ model: SUMMARY, input: 'Three.' });
    await connection.write(head(length(body.length)) + body + head(length(second.length)) + second);
    const answers = [await connection.answer(), await connection.answer()];
    connection.destroy();
    for (const answer of answers) expectAnswer(answer, 200);
    expect(answers.map((answer) => JSON.parse(answer?.body ?? '').output[0].content[0].text)).toEqual([
      'One two',
      'Three',
    ]);
  });

  test('slowly, but in time', async () => {
    const connection = await RawConnection.open(gateway.url);
    await connection.write(head(length(body.length)));
    for (const byte of body) {
      await connection.write(byte);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expectAnswer(await connection.answer(), 200);
    connection.destroy();
  });

  test('too slowly', async () => {
    expectAnswer(await exchange(gateway.url, head(length(body.length)) + body.slice(1)), 408);
  });

  test('more bytes than declared: the rest is no request', async () => {
    const connection = await RawConnection.open(gateway.url);
    await connection.write(`${head(length(body.length)) + body}and more\r\n\r\n`);
    const answers = [await connection.answer(), await connection.answer()];
    // The parser may give up on the connection before the first is answered.
    if (answers[0]?.status === 200) answers.shift();
    expectAnswer(answers[0] ?? null, 400);
    connection.destroy();
  });

  test('fewer bytes than declared, and gone: in the log as 499', async () => {
    const project = await gateway.newProject();
    const connection = await RawConnection.open(gateway.url);
    await connection.write(head(length(1000)).replace(gateway.first.apiKey, project.apiKey) + body);
    // Long enough that the request is under way.
    await new Promise((resolve) => setTimeout(resolve, 100));
    connection.destroy();
    const row = await gateway.eventually('the log row', async () => {
      const { rows } = await gateway.pool.query('SELECT status, cost FROM requests WHERE project_id = $1', [
        project.projectId,
      ]);
      return rows[0] ?? null;
    });
    expect(row).toEqual({ status: 499, cost: 0n });
  });

  test.for([
    ['two lengths of one body', 'content-length: 5\r\ncontent-length: 6'],
    ['a length and chunks', 'content-length: 5\r\ntransfer-encoding: chunked'],
    ['a length that is no number', 'content-length: 5x'],
    ['a negative length', 'content-length: -5'],
    ['an unknown transfer encoding', 'transfer-encoding: gzip'],
    ['a space before the colon', 'x-a : b'],
    ['a folded header', 'x-a: b\r\n c: d\r\n\te'],
    ['a NUL in a header', 'x-a: b\0c'],
  ] as const)('%s', async ([, line]) => {
    const answer = await exchange(gateway.url, head(line));
    expect([400, 501, null]).toContain(answer?.status ?? null);
    expect(misbehaviour(answer)).toBeNull();
  });

  test.for([
    ['nonsense', 'hello, is this HTTP?\r\n\r\n', 400],
    ['no host', 'GET /health HTTP/1.1\r\n\r\n', 400],
    ['a version to come', 'GET /health HTTP/7.0\r\nhost: a\r\n\r\n', 400],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
    ['a method of nobody', 'BREW /v1/responses HTTP/1.1\r\nhost: a\r\n\r\n', 400],
    ['an address that cannot be decoded', 'GET /v1/models/%ff%fe HTTP/1.1\r\nhost: a\r\n\r\n', 404],
    ['a very long address', `GET /${'a'.repeat(10_000)} HTTP/1.1\r\nhost: a\r\n\r\n`, 404],
    ['headers of 40 KB', `GET /health HTTP/1.1\r\nhost: a\r\nx: ${'a'.repeat(40_000)}\r\n\r\n`, 431],
    ['an address of 40 KB', `GET /${'a'.repeat(40_000)} HTTP/1.1\r\nhost: a\r\n\r\n`, 431],
    [
      'a socket of another kind',
      'GET /v1/responses HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
      404,
    ],
    [
      'a node that speaks no protocol of ours',
      'GET /v1/nodes/connect HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
      426,
    ],
    [
      'a node without a key of its socket',
      'GET /v1/nodes/connect HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-protocol: zerogpu.node.v1\r\n\r\n',
      400,
    ],
  ] as const)('%s', async ([, bytes, status]) => {
    expectAnswer(await exchange(gateway.url, bytes), status);
  });
});

test(`${FUZZ_REQUESTS} hostile requests`, async () => {
  const seed = Date.now() % 1_000_000;
  const load = { url: gateway.url, apiKey: gateway.first.apiKey, count: FUZZ_REQUESTS, callers: 8, seed };
  const { sent, statuses, misbehaviours } = await sendHostile(load);
  console.log(`${sent} hostile requests of seed ${seed}, by status: ${JSON.stringify(statuses)}`);
  expect(misbehaviours).toEqual([]);
  // The walk went everywhere, or the fuzzer tests nothing.
  for (const status of [200, 400, 401, 404, 413, 415])
    expect(statuses[status], `status ${status}`).toBeGreaterThan(0);
});

test('every answer was as the OpenAPI document says, nothing broke, and the books are right', async () => {
  expect(gateway.strayings).toEqual([]);
  expect(gateway.told).toEqual([]);
  expect(await gateway.violations()).toEqual([]);
  await gateway.eventually('all holds to be given back', async () =>
    (await gateway.holds()) === 0 ? true : null,
  );
});
