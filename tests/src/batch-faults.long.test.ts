/** A large batch, and everything that takes part in it killed again and again; what is away for longer than the short tests wait. */
import { rename, rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BatchClient } from './support/batch-client.ts';
import { describeKills, killDuringBatch } from './support/batch-kills.ts';
import {
  onServer,
  play,
  LINES as SCENE_LINES,
  PATIENCE_MS as SCENE_PATIENCE_MS,
} from './support/batch-scene.ts';
import { describeOnServer, makeDatabase, type ScratchDatabase } from './support/database-server.ts';

const LINES = 20_000;
/** Given to run the same again, as far as kills can be. */
const SEED = Number(process.env['ZEROGPU_TEST_FUZZ_SEED'] ?? Date.now() % 1_000_000_000);
const PATIENCE_MS = 25 * 60_000;

describeOnServer('20 kills of each while 20,000 lines are answered', () => {
  let database: ScratchDatabase;
  beforeAll(async () => {
    database = await makeDatabase();
  });
  afterAll(() => database?.drop());

  test('gateway, worker and node', async () => {
    const fleet = { databaseUrl: database.url, worker: true };
    const kills = { gateway: 20, worker: 20, node: 20 };
    await expectWhole({ lines: LINES, kills, seed: SEED, fleet, patienceMs: PATIENCE_MS });
  });
});

test('20 kills of gateway and node on the embedded database', async () => {
  const fleet = { databaseUrl: null };
  const kills = { gateway: 20, node: 20 };
  await expectWhole({ lines: LINES, kills, seed: SEED + 1, fleet, patienceMs: PATIENCE_MS });
});

async function expectWhole(options: Parameters<typeof killDuringBatch>[0]): Promise<void> {
  const report = await killDuringBatch(options);
  console.log(describeKills(options, report));
  // Not a single line was given up: four times in four attempts would be, and nobody kills that patiently.
  expect(report.faults, `seed ${options.seed}`).toEqual([]);
  const wanted = Object.values(options.kills).reduce((sum, kills) => sum + kills, 0);
  expect(report.kills.length).toBe(wanted);
  const busy = report.kills.filter(({ underWay }) => underWay > 0);
  // Not the moments in which all that was left had to wait for the lease of the dead.
  expect(busy.length).toBeGreaterThanOrEqual(wanted / 2);
}

describe('the embedded database in the middle of a batch', () => {
  test('is stopped and comes back', () =>
    play(null, { worker: true }, async ({ fleet }) => {
      process.kill(await fleet.databasePid(), 'SIGINT');
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
        expect(request_counts.failed).toBeLessThan(SCENE_LINES / 10);
        await fleet.restart(fleet.member('node'));
      }),
    ));

  test('the node, which crashes again and again for a minute', () =>
    onServer(({ url }) =>
      play(url, {}, async ({ fleet }) => {
        const until = Date.now() + 60_000;
        while (Date.now() < until) {
          await fleet.kill(fleet.member('node'));
          await fleet.restart(fleet.member('node'));
        }
      }),
    ));

  test('what stands in the place of the folder of files', () =>
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

describeOnServer('several that work on one batch', () => {
  test('a gateway sleeps until its lines are another’s, and wakes', () =>
    onServer(({ url }) =>
      play(url, { second: 'with a node' }, async ({ fleet, batch }) => {
        const sleeper = fleet.member('gateway').process;
        sleeper.kill('SIGSTOP');
        const awake = new BatchClient({ url: fleet.urlOf(fleet.member('second')), apiKey: fleet.apiKey });
        await awake.progressed(batch.id, SCENE_LINES, SCENE_PATIENCE_MS);
        sleeper.kill('SIGCONT');
        await sleep(2_000);
        expect(sleeper.running).toBe(true);
      }),
    ));

  test('one without a node stands in nobody’s way', () =>
    onServer(({ url }) => play(url, { second: 'without a node' }, async () => undefined)));
});
