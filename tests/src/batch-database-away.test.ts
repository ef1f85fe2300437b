/** A database that goes away in the middle of a batch, and comes back. */
import { setTimeout as sleep } from 'node:timers/promises';
import { BATCH_ENDPOINT } from '@zerogpu/protocol';
import { expect, it } from 'vitest';
import { BatchClient } from './support/batch-client.ts';
import { describeOnServer, makeDatabase } from './support/database-server.ts';
import { announced, answering, IAB } from './support/scripted-node.ts';
import { TestGateway } from './support/test-gateway.ts';

const LINES = 200;
/** Longer than all tries of one statement. */
const AWAY_MS = 4_000;

const file = Array.from({ length: LINES }, (_, i) =>
  JSON.stringify({
    custom_id: `c${i}`,
    method: 'POST',
    url: BATCH_ENDPOINT,
    body: { model: IAB, messages: [{ role: 'user', content: `text ${i}` }] },
  }),
).join('\n');

describeOnServer('a batch whose database goes away', () => {
  it('goes on when it is back, with each line answered, charged and counted once', {
    timeout: 90_000,
  }, async () => {
    const database = await makeDatabase();
    const gateway = await TestGateway.start({ DATABASE_URL: database.url, ZEROGPU_BATCH_CONCURRENCY: '8' });
    try {
      const node = await gateway.join({ models: [announced(IAB)] });
      node.behaviour = (run, by) => void setTimeout(() => answering(run, by), 20);
      const project = await gateway.newProject();
      const client = new BatchClient({ url: gateway.url, apiKey: project.apiKey });
      const { id } = await client.begin(file);
      await client.progressed(id, 40, 30_000);
      for (let time = 0; time < 2; time++) {
        await database.admit(false);
        await sleep(AWAY_MS);
        await database.admit(true);
        await client.progressed(id, 80 + 40 * time, 30_000);
      }
      const batch = await client.ended(id, 30_000);
      expect(batch).toMatchObject({ status: 'completed', request_counts: { completed: LINES, failed: 0 } });
      const { rows } = await gateway.pool.query(
        `SELECT (SELECT count(*)::int FROM requests WHERE status = 200) AS answered,
          (SELECT count(*)::int FROM requests WHERE status <> 200) AS others,
          (SELECT count(*)::int FROM ledger.postings WHERE kind = 'charge') AS charges`,
      );
      expect(rows).toEqual([{ answered: LINES, others: 0, charges: LINES }]);
      const output = (await client.content(batch.output_file_id!)).toString().trim().split('\n');
      expect(new Set(output.map((line) => JSON.parse(line).custom_id)).size).toBe(LINES);
      expect(await gateway.violations()).toEqual([]);
      // Not one of a line's failures is told as a request's.
      expect(gateway.told.filter((told) => told.startsWith('A request failed'))).toEqual([]);
    } finally {
      await gateway.stop();
      await database.drop();
    }
  });
});
