import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { failed, succeeded } from '../../testing/batch-rows.ts';
import { openEndings, parsedLines } from '../../testing/open-endings.ts';
import { killableDatabase } from '../../testing/postgres.ts';
import { startBatchEndings } from './batch-endings.ts';

const KILLS = 4;
const LINES = 20_000;

it('a database that is killed while batches end loses no line, and tells no end twice', {
  timeout: 120_000,
}, async () => {
  const { server, pool } = await killableDatabase();
  const all = await openEndings(pool);
  onTestFinished(all.close);
  const lines = Array.from({ length: LINES }, (_, i) => (i % 5 === 0 ? failed() : succeeded()));
  const ids = [await all.insert(lines), await all.insert(lines), await all.insert(lines)];
  const { options } = await all.ender();
  const endings = startBatchEndings({ ...options, now: Date.now, everyMs: 20, sweepEveryMs: 20 });
  for (let kill = 0; kill < KILLS; kill++) {
    await sleep(100 * kill);
    const killed = server.pid;
    process.kill(killed, 'SIGKILL');
    while (server.pid === killed) await sleep(5);
  }
  const patient = async <T>(look: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        return await look();
      } catch {
        await sleep(50);
      }
    }
  };
  const over = async () => {
    const rows = await Promise.all(ids.map((id) => all.batch(id)));
    return rows.every(({ status }) => status === 'completed') && (await all.left()) === 0;
  };
  while (!(await patient(over))) await sleep(50);
  await endings.stop();
  for (const id of ids) {
    const row = await all.batch(id);
    expect(row).toMatchObject({ completed: (LINES * 4) / 5, failed: LINES / 5 });
    const found = [
      ...parsedLines(await all.text(row.output_file_id)),
      ...parsedLines(await all.text(row.error_file_id)),
    ];
    expect(new Set(found.map(({ custom_id }) => custom_id)).size).toBe(LINES);
    expect(found).toHaveLength(LINES);
  }
  expect(await all.events()).toHaveLength(3);
  expect(await all.objects()).toHaveLength(6);
  expect((await pool.query('SELECT 1 FROM files')).rowCount).toBe(6);
});
