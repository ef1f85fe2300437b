/** What becomes of lines, on the whole way: real gateway, real database and storage, nodes that do as they are told. */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findManifest, priceOf } from '@zerogpu/catalogue';
import { BATCH_ENDPOINT, type BatchObject, NANOS_PER_DOLLAR, newId } from '@zerogpu/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BatchClient } from './support/batch-client.ts';
import { announced, answering, type Behaviour, IAB } from './support/scripted-node.ts';
import { type Json, type Project, type ProjectOptions, TestGateway } from './support/test-gateway.ts';

let gateway: TestGateway;

const MAX_BODY_BYTES = 300_000;

beforeAll(async () => {
  gateway = await TestGateway.start({
    ZEROGPU_MAX_BODY_BYTES: String(MAX_BODY_BYTES),
    ZEROGPU_MODEL_OVERRIDES: JSON.stringify({ [IAB]: { errorOnMaxToken: true } }),
    ZEROGPU_BATCH_CONCURRENCY: '4',
  });
  await gateway.join({ models: [announced(IAB)], behaviour: told });
});
afterAll(async () => {
  await gateway.stop();
});

/** Texts say what is to happen to them. */
const told: Behaviour = (run, by) => {
  const { text } = run.inference;
  if (text.includes('please break')) by.failed(run.id, 'internal');
  else if (text.includes('please wait')) waiting.push(() => answering(run, by));
  else answering(run, by);
};
const waiting: (() => void)[] = [];

const chat = (content: string, more: object = {}) => ({
  model: IAB,
  messages: [{ role: 'user', content }],
  ...more,
});

function fileOf(bodies: readonly object[]): string {
  return bodies
    .map((body, i) => JSON.stringify({ custom_id: `c${i}`, method: 'POST', url: BATCH_ENDPOINT, body }))
    .join('\n');
}

async function begin(bodies: readonly object[], options: ProjectOptions = {}) {
  const project = await gateway.newProject(options);
  const client = new BatchClient({ url: gateway.url, apiKey: project.apiKey });
  const batch = await client.begin(fileOf(bodies));
  return { project, client, id: batch.id };
}

/** The batch when it has ended, and its lines by custom id. */
async function ended(client: BatchClient, id: string) {
  const batch = await gateway.eventually(`the end of ${id}`, async () => {
    const { json } = await client.call(`/v1/batches/${id}`);
    return ['completed', 'cancelled', 'expired'].includes(json.status) ? (json as BatchObject) : null;
  });
  const lines: Record<string, Json> = {};
  for (const file of [batch.output_file_id, batch.error_file_id]) {
    if (file === null) continue;
    const { bytes } = await client.call(`/v1/files/${file}/content`);
    for (const line of bytes.toString().trim().split('\n')) {
      const parsed = JSON.parse(line);
      lines[parsed.custom_id] = parsed;
    }
  }
  return { batch, lines };
}

async function rows<T = Json>(text: string, values: readonly unknown[]): Promise<T[]> {
  return (await gateway.pool.query(text, [...values])).rows as T[];
}

const logOf = (project: Project) =>
  rows('SELECT * FROM requests WHERE project_id = $1 ORDER BY id', [project.projectId]);

/** Lines that failed come back at once instead of after seconds. */
const hurry = (id: string) =>
  rows(
    "UPDATE batch_lines SET not_before = 'epoch' WHERE batch_id = $1 AND state = 'pending' AND not_before IS NOT NULL",
    [id],
  );

describe('lines of batches', () => {
  it('answers as the endpoint would, at half the price, in ledger and log', async () => {
    const { project, client, id } = await begin([chat('one fish'), chat('two fish'), chat('red fish')]);
    const { batch, lines } = await ended(client, id);
    expect(batch.request_counts).toEqual({ total: 3, completed: 3, failed: 0 });
    expect(batch.error_file_id).toBeNull();
    const logged = await logOf(project);
    expect(logged.map((row) => [row.status, row.half_price, row.key_id])).toEqual(
      Array(3).fill([200, true, project.keyId]),
    );
    const price = (row: Json) => {
      const usage = { inputTokens: row.input_tokens, outputTokens: row.output_tokens };
      return priceOf(findManifest(IAB)!, usage, 'interactive') / 2n;
    };
    const charged = logged.reduce((sum, row) => sum + price(row), 0n);
    expect(await gateway.balance(project)).toMatchObject({
      balance: 5n * NANOS_PER_DOLLAR - charged,
      held: 0n,
    });
    for (const row of logged) expect(await gateway.charged(row.id)).toBe(price(row));
    expect(lines['c1'].response).toMatchObject({
      status_code: 200,
      request_id: expect.stringMatching(/^req_/),
      body: { object: 'chat.completion', model: IAB, choices: [{ finish_reason: 'stop' }] },
    });
    expect(logged.map((row) => row.id).sort()).toEqual(
      Object.values(lines)
        .map((line) => line.response.request_id)
        .sort(),
    );
  });

  it('fails lines each with its code, and none stops the others', async () => {
    const deep = JSON.parse(`${'['.repeat(62)}1${']'.repeat(62)}`);
    const bodies = {
      invalid_request_error: chat('x', { temperature: 'hot' }),
      deep: chat('x', { metadata: { deep, more: [[[deep]]] } }),
      context_length_exceeded: chat('many words '.repeat(10_000)),
      not_found_error: { ...chat('x'), model: 'no-such-model' },
      request_too_large: chat('x', { metadata: { filler: 'y'.repeat(MAX_BODY_BYTES) } }),
      good: chat('x'),
    };
    const { client, id, project } = await begin(Object.values(bodies));
    const { batch, lines } = await ended(client, id);
    const told = Object.keys(bodies).map((_, i) => lines[`c${i}`].error?.code ?? 'none');
    expect(told).toEqual([
      'invalid_request_error',
      'invalid_request_error',
      'context_length_exceeded',
      'not_found_error',
      'request_too_large',
      'none',
    ]);
    const prefixes = Object.values(lines).map(
      (line) => /^\[legacy:(\w+)\] \S/.exec(line.error?.message ?? '')?.[1],
    );
    expect(prefixes.sort()).toEqual(['http_400', 'http_400', 'http_400', 'http_404', 'http_413', undefined]);
    expect(lines['c0'].error.param).toBe('temperature');
    expect(batch).toMatchObject({
      status: 'completed',
      request_counts: { total: 6, completed: 1, failed: 5 },
    });
    // Each is a request in the log, and free.
    expect((await logOf(project)).map((row) => row.status).sort()).toEqual([200, 400, 400, 404, 413, 420]);
  });

  it('refuses models that the key may not use as authentication errors', async () => {
    const { client, id } = await begin([chat('x')], { allowedModels: ['zlm-v1-summary-cloud'] });
    const { lines } = await ended(client, id);
    expect(lines['c0'].error).toMatchObject({
      code: 'authentication_error',
      message: expect.stringMatching(/^\[legacy:http_403\] /),
      param: 'model',
    });
  });

  it('tries four times what may pass, and then says so', async () => {
    const { project, client, id } = await begin([chat('please break'), chat('fine')]);
    await gateway.eventually('the fourth attempt', async () => {
      await hurry(id);
      return (await logOf(project)).length === 5 ? true : null;
    });
    const { batch, lines } = await ended(client, id);
    expect(batch.request_counts).toEqual({ total: 2, completed: 1, failed: 1 });
    expect(lines['c0'].error).toMatchObject({
      code: 'internal_error',
      message: expect.stringMatching(/^\[legacy:retries_exhausted\] .*4 attempts/),
    });
    expect((await logOf(project)).map((row) => row.status).sort()).toEqual([200, 500, 500, 500, 500]);
    expect(await gateway.balance(project)).toMatchObject({ held: 0n });
  });

  it('fails what is left when the key is revoked on the way', async () => {
    const bodies = [...Array(4).fill(chat('please wait')), ...Array(20).fill(chat('after'))];
    const { project, id } = await begin(bodies);
    await gateway.eventually('four under way', async () => (waiting.length === 4 ? true : null));
    await rows('UPDATE api_keys SET revoked_at = now() WHERE id = $1', [project.keyId]);
    // What the gateway knows of a key is at most a second old.
    await sleep(1_100);
    for (const answer of waiting.splice(0)) answer();
    const { batch, lines } = await ended(await anotherKeyOf(project), id);
    expect(batch.request_counts).toEqual({ total: 24, completed: 4, failed: 20 });
    const codes = new Set(
      Object.values(lines).map((line) => line.error && `${line.error.code} ${line.error.message}`),
    );
    expect(codes).toEqual(
      new Set([null, expect.stringMatching(/^authentication_error \[legacy:api_key_unavailable\] /)]),
    );
  });

  it('goes on to the end when the money does not reach it', async () => {
    const bodies = Array.from({ length: 12 }, () => chat('a few words that cost something each time'));
    const { project, client, id } = await begin(bodies, { balance: 400n });
    const { batch, lines } = await ended(client, id);
    const { completed, failed } = batch.request_counts;
    expect(completed + failed).toBe(12);
    expect(failed).toBeGreaterThan(0);
    const failures = Object.values(lines).filter((line) => line.error !== null);
    expect(failures).toHaveLength(failed);
    for (const { error } of failures) {
      expect(error).toMatchObject({
        code: 'insufficient_quota',
        message: expect.stringMatching(/^\[legacy:http_420\] /),
      });
    }
    const balance = await gateway.balance(project);
    expect(balance?.balance).toBeGreaterThanOrEqual(0n);
    expect(balance?.held).toBe(0n);
  });

  it('waits for a rate limit without an attempt, a charge or a line in the log', async () => {
    const project = await gateway.newProject();
    await rows('UPDATE api_keys SET requests_per_minute = 2 WHERE id = $1', [project.keyId]);
    const client = new BatchClient({ url: gateway.url, apiKey: project.apiKey });
    const { id } = await client.begin(fileOf(Array(6).fill(chat('slowly'))));
    await gateway.eventually('a pause', async () => {
      const [batch] = await rows('SELECT paused_until, completed FROM batches WHERE id = $1', [id]);
      return batch.paused_until !== null && batch.completed === 2 ? true : null;
    });
    const lines = await rows("SELECT attempts FROM batch_lines WHERE batch_id = $1 AND state = 'pending'", [
      id,
    ]);
    await gateway.eventually('all of them back', async () => {
      const running = await rows("SELECT 1 FROM batch_lines WHERE batch_id = $1 AND state = 'running'", [id]);
      return running.length === 0 ? true : null;
    });
    expect(lines.every((line) => line.attempts === 0)).toBe(true);
    expect((await logOf(project)).map((row) => row.status)).toEqual([200, 200]);
    await rows('UPDATE api_keys SET requests_per_minute = NULL WHERE id = $1', [project.keyId]);
    const { batch } = await gateway.eventually('the end', async () => {
      await rows('UPDATE batches SET paused_until = NULL WHERE id = $1', [id]);
      await hurry(id);
      const [row] = await rows('SELECT status FROM batches WHERE id = $1', [id]);
      return row.status === 'completed' ? await ended(client, id) : null;
    });
    expect(batch.request_counts).toEqual({ total: 6, completed: 6, failed: 0 });
    expect((await logOf(project)).map((row) => row.status)).toEqual(Array(6).fill(200));
  });

  it('fails at once what a rate limit can never grant', async () => {
    const project = await gateway.newProject();
    await rows('UPDATE api_keys SET tokens_per_minute = 5 WHERE id = $1', [project.keyId]);
    const client = new BatchClient({ url: gateway.url, apiKey: project.apiKey });
    const { id } = await client.begin(
      fileOf([chat('more than five tokens are in this text, and many more'), chat('a')]),
    );
    const { lines } = await ended(client, id);
    expect(lines['c0'].error).toMatchObject({
      code: 'rate_limit_exceeded',
      message: expect.stringMatching(/^\[legacy:http_429\] /),
    });
    expect(lines['c1'].error).toBeNull();
  });

  it('fails lines for good whose text is not there any more, and tells the operator once', async () => {
    const project = await gateway.newProject();
    const client = new BatchClient({ url: gateway.url, apiKey: project.apiKey });
    const file = (await client.upload(fileOf([chat('x')]))).json;
    await rm(path.join(gateway.gateway.dataDir, 'files', project.projectId, file.id));
    const told = gateway.told.length;
    const id = await putBatch(project, file.id, 10);
    const { batch, lines } = await ended(client, id);
    expect(batch.request_counts).toEqual({ total: 10, completed: 0, failed: 10 });
    expect(lines['n1'].error).toEqual({
      code: 'internal_error',
      message: '[legacy:http_500] The input file could not be read',
      param: null,
    });
    expect(gateway.told.slice(told)).toEqual([
      expect.stringContaining('A line of a batch is not what was stored'),
    ]);
    expect(await logOf(project)).toEqual([]);
  });

  it('leaves the books whole', async () => {
    expect(await gateway.violations()).toEqual([]);
    expect(await gateway.holds()).toBe(0);
  });
});

/** Revoked keys cannot look: another one of the same project. */
async function anotherKeyOf(project: Project): Promise<BatchClient> {
  const other = await gateway.newProject();
  await rows('UPDATE api_keys SET project_id = $1 WHERE id = $2', [project.projectId, other.keyId]);
  return new BatchClient({ url: gateway.url, apiKey: other.apiKey });
}

/** A batch of lines of ten bytes, as if it had been made before its file was lost. */
async function putBatch({ projectId, keyId }: Project, fileId: string, lines: number): Promise<string> {
  const id = newId('batch');
  await rows(
    `INSERT INTO batches (id, project_id, key_id, endpoint, input_file_id, status, total, created_at, expires_at,
      in_progress_at) VALUES ($1, $2, $3, $4, $5, 'in_progress', $6, now(), now() + interval '1 day', now())`,
    [id, projectId, keyId, BATCH_ENDPOINT, fileId, lines],
  );
  await rows(
    `INSERT INTO batch_lines (batch_id, number, custom_id, start, length)
     SELECT $1, n, '"n' || n || '"', n, 10 FROM generate_series(1, $2) n`,
    [id, lines],
  );
  return id;
}
