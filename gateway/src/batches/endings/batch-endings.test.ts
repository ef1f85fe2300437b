import { afterEach, describe, expect, it } from 'vitest';
import { type ObjectStorage, StorageError } from '../../storage/object-storage.ts';
import { failed, insertWorker, pending, type RowLine, running, succeeded } from '../../testing/batch-rows.ts';
import { type OpenEndings, openEndings, parsedLines, START } from '../../testing/open-endings.ts';
import { onEveryPostgres } from '../../testing/postgres.ts';
import { startBatchEndings } from './batch-endings.ts';
import { deleteLeftLines } from './delete-lines.ts';
import { endBatch } from './end-batch.ts';
import { takeBatch } from './take-batch.ts';
import { BatchLost, type TakenBatch } from './taken-batch.ts';
import { writeOutput } from './write-output.ts';

const LATER = START + 60_000;
const DAY = 86_400_000;

onEveryPostgres('how batches end', (database) => {
  let open: OpenEndings | null = null;
  const setUp = async () => {
    open = await openEndings(await database());
    open.clock.now = LATER;
    return open;
  };
  afterEach(async () => {
    await open?.close();
    open = null;
  });

  const timesOf = (row: Record<string, unknown>) =>
    Object.fromEntries(
      ['finalizing_at', 'completed_at', 'failed_at', 'expired_at', 'cancelling_at', 'cancelled_at'].flatMap(
        (name) => (row[name] instanceof Date ? [[name, row[name].getTime()]] : []),
      ),
    );
  const codes = (text: string) => parsedLines(text).map(({ error }) => error.code);
  const ids = (text: string) => parsedLines(text).map(({ custom_id }) => custom_id);
  /** Takes a batch as a round does. */
  const take = async (
    { pool, clock }: OpenEndings,
    workerId: string,
    id: string,
  ): Promise<TakenBatch | null> => takeBatch({ pool, workerId, now: () => clock.now }, id);

  describe('a batch whose lines are all done', () => {
    it('is completed, with files, times, counts and an event, and leaves no lines', async () => {
      const all = await setUp();
      const id = await all.insert([succeeded(), failed(), succeeded()]);
      await (await all.ender()).round();
      const row = await all.batch(id);
      expect(row).toMatchObject({ status: 'completed', total: 3, completed: 2, failed: 1, worker_id: null });
      expect(timesOf(row)).toEqual({ finalizing_at: LATER, completed_at: LATER });
      expect(ids(await all.text(row.output_file_id))).toEqual(['1', '3']);
      expect(ids(await all.text(row.error_file_id))).toEqual(['2']);
      const files = await all.pool.query('SELECT * FROM files ORDER BY is_error');
      expect(files.rows).toMatchObject(
        [row.output_file_id, row.error_file_id].map((file, i) => ({
          id: file,
          project_id: all.caller.projectId,
          state: 'stored',
          purpose: 'batch_output',
          filename: `${file}.jsonl`,
          is_error: i === 1,
          created_at: new Date(LATER),
          expires_at: new Date(LATER + 30 * DAY),
          deleted_at: null,
        })),
      );
      expect(await all.events()).toMatchObject([
        {
          kind: 'batch.completed',
          organization_id: all.caller.organizationId,
          project_id: all.caller.projectId,
          details: {
            batch_id: id,
            status: 'completed',
            request_counts: { total: 3, completed: 2, failed: 1 },
            output_file_id: row.output_file_id,
          },
        },
      ]);
      expect([await all.left(), row.leaves_lines]).toEqual([0, false]);
      expect(all.told).toEqual([]);
    });

    it.each<[string, RowLine[], boolean, boolean]>([
      ['all succeeded', [succeeded(), succeeded()], true, false],
      ['all failed', [failed(), failed()], false, true],
    ])('has no file without lines: %s', async (_name, lines, output, errors) => {
      const all = await setUp();
      const id = await all.insert(lines);
      await (await all.ender()).round();
      const row = await all.batch(id);
      expect([row.output_file_id !== null, row.error_file_id !== null]).toEqual([output, errors]);
      expect(row.status).toBe('completed');
      expect(await all.objects()).toHaveLength(1);
    });

    it('is completed though its day is over', async () => {
      const all = await setUp();
      const id = await all.insert([succeeded()]);
      all.clock.now = START + 2 * DAY;
      await (await all.ender()).round();
      expect(await all.batch(id)).toMatchObject({ status: 'completed', expired_at: null });
    });

    it('is let alone while a line waits or runs', async () => {
      const all = await setUp();
      const worker = await insertWorker(all.pool);
      const open = [
        await all.insert([succeeded(), pending]),
        await all.insert([succeeded(), running(worker)]),
      ];
      await (await all.ender()).round();
      for (const id of open)
        expect(await all.batch(id)).toMatchObject({ status: 'in_progress', ending: null });
    });
  });

  describe('a batch that is cancelled', () => {
    const cancelling = { status: 'cancelling', cancelling_at: new Date(START + 1000) };

    it.each<[string, RowLine[], string[], string[]]>([
      ['no line done', [pending, pending], [], ['batch_cancelled', 'batch_cancelled']],
      ['some lines done', [succeeded(), pending, failed()], ['1'], ['batch_cancelled', 'internal_error']],
      ['all lines done', [succeeded(), succeeded()], ['1', '2'], []],
    ])('ends cancelled with %s', async (_name, lines, output, errors) => {
      const all = await setUp();
      const id = await all.insert(lines, cancelling);
      await (await all.ender()).round();
      const row = await all.batch(id);
      expect(row).toMatchObject({
        status: 'cancelled',
        completed: output.length,
        failed: errors.length,
        total: lines.length,
      });
      expect(timesOf(row)).toEqual({ cancelling_at: START + 1000, cancelled_at: LATER });
      expect(ids(await all.text(row.output_file_id))).toEqual(output);
      expect(codes(await all.text(row.error_file_id))).toEqual(errors);
      expect((await all.events()).map(({ kind }) => kind)).toEqual(['batch.cancelled']);
      expect(all.told).toEqual([]);
    });

    it('waits for lines under way, of a worker that lives or does not', async () => {
      const all = await setUp();
      const worker = await insertWorker(all.pool, -1000);
      const id = await all.insert([pending, running(worker)], cancelling);
      const ender = await all.ender();
      await ender.round();
      expect((await all.batch(id)).status).toBe('cancelling');
      await all.pool.query("UPDATE batch_lines SET state = 'pending', worker_id = NULL");
      await ender.round();
      expect((await all.batch(id)).status).toBe('cancelled');
    });
  });

  describe('a batch that expires', () => {
    it('shows in_progress while a line runs, and until its files are there', async () => {
      const all = await setUp();
      const worker = await insertWorker(all.pool);
      const id = await all.insert([succeeded(), running(worker), pending]);
      const ender = await all.ender();
      const at = async (now: number) => {
        all.clock.now = now;
        await ender.round();
        return all.batch(id);
      };
      expect(await at(START + DAY - 1)).toMatchObject({ status: 'in_progress', ending: null });
      expect(await at(START + DAY)).toMatchObject({ status: 'in_progress', ending: null });
      await all.pool.query("UPDATE batch_lines SET state = 'pending' WHERE state = 'running'");
      const row = await at(START + DAY + 5000);
      expect(row).toMatchObject({ status: 'expired', total: 3, completed: 1, failed: 2 });
      expect(timesOf(row)).toEqual({ expired_at: START + DAY + 5000 });
      expect(codes(await all.text(row.error_file_id))).toEqual(['batch_expired', 'batch_expired']);
      expect((await all.events()).map(({ kind }) => kind)).toEqual(['batch.expired']);
    });

    it('hands out no line once it is taken, even to a clock that is behind', async () => {
      const all = await setUp();
      const taken = await all.insert([pending, pending]);
      const other = await all.insert([pending]);
      const ender = await all.ender();
      all.clock.now = START + DAY;
      await take(all, ender.options.workerId, taken);
      const claim = 'SELECT batch_id FROM claim_lines($1, 10, $2)';
      const early = [ender.options.workerId, new Date(START)];
      expect((await all.pool.query(claim, early)).rows).toEqual([{ batch_id: other }]);
    });

    it('is cancelled when it was cancelled while its files were made', async () => {
      const all = await setUp();
      const id = await all.insert([pending]);
      all.clock.now = START + DAY;
      const { options } = await all.ender();
      const taken = await take(all, options.workerId, id);
      await all.pool.query("UPDATE batches SET status = 'cancelling', cancelling_at = now()");
      const files = await writeOutput({ ...options, signal: all.signal }, taken!);
      await endBatch(options, taken!, files);
      expect(await all.batch(id)).toMatchObject({ status: 'cancelled', expired_at: null, failed: 1 });
    });
  });

  describe('several workers', () => {
    it('end each batch once', async () => {
      const all = await setUp();
      const batches: string[] = [];
      for (let i = 0; i < 20; i++) batches.push(await all.insert([succeeded(), failed()]));
      const enders = await Promise.all([all.ender(), all.ender(), all.ender()]);
      // Two rounds of one worker, as it has lanes.
      await Promise.all([...enders, ...enders].map((ender) => ender.round()));
      for (const id of batches) expect((await all.batch(id)).status).toBe('completed');
      expect(await all.events()).toHaveLength(20);
      expect(await all.objects()).toHaveLength(40);
      expect((await all.pool.query('SELECT id FROM files')).rows).toHaveLength(40);
      expect(await all.left()).toBe(0);
    });

    it('leave a batch to the one that has it as long as that lives', async () => {
      const all = await setUp();
      const id = await all.insert([succeeded()]);
      const [first, second] = await Promise.all([all.ender(), all.ender()]);
      expect(await take(all, first.options.workerId, id)).toMatchObject({ again: false });
      expect(await take(all, second.options.workerId, id)).toBeNull();
      await second.round();
      expect((await all.batch(id)).status).toBe('finalizing');
      await first.round();
      expect((await all.batch(id)).status).toBe('completed');
    });

    it.each([
      ['before the first file', 0],
      ['between the files', 1],
      ['after both files', 2],
    ])('begin anew what another left %s, under the same ids', async (_name, puts) => {
      const all = await setUp();
      const id = await all.insert([succeeded(), failed(), succeeded()]);
      const dying = await all.ender({ storage: endingAfter(all.storage, puts) });
      await dying.round();
      expect(await all.objects()).toHaveLength(puts);
      const left = await all.batch(id);
      expect(left).toMatchObject({ status: 'finalizing', output_file_id: null, error_file_id: null });
      await all.pool.query('DELETE FROM batch_workers');
      all.clock.now = LATER + 1000;
      await (await all.ender()).round();
      const row = await all.batch(id);
      expect(row).toMatchObject({
        status: 'completed',
        output_file_id: left.coming_output_id,
        error_file_id: left.coming_error_id,
      });
      expect(timesOf(row)).toEqual({ finalizing_at: LATER, completed_at: LATER + 1000 });
      expect(await all.objects()).toHaveLength(2);
      expect(ids(await all.text(row.output_file_id))).toEqual(['1', '3']);
      expect(await all.events()).toHaveLength(1);
    });

    it('make the same of it when one was only taken for dead, at whatever point', async () => {
      const all = await setUp();
      const id = await all.insert([succeeded(), failed()]);
      const [slow, next] = await Promise.all([all.ender(), all.ender()]);
      const dead = "UPDATE batch_workers SET alive_until = now() - interval '1 s' WHERE id = $1";
      const taken = await take(all, slow.options.workerId, id);
      const files = await writeOutput({ ...slow.options, signal: all.signal }, taken!);
      await all.pool.query(dead, [slow.options.workerId]);
      await next.round();
      const row = await all.batch(id);
      const before = [await all.text(row.output_file_id), await all.text(row.error_file_id)];
      await expect(endBatch(slow.options, taken!, files)).rejects.toThrow(BatchLost);
      // Its lines are deleted by now: what it reads is not what it was.
      await expect(
        writeOutput({ ...slow.options, signal: all.signal }, { ...taken!, again: false }),
      ).rejects.toThrow(BatchLost);
      expect(await all.batch(id)).toEqual(row);
      expect([await all.text(row.output_file_id), await all.text(row.error_file_id)]).toEqual(before);
      expect(await all.events()).toHaveLength(1);
    });

    it('stop in the middle of a file, and the next one goes on', async () => {
      const all = await setUp();
      const id = await all.insert([succeeded(), failed()]);
      const { promise: begun, resolve } = Promise.withResolvers<void>();
      const slow: ObjectStorage = {
        ...all.storage,
        async put(name, source) {
          resolve();
          // As long as it takes until it is told to stop.
          await new Promise((next) => setTimeout(next, 50));
          return all.storage.put(name, source);
        },
      };
      const { options } = await all.ender({ storage: slow });
      const endings = startBatchEndings({ ...options, everyMs: 10, sweepEveryMs: 10 });
      await begun;
      await endings.stop();
      expect((await all.batch(id)).status).toBe('finalizing');
      await all.pool.query('DELETE FROM batch_workers');
      await (await all.ender()).round();
      expect((await all.batch(id)).status).toBe('completed');
    });
  });

  describe('when something is away', () => {
    it('tries again with growing pauses while the storage is full, and tells it once in a while', async () => {
      const all = await setUp();
      const id = await all.insert([succeeded()]);
      const state = { full: true, tries: 0 };
      const full: ObjectStorage = {
        ...all.storage,
        put: async (name, source) => {
          state.tries++;
          if (state.full) throw new StorageError('full', 'no space left on device');
          return all.storage.put(name, source);
        },
      };
      const ender = await all.ender({ storage: full });
      for (let second = 0; second < 200; second++) {
        await ender.round();
        all.clock.now += 1000;
      }
      // After 0, 1, 3, 7, 15, 31, 63, 123, 183 seconds.
      expect(state.tries).toBe(9);
      expect(await all.batch(id)).toMatchObject({ status: 'finalizing' });
      const said = all.told.filter((text) => text.includes('storage is full'));
      expect(said).toHaveLength(1);
      state.full = false;
      all.clock.now += 60_000;
      await ender.round();
      expect((await all.batch(id)).status).toBe('completed');
      expect(all.told.at(-1)).toContain('Batches end again');
      expect(await all.objects()).toHaveLength(1);
    });

    it('ends other batches though one does not go', async () => {
      const all = await setUp();
      const bad = await all.insert([succeeded('{"bad":true}')]);
      const good = await all.insert([succeeded('{"good":true}')]);
      const picky: ObjectStorage = {
        ...all.storage,
        put: (name, source) =>
          all.storage.put(
            name,
            (async function* () {
              for await (const chunk of source) {
                if (Buffer.from(chunk).includes('bad')) throw new Error('a defect');
                yield chunk;
              }
            })(),
          ),
      };
      const ender = await all.ender({ storage: picky });
      await ender.round();
      await ender.round();
      expect((await all.batch(bad)).status).toBe('finalizing');
      expect((await all.batch(good)).status).toBe('completed');
      expect(all.told[0]).toContain('A batch could not be ended');
    });

    it('goes on after every place at which the database broke off', async () => {
      const all = await setUp();
      const id = await all.insert([succeeded(), failed()]);
      let broken = 0;
      for (let good = 0; (await all.batch(id)).status !== 'completed'; good++) {
        const ender = await all.ender({ pool: breakingAfter(all.pool, good) });
        await ender.round();
        broken++;
        await all.pool.query('DELETE FROM batch_workers');
      }
      expect(broken).toBeGreaterThan(5);
      const row = await all.batch(id);
      expect(row).toMatchObject({ completed: 1, failed: 1 });
      expect(await all.objects()).toHaveLength(2);
      expect(await all.events()).toHaveLength(1);
      while ((await deleteLeftLines(all.pool, all.signal)) > 0);
      expect(await all.left()).toBe(0);
    });
  });

  it('goes on when the server ends its connections again and again', { timeout: 60_000 }, async () => {
    const all = await setUp();
    const lines = Array.from({ length: 4_000 }, (_, i) => (i % 7 === 0 ? failed() : succeeded()));
    const ids = [await all.insert(lines), await all.insert(lines)];
    const { options } = await all.ender();
    const endings = startBatchEndings({ ...options, everyMs: 5, sweepEveryMs: 5 });
    const others = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid()`;
    for (let i = 0; i < 15; i++) {
      await all.pool.query(others);
      // Its pauses end at once.
      all.clock.now += 60_000;
      await new Promise((next) => setTimeout(next, 10 * i));
    }
    const over = async () =>
      (await Promise.all(ids.map((id) => all.batch(id)))).every(({ status }) => status === 'completed') &&
      (await all.left()) === 0;
    while (!(await over())) {
      all.clock.now += 1000;
      await new Promise((next) => setTimeout(next, 10));
    }
    await endings.stop();
    for (const id of ids) {
      const row = await all.batch(id);
      expect(row).toMatchObject({ completed: 3428, failed: 572 });
      expect(parsedLines(await all.text(row.output_file_id))).toHaveLength(3428);
      expect(parsedLines(await all.text(row.error_file_id))).toHaveLength(572);
    }
    expect(await all.events()).toHaveLength(2);
    expect(await all.objects()).toHaveLength(4);
  });

  it('trusts the files where the counters differ, and tells the defect', async () => {
    const all = await setUp();
    const id = await all.insert([succeeded(), succeeded(), failed()], { completed: 1, failed: 2 });
    await (await all.ender()).round();
    expect(await all.batch(id)).toMatchObject({ status: 'completed', completed: 2, failed: 1 });
    expect(all.told).toEqual([
      expect.stringMatching(/^error: The lines of a batch.*"completed":1.*"completed":2/),
    ]);
  });

  it('runs by itself, and at once when it is woken', async () => {
    const all = await setUp();
    const id = await all.insert([succeeded()]);
    const { options } = await all.ender();
    const endings = startBatchEndings({ ...options, everyMs: 3_600_000, sweepEveryMs: 3_600_000 });
    while ((await all.batch(id)).status !== 'completed') endings.wake();
    await endings.stop();
  });
});

/** A storage whose worker ends before its next put. */
function endingAfter(storage: ObjectStorage, puts: number): ObjectStorage {
  let left = puts;
  const put: ObjectStorage['put'] = async (name, source) => {
    if (left-- <= 0) throw new BatchLost('ended here');
    const stored = await storage.put(name, source);
    if (left === 0 && puts === 2) throw new BatchLost('ended here');
    return stored;
  };
  return { ...storage, put };
}

/** A pool whose connections break off after so many statements. */
function breakingAfter(pool: OpenEndings['pool'], statements: number): OpenEndings['pool'] {
  let left = statements;
  const breaking = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(_, name) {
        const value = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          if (name === 'query' && left-- <= 0)
            return Promise.reject(Object.assign(new Error('Connection terminated'), { code: '57P01' }));
          const result = Reflect.apply(value, target, args);
          return name === 'connect' ? result.then((client: object) => breaking(client)) : result;
        };
      },
    });
  return breaking(pool);
}
