/** How batches end, on the whole way: cancelled, expired, completed, with what callers then find. */
import { BATCH_ENDPOINT, type BatchObject, type FileObject } from '@zerogpu/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BatchClient, good } from './support/batch-client.ts';
import { announced, answering, type Behaviour, IAB } from './support/scripted-node.ts';
import { type Json, TestGateway } from './support/test-gateway.ts';

let gateway: TestGateway;
/** Runs that have begun and are not answered yet. */
const waiting: (() => void)[] = [];
const DAY = 86_400;

const told: Behaviour = (run, by) => {
  if (run.inference.text.includes('please wait')) waiting.push(() => answering(run, by));
  else answering(run, by);
};

beforeAll(async () => {
  gateway = await TestGateway.start({ ZEROGPU_BATCH_CONCURRENCY: '4', ZEROGPU_FILE_DAYS: '7' });
  await gateway.join({ models: [announced(IAB)], behaviour: told });
});
afterAll(async () => {
  await gateway.stop();
});

const lineOf = (content: string, i: number) =>
  JSON.stringify({
    custom_id: `c${i}`,
    method: 'POST',
    url: BATCH_ENDPOINT,
    body: { model: IAB, messages: [{ role: 'user', content }] },
  });

/** A batch of lines that wait, a few of which have begun. */
async function beginWaiting(many: number) {
  const project = await gateway.newProject();
  const client = new BatchClient({ url: gateway.url, apiKey: project.apiKey });
  waiting.length = 0;
  const texts = Array.from({ length: many }, (_, i) => lineOf(`please wait ${i}`, i));
  const { id } = await client.begin(texts.join('\n'));
  await gateway.eventually('a line under way', async () => (waiting.length > 0 ? true : null));
  return { project, client, id };
}

/** Answers whatever waits, until the batch has ended. */
function finish(client: BatchClient, id: string): Promise<BatchObject> {
  return gateway.eventually(`the end of ${id}`, async () => {
    for (const answer of waiting.splice(0)) answer();
    const batch = await client.look(id);
    return batch !== null && ['completed', 'cancelled', 'expired'].includes(batch.status) ? batch : null;
  });
}

async function linesOf(client: BatchClient, fileId: string | null): Promise<Json[]> {
  if (fileId === null) return [];
  const text = (await client.content(fileId)).toString();
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** Every line is in one of the files, once; those that never ran have this code. */
async function expectWhole(client: BatchClient, batch: BatchObject, code: string): Promise<void> {
  const output = await linesOf(client, batch.output_file_id);
  const errors = await linesOf(client, batch.error_file_id);
  const { total, completed, failed } = batch.request_counts;
  expect([output.length, errors.length, output.length + errors.length]).toEqual([completed, failed, total]);
  expect(completed).toBeGreaterThan(0);
  expect(failed).toBeGreaterThan(0);
  const ids = [...output, ...errors].map((line) => line.custom_id).sort();
  expect(ids).toEqual(Array.from({ length: total }, (_, i) => `c${i}`).sort());
  for (const line of errors) expect(line).toMatchObject({ response: null, error: { code, param: null } });
  for (const line of output) expect(line).toMatchObject({ response: { status_code: 200 }, error: null });
}

async function kindsOf(projectId: string): Promise<string[]> {
  const sql = 'SELECT kind FROM events WHERE project_id = $1';
  return (await gateway.pool.query<{ kind: string }>(sql, [projectId])).rows.map(({ kind }) => kind);
}

describe('batches', () => {
  it('that are cancelled finish what is under way, and begin nothing more', async () => {
    const { project, client, id } = await beginWaiting(40);
    const cancelled: BatchObject = good(await client.post(`/v1/batches/${id}/cancel`, {}));
    expect(cancelled).toMatchObject({ status: 'cancelling', cancelling_at: expect.any(Number) });
    const batch = await finish(client, id);
    expect(batch).toMatchObject({
      status: 'cancelled',
      cancelled_at: expect.any(Number),
      finalizing_at: null,
      completed_at: null,
      expired_at: null,
      failed_at: null,
    });
    await expectWhole(client, batch, 'batch_cancelled');
    expect(await kindsOf(project.projectId)).toEqual(['batch.cancelled']);
    expect((await client.post(`/v1/batches/${id}/cancel`, {})).status).toBe(409);
  });

  it('that expire keep what was finished, and show in_progress until their files are there', async () => {
    const { project, client, id } = await beginWaiting(40);
    await gateway.pool.query('UPDATE batches SET expires_at = now() WHERE id = $1', [id]);
    expect((await client.look(id))?.status).toBe('in_progress');
    const batch = await finish(client, id);
    expect(batch).toMatchObject({ status: 'expired', expired_at: expect.any(Number), cancelled_at: null });
    await expectWhole(client, batch, 'batch_expired');
    expect(await kindsOf(project.projectId)).toEqual(['batch.expired']);
  });

  it('end completed with files of their own, though the input was deleted and lines failed', async () => {
    const project = await gateway.newProject();
    const client = new BatchClient({ url: gateway.url, apiKey: project.apiKey });
    waiting.length = 0;
    const other = JSON.stringify({
      custom_id: 'bad',
      method: 'POST',
      url: BATCH_ENDPOINT,
      body: { model: 'no-such-model', messages: [{ role: 'user', content: 'x' }] },
    });
    const begun = await client.begin(`${lineOf('please wait', 0)}\n\n${other}\n`);
    good(await client.call(`/v1/files/${begun.input_file_id}`, { method: 'DELETE' }));
    const batch = await finish(client, begun.id);
    expect(batch).toMatchObject({
      status: 'completed',
      request_counts: { total: 2, completed: 1, failed: 1 },
    });
    const times = [batch.created_at, batch.in_progress_at, batch.finalizing_at, batch.completed_at];
    expect(times).toEqual(times.toSorted((a, b) => Number(a) - Number(b)));
    const files: FileObject[] = [];
    for (const [i, fileId] of [batch.output_file_id!, batch.error_file_id!].entries()) {
      const file = await client.file(fileId);
      expect(file).toEqual({
        id: fileId,
        object: 'file',
        bytes: (await client.content(fileId)).length,
        created_at: batch.completed_at,
        filename: `${fileId}.jsonl`,
        purpose: 'batch_output',
        status: 'processed',
        expires_at: batch.completed_at! + 7 * DAY,
        ...(i === 1 ? { is_error: true } : {}),
      });
      files.push(file);
    }
    const listed = good(await client.call('/v1/files?purpose=batch_output&order=asc'));
    expect(new Set(listed.data.map(({ id }: FileObject) => id))).toEqual(new Set(files.map(({ id }) => id)));
    expect(await kindsOf(project.projectId)).toEqual(['batch.completed']);
    await gateway.eventually('no lines left', async () => {
      const left =
        'SELECT 1 FROM batch_lines WHERE batch_id = $1 UNION ALL SELECT 1 FROM batch_results WHERE batch_id = $1';
      return (await gateway.pool.query(left, [batch.id])).rowCount === 0 ? true : null;
    });
  });
});
