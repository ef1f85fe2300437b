/**
 * The unmodified `openai` packages, for Node and for Python, over the whole flow of files and batches: against a gateway, a
 * real node and the built-in models.
 */
import { execFile, spawnSync } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import OpenAI, {
  APIError,
  AuthenticationError,
  BadRequestError,
  ConflictError,
  NotFoundError,
  PermissionDeniedError,
  toFile,
} from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SUMMARY } from './support/scripted-node.ts';
import { type Json, type Project, TestGateway } from './support/test-gateway.ts';

const ENDPOINT = '/v1/chat/completions';
const LOOK_MS = 50;
/** A guard: a batch that hangs is looked at no longer. */
const MOST_LOOKS = 1_200;
const BATCH_MS = 90_000;

let gateway: TestGateway;
let openai: OpenAI;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'zerogpu-batches-'));
  gateway = await TestGateway.start({ ZEROGPU_MAX_UPLOAD_BYTES: '200000' });
  await gateway.spawnNode();
  openai = clientOf(gateway.first);
});
afterAll(async () => {
  await gateway.stop();
  await rm(folder, { recursive: true });
  expect(gateway.told).toEqual([]);
});

function clientOf(project: Pick<Project, 'apiKey'>): OpenAI {
  return new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: project.apiKey, maxRetries: 0 });
}

const line = (id: string, body: object = {}) =>
  JSON.stringify({
    custom_id: id,
    method: 'POST',
    url: ENDPOINT,
    body: {
      model: SUMMARY,
      messages: [{ role: 'user', content: `The ferry ${id} sails at noon.` }],
      ...body,
    },
  });
const textOf = (lines: readonly string[]) => `${lines.join('\n')}\n`;

async function upload(lines: readonly string[], client = openai): Promise<string> {
  const file = await toFile(Buffer.from(textOf(lines)), 'lines.jsonl');
  return (await client.files.create({ file, purpose: 'batch' })).id;
}

async function create(input_file_id: string, client = openai) {
  return client.batches.create({ input_file_id, endpoint: ENDPOINT, completion_window: '24h' });
}

async function ended(id: string, client = openai): Promise<OpenAI.Batch> {
  for (let looks = 0; looks < MOST_LOOKS; looks++) {
    const batch = await client.batches.retrieve(id);
    if (['completed', 'failed', 'cancelled', 'expired'].includes(batch.status)) return batch;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  throw new Error('The batch did not end');
}

async function linesOf(fileId: string | null | undefined): Promise<Json[]> {
  if (!fileId) return [];
  const text = await (await openai.files.content(fileId)).text();
  return text
    .trimEnd()
    .split('\n')
    .map((each) => JSON.parse(each));
}

const failure = (promise: Promise<unknown>): Promise<APIError> =>
  promise.then(
    () => Promise.reject(new Error('There was no error')),
    (thrown: unknown) => (thrown instanceof APIError ? thrown : Promise.reject(thrown)),
  );

async function collected<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe('openai: a batch from its file to its results', () => {
  test('each line once, what fails in the error file', { timeout: BATCH_MS }, async () => {
    const good = Array.from({ length: 20 }, (_, i) => line(`good ${i}`));
    const bad = [line('no such model', { model: 'gpt-4o' }), line('wrong', { temperature: 9 })];
    const at = path.join(folder, 'requests.jsonl');
    await writeFile(at, textOf([...good.slice(0, 7), '', ...bad, ...good.slice(7)]));
    const file = await openai.files.create({ file: createReadStream(at), purpose: 'batch' });
    expect(file).toMatchObject({
      object: 'file',
      filename: 'requests.jsonl',
      purpose: 'batch',
      status: 'processed',
    });
    expect(file.id).toMatch(/^file-/);

    const begun = await openai.batches.create({
      input_file_id: file.id,
      endpoint: ENDPOINT,
      completion_window: '24h',
      metadata: { nightly: 'yes' },
    });
    expect(begun).toMatchObject({
      object: 'batch',
      status: 'in_progress',
      input_file_id: file.id,
      metadata: { nightly: 'yes' },
      request_counts: { total: 22 },
    });
    expect(begun.id).toMatch(/^batch_/);

    const batch = await ended(begun.id);
    expect(batch).toMatchObject({
      status: 'completed',
      request_counts: { total: 22, completed: 20, failed: 2 },
    });
    const output = await linesOf(batch.output_file_id);
    const errors = await linesOf(batch.error_file_id);
    expect(output.map(({ custom_id }) => custom_id).sort()).toEqual(
      Array.from({ length: 20 }, (_, i) => `good ${i}`).sort(),
    );
    for (const { custom_id, response, error } of output) {
      expect(error).toBeNull();
      expect(response).toMatchObject({ status_code: 200, request_id: expect.stringMatching(/^req_/) });
      expect(response.body.choices[0].message.content, custom_id).toContain('ferry');
    }
    expect(errors.map(({ custom_id, response, error }) => [custom_id, response, error.code]).sort()).toEqual([
      ['no such model', null, 'not_found_error'],
      ['wrong', null, 'invalid_request_error'],
    ]);
    expect(await openai.files.retrieve(batch.error_file_id ?? '')).toMatchObject({
      purpose: 'batch_output',
      is_error: true,
    });
    expect(await (await openai.files.content(file.id)).text()).toContain('"good 19"');
  });

  test('with a faulty line: 400, and it is kept', async () => {
    const { message } = await failure(create(await upload([line('one'), '{"custom_id":'])));
    expect(message).toContain('Line 2 is not valid JSON');
    const [kept] = (await openai.batches.list({ limit: 1 })).data;
    expect(kept).toMatchObject({
      status: 'failed',
      errors: { object: 'list', data: [{ message: 'Line 2 is not valid JSON', line: 2 }] },
    });
  });

  test('cancelled: every line is accounted for', { timeout: BATCH_MS }, async () => {
    const begun = await create(await upload(Array.from({ length: 400 }, (_, i) => line(`line ${i}`))));
    const cancelling = await openai.batches.cancel(begun.id);
    expect(['cancelling', 'cancelled']).toContain(cancelling.status);
    const batch = await ended(begun.id);
    expect(batch.status).toBe('cancelled');
    const { total = 0, completed = 0, failed = 0 } = batch.request_counts ?? {};
    expect([total, completed + failed]).toEqual([400, 400]);
    const all = [...(await linesOf(batch.output_file_id)), ...(await linesOf(batch.error_file_id))];
    expect(new Set(all.map(({ custom_id }) => custom_id)).size).toBe(400);
    const late = await failure(openai.batches.cancel(begun.id));
    expect(late).toBeInstanceOf(ConflictError);
    expect(late.code).toBe('batch_not_cancellable');
  });
});

describe('openai: lists', () => {
  test('of files and batches are paged by the package itself', { timeout: BATCH_MS }, async () => {
    const project = await gateway.newProject();
    const client = clientOf(project);
    const files: string[] = [];
    const batches: string[] = [];
    for (let i = 0; i < 5; i++) {
      files.push(await upload([line(`of list ${i}`)], client));
      batches.push((await create(files[i] ?? '', client)).id);
    }
    for (const id of batches) await ended(id, client);
    const inputs = await collected(client.files.list({ limit: 2, purpose: 'batch' }));
    expect(inputs.map(({ id }) => id)).toEqual(files.toReversed());
    const oldest = await collected(client.files.list({ limit: 2, purpose: 'batch', order: 'asc' }));
    expect(oldest.map(({ id }) => id)).toEqual(files);
    expect(await collected(client.files.list({ purpose: 'batch_output' }))).toHaveLength(5);
    const made = await collected(client.batches.list({ limit: 2 }));
    expect(made.map(({ id }) => id)).toEqual(batches.toReversed());
    const page = await client.batches.list({ limit: 2 });
    expect([page.has_more, page.data.length]).toEqual([true, 2]);

    const [first = ''] = files;
    expect(await client.files.delete(first)).toEqual({ id: first, object: 'file', deleted: true });
    expect(await failure(client.files.retrieve(first))).toBeInstanceOf(NotFoundError);
    expect(await collected(client.files.list({ purpose: 'batch' }))).toHaveLength(4);
  });
});

describe('openai: error classes', () => {
  const MISSING = 'file-00000000000000000000000000';

  test('404', async () => {
    const thrown = await failure(openai.files.retrieve(MISSING));
    expect(thrown).toBeInstanceOf(NotFoundError);
    expect(thrown).toMatchObject({ code: 'file_not_found', type: 'invalid_request_error' });
    expect(thrown.message).toContain(`File ${MISSING} not found`);
    expect(await failure(openai.files.content(MISSING))).toBeInstanceOf(NotFoundError);
    expect(await failure(openai.files.delete(MISSING))).toBeInstanceOf(NotFoundError);
    expect((await failure(create(MISSING))).message).toContain(`Input file not found: ${MISSING}`);
    const none = await failure(openai.batches.retrieve('batch_none'));
    expect(none).toBeInstanceOf(NotFoundError);
    expect(none.message).toContain('Batch not found: batch_none');
  });

  test('another project’s are 404 too', async () => {
    const file = await upload([line('mine')]);
    const stranger = clientOf(await gateway.newProject());
    expect((await failure(stranger.files.retrieve(file))).message).toContain(`File ${file} not found`);
    expect((await failure(create(file, stranger))).message).toContain(`Input file not found: ${file}`);
  });

  test('400', async () => {
    const file = await toFile(Buffer.from(line('one')), 'lines.jsonl');
    const purpose = await failure(openai.files.create({ file, purpose: 'fine-tune' }));
    expect(purpose).toBeInstanceOf(BadRequestError);
    expect(purpose.code).toBe('invalid_purpose');
    const empty = await toFile(Buffer.alloc(0), 'lines.jsonl');
    expect((await failure(openai.files.create({ file: empty, purpose: 'batch' }))).code).toBe('empty_file');
    expect((await failure(openai.files.list({ limit: 0 }))).code).toBe('invalid_limit');
    expect((await failure(openai.batches.list({ limit: 101 }))).status).toBe(400);
  });

  test('401 and 403', async () => {
    const unknown = clientOf({ apiKey: 'sk-none' });
    expect(await failure(unknown.files.list())).toBeInstanceOf(AuthenticationError);
    expect(await failure(unknown.batches.list())).toBeInstanceOf(AuthenticationError);
    const headers = { 'x-project-id': crypto.randomUUID() };
    expect(await failure(openai.batches.list({}, { headers }))).toBeInstanceOf(PermissionDeniedError);
  });

  test('413', async () => {
    const file = await toFile(Buffer.alloc(200_001, 'a'), 'lines.jsonl');
    expect(await failure(openai.files.create({ file, purpose: 'batch' }))).toMatchObject({
      status: 413,
      code: 'file_too_large',
    });
  });
});

const PYTHON = 'python3';
const REQUIREMENTS = path.join(import.meta.dirname, '../python/requirements.txt');
const isRequired = (process.env['ZEROGPU_TEST_REQUIRE'] ?? '').split(',').includes('python');
const check = spawnSync(PYTHON, ['-c', 'import openai'], { encoding: 'utf8' });
const isThere = check.status === 0;
if (!isThere && !isRequired)
  console.warn(`Skipped: Python's openai is not there (${PYTHON} -m pip install -r ${REQUIREMENTS})`);

describe.skipIf(!isThere && !isRequired)('openai for Python', () => {
  test('the whole flow', { timeout: BATCH_MS }, async () => {
    const { apiKey } = await gateway.newProject();
    const program = path.join(import.meta.dirname, '../python/batch_flow.py');
    const env = { PATH: process.env['PATH'], OPENAI_BASE_URL: `${gateway.url}/v1`, OPENAI_API_KEY: apiKey };
    const printed = await new Promise<string>((resolve, reject) => {
      execFile(PYTHON, [program, SUMMARY], { env, timeout: BATCH_MS }, (error, stdout, stderr) =>
        error ? reject(new Error(`${error.message}\n${stderr}`)) : resolve(stdout),
      );
    });
    expect(JSON.parse(printed)).toEqual({
      uploaded: { object: 'file', purpose: 'batch', filename: 'requests.jsonl', status: 'processed' },
      begun: { object: 'batch', status: 'in_progress', total: 12 },
      ended: { status: 'completed', total: 12, completed: 11, failed: 1 },
      answered: Array.from({ length: 11 }, (_, i) => `line ${String(i).padStart(2, '0')}`),
      texts: true,
      failed: { 'no such model': 'not_found_error' },
      streamed_is_read: true,
      faulty: {
        class: 'BadRequestError',
        message: true,
        code: expect.any(String),
        kept: ['failed', 'Line 1 is not valid JSON', 1],
      },
      cancelled: { status: 'cancelled', lines: 300 },
      late: ['ConflictError', 'batch_not_cancellable'],
      paged: { files: 3, batches: 3, newest_first: true },
      deleted: [true, 'NotFoundError', 'file_not_found'],
      missing: ['NotFoundError', 'batch_not_found'],
      purpose: ['BadRequestError', 'invalid_purpose'],
      key: 'AuthenticationError',
    });
  });
});
