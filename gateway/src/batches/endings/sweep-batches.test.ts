import { newId } from '@zerogpu/protocol';
import { afterEach, expect, it } from 'vitest';
import { makeNotify } from '../../alerts/notify.ts';
import { insertLines, insertWorker, pending, running, succeeded } from '../../testing/batch-rows.ts';
import { type OpenEndings, openEndings, START } from '../../testing/open-endings.ts';
import { onEveryPostgres } from '../../testing/postgres.ts';
import { shownBatch } from '../batch.ts';
import { startBatchEndings } from './batch-endings.ts';
import { deleteLeftLines, deleteLines } from './delete-lines.ts';
import { failAbandoned, findStrayLines, forgetDeadWorkers, forgetOldBatches } from './sweep-batches.ts';

const DAY = 86_400_000;

onEveryPostgres('what dead workers left of batches', (database) => {
  let open: OpenEndings | null = null;
  const setUp = async () => {
    open = await openEndings(await database());
    return open;
  };
  afterEach(async () => {
    await open?.close();
    open = null;
  });

  const validating = (workerId: string | null) => ({
    status: 'validating',
    worker_id: workerId,
    in_progress_at: null,
    total: 0,
    completed: 0,
    failed: 0,
  });
  const notify = makeNotify(() => START);

  it('a batch whose input was being read fails, and says what to do', async () => {
    const all = await setUp();
    const dead = await all.insert([pending, pending], validating(await insertWorker(all.pool, -1)));
    const gone = await all.insert([pending], validating(newId('worker')));
    const read = await all.insert([pending], validating(await insertWorker(all.pool)));
    // Two gateways at once.
    await Promise.all([1, 2].map(() => failAbandoned(all.pool, notify, START + 5000)));
    const row = await all.batch(dead);
    expect(row.failed_at).toEqual(new Date(START + 5000));
    expect(shownBatch(row)).toMatchObject({
      status: 'failed',
      request_counts: { total: 0, completed: 0, failed: 0 },
      errors: {
        object: 'list',
        data: [
          {
            code: 'internal_error',
            message: 'The server stopped while it read the input file; create the batch again',
            line: null,
            param: null,
          },
        ],
      },
    });
    expect((await all.batch(gone)).status).toBe('failed');
    expect((await all.batch(read)).status).toBe('validating');
    const events = await all.events();
    expect(events.map(({ kind, details }) => [kind, details.batch_id]).sort()).toEqual(
      [dead, gone].sort().map((id) => ['batch.failed', id]),
    );
    expect(events[0]).toMatchObject({
      title: 'A batch was not begun: its input file could not be read',
    });
    await deleteLeftLines(all.pool, all.signal);
    expect(await all.left()).toBe(1);
  });

  it('lines of a batch that has ended are deleted slice by slice, also when it broke off', async () => {
    const all = await setUp();
    const ended = { status: 'completed', leaves_lines: true };
    const lines = Array.from({ length: 5_000 }, () => succeeded());
    const id = await all.insert(lines, ended);
    const other = await all.insert([succeeded()]);
    const stopping = new AbortController();
    let slices = 0;
    const counting = {
      query: async (...args: [string, unknown[]]) => {
        const result = await all.pool.query(...args);
        if (++slices === 1) stopping.abort(new Error('ended here'));
        return result;
      },
    };
    await expect(deleteLines(counting as typeof all.pool, id, stopping.signal)).rejects.toThrow('ended here');
    expect(await all.left()).toBe(2 * 3_000 + 2);
    expect(await deleteLeftLines(all.pool, all.signal)).toBe(1);
    expect(await all.left()).toBe(2);
    expect([(await all.batch(id)).leaves_lines, (await all.batch(other)).status]).toEqual([
      false,
      'in_progress',
    ]);
    expect(await deleteLeftLines(all.pool, all.signal)).toBe(0);
  });

  it('lines that came after the end are found', async () => {
    const all = await setUp();
    const id = await all.insert([], { status: 'failed' });
    const going = await all.insert([pending]);
    expect(await findStrayLines(all.pool)).toBe(0);
    await insertLines(all.pool, id, [pending, pending]);
    expect(await findStrayLines(all.pool)).toBe(1);
    await deleteLeftLines(all.pool, all.signal);
    expect(await all.left()).toBe(1);
    expect((await all.batch(going)).leaves_lines).toBe(false);
  });

  it('workers are forgotten an hour after their death, but not while lines are in their hands', async () => {
    const all = await setUp();
    const [old, busy, young, alive] = await Promise.all(
      [-7_200_000, -7_200_000, -1000, 1000].map((ms) => insertWorker(all.pool, ms)),
    );
    await all.insert([running(busy!)]);
    expect(await forgetDeadWorkers(all.pool)).toBe(1);
    const { rows } = await all.pool.query('SELECT id FROM batch_workers');
    expect(rows.map(({ id }) => id).sort()).toEqual([busy, young, alive].sort());
    expect(rows).not.toContainEqual({ id: old });
  });

  it('batches are forgotten after their days, unless they are open or leave lines', async () => {
    const all = await setUp();
    const old = await all.insert([], { status: 'completed' });
    const kept = [
      await all.insert([pending]),
      await all.insert([pending], { status: 'failed', leaves_lines: true }),
    ];
    expect(await forgetOldBatches(all.pool, START + 10 * DAY, 10)).toBe(0);
    expect(await forgetOldBatches(all.pool, START + 10 * DAY + 1, 10)).toBe(1);
    const { rows } = await all.pool.query('SELECT id FROM batches ORDER BY id');
    expect(rows.map(({ id }) => id)).toEqual(kept.sort());
    expect(rows).not.toContainEqual({ id: old });
  });

  it('all of it goes by itself', async () => {
    const all = await setUp();
    all.clock.now = START + 400 * DAY;
    const abandoned = await all.insert([pending], validating(null));
    await all.insert([], { status: 'completed' });
    const { options } = await all.ender();
    const endings = startBatchEndings({ ...options, sweepEveryMs: 5, tidyEveryMs: 5 });
    const here = async () => (await all.pool.query('SELECT id FROM batches')).rows.length;
    while ((await here()) > 0 || (await all.left()) > 0) await new Promise((next) => setTimeout(next, 5));
    await endings.stop();
    expect((await all.events()).map(({ details }) => details.batch_id)).toEqual([abandoned]);
  });
});
