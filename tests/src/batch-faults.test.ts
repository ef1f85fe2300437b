/** Batches under fire: whatever is killed or away while lines are under way, each comes out once and is paid once. */
import { spawnSync } from 'node:child_process';
import { open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BatchObject } from '@zerogpu/protocol';
import { describe, expect, test, vi } from 'vitest';
import { BatchClient } from './support/batch-client.ts';
import { BatchFleet, type BatchFleetOptions, type Role } from './support/batch-fleet.ts';
import {
  askAll,
  type BatchKillsOptions,
  describeKills,
  judge,
  killDuringBatch,
} from './support/batch-kills.ts';
import { type MadeBatch, makeBatch } from './support/batch-lines.ts';
import { describeOnServer, makeDatabase, type ScratchDatabase } from './support/database-server.ts';
import { mulberry32 } from './support/seeded-inferences.ts';

const SEED = Number(process.env['ZEROGPU_TEST_FUZZ_SEED'] ?? Date.now() % 1_000_000_000);
/** Enough that a fault meets a batch that works. */
const LINES = 2_000;
/** Guards against hanging: what a dead worker had waits 15 s, and a busy machine takes its time. */
const PATIENCE_MS = 120_000;

vi.setConfig({ testTimeout: 300_000 });

/** Whether a small disk can be made for a process of its own. */
const MAKES_DISKS =
  process.platform === 'linux' &&
  spawnSync('unshare', ['--map-root-user', '--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0;

/** Null is the embedded one. */
type Where = BatchFleetOptions['databaseUrl'];
type Others = Omit<BatchFleetOptions, 'databaseUrl'>;

/** A server's database for each test: a gateway finds what another made only with its secret. */
async function onServer(act: (database: ScratchDatabase) => Promise<void>): Promise<void> {
  const database = await makeDatabase();
  try {
    await act(database);
  } finally {
    await database.drop();
  }
}

async function expectKilled(kills: BatchKillsOptions['kills'], fleet: BatchFleetOptions): Promise<void> {
  const options = { lines: LINES, kills, seed: SEED, fleet, patienceMs: PATIENCE_MS };
  const report = await killDuringBatch(options);
  console.log(describeKills(options, report));
  expect(report.faults, `seed ${SEED}`).toEqual([]);
  expect(report.kills.length).toBeGreaterThan(0);
  expect(Math.max(...report.kills.map(({ underWay }) => underWay))).toBeGreaterThan(0);
}

test('kills of a gateway and its node, on the embedded database', () =>
  expectKilled({ gateway: 2, node: 1 }, { databaseUrl: null }));

describeOnServer('kills on a server', () => {
  test('of gateway, worker and node', () =>
    onServer(({ url }) =>
      expectKilled({ gateway: 1, worker: 2, node: 1 }, { databaseUrl: url, worker: true }),
    ));
});

/** A batch that has begun to be answered. */
interface Scene {
  readonly fleet: BatchFleet;
  readonly client: BatchClient;
  readonly made: MadeBatch;
  readonly batch: BatchObject;
}

async function play(where: Where, others: Others, fault: (scene: Scene) => Promise<void>): Promise<void> {
  const fleet = await BatchFleet.start({ databaseUrl: where, ...others });
  try {
    const client = new BatchClient(fleet);
    const made = makeBatch(LINES, await askAll(client), mulberry32(SEED));
    const batch = await client.begin(made.file);
    await client.progressed(batch.id, LINES / 10, PATIENCE_MS);
    await fault({ fleet, client, made, batch });
    const ended = await client.ended(batch.id, PATIENCE_MS);
    expect(await judge(fleet, client, ended, made), `seed ${SEED}`).toEqual([]);
  } catch (error) {
    throw new Error(`Seed ${SEED}. ${error}\n${fleet.output}`, { cause: error });
  } finally {
    await fleet.stop();
  }
}

describe('the embedded database in the middle of a batch', () => {
  test('is stopped and comes back', () =>
    play(null, { worker: true }, async ({ fleet }) => {
      process.kill(await fleet.databasePid(), 'SIGINT');
    }));

  test('is killed: what it had not written to the disk is forgotten as a whole, and done again', () =>
    play(null, {}, async ({ fleet, client, batch }) => {
      process.kill(await fleet.databasePid(), 'SIGKILL');
      await client.progressed(batch.id, LINES / 2, PATIENCE_MS);
      process.kill(await fleet.databasePid(), 'SIGKILL');
    }));
});

describeOnServer('what is away for a while', () => {
  test('the database', () =>
    onServer((database) =>
      play(database.url, {}, async ({ fleet, client, batch }) => {
        await database.admit(false);
        // Longer than any single try.
        await sleep(8_000);
        expect(await client.look(batch.id)).toBeNull();
        await database.admit(true);
        expect(fleet.member('gateway').process.running).toBe(true);
      }),
    ));

  test('the node', () =>
    onServer(({ url }) =>
      play(url, {}, async ({ fleet, client, batch }) => {
        await fleet.kill(fleet.member('node'));
        await sleep(8_000);
        const { status, request_counts } = (await client.look(batch.id))!;
        expect(status).toBe('in_progress');
        // Those that nothing can answer.
        expect(request_counts.failed).toBeLessThan(LINES / 10);
        await fleet.restart(fleet.member('node'));
      }),
    ));

  test('the folder of files', () =>
    onServer(({ url }) =>
      play(url, {}, async ({ fleet, client, batch }) => {
        await rename(fleet.files, `${fleet.files}-away`);
        await writeFile(fleet.files, 'no folder');
        await sleep(8_000);
        expect((await client.look(batch.id))?.status).toMatch(/^(in_progress|finalizing)$/);
        expect(fleet.member('gateway').process.output).toContain('folder of files');
        await rm(fleet.files);
        await rename(`${fleet.files}-away`, fleet.files);
      }),
    ));
});

const DISK = { diskBytes: 4 * 2 ** 20 };
describeOnServer('a full disk', () => {
  test.skipIf(!MAKES_DISKS)('when the output is written: the batch waits for room', () =>
    onServer(({ url }) =>
      play(url, DISK, async ({ fleet, client, batch }) => {
        const gateway = fleet.member('gateway').process;
        const ballast = await fill(fleet);
        await until(async () => gateway.output.includes('the storage is full'));
        const { status, output_file_id } = (await client.look(batch.id))!;
        expect({ status, output_file_id }).toEqual({ status: 'finalizing', output_file_id: null });
        expect(await readdir(path.join(fleet.files, '.partial'))).toEqual([]);
        await rm(ballast);
      }),
    ),
  );

  test.skipIf(!MAKES_DISKS)('when a file is uploaded: the caller is told, and nothing is left', () =>
    onServer(({ url }) =>
      play(url, DISK, async ({ fleet, client }) => {
        const before = await rowsOfFiles(fleet);
        const answer = await client.upload('x'.repeat(5 * 2 ** 20));
        const { code, message } = answer.json.error;
        expect({ status: answer.status, code }).toEqual({ status: 500, code: 'storage_error' });
        expect(message).not.toMatch(/ENOSPC|tmp/);
        expect(fleet.member('gateway').process.output).toContain('ENOSPC');
        expect(await readdir(path.join(fleet.files, '.partial'))).toEqual([]);
        expect(await rowsOfFiles(fleet)).toBe(before);
        // There is room for what is smaller.
        expect((await client.upload('x'.repeat(1_000))).status).toBe(200);
      }),
    ),
  );
});

describeOnServer('several that work on one batch', () => {
  const sleepers: readonly [string, Others, Role][] = [
    ['a gateway', { second: 'with a node' }, 'gateway'],
    ['a worker', { worker: true }, 'worker'],
  ];
  test.for(sleepers)('%s sleeps until its lines are another’s, and wakes', ([, others, role]) =>
    onServer(({ url }) =>
      play(url, others, async ({ fleet, batch }) => {
        const sleeper = fleet.member(role).process;
        const door = fleet.urlOf(fleet.member(role === 'gateway' ? 'second' : 'gateway'));
        sleeper.kill('SIGSTOP');
        const awake = new BatchClient({ url: door, apiKey: fleet.apiKey });
        // All of it, with what the sleeper had; its lease has to end before.
        await awake.progressed(batch.id, LINES, PATIENCE_MS);
        sleeper.kill('SIGCONT');
        // What its nodes answered while it slept arrives now.
        await sleep(2_000);
        expect(sleeper.running).toBe(true);
      }),
    ),
  );

  test('one without a node stands in nobody’s way', () =>
    onServer(({ url }) => play(url, { second: 'without a node' }, async () => undefined)));
});

/** Writes until the disk is full. @returns what to remove */
async function fill(fleet: BatchFleet): Promise<string> {
  const ballast = path.join(fleet.files, 'ballast');
  const file = await open(ballast, 'w');
  try {
    for (;;) await file.write(Buffer.alloc(4_096));
  } catch {
    return ballast;
  } finally {
    await file.close();
  }
}

async function rowsOfFiles(fleet: BatchFleet): Promise<number> {
  return fleet.withPool(async (pool) => {
    const { rows } = await pool.query<{ count: number }>('SELECT count(*)::int AS count FROM files');
    return rows[0]!.count;
  });
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + PATIENCE_MS; !(await condition()); await sleep(50)) {
    if (Date.now() > end) throw new Error('Waited in vain');
  }
}
