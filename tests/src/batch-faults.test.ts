/** Batches under fire: whatever is away while lines are under way, each comes out once and is paid once. */
import { readdir, rename } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import type { BatchClient } from './support/batch-client.ts';
import type { BatchFleet } from './support/batch-fleet.ts';
import { LINES, onServer, PATIENCE_MS, play, until } from './support/batch-scene.ts';
import { describeOnServer } from './support/database-server.ts';

vi.setConfig({ testTimeout: 300_000 });

describe('the embedded database in the middle of a batch', () => {
  test('is killed: what it had not written to the disk is forgotten as a whole, and done again', () =>
    play(null, {}, async ({ fleet, client, batch }) => {
      process.kill(await fleet.databasePid(), 'SIGKILL');
      await client.progressed(batch.id, LINES / 2, PATIENCE_MS);
      process.kill(await fleet.databasePid(), 'SIGKILL');
    }));
});

describeOnServer('what is away for a while', () => {
  test('the folder of files, as a disk that is not mounted: nothing is lost, and nothing is put elsewhere', () =>
    onServer(({ url }) =>
      play(url, {}, async ({ fleet, client, batch, made }) => {
        await rename(fleet.files, `${fleet.files}-away`);
        await sleep(3_000);
        expect((await client.look(batch.id))?.status).toMatch(/^(in_progress|finalizing)$/);
        expect(fleet.member('gateway').process.output).toContain('folder of files');
        const download = await client.call(`/v1/files/${batch.input_file_id}/content`);
        expect({ status: download.status, code: download.json?.error.code }).toEqual({
          status: 500,
          code: 'storage_error',
        });
        expect((await client.upload(made.file)).status).toBe(500);
        await rename(`${fleet.files}-away`, fleet.files);
      }),
    ));
});

const DISK = { diskBytes: 4 * 2 ** 20 };
describeOnServer('a full disk', () => {
  test('when a file is uploaded the caller is told, and when the output is written the batch waits for room', () =>
    onServer(({ url }) =>
      play(url, DISK, async ({ fleet, client, batch }) => {
        await expectNoRoomFor(fleet, client);
        const gateway = fleet.member('gateway').process;
        const empty = await fleet.fillDisk();
        await until(async () => gateway.output.includes('the storage is full'));
        const { status, output_file_id } = (await client.look(batch.id))!;
        expect({ status, output_file_id }).toEqual({ status: 'finalizing', output_file_id: null });
        expect(await readdir(path.join(fleet.files, '.partial'))).toEqual([]);
        await empty();
      }),
    ));
});

async function expectNoRoomFor(fleet: BatchFleet, client: BatchClient): Promise<void> {
  const before = await rowsOfFiles(fleet);
  const answer = await client.upload('x'.repeat(5 * 2 ** 20));
  const { code, message } = answer.json.error;
  expect({ status: answer.status, code }).toEqual({ status: 500, code: 'storage_error' });
  expect(message).not.toMatch(/ENOSPC|tmp/);
  await until(async () => fleet.member('gateway').process.output.includes('ENOSPC'));
  expect(await rowsOfFiles(fleet)).toBe(before);
  // There is room for what is smaller.
  expect((await client.upload('x'.repeat(1_000))).status).toBe(200);
}

async function rowsOfFiles(fleet: BatchFleet): Promise<number> {
  return fleet.withPool(async (pool) => {
    const text = "SELECT count(*)::int AS count FROM files WHERE purpose = 'batch'";
    const { rows } = await pool.query<{ count: number }>(text);
    return rows[0]!.count;
  });
}

describeOnServer('who works on a batch', () => {
  test('sleeps until its lines are anybody’s again, and wakes', () =>
    onServer(({ url }) =>
      play(url, { worker: true, onlyWorker: true }, async ({ fleet }) => {
        const sleeper = fleet.member('worker').process;
        sleeper.kill('SIGSTOP');
        expect(await runningIn(fleet)).toBeGreaterThan(0);
        // Its lease has to end before.
        await until(async () => (await runningIn(fleet)) === 0);
        // What the nodes answered while it slept arrives now, and is nobody's any more.
        sleeper.kill('SIGCONT');
      }),
    ));
});

async function runningIn(fleet: BatchFleet): Promise<number> {
  return fleet.withPool(async (pool) => {
    const text = "SELECT count(*)::int AS count FROM batch_lines WHERE state = 'running'";
    return (await pool.query<{ count: number }>(text)).rows[0]!.count;
  });
}
