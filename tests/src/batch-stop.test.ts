/** A gateway that closes in the middle of a batch, and the next one on the same data. */
import { BATCH_ENDPOINT } from '@zerogpu/protocol';
import { expect, it } from 'vitest';
import { BatchClient } from './support/batch-client.ts';
import { announced, answering, IAB, SUMMARY, silent } from './support/scripted-node.ts';
import { TestGateway } from './support/test-gateway.ts';

const LINES = 30;
const ENV = { ZEROGPU_BATCH_CONCURRENCY: '4' };

const file = Array.from({ length: LINES }, (_, i) =>
  JSON.stringify({
    custom_id: `c${i}`,
    method: 'POST',
    url: BATCH_ENDPOINT,
    body: { model: IAB, messages: [{ role: 'user', content: `text ${i}` }] },
  }),
).join('\n');

it('gives lines under way back as if they had not been asked, and the next gateway finishes the batch', async () => {
  const first = await TestGateway.start(ENV);
  const node = await first.join({ models: [announced(IAB)] });
  const project = await first.newProject();
  const client = new BatchClient({ url: first.url, apiKey: project.apiKey });
  let answered = 0;
  node.behaviour = (run, by) => (++answered <= 10 ? answering(run, by) : silent(run, by));
  const { id } = await client.begin(file);
  await node.ran(14);
  await first.eventually('ten results', async () => {
    const batch = await client.look(id);
    return batch?.request_counts.completed === 10 ? true : null;
  });
  await first.gateway.close(100);
  await node.leave();
  expect(first.told).toEqual([]);

  const between = await TestGateway.open(first.gateway.dataDir, { ZEROGPU_BATCH_CONCURRENCY: '0' });
  const lines = await between.pool.query(
    'SELECT state, attempts, count(*)::int FROM batch_lines GROUP BY state, attempts ORDER BY state',
  );
  expect(lines.rows).toEqual([
    { state: 'done', attempts: 1, count: 10 },
    { state: 'pending', attempts: 0, count: 20 },
  ]);
  expect(await between.holds()).toBe(0);
  expect((await between.pool.query('SELECT 1 FROM requests')).rowCount).toBe(10);
  await between.gateway.close(1_000);

  // It has no node with the model at first: lines wait for one.
  const second = await TestGateway.open(first.gateway.dataDir, ENV);
  try {
    await second.join({ models: [announced(SUMMARY)] });
    await second.eventually('lines that found nobody', async () => {
      const { rows } = await second.pool.query(
        'SELECT count(*)::int FROM batch_lines WHERE not_before IS NOT NULL AND attempts = 0',
      );
      return rows[0].count > 0 ? true : null;
    });
    // Another gateway might have somebody.
    expect((await second.pool.query('SELECT 1 FROM batches WHERE paused_until IS NOT NULL')).rowCount).toBe(
      0,
    );
    await second.join({ models: [announced(IAB)] });
    const again = new BatchClient({ url: second.url, apiKey: project.apiKey });
    const batch = await again.ended(id, 30_000);
    expect(batch).toMatchObject({
      status: 'completed',
      request_counts: { total: LINES, completed: LINES, failed: 0 },
    });
    const output = (await again.content(batch.output_file_id!)).toString().trim().split('\n');
    expect(new Set(output.map((line) => JSON.parse(line).custom_id)).size).toBe(LINES);
    expect((await second.pool.query('SELECT 1 FROM requests WHERE status <> 200')).rowCount).toBe(0);
    expect(await second.violations()).toEqual([]);
  } finally {
    await second.stop();
  }
});

it('leaves lines alone with ZEROGPU_BATCH_CONCURRENCY=0', async () => {
  const gateway = await TestGateway.start({ ZEROGPU_BATCH_CONCURRENCY: '0' });
  try {
    const node = await gateway.join({ models: [announced(IAB)] });
    const project = await gateway.newProject();
    const client = new BatchClient({ url: gateway.url, apiKey: project.apiKey });
    const { id } = await client.begin(file);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(node.runs).toEqual([]);
    expect(await client.look(id)).toMatchObject({ status: 'in_progress', request_counts: { completed: 0 } });
  } finally {
    await gateway.stop();
  }
});

it('takes back what a dead worker had, also where no lines are worked on, so that a cancelled batch ends', async () => {
  const gateway = await TestGateway.start({ ZEROGPU_BATCH_CONCURRENCY: '0' });
  try {
    const project = await gateway.newProject();
    const client = new BatchClient({ url: gateway.url, apiKey: project.apiKey });
    const { id } = await client.begin(file);
    await gateway.pool.query(
      "INSERT INTO batch_workers (id, alive_until) VALUES ('wrk_dead', now() + interval '9 s')",
    );
    await gateway.pool.query("SELECT * FROM claim_lines('wrk_dead', 5, now())");
    await gateway.pool.query("UPDATE batch_workers SET alive_until = now() WHERE id = 'wrk_dead'");
    await client.post(`/v1/batches/${id}/cancel`, {});
    const batch = await client.ended(id, 30_000);
    expect(batch).toMatchObject({
      status: 'cancelled',
      request_counts: { total: LINES, completed: 0, failed: LINES },
    });
  } finally {
    await gateway.stop();
  }
});
