/** Two gateways work on one batch, and only the nodes of one have its model. */
import { rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import { BATCH_ENDPOINT } from '@zerogpu/protocol';
import { expect, it } from 'vitest';
import { BatchClient } from './support/batch-client.ts';
import { announced, IAB, SUMMARY } from './support/scripted-node.ts';
import { startTwoGateways } from './support/second-gateway.ts';

const LINES = 400;

const file = Array.from({ length: LINES }, (_, i) =>
  JSON.stringify({
    custom_id: `c${i}`,
    method: 'POST',
    url: BATCH_ENDPOINT,
    body: { model: IAB, messages: [{ role: 'user', content: `text ${i}` }] },
  }),
).join('\n');

it('one whose nodes lack the model leaves the batch to the other, without a pause or an attempt', async () => {
  const { one, two, stop } = await startTwoGateways({ ZEROGPU_BATCH_CONCURRENCY: '4' });
  try {
    await rm(path.join(two.gateway.dataDir, 'files'), { recursive: true });
    await symlink(path.join(one.gateway.dataDir, 'files'), path.join(two.gateway.dataDir, 'files'));
    await one.join({ models: [announced(IAB)] });
    await two.join({ models: [announced(SUMMARY)] });
    const project = await one.newProject();
    // Made at the one that cannot answer it, which therefore looks first.
    const { id } = await new BatchClient({ url: two.url, apiKey: project.apiKey }).begin(file);
    const paused: unknown[] = [];
    const watching = setInterval(() => {
      one.pool.query('SELECT paused_until FROM batches WHERE paused_until IS NOT NULL').then(
        ({ rows }) => paused.push(...rows),
        () => undefined,
      );
    }, 5);
    const batch = await new BatchClient({ url: one.url, apiKey: project.apiKey }).ended(id, 30_000);
    clearInterval(watching);
    expect(batch.request_counts).toEqual({ total: LINES, completed: LINES, failed: 0 });
    expect(paused).toEqual([]);
    expect((await one.pool.query('SELECT 1 FROM requests WHERE status <> 200')).rowCount).toBe(0);
    const { text } = await two.call('/metrics', undefined, { key: null });
    expect(text).toMatch(/^zerogpu_batch_lines_total\{outcome="back"\} [1-9]/m);
    expect(text).not.toMatch(/^zerogpu_batch_lines_total\{outcome="(again|failed|succeeded)"\} [1-9]/m);
  } finally {
    await stop();
  }
});
