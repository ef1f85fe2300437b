/** `/v1/files` the whole way: what is refused and what is left then, tenants, lists, ranges, keys that make once. */
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CallAnswer, type Project, TestGateway } from './support/test-gateway.ts';
import {
  BOUNDARY,
  FORM_HEADERS,
  filePart,
  form,
  PURPOSE,
  rowsOf,
  sendForm,
  storedIn,
  upload,
} from './support/upload.ts';

/** Small, so that the limit is met in a moment. */
const MAX_BYTES = 1_000_000;
const DAY_S = 86_400;

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start({
    ZEROGPU_MAX_UPLOAD_BYTES: String(MAX_BYTES),
    ZEROGPU_BODY_TIMEOUT_MS: '2000',
  });
});
afterAll(() => gateway.stop());

const get = (project: Project, route: string, headers: Record<string, string> = {}, method = 'GET') =>
  gateway.call(route, undefined, { key: project.apiKey, headers, method });

/** Neither a row nor a byte is left of what was refused. */
async function expectNothing(project: Project): Promise<void> {
  expect(await rowsOf(gateway, project)).toEqual([]);
  const stored = await storedIn(gateway.gateway.dataDir);
  expect(stored.filter((name) => name.startsWith(project.projectId))).toEqual([]);
  expect(stored.filter((name) => name.startsWith('.partial'))).toEqual([]);
}

describe('an upload', () => {
  test('is a file, and comes back as it was sent', async () => {
    const project = await gateway.newProject();
    const body = `{"custom_id":"ä 🦉"}\n${'x'.repeat(600_000)}\r\n--not-the-boundary\r\n`;
    const { status, json, text } = await upload(gateway, project, body);
    expect(status, text).toBe(200);
    expect(json).toEqual({
      id: expect.stringMatching(/^file-[0-9a-z]{26}$/),
      object: 'file',
      bytes: Buffer.byteLength(body),
      created_at: expect.any(Number),
      filename: 'lines.jsonl',
      purpose: 'batch',
      status: 'processed',
      expires_at: json.created_at + 30 * DAY_S,
    });
    expect((await get(project, `/v1/files/${json.id}`)).json).toEqual(json);
    const content = await get(project, `/v1/files/${json.id}/content`);
    expect(content.text).toBe(body);
    expect(content.headers.get('content-type')).toBe('application/jsonl');
    expect(content.headers.get('content-length')).toBe(String(Buffer.byteLength(body)));
    expect(content.headers.get('content-disposition')).toContain('filename="lines.jsonl"');
  });

  test.each([
    ['the purpose last', [filePart(), PURPOSE]],
    ['fields that nobody knows', [{ name: 'a', body: 'b' }, filePart(), { name: 'c', body: 'd' }, PURPOSE]],
  ])('may have %s', async (_name, parts) => {
    const project = await gateway.newProject();
    const { json } = await sendForm(gateway, project, form(parts));
    expect((await get(project, `/v1/files/${json.id}/content`)).text).toBe('{"a":1}\n');
  });

  test('is called by its id without a name, and never by a path', async () => {
    const project = await gateway.newProject();
    const nameless = await sendForm(gateway, project, form([PURPOSE, { name: 'file', body: 'x' }]));
    expect(nameless.json.filename).toBe(`${nameless.json.id}.jsonl`);
    const named = await sendForm(
      gateway,
      project,
      form([PURPOSE, filePart('x', '../../a\u0000 %22b%22 日本.jsonl')]),
    );
    expect(named.json.filename).toBe('a "b" 日本.jsonl');
    const content = await get(project, `/v1/files/${named.json.id}/content`);
    expect(content.headers.get('content-disposition')).toBe(
      `attachment; filename="a _b_ __.jsonl"; filename*=UTF-8''a%20%22b%22%20%E6%97%A5%E6%9C%AC.jsonl`,
    );
  });

  test('goes sooner when it says so', async () => {
    const project = await gateway.newProject();
    const anchor = { name: 'expires_after[anchor]', body: 'created_at' };
    const send = (seconds: string) =>
      sendForm(
        gateway,
        project,
        form([anchor, { name: 'expires_after[seconds]', body: seconds }, PURPOSE, filePart()]),
      );
    const { json } = await send('7200');
    expect(json.expires_at).toBe(json.created_at + 7200);
    for (const seconds of ['1', '-7200', '7200.5', '99999999', 'soon']) {
      const refused = await send(seconds);
      expect(refused.json.error).toMatchObject({ code: 'invalid_value', param: 'expires_after[seconds]' });
    }
    const half = await sendForm(gateway, project, form([anchor, PURPOSE, filePart()]));
    expect(half.json.error).toMatchObject({
      code: 'missing_required_parameter',
      param: 'expires_after[seconds]',
    });
    expect(await rowsOf(gateway, project)).toHaveLength(1);
  });

  test('of exactly the limit is taken, one byte more is not', async () => {
    const project = await gateway.newProject();
    expect((await upload(gateway, project, Buffer.alloc(MAX_BYTES, 'x'))).status).toBe(200);
    const more = await upload(gateway, project, Buffer.alloc(MAX_BYTES + 1, 'x'));
    expect(more.json.error).toMatchObject({ code: 'file_too_large', param: 'file' });
    expect(await rowsOf(gateway, project)).toHaveLength(1);
    expect(await storedIn(gateway.gateway.dataDir)).not.toContainEqual(expect.stringMatching(/^\.partial/));
  });
});

interface Refusal {
  readonly name: string;
  readonly code: string;
  readonly status: number;
  send(project: Project): Promise<CallAnswer>;
}

const send = (body: string | Buffer, headers?: Record<string, string>) => (project: Project) =>
  sendForm(gateway, project, body, headers);

/** A body of no known length. */
const chunked = (chunk: Buffer, times: number, first: Buffer = Buffer.alloc(0)) =>
  new ReadableStream({
    start: (controller) => controller.enqueue(first),
    pull(controller) {
      if (times-- > 0) controller.enqueue(chunk);
      else controller.close();
    },
  });

const HEAD_OF_FILE = form([PURPOSE, filePart('')]).subarray(0, -`\r\n--${BOUNDARY}--\r\n`.length);

const REFUSALS: readonly Refusal[] = [
  {
    name: 'JSON',
    code: 'invalid_content_type',
    status: 400,
    send: send('{}', { 'content-type': 'application/json' }),
  },
  {
    name: 'a compressed form',
    code: 'invalid_content_type',
    status: 400,
    send: send(form([PURPOSE, filePart()]), { 'content-encoding': 'gzip' }),
  },
  {
    name: 'a content type without a boundary',
    code: 'invalid_multipart',
    status: 400,
    send: send(form([PURPOSE, filePart()]), { 'content-type': 'multipart/form-data' }),
  },
  { name: 'nothing', code: 'invalid_multipart', status: 400, send: send('') },
  {
    name: 'a form cut off in its file',
    code: 'invalid_multipart',
    status: 400,
    send: send(form([PURPOSE, filePart('x'.repeat(500_000))]).subarray(0, 400_000)),
  },
  {
    name: 'two files',
    code: 'invalid_multipart',
    status: 400,
    send: send(form([PURPOSE, filePart(), filePart()])),
  },
  {
    name: 'headers that are a bomb',
    code: 'invalid_multipart',
    status: 400,
    send: send(`--${BOUNDARY}\r\n${'a: b\r\n'.repeat(20_000)}`),
  },
  {
    name: 'a thousand tiny parts',
    code: 'invalid_multipart',
    status: 400,
    send: send(form([filePart(), ...Array.from({ length: 1_000 }, (_, i) => ({ name: `a${i}`, body: '' }))])),
  },
  { name: 'no purpose', code: 'invalid_purpose', status: 400, send: send(form([filePart()])) },
  {
    name: 'another purpose',
    code: 'invalid_purpose',
    status: 400,
    send: send(form([{ name: 'purpose', body: 'fine-tune' }, filePart()])),
  },
  {
    name: 'the purpose of what batches put out, after the file',
    code: 'invalid_purpose',
    status: 400,
    send: send(form([filePart(), { name: 'purpose', body: 'batch_output' }])),
  },
  { name: 'no file', code: 'missing_file', status: 400, send: send(form([PURPOSE])) },
  { name: 'an empty file', code: 'empty_file', status: 400, send: send(form([PURPOSE, filePart('')])) },
  {
    name: 'a length above the limit',
    code: 'file_too_large',
    status: 413,
    send: send(form([PURPOSE, filePart(Buffer.alloc(2 * MAX_BYTES, 'x'))])),
  },
  {
    name: 'more than the limit, without a length',
    code: 'file_too_large',
    status: 413,
    send: (project) => {
      const body = chunked(Buffer.alloc(64 * 1024, 'x'), 1_000, HEAD_OF_FILE);
      return sendForm(gateway, project, body);
    },
  },
  {
    name: 'much that is no file, without a length',
    code: 'file_too_large',
    status: 413,
    send: (project) => {
      const field = form([{ name: 'a', body: '' }]).subarray(0, -`\r\n--${BOUNDARY}--\r\n`.length);
      return sendForm(gateway, project, chunked(Buffer.alloc(64 * 1024, 'x'), 1_000, field));
    },
  },
];

describe('a refused upload leaves nothing', () => {
  test.for([...REFUSALS])('$code: $name', async ({ code, status, send: ask }) => {
    const project = await gateway.newProject();
    const refused = await ask(project);
    expect(refused.json?.error.code, refused.text).toBe(code);
    expect(refused.status).toBe(status);
    expect(refused.json.error.message).toMatch(/^[^\n]{10,400}$/);
    await expectNothing(project);
  });

  test('storage_error: a storage that does not take it', async () => {
    const project = await gateway.newProject();
    const place = path.join(gateway.gateway.dataDir, 'files', project.projectId);
    await writeFile(place, 'in the way');
    const refused = await upload(gateway, project);
    expect(refused.status).toBe(500);
    expect(refused.json.error).toEqual({
      message: 'The file storage did not answer; try again later',
      type: 'internal_error',
      code: 'storage_error',
      param: null,
    });
    await rm(place);
    // What cannot be removed at once is given up, and the sweeper's.
    const { rows } = await gateway.pool.query<{ state: string; given_up: boolean }>(
      'SELECT state, deleted_at IS NOT NULL AS given_up FROM files WHERE project_id = $1',
      [project.projectId],
    );
    expect(rows.filter(({ given_up }) => !given_up)).toEqual([]);
    expect((await upload(gateway, project)).status).toBe(200);
  });

  test('request_timeout: a caller who stops in the middle', async () => {
    const project = await gateway.newProject();
    const silent = new ReadableStream({
      start: (controller) => controller.enqueue(Buffer.concat([HEAD_OF_FILE, Buffer.alloc(300_000, 'x')])),
    });
    const refused = await sendForm(gateway, project, silent);
    expect(refused.json.error.code).toBe('request_timeout');
    await expectNothing(project);
  });

  test('client_closed_request: a caller who goes away', async () => {
    const project = await gateway.newProject();
    const leaving = new AbortController();
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(Buffer.concat([HEAD_OF_FILE, Buffer.alloc(300_000, 'x')])),
    });
    const sending = gateway.send('/v1/files', undefined, {
      raw: body,
      key: project.apiKey,
      headers: FORM_HEADERS,
      signal: leaving.signal,
    });
    const refused = expect(sending).rejects.toThrow();
    await gateway.eventually('the row of the upload', async () =>
      (await rowsOf(gateway, project)).length > 0 ? true : null,
    );
    leaving.abort();
    await refused;
    await gateway.eventually('its end', async () =>
      (await rowsOf(gateway, project)).length === 0 ? true : null,
    );
    await expectNothing(project);
  });
});

describe('whatever form comes, cut and mangled', () => {
  const bytes = fc.oneof(
    fc.array(
      fc.oneof(
        fc.constantFrom(
          PURPOSE,
          filePart(),
          filePart(''),
          { name: 'purpose', body: 'x' },
          { name: 'a', body: 'b' },
        ),
        fc.record({ name: fc.constantFrom('file', 'purpose', 'b'), body: fc.string({ maxLength: 50 }) }),
        fc.record({
          name: fc.constant('file'),
          filename: fc.string({ unit: 'binary', maxLength: 30 }),
          body: fc.uint8Array({ maxLength: 50 }).map((all) => Buffer.from(all)),
        }),
      ),
      { maxLength: 5 },
    ),
  );
  const change = fc.record({
    kind: fc.constantFrom('cut', 'drop', 'flip', 'none'),
    at: fc.nat(100_000),
    length: fc.nat(20),
  });

  test('never an error of ours, never something left of what was refused', async () => {
    const project = await gateway.newProject();
    await fc.assert(
      fc.asyncProperty(bytes, change, fc.nat(), async (parts, { kind, at, length }, seed) => {
        let body = form(parts);
        const place = at % body.length;
        if (kind === 'cut') body = body.subarray(0, place);
        if (kind === 'drop') body = Buffer.concat([body.subarray(0, place), body.subarray(place + length)]);
        if (kind === 'flip') body[place] = seed % 256;
        const { status, json } = await sendForm(gateway, project, body);
        expect([200, 400]).toContain(status);
        const rows = await rowsOf(gateway, project);
        expect(rows.map(({ id }) => id)).toEqual(status === 200 ? [json.id] : []);
        const objects = await storedIn(gateway.gateway.dataDir);
        const own = objects.filter(
          (name) => name.startsWith(project.projectId) || name.startsWith('.partial'),
        );
        expect(own).toEqual(rows.map(({ id }) => `${project.projectId}/${id}`));
        if (status === 200) {
          await gateway.pool.query('DELETE FROM files WHERE id = $1', [json.id]);
          await rm(path.join(gateway.gateway.dataDir, 'files', project.projectId, json.id));
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('a list', () => {
  test('goes page by page, in both orders, by purpose', async () => {
    const project = await gateway.newProject();
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.push((await upload(gateway, project)).json.id);
    await gateway.pool.query("UPDATE files SET purpose = 'batch_output', is_error = true WHERE id = $1", [
      ids[4],
    ]);
    const all = await get(project, '/v1/files');
    expect(all.json).toMatchObject({ object: 'list', has_more: false, first_id: ids[4], last_id: ids[0] });
    expect(all.json.data.map(({ id }: { id: string }) => id)).toEqual([...ids].reverse());
    expect(all.json.data[0]).toMatchObject({ purpose: 'batch_output', is_error: true });
    const page = await get(project, `/v1/files?limit=2&order=asc&after=${ids[0]}&purpose=batch`);
    expect(page.json.data.map(({ id }: { id: string }) => id)).toEqual([ids[1], ids[2]]);
    expect(page.json).toMatchObject({ has_more: true, first_id: ids[1], last_id: ids[2] });
    const last = await get(project, `/v1/files?limit=2&order=asc&after=${ids[2]}&purpose=batch`);
    expect(last.json).toMatchObject({ has_more: false, first_id: ids[3], last_id: ids[3] });
    // Whoever deletes what a page listed goes on behind it.
    await get(project, `/v1/files/${ids[2]}`, {}, 'DELETE');
    const behind = await get(project, `/v1/files?after=${ids[2]}`);
    expect(behind.json.data.map(({ id }: { id: string }) => id)).toEqual([ids[1], ids[0]]);
  });

  test('of nothing has neither first nor last', async () => {
    const project = await gateway.newProject();
    expect((await get(project, '/v1/files')).json).toEqual({
      object: 'list',
      data: [],
      first_id: null,
      last_id: null,
      has_more: false,
    });
  });

  test.each([
    ['limit=0', 'invalid_limit', 'limit'],
    ['limit=10001', 'invalid_limit', 'limit'],
    ['limit=ten', 'invalid_limit', 'limit'],
    ['limit=', 'invalid_limit', 'limit'],
    ['limit=1e2', 'invalid_limit', 'limit'],
    ['purpose=assistants', 'invalid_purpose', 'purpose'],
    ['order=up', 'invalid_value', 'order'],
    ['after=file-x', 'invalid_value', 'after'],
    ['after=%00', 'invalid_value', 'after'],
  ])('refuses %s', async (query, code, param) => {
    const { status, json } = await get(gateway.first, `/v1/files?${query}`);
    expect(status).toBe(400);
    expect(json.error).toMatchObject({ code, param });
  });
});

describe('what is not there', () => {
  const ROUTES = [
    ['GET', ''],
    ['HEAD', ''],
    ['DELETE', ''],
    ['GET', '/content'],
    ['HEAD', '/content'],
  ] as const;

  test.for(ROUTES)('%s …%s is the same for every reason', async ([method, rest]) => {
    const [project, other] = [await gateway.newProject(), await gateway.newProject()];
    const [foreign, deleted, expired, storing] = await Promise.all(
      [other, project, project, project].map(async (owner) => (await upload(gateway, owner)).json.id),
    );
    await get(project, `/v1/files/${deleted}`, {}, 'DELETE');
    await gateway.pool.query("UPDATE files SET expires_at = now() - interval '1 second' WHERE id = $1", [
      expired,
    ]);
    await gateway.pool.query("UPDATE files SET state = 'storing' WHERE id = $1", [storing]);
    const missing = 'file-00000000000000000000000000';
    for (const id of [
      missing,
      foreign,
      deleted,
      expired,
      storing,
      'file-x',
      'x',
      'file-%00',
      '%F0%9F%A6%89',
    ]) {
      const { status, text } = await get(project, `/v1/files/${id}${rest}`, {}, method);
      expect(status, id).toBe(404);
      const message = `File ${decodeURIComponent(id)} not found`;
      const error = { message, type: 'invalid_request_error', code: 'file_not_found', param: null };
      expect(text).toBe(method === 'HEAD' ? '' : JSON.stringify({ error }));
    }
    expect((await get(other, `/v1/files/${foreign}`)).status).toBe(200);
    expect((await get(project, '/v1/files')).json.data).toEqual([]);
  });

  test('a deleted file is gone at once', async () => {
    const project = await gateway.newProject();
    const { id } = (await upload(gateway, project)).json;
    const gone = await get(project, `/v1/files/${id}`, {}, 'DELETE');
    expect(gone.json).toEqual({ id, object: 'file', deleted: true });
    expect((await get(project, `/v1/files/${id}`, {}, 'DELETE')).status).toBe(404);
  });
});

describe('content', () => {
  const BODY = Buffer.from(Array.from({ length: 600_000 }, (_, i) => 65 + ((i * 7) % 26)));
  let project: Project;
  let route: string;
  beforeAll(async () => {
    project = await gateway.newProject();
    route = `/v1/files/${(await upload(gateway, project, BODY)).json.id}/content`;
  });

  test.each([
    ['bytes=0-9', 0, 10],
    ['bytes=262140-262150', 262_140, 262_151],
    ['bytes=599990-', 599_990, 600_000],
    ['bytes=599990-9999999', 599_990, 600_000],
    ['bytes=-10', 599_990, 600_000],
    ['bytes=-9999999', 0, 600_000],
  ])('%s', async (range, start, end) => {
    const answer = await get(project, route, { range });
    expect(answer.status).toBe(206);
    expect(answer.headers.get('content-range')).toBe(`bytes ${start}-${end - 1}/600000`);
    expect(answer.headers.get('content-length')).toBe(String(end - start));
    expect(answer.text).toBe(BODY.toString('latin1', start, end));
  });

  test.each(['bytes=600000-', 'bytes=-0', 'bytes=9999999-99999999'])('%s cannot be given', async (range) => {
    const answer = await get(project, route, { range });
    expect(answer.status).toBe(416);
    expect(answer.headers.get('content-range')).toBe('bytes */600000');
    expect(answer.json.error).toMatchObject({ code: 'range_not_satisfiable' });
  });

  test.each(['bytes=5-1', 'lines=0-9', 'bytes=0-1,5-6', 'bytes=-', 'bytes=a-b'])(
    '%s is all of it',
    async (range) => {
      const answer = await get(project, route, { range });
      expect(answer.status).toBe(200);
      expect(answer.text).toBe(BODY.toString('latin1'));
    },
  );

  test('HEAD says the same without it', async () => {
    const whole = await get(project, route, {}, 'HEAD');
    expect([whole.status, whole.headers.get('content-length'), whole.text]).toEqual([200, '600000', '']);
    const part = await get(project, route, { range: 'bytes=0-9' }, 'HEAD');
    expect([part.status, part.headers.get('content-length')]).toEqual([206, '10']);
  });

  test('that is damaged is never given: told at once, or broken off before the block', async () => {
    const own = await gateway.newProject();
    const { id } = (await upload(gateway, own, BODY)).json;
    const place = path.join(gateway.gateway.dataDir, 'files', own.projectId, id);
    const bad = Buffer.from(BODY);
    bad[300_000] = 0;
    await writeFile(place, bad);
    const content = `/v1/files/${id}/content`;
    // The block before is good.
    expect((await get(own, content, { range: 'bytes=0-99' })).status).toBe(206);
    const told = await get(own, content, { range: 'bytes=300100-300199' });
    expect(told.status).toBe(500);
    expect(told.json.error).toMatchObject({ code: 'storage_error', type: 'internal_error' });
    expect(told.json.error.message).not.toMatch(/block|\/|file-/);
    const response = await gateway.send(content, undefined, { key: own.apiKey });
    const received: Buffer[] = [];
    const reading = (async () => {
      for await (const chunk of response.body ?? []) received.push(Buffer.from(chunk));
    })();
    await expect(reading).rejects.toThrow();
    expect(Buffer.concat(received).length).toBeLessThanOrEqual(262_144);
    await gateway.eventually('what the operator is told', async () =>
      gateway.told.some((one) => one.includes('is damaged: block 1')) ? true : null,
    );
    await rm(place);
    expect((await get(own, content)).json.error.code).toBe('storage_error');
  });
});

describe('an Idempotency-Key', () => {
  const KEY = { 'idempotency-key': 'one' };

  test('makes one file of the same upload', async () => {
    const project = await gateway.newProject();
    const first = await upload(gateway, project, 'x', KEY);
    const again = await upload(gateway, project, 'x', KEY);
    expect(first.headers.get('idempotent-replayed')).toBeNull();
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(again.text).toBe(first.text);
    expect(await rowsOf(gateway, project)).toEqual([{ id: first.json.id, state: 'stored' }]);
    const stored = await storedIn(gateway.gateway.dataDir);
    expect(stored.filter((name) => name.startsWith(project.projectId))).toHaveLength(1);
  });

  test('makes one of ten at once', async () => {
    const project = await gateway.newProject();
    const all = await Promise.all(Array.from({ length: 10 }, () => upload(gateway, project, 'x', KEY)));
    expect(new Set(all.map(({ text }) => text)).size).toBe(1);
    expect(await rowsOf(gateway, project)).toHaveLength(1);
  });

  test.each([
    ['another content', () => form([PURPOSE, filePart('y')])],
    ['another name', () => form([PURPOSE, filePart('x', 'other.jsonl')])],
  ])('refuses %s', async (_name, other) => {
    const project = await gateway.newProject();
    await upload(gateway, project, 'x', KEY);
    const refused = await sendForm(gateway, project, other(), KEY);
    expect(refused.json.error.code).toBe('idempotency_conflict');
    expect(await rowsOf(gateway, project)).toHaveLength(1);
  });

  test('of a chat call is one of no file', async () => {
    const project = await gateway.newProject();
    await gateway.pool.query(
      `INSERT INTO idempotency_keys (project_id, key, body_hash, request_id, state, locked_until, expires_at)
       VALUES ($1, 'one', 'hash', 'req_1', 'running', now() + interval '1 hour', now() + interval '1 day')`,
      [project.projectId],
    );
    expect((await upload(gateway, project, 'x', KEY)).json.error.code).toBe('idempotency_conflict');
    await expectNothing(project);
  });
});

test('every answer was as the OpenAPI document says', () => {
  expect(gateway.strayings).toEqual([]);
});
