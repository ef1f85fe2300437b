/** A large batch, and everything that takes part in it killed again and again. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GAVE_UP, MOST_TOLD } from './support/batch-judge.ts';
import { describeKills, killDuringBatch } from './support/batch-kills.ts';
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
  expect(
    report.faults.filter(({ rule }) => rule !== GAVE_UP),
    `seed ${options.seed}`,
  ).toEqual([]);
  // A kill every second or two meets a few lines four times.
  expect(report.faults.length).toBeLessThan(MOST_TOLD);
  const wanted = Object.values(options.kills).reduce((sum, kills) => sum + kills, 0);
  expect(report.kills.length).toBe(wanted);
  const busy = report.kills.filter(({ underWay }) => underWay > 0);
  // Not the moments in which all that was left had to wait for the lease of the dead.
  expect(busy.length).toBeGreaterThanOrEqual(wanted / 2);
}
