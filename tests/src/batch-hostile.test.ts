/** Tenants who want more than their share of what all have together: room for files, and places for batches. */
import { BATCH_ENDPOINT } from '@zerogpu/protocol';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { announced, IAB } from './support/scripted-node.ts';
import { type CallAnswer, type Project, TestGateway } from './support/test-gateway.ts';
import { upload } from './support/upload.ts';

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start({ ZEROGPU_MAX_STORED_BYTES: '100000' });
  await gateway.join({ models: [announced(IAB)] });
});
afterAll(() => gateway.stop());

const line = (customId: string) =>
  JSON.stringify({ custom_id: customId, method: 'POST', url: BATCH_ENDPOINT, body: {} });

const create = ({ apiKey: key }: Project, inputFileId: string): Promise<CallAnswer> =>
  gateway.call(
    '/v1/batches',
    { input_file_id: inputFileId, endpoint: BATCH_ENDPOINT, completion_window: '24h' },
    { key },
  );

/** What is added up of an organization is known for a second. */
const soon = (what: string, ask: () => Promise<CallAnswer>, status: number): Promise<CallAnswer> =>
  gateway.eventually(what, async () => {
    const answer = await ask();
    return answer.status === status ? answer : null;
  });

const REFUSED = { error: { type: 'rate_limit_exceeded', code: 'rate_limit_exceeded' } };

it('one small file read by batch after batch, of which no line is paid, fills no disk', async () => {
  const project = await gateway.newProject();
  const { json: file } = await upload(gateway, project, line('a'.repeat(20_000)));
  const refused = await soon('a refusal', () => create(project, file.id), 429);
  expect(refused.json).toMatchObject(REFUSED);
  expect(refused.headers.get('retry-after')).toBe('60');
  expect((await upload(gateway, project)).json).toMatchObject(REFUSED);
  const { rows } = await gateway.pool.query(
    'SELECT sum(bytes)::int AS bytes FROM files WHERE project_id = $1',
    [project.projectId],
  );
  // What had begun by then goes on.
  expect(rows[0].bytes).toBeLessThan(1_000_000);
  // Another organization has its own room.
  const other = await gateway.newProject();
  expect((await upload(gateway, other)).status).toBe(200);
  // Who deletes has room again, once the bytes are gone.
  await gateway.pool.query('UPDATE files SET deleted_at = now(), removed_at = now() WHERE project_id = $1', [
    project.projectId,
  ]);
  await soon('room', () => upload(gateway, project), 200);
});

it('an organization has no more than a thousand open batches', async () => {
  const project = await gateway.newProject();
  const { json: file } = await upload(gateway, project, line('a'));
  await gateway.pool.query(
    `INSERT INTO batches (id, project_id, key_id, endpoint, input_file_id, status, total, created_at, expires_at)
     SELECT 'batch_' || n, $1, $2, $3, '', 'in_progress', 1, now(), now() + interval '1 day'
     FROM generate_series(1, 1000) n`,
    [project.projectId, project.keyId, BATCH_ENDPOINT],
  );
  const refused = await soon('a refusal', () => create(project, file.id), 429);
  expect(refused.json.error.message).toMatch(
    /^Your organization has 10\d\d batches that have not ended; wait for some to end$/,
  );
  expect((await upload(gateway, project)).status).toBe(200);
  await gateway.pool.query("UPDATE batches SET status = 'cancelled' WHERE project_id = $1", [
    project.projectId,
  ]);
  await soon('a place', () => create(project, file.id), 200);
});
