/** Our own client over files and batches, for programs and for people: against a gateway, a real node and the built-ins. */
import { open } from 'node:fs/promises';
import type { Admin } from '@zerogpu/sdk';
import {
  BadRequestError,
  type Batch,
  ConflictError,
  NotFoundError,
  ZeroGPU,
  ZeroGPUAdmin,
} from '@zerogpu/sdk';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type OpenReceiver, openReceiver } from './support/receiver.ts';
import { SUMMARY } from './support/scripted-node.ts';
import { type Json, type Project, TestGateway } from './support/test-gateway.ts';

const BATCH_MS = 90_000;
const POLL = { pollMs: 100 };

let gateway: TestGateway;
let receiver: OpenReceiver;

beforeAll(async () => {
  receiver = await openReceiver();
  gateway = await TestGateway.start({ ZEROGPU_WEBHOOKS_PRIVATE: 'on' });
  await gateway.spawnNode();
});
afterAll(async () => {
  await gateway?.stop();
  await receiver?.close();
  expect(gateway.told).toEqual([]);
});

interface Tenant {
  readonly project: Project;
  readonly client: ZeroGPU;
  readonly admin: ZeroGPUAdmin;
}

async function newTenant(): Promise<Tenant> {
  const project = await gateway.newProject();
  const { token } = await gateway.newMember(project.organizationId, 'admin');
  return {
    project,
    client: new ZeroGPU({ baseURL: gateway.url, apiKey: project.apiKey, maxRetries: 0 }),
    admin: new ZeroGPUAdmin({ baseURL: gateway.url, token }),
  };
}

const line = (id: string, body: object = {}) => ({
  custom_id: id,
  method: 'POST' as const,
  url: '/v1/chat/completions',
  body: { model: SUMMARY, messages: [{ role: 'user', content: `The ferry ${id} sails at noon.` }], ...body },
});
async function* linesOf(...lines: readonly object[]): AsyncGenerator<string> {
  for (const each of lines) yield `${JSON.stringify(each)}\n`;
}
const many = (count: number) => Array.from({ length: count }, (_, i) => line(`line ${i}`));

async function begin({ client }: Tenant, lines: readonly object[]): Promise<Batch> {
  const { id } = await client.files.create({ file: linesOf(...lines), purpose: 'batch' });
  return client.batches.create({ input_file_id: id, metadata: { from: 'sdk' } });
}

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => null,
    (reason: unknown) => reason,
  );

describe('programs', () => {
  test('stream lines in, wait, and read what became of each', { timeout: BATCH_MS }, async () => {
    const tenant = await newTenant();
    const { batches, files } = tenant.client;
    const begun = await begin(tenant, [...many(30), line('none', { model: 'gpt-4o' })]);
    expect(begun).toMatchObject({
      status: 'in_progress',
      metadata: { from: 'sdk' },
      request_counts: { total: 31 },
    });
    const told: Batch[] = [];
    const ended = await batches.wait(begun.id, { ...POLL, onProgress: (batch) => void told.push(batch) });
    expect(ended).toMatchObject({
      status: 'completed',
      request_counts: { total: 31, completed: 30, failed: 1 },
    });
    expect(told.at(-1)?.status).toBe('completed');
    const answers = new Map<string, string>();
    for await (const { custom_id, response, error } of batches.results(ended)) {
      expect(answers.has(custom_id)).toBe(false);
      answers.set(custom_id, response?.body.choices[0]?.message.content ?? `${error?.code}`);
    }
    expect(answers.size).toBe(31);
    expect(answers.get('line 7')).toContain('ferry');
    expect(answers.get('none')).toBe('not_found_error');
    const names: string[] = [];
    for await (const { purpose } of files.list({ limit: 1 })) names.push(purpose);
    expect(names.toSorted()).toEqual(['batch', 'batch_output', 'batch_output']);
  });

  test('are told which line is wrong, and what is not there', async () => {
    const tenant = await newTenant();
    const { batches, files } = tenant.client;
    const wrong = await failure(begin(tenant, [line('one'), line('one')]));
    expect(wrong).toBeInstanceOf(BadRequestError);
    expect(wrong).toMatchObject({ message: 'Line 2 duplicates custom_id "one"', line: 2 });
    expect(await failure(files.retrieve('file-none'))).toBeInstanceOf(NotFoundError);
    expect(await failure(batches.wait('batch_none'))).toBeInstanceOf(NotFoundError);
    const { id } = await files.create({ file: '{}\n', purpose: 'batch', filename: 'a.jsonl' });
    expect(await files.retrieve(id)).toMatchObject({ filename: 'a.jsonl', bytes: 3 });
    expect(await (await files.content(id)).text()).toBe('{}\n');
    expect(await files.delete(id)).toEqual({ id, object: 'file', deleted: true });
    expect(await failure(files.delete(id))).toBeInstanceOf(NotFoundError);
  });

  test('store a file once under one Idempotency-Key, whatever the form looks like', async () => {
    const { client } = await newTenant();
    const once = { idempotencyKey: 'the-same-file' };
    const made = async (text: string) =>
      client.files.create({ file: new Blob([text]), purpose: 'batch', filename: 'a.jsonl' }, once);
    const first = await made('{}\n');
    expect(await made('{}\n')).toEqual(first);
    expect(await failure(made('{"another":1}\n'))).toBeInstanceOf(ConflictError);
    expect((await client.files.list()).data).toHaveLength(1);
  });

  test('make one batch of two calls under one Idempotency-Key', { timeout: BATCH_MS }, async () => {
    const { client } = await newTenant();
    const { id } = await client.files.create({ file: linesOf(line('one')), purpose: 'batch' });
    const options = { idempotencyKey: 'the-nightly-one' };
    const first = await client.batches.create({ input_file_id: id }, options);
    const second = await client.batches.create({ input_file_id: id }, options);
    expect(second.id).toBe(first.id);
    await client.batches.wait(first.id, POLL);
    expect((await client.batches.list()).data).toHaveLength(1);
  });

  test('upload from a file of the disk', async () => {
    const { client } = await newTenant();
    const self = await open(import.meta.filename);
    const stream = self.readableWebStream({ autoClose: true }) as ReadableStream<Uint8Array>;
    const { id, bytes } = await client.files.create({ file: stream, purpose: 'batch' });
    expect((await (await client.files.content(id)).text()).length).toBeGreaterThan(1_000);
    expect(bytes).toBeGreaterThan(1_000);
  });
});

describe('people', () => {
  test('see batches and files, follow the progress, cancel and clear away', {
    timeout: BATCH_MS,
  }, async () => {
    const tenant = await newTenant();
    const { projectId, keyId } = tenant.project;
    const { admin, client } = tenant;
    const stream = await admin.batches.stream(projectId);
    const begun = await begin(tenant, many(2_000));
    await admin.batches.cancel(projectId, begun.id);
    const seen: Admin.BatchProgress[] = [];
    for await (const progress of stream) {
      seen.push(progress);
      if (progress.progress === null) break;
    }
    expect(new Set(seen.map(({ id }) => id))).toEqual(new Set([begun.id]));
    expect(seen.at(-1)).toMatchObject({ status: 'cancelled' });
    const shown = await admin.batches.get(projectId, begun.id);
    expect(shown).toMatchObject({ status: 'cancelled', key: { id: keyId }, progress: null });
    const { total, completed, failed } = shown.request_counts;
    expect([total, completed + failed]).toEqual([2_000, 2_000]);
    expect(await failure(admin.batches.cancel(projectId, begun.id))).toBeInstanceOf(ConflictError);
    const { data } = await admin.batches.list(projectId, { status: 'cancelled' });
    expect(data.map(({ id }) => id)).toEqual([begun.id]);

    const errors = await admin.files.getFileContent(projectId, shown.error_file_id ?? '');
    let lines = 0;
    for await (const text of errors.lines()) {
      expect(JSON.parse(text).error.code).toBe('batch_cancelled');
      lines++;
    }
    expect(lines).toBe(failed);
    const files = await admin.files.list(projectId, { purpose: 'batch_output' });
    expect(files.data.map(({ id }) => id)).toContain(shown.error_file_id);
    await admin.files.delete(projectId, shown.error_file_id ?? '');
    expect(await failure(admin.files.get(projectId, shown.error_file_id ?? ''))).toBeInstanceOf(
      NotFoundError,
    );
    expect(await failure(client.files.retrieve(shown.error_file_id ?? ''))).toBeInstanceOf(NotFoundError);
  });
});

describe('webhooks', () => {
  test('tell once of each end, signed, and the feed too', { timeout: BATCH_MS }, async () => {
    const tenant = await newTenant();
    const { admin, client, project } = tenant;
    const { secret } = await admin.alerts.createWebhook(project.organizationId, { url: receiver.url });
    const good = await begin(tenant, many(3));
    await client.batches.wait(good.id, POLL);
    await failure(begin(tenant, [line('one'), { custom_id: 'two' }]));
    const held = await begin(tenant, many(500));
    await client.batches.cancel(held.id);
    await client.batches.wait(held.id, POLL);
    await gateway.eventually('three messages', async () => (receiver.received.length >= 3 ? true : null));
    const messages = receiver.received.map(
      ({ headers, body }) => new Webhook(secret).verify(body, headers) as Json,
    );
    const byType = new Map(messages.map((message): [string, Json] => [message.type, message.data]));
    expect(messages.map(({ type }) => type).toSorted()).toEqual([
      'batch.cancelled',
      'batch.completed',
      'batch.failed',
    ]);
    expect(byType.get('batch.completed')).toMatchObject({
      project_id: project.projectId,
      severity: 'info',
      details: {
        batch_id: good.id,
        project_id: project.projectId,
        request_counts: { total: 3, completed: 3, failed: 0 },
        output_file_id: expect.stringMatching(/^file-/),
        error_file_id: null,
      },
    });
    expect(byType.get('batch.failed').details).toMatchObject({ status: 'failed', fault: { line: 2 } });
    expect(byType.get('batch.cancelled').details.batch_id).toBe(held.id);
    const feed = await admin.alerts.listEvents(project.organizationId);
    expect(feed.data.map(({ kind }) => kind).toSorted()).toEqual([...byType.keys()].toSorted());
  });
});
