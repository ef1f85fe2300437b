/** Making, seeing and cancelling batches over HTTP; what becomes of their lines is looked at elsewhere. */
import { rm, writeFile } from 'node:fs/promises';
import { newId } from '@zerogpu/protocol';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { storeFile } from './support/stored-file.ts';
import {
  type CallAnswer,
  type CallOptions,
  type Json,
  type Project,
  TestGateway,
} from './support/test-gateway.ts';

const CHAT = '/v1/chat/completions';
const RESPONSES = '/v1/responses';
const MAX_LINES = 50_000;
const MAX_FILE = 209_715_200;
const MAX_LINE = 1_048_576;

let gateway: TestGateway;
let project: Project;

beforeAll(async () => {
  // Nobody works on lines here.
  gateway = await TestGateway.start({
    ZEROGPU_BATCH_CONCURRENCY: '0',
    ZEROGPU_BATCH_ENDPOINTS: `${CHAT},${RESPONSES}`,
  });
  project = await gateway.newProject();
});
afterEach(() => {
  expect(gateway.strayings).toEqual([]);
});
afterAll(() => gateway.stop());

const request = (changes: object = {}) => ({
  custom_id: 'a',
  method: 'POST',
  url: CHAT,
  body: { model: 'm' },
  ...changes,
});
const jsonl = (...lines: readonly unknown[]) =>
  lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n');

const store = async (text: string | Uint8Array, owner = project) =>
  (await storeFile(gateway, owner, [text])).id;

function create(
  input_file_id: unknown,
  changes: object = {},
  options: CallOptions = {},
): Promise<CallAnswer> {
  const body = { input_file_id, endpoint: CHAT, completion_window: '24h', ...changes };
  return gateway.call('/v1/batches', body, { key: project.apiKey, ...options });
}

const call = (route: string, owner = project, method = 'GET') =>
  gateway.call(route, undefined, { key: owner.apiKey, method });
const cancel = (id: string, owner = project) => call(`/v1/batches/${id}/cancel`, owner, 'POST');

const linesOf = async (batchId: string): Promise<readonly Json[]> =>
  (await gateway.pool.query('SELECT * FROM batch_lines WHERE batch_id = $1 ORDER BY number', [batchId])).rows;

describe('a batch whose file passes', () => {
  test('is in progress, and is shown the same afterwards', async () => {
    const metadata = { name: 'nul \u0000 half \ud800', ['k'.repeat(64)]: 'v'.repeat(512) };
    const file = await store(`\ufeff${jsonl(request(), '', request({ custom_id: '\u0000"\ud800' }))}\r\n`);
    const answer = await create(file, {
      metadata,
      output_expires_after: { anchor: 'created_at', seconds: 1 },
    });
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({
      object: 'batch',
      endpoint: CHAT,
      errors: null,
      input_file_id: file,
      completion_window: '24h',
      status: 'in_progress',
      request_counts: { total: 2, completed: 0, failed: 0 },
      metadata,
    });
    expect(answer.json.expires_at).toBe(answer.json.created_at + 86_400);
    expect((await call(`/v1/batches/${answer.json.id}`)).text).toBe(answer.text);
    expect((await linesOf(answer.json.id)).map(({ number, custom_id }) => [number, custom_id])).toEqual([
      [1, '"a"'],
      [3, '"\\u0000\\"\\ud800"'],
    ]);
  });

  test('may ask for whatever the operator lets batches ask for', async () => {
    const file = await store(jsonl(request({ url: RESPONSES })));
    expect((await create(file, { endpoint: RESPONSES })).json).toMatchObject({
      endpoint: RESPONSES,
      metadata: {},
    });
  });

  test('is made once under an Idempotency-Key, and a fault is told the same again', async () => {
    const headers = { 'idempotency-key': newId('request') };
    const file = await store(jsonl(request()));
    const [first, second] = await Promise.all([create(file, {}, { headers }), create(file, {}, { headers })]);
    expect(second?.text).toBe(first?.text);
    expect([first, second].map((answer) => answer?.headers.get('idempotent-replayed')).sort()).toEqual([
      null,
      'true',
    ]);
    const other = await create(file, { metadata: { other: 'body' } }, { headers });
    expect([other.status, other.json.error.code]).toEqual([409, 'idempotency_conflict']);
    const wrong = { headers: { 'idempotency-key': newId('request') } };
    const empty = await store('\n');
    const refused = await create(empty, {}, wrong);
    const again = await create(empty, {}, wrong);
    expect([again.status, again.text, again.headers.get('idempotent-replayed')]).toEqual([
      400,
      refused.text,
      'true',
    ]);
    const { rows } = await gateway.pool.query(
      'SELECT status FROM batches WHERE input_file_id = ANY ($1) ORDER BY id',
      [[file, empty]],
    );
    expect(rows).toEqual([{ status: 'in_progress' }, { status: 'failed' }]);
  });

  test('is made although its caller has gone away', async () => {
    const away = new AbortController();
    const file = (await storeFile(gateway, project, manyLines(20_000, 400))).id;
    const creating = create(file, {}, { signal: away.signal }).catch(() => null);
    const find = async () =>
      (await gateway.pool.query<Json>('SELECT id, status FROM batches WHERE input_file_id = $1', [file]))
        .rows[0];
    const { status } = await gateway.eventually('the batch', async () => (await find()) ?? null);
    expect(status).toBe('validating');
    away.abort();
    expect(await creating).toBeNull();
    await gateway.eventually('its beginning', async () =>
      (await find()).status === 'in_progress' ? true : null,
    );
    expect(await linesOf((await find()).id)).toHaveLength(20_000);
  });
});

describe('what is asked must be', () => {
  test.each([
    [
      { input_file_id: undefined },
      'missing_required_parameter',
      'input_file_id is required',
      'input_file_id',
    ],
    [{ endpoint: undefined }, 'missing_required_parameter', 'endpoint is required', 'endpoint'],
    [
      { completion_window: undefined },
      'missing_required_parameter',
      'completion_window must be "24h"',
      'completion_window',
    ],
    [{ completion_window: '1h' }, 'invalid_value', 'completion_window must be "24h"', 'completion_window'],
    [{ metadata: 'text' }, 'invalid_type', 'metadata must be an object', 'metadata'],
    [{ endpoint: '/v1/\u0000' }, 'invalid_value', `endpoint must be an address such as ${CHAT}`, 'endpoint'],
  ])('%j', async (changes, code, message, param) => {
    const answer = await create(newId('file'), changes);
    expect(answer.status).toBe(400);
    expect(answer.json.error).toEqual({ message, type: 'invalid_request_error', code, param });
  });

  test.each(['no JSON', '[]'])('JSON, not %s', async (raw) => {
    const headers = { 'content-type': 'application/json' };
    const answer = await gateway.call('/v1/batches', undefined, { raw, headers, key: project.apiKey });
    expect([answer.status, answer.json.error.code]).toEqual([400, 'invalid_json']);
  });

  test('short', async () => {
    const answer = await create(newId('file'), { metadata: { a: 'x'.repeat(128 * 1024) } });
    expect([answer.status, answer.json.error.code]).toEqual([413, 'request_too_large']);
  });

  test('of a file that is there', async () => {
    const other = await gateway.newProject();
    const deleted = await store(jsonl(request()));
    await gateway.pool.query('UPDATE files SET deleted_at = now() WHERE id = $1', [deleted]);
    const expired = await store(jsonl(request()));
    await gateway.pool.query('UPDATE files SET expires_at = now() WHERE id = $1', [expired]);
    const foreign = await store(jsonl(request()), other);
    for (const file of [foreign, deleted, expired, newId('file'), 'file-\u0000', '../etc']) {
      const answer = await create(file);
      expect(answer.status).toBe(404);
      expect(answer.json).toEqual({
        error: {
          message: `Input file not found: ${file}`,
          type: 'invalid_request_error',
          code: 'file_not_found',
          param: 'input_file_id',
        },
      });
    }
  });

  test('of a file whose bytes are there, and are what they were', async () => {
    const stored = await storeFile(gateway, project, [jsonl(request())]);
    await writeFile(stored.path, 'x'.repeat(stored.bytes));
    const damaged = await create(stored.id);
    expect([damaged.status, damaged.json.error.code]).toEqual([500, 'storage_error']);
    await rm(stored.path);
    const gone = await create(stored.id);
    expect([gone.status, gone.json.error.message]).toEqual([404, `Input file object missing: ${stored.id}`]);
    const { rows } = await gateway.pool.query('SELECT status FROM batches WHERE input_file_id = $1', [
      stored.id,
    ]);
    expect(rows).toEqual([{ status: 'failed' }, { status: 'failed' }]);
    // The operator hears of it, callers do not.
    expect(gateway.told.splice(0).join()).toContain('damaged');
  });
});

describe('the first fault of a file is told and kept', () => {
  const missing = 'missing_required_parameter';
  const wrong = 'invalid_value';
  test.each<[readonly unknown[], readonly unknown[]]>([
    [['\n \n'], [wrong, 'Input file contains no JSONL lines', null, 'input_file_id']],
    [['{"a":1'], ['invalid_json', 'Line 1 is not valid JSON', 1, null]],
    [[Buffer.from([0x7b, 0xff, 0x7d])], ['invalid_json', 'Line 1 is not valid JSON', 1, null]],
    [
      [request(), '', '[1]'],
      ['invalid_type', 'Line 3 must be a JSON object', 3, null],
    ],
    [['x'.repeat(MAX_LINE + 1)], [wrong, `Line 1 exceeds maximum size of ${MAX_LINE} bytes`, 1, null]],
    [[request({ custom_id: '' })], [missing, 'Line 1 is missing custom_id', 1, 'custom_id']],
    [
      [request(), request()],
      [wrong, 'Line 2 duplicates custom_id "a"', 2, 'custom_id'],
    ],
    [[request({ method: 'GET' })], [wrong, 'Line 1 method must be "POST"', 1, 'method']],
    [[request({ url: undefined })], [missing, 'Line 1 is missing url', 1, 'url']],
    [[request({ url: '/v1/x' })], [wrong, 'Line 1 url "/v1/x" is not an allowed batch endpoint', 1, 'url']],
    [
      [request(), request({ custom_id: 'b', url: RESPONSES })],
      [wrong, `Line 2 url "${RESPONSES}" does not match the batch endpoint "${CHAT}"`, 2, 'url'],
    ],
    [[request({ body: 'text' })], [missing, 'Line 1 is missing body', 1, 'body']],
    [
      [request({ body: { stream: true } })],
      [wrong, 'Line 1 has stream=true; streaming is not supported in batch mode', 1, 'body.stream'],
    ],
    [
      [request({ url: RESPONSES })],
      [
        wrong,
        `endpoint "${CHAT}" does not match the url "${RESPONSES}" used by the input file`,
        null,
        'endpoint',
      ],
    ],
  ])('%j', async (lines, [code, message, line, param]) => {
    const [only] = lines;
    const file = await store(only instanceof Uint8Array ? only : jsonl(...lines));
    const answer = await create(file);
    expect(answer.status).toBe(400);
    expect(answer.json.error).toEqual({
      message,
      type: 'invalid_request_error',
      code,
      param,
      ...(line === null ? {} : { line }),
    });
    const { rows } = await gateway.pool.query<Json>('SELECT id FROM batches WHERE input_file_id = $1', [
      file,
    ]);
    const kept = await call(`/v1/batches/${rows[0].id}`);
    expect(kept.json).toMatchObject({
      status: 'failed',
      errors: { object: 'list', data: [{ code, message, line, param }] },
      request_counts: { total: 0, completed: 0, failed: 0 },
      in_progress_at: null,
    });
    expect(kept.json.failed_at).toBeGreaterThanOrEqual(kept.json.created_at);
    expect(await linesOf(rows[0].id)).toEqual([]);
  });
});

describe('a batch is', () => {
  test('not there for others, the same as what never was', async () => {
    const { id } = (await create(await store(jsonl(request())))).json;
    const other = await gateway.newProject();
    for (const name of [id, newId('batch'), 'batch_', `${id}%00`, 'x'.repeat(300)]) {
      const shown =
        decodeURIComponent(name).length > 200 ? `${name.slice(0, 200)}…` : decodeURIComponent(name);
      for (const answer of [await call(`/v1/batches/${name}`, other), await cancel(name, other)]) {
        expect(answer.status).toBe(404);
        expect(answer.json).toEqual({
          error: {
            message: `Batch not found: ${shown}`,
            type: 'invalid_request_error',
            code: 'batch_not_found',
            param: null,
          },
        });
      }
    }
    expect((await call('/v1/batches', other)).json).toEqual({
      object: 'list',
      data: [],
      first_id: null,
      last_id: null,
      has_more: false,
    });
    const { rows } = await gateway.pool.query('SELECT status FROM batches WHERE id = $1', [id]);
    expect(rows).toEqual([{ status: 'in_progress' }]);
  });

  test('listed newest first, page by page', async () => {
    const owner = await gateway.newProject();
    const file = await store(jsonl(request()), owner);
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.unshift((await create(file, {}, { key: owner.apiKey })).json.id);
    const pages: string[][] = [];
    for (let after = ''; pages.length < 9; ) {
      const { json } = await call(`/v1/batches?limit=2${after}`, owner);
      const page = json.data.map((batch: Json) => batch.id);
      expect([json.first_id, json.last_id]).toEqual([page.at(0), page.at(-1)]);
      pages.push(page);
      if (!json.has_more) break;
      after = `&after=${json.last_id}`;
    }
    // Ids of one millisecond are in no order of their own.
    expect(pages.map((page) => page.length)).toEqual([2, 2, 1]);
    expect(pages.flat()).toEqual([...ids].sort().reverse());
    expect((await call('/v1/batches', owner)).json.data).toHaveLength(5);
    expect((await call('/v1/batches?limit=100', owner)).status).toBe(200);
  });

  test.each([
    ['limit=0', 'invalid_limit', 'limit must be an integer from 1 to 100', 'limit'],
    ['limit=101', 'invalid_limit', 'limit must be an integer from 1 to 100', 'limit'],
    ['limit=ten', 'invalid_limit', 'limit must be an integer from 1 to 100', 'limit'],
    ['limit=', 'invalid_limit', 'limit must be an integer from 1 to 100', 'limit'],
    ['after=%00', 'invalid_value', 'after must be the id of a batch', 'after'],
  ])('not listed by %s', async (query, code, message, param) => {
    const answer = await call(`/v1/batches?${query}`);
    expect(answer.status).toBe(400);
    expect(answer.json.error).toEqual({ message, type: 'invalid_request_error', code, param });
  });

  test('cancelled, the same again, and not once it ends', async () => {
    const { id } = (await create(await store(jsonl(request())))).json;
    const first = await cancel(id);
    expect([first.status, first.json.status]).toEqual([200, 'cancelling']);
    expect(first.json.cancelling_at).toBeGreaterThanOrEqual(first.json.created_at);
    const again = await cancel(id);
    // It may have ended meanwhile, where somebody ends batches.
    if (again.status === 200) expect(again.text).toBe(first.text);
    const { json } = await create(await store('[]'));
    expect(json.error.line).toBe(1);
    const [failed] = (await call('/v1/batches?limit=1')).json.data;
    expect(failed.status).toBe('failed');
    const refused = await cancel(failed.id);
    expect(refused.status).toBe(409);
    expect(refused.json.error).toEqual({
      message: 'A batch that is failed cannot be cancelled',
      type: 'conflict_error',
      code: 'batch_not_cancellable',
      param: null,
    });
  });
});

describe('at the limits', () => {
  test('50,000 lines begin, and one more is a fault', async () => {
    const took = await measured('50,000 lines', async () => {
      const { id } = await storeFile(gateway, project, manyLines(MAX_LINES, 300));
      return () => create(id);
    });
    expect(took.json).toMatchObject({ status: 'in_progress', request_counts: { total: MAX_LINES } });
    const more = await storeFile(gateway, project, manyLines(MAX_LINES + 1, 20));
    const answer = await create(more.id);
    expect(answer.json.error.message).toBe(`Input file exceeds maximum of ${MAX_LINES} lines`);
  });

  test('200 MB in lines of 1 MB begin, and one byte more is a fault', async () => {
    const full = 'x'.repeat(
      MAX_LINE - JSON.stringify(request({ custom_id: '1000', body: { text: '' } })).length,
    );
    const lines = function* (count: number) {
      for (let i = 0; i < count; i++)
        yield `${JSON.stringify(request({ custom_id: `${1000 + i}`, body: { text: full } }))}\n`;
    };
    // With what ends each line, 199 of the largest and a rest that is blank.
    const fits = function* () {
      yield* lines(199);
      yield '\n'.repeat(MAX_FILE - 199 * (MAX_LINE + 1));
    };
    const took = await measured('200 MB', async () => {
      const { id, bytes } = await storeFile(gateway, project, fits());
      expect(bytes).toBe(MAX_FILE);
      return () => create(id);
    });
    expect(took.json).toMatchObject({ status: 'in_progress', request_counts: { total: 199 } });
    const more = await storeFile(gateway, project, lines(200));
    const answer = await create(more.id);
    expect(answer.json.error.message).toBe(`Input file exceeds maximum size of ${MAX_FILE} bytes`);
  });
});

function* manyLines(count: number, size: number): Generator<string> {
  const text = 'x'.repeat(size);
  for (let i = 0; i < count; i++) {
    yield `${JSON.stringify(request({ custom_id: `line ${i}`, body: { model: 'm', text } }))}\n`;
  }
}

/** Prints how long it took, what memory it took, and how long others waited meanwhile. */
async function measured<T>(name: string, prepare: () => Promise<() => Promise<T>>): Promise<T> {
  const work = await prepare();
  const before = process.memoryUsage().rss;
  const waits: number[] = [];
  let most = before;
  let over = false;
  const others = (async () => {
    while (!over) {
      const start = performance.now();
      await gateway.call('/health/live', undefined, { key: null });
      waits.push(performance.now() - start);
      most = Math.max(most, process.memoryUsage().rss);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  const start = performance.now();
  const result = await work();
  const took = performance.now() - start;
  over = true;
  await others;
  waits.sort((a, b) => a - b);
  const [median, longest] = [waits[waits.length >> 1], waits.at(-1)];
  const mb = (bytes: number) => Math.round(bytes / 1e6);
  console.info(
    `${name}: ${Math.round(took)} ms; memory ${mb(before)} MB before, ${mb(most)} MB at most; ` +
      `others waited ${median?.toFixed(1)} ms, at most ${longest?.toFixed(1)} ms`,
  );
  return result;
}
