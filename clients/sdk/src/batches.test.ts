import { describe, expect, test } from 'vitest';
import { sendError, sendJson, serve } from './test/server.ts';
import type { Batch } from './types.ts';

const batch = (changes: Partial<Batch> = {}): Batch => ({
  id: 'batch_1',
  object: 'batch',
  endpoint: '/v1/chat/completions',
  errors: null,
  input_file_id: 'file-in',
  completion_window: '24h',
  status: 'in_progress',
  output_file_id: null,
  error_file_id: null,
  created_at: 1,
  in_progress_at: 1,
  expires_at: 2,
  finalizing_at: null,
  completed_at: null,
  failed_at: null,
  expired_at: null,
  cancelling_at: null,
  cancelled_at: null,
  request_counts: { total: 3, completed: 0, failed: 0 },
  metadata: {},
  ...changes,
});
const counted = (completed: number) => batch({ request_counts: { total: 3, completed, failed: 0 } });

describe('a batch', () => {
  test('is made with what every batch has, and with an Idempotency-Key', async () => {
    const server = await serve((response) => sendJson(response, 200, batch()));
    const { batches } = server.client();
    await batches.create({ input_file_id: 'file-in' });
    await batches.create({ input_file_id: 'file-in', endpoint: '/v1/embeddings', metadata: { a: 'b' } });
    expect(server.seen.map(({ body }) => JSON.parse(body))).toEqual([
      { input_file_id: 'file-in', endpoint: '/v1/chat/completions', completion_window: '24h' },
      {
        input_file_id: 'file-in',
        endpoint: '/v1/embeddings',
        completion_window: '24h',
        metadata: { a: 'b' },
      },
    ]);
    expect(server.seen[0]?.headers['idempotency-key']).toMatch(/^sdk-/);
  });

  test('with a faulty line tells which', async () => {
    const error = {
      message: 'Line 7 is not valid JSON',
      type: 'invalid_request_error',
      code: 'invalid_json',
    };
    const server = await serve((response) =>
      sendJson(response, 400, { error: { ...error, param: null, line: 7 } }),
    );
    await expect(server.client().batches.create({ input_file_id: 'file-in' })).rejects.toMatchObject({
      name: 'BadRequestError',
      message: error.message,
      code: 'invalid_json',
      line: 7,
    });
  });

  test('is looked at, listed and cancelled', async () => {
    const server = await serve((response, { method, url }) => {
      if (method === 'POST')
        return sendError(response, 409, { type: 'conflict_error', code: 'batch_not_cancellable' });
      if (url.startsWith('/v1/batches/')) return sendJson(response, 200, batch());
      const has_more = !url.includes('after');
      const id = has_more ? 'batch_2' : 'batch_1';
      sendJson(response, 200, { object: 'list', data: [batch({ id })], first_id: id, last_id: id, has_more });
    });
    const { batches } = server.client();
    expect(await batches.retrieve('batch_1')).toMatchObject({ id: 'batch_1', _request_id: 'req_1' });
    const ids: string[] = [];
    for await (const { id } of batches.list({ limit: 1 })) ids.push(id);
    expect(ids).toEqual(['batch_2', 'batch_1']);
    await expect(batches.cancel('batch_1')).rejects.toMatchObject({ name: 'ConflictError', line: null });
    expect(server.seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'GET /v1/batches/batch_1',
      'GET /v1/batches?limit=1',
      'GET /v1/batches?limit=1&after=batch_2',
      'POST /v1/batches/batch_1/cancel',
    ]);
  });
});

describe('waiting for a batch', () => {
  const ending = batch({ status: 'completed', request_counts: { total: 3, completed: 2, failed: 1 } });

  test('tells what is new, and ends with the batch', async () => {
    const states = [counted(0), counted(0), counted(1), ending];
    const server = await serve((response, _, count) => sendJson(response, 200, states[count - 1]));
    const told: number[] = [];
    const onProgress = ({ request_counts }: Batch) => void told.push(request_counts.completed);
    const ended = await server.client().batches.wait('batch_1', { pollMs: 100, onProgress });
    expect(ended.status).toBe('completed');
    expect(told).toEqual([0, 1, 2]);
    expect(server.seen).toHaveLength(4);
  });

  test.each(['failed', 'cancelled', 'expired'] as const)('ends with one that is %s, too', async (status) => {
    const server = await serve((response) => sendJson(response, 200, batch({ status })));
    expect((await server.client().batches.wait('batch_1')).status).toBe(status);
  });

  test('outlasts a server that is away for a while', async () => {
    const server = await serve((response, _, count) =>
      count < 4
        ? sendError(response, 503, { type: 'service_unavailable', code: 'no_capacity' })
        : sendJson(response, 200, ending),
    );
    const ended = await server.client({ maxRetries: 0 }).batches.wait('batch_1', { pollMs: 100 });
    expect(ended.status).toBe('completed');
  });

  test('ends at once when there is no such batch', async () => {
    const server = await serve((response) =>
      sendError(response, 404, { type: 'invalid_request_error', code: 'batch_not_found' }),
    );
    await expect(server.client().batches.wait('batch_1')).rejects.toMatchObject({ name: 'NotFoundError' });
    expect(server.seen).toHaveLength(1);
  });

  test('can be given up, also between two looks', async () => {
    const server = await serve((response) => sendJson(response, 200, batch()));
    const stop = new AbortController();
    const onProgress = () => void setTimeout(() => stop.abort(), 20);
    const waiting = server
      .client()
      .batches.wait('batch_1', { pollMs: 60_000, signal: stop.signal, onProgress });
    await expect(waiting).rejects.toMatchObject({ name: 'AbortedError' });
    await expect(server.client().batches.wait('batch_1', { pollMs: 1 })).rejects.toThrow(/pollMs/);
  });
});

describe('results', () => {
  const answered = {
    id: 'batch_req_1',
    custom_id: 'a',
    response: {
      status_code: 200,
      request_id: 'req_7',
      body: { choices: [{ message: { content: 'Paris.' } }] },
    },
    error: null,
  };
  const failed = {
    id: 'batch_req_2',
    custom_id: 'b',
    response: null,
    error: { code: 'not_found_error', message: '[legacy:http_404] No such model', param: 'model' },
  };

  test('are the lines of both files', async () => {
    const files: Record<string, unknown> = { 'file-out': answered, 'file-err': failed };
    const ended = batch({ status: 'completed', output_file_id: 'file-out', error_file_id: 'file-err' });
    const server = await serve((response, { url }) => {
      if (url === '/v1/batches/batch_1') return sendJson(response, 200, ended);
      response.writeHead(200, { 'content-type': 'application/jsonl' });
      response.end(`${JSON.stringify(files[url.split('/')[3] ?? ''])}\n`);
    });
    const { batches } = server.client();
    for (const which of [ended, 'batch_1']) {
      const seen: string[] = [];
      for await (const { custom_id, response, error } of batches.results(which)) {
        seen.push(`${custom_id} ${response?.body.choices[0]?.message.content ?? error?.code}`);
      }
      expect(seen).toEqual(['a Paris.', 'b not_found_error']);
    }
  });

  test('of a batch without such lines are none; of one that runs there are none yet', async () => {
    const server = await serve((response) => sendJson(response, 200, batch()));
    const { batches } = server.client();
    expect((await batches.results(batch({ status: 'failed' })).next()).done).toBe(true);
    expect(server.seen).toEqual([]);
    await expect(batches.results('batch_1').next()).rejects.toThrow(/in_progress; wait until it has ended/);
  });

  test('a line that is no JSON is told', async () => {
    const server = await serve((response) => response.writeHead(200).end('{"id":\n') as unknown as undefined);
    const ended = batch({ status: 'completed', output_file_id: 'file-out' });
    await expect(server.client().batches.results(ended).next()).rejects.toThrow(/not valid JSON/);
  });
});
