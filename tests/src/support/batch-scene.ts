/** A batch that has begun to be answered, and a fault that meets it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BatchObject } from '@zerogpu/protocol';
import { expect } from 'vitest';
import { BatchClient } from './batch-client.ts';
import { BatchFleet, type BatchFleetOptions } from './batch-fleet.ts';
import { askAll, type BatchKillsOptions, describeKills, judge, killDuringBatch } from './batch-kills.ts';
import { type MadeBatch, makeBatch } from './batch-lines.ts';
import { makeDatabase, type ScratchDatabase } from './database-server.ts';
import { mulberry32 } from './seeded-inferences.ts';

const SEED = Number(process.env['ZEROGPU_TEST_FUZZ_SEED'] ?? Date.now() % 1_000_000_000);
/** Enough that a fault meets a batch that works. */
export const LINES = 2_000;
/** Guards against hanging: what a dead worker had waits 15 s, a third attempt half a minute, and a busy machine takes its time. */
export const PATIENCE_MS = 180_000;

export interface Scene {
  readonly fleet: BatchFleet;
  readonly client: BatchClient;
  readonly made: MadeBatch;
  readonly batch: BatchObject;
}

export type Others = Omit<BatchFleetOptions, 'databaseUrl'>;

/** A server's database for each test: a gateway finds what another made only with its secret. */
export async function onServer(act: (database: ScratchDatabase) => Promise<void>): Promise<void> {
  const database = await makeDatabase();
  try {
    await act(database);
  } finally {
    await database.drop();
  }
}

/** @param where null is the embedded database */
export async function play(
  where: string | null,
  others: Others,
  fault: (scene: Scene) => Promise<void>,
): Promise<void> {
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

export async function expectKilled(
  kills: BatchKillsOptions['kills'],
  fleet: BatchFleetOptions,
): Promise<void> {
  const options = { lines: LINES, kills, seed: SEED, fleet, patienceMs: PATIENCE_MS };
  const report = await killDuringBatch(options);
  console.log(describeKills(options, report));
  expect(report.faults, `seed ${SEED}`).toEqual([]);
  expect(report.kills.length).toBeGreaterThan(0);
  expect(Math.max(...report.kills.map(({ underWay }) => underWay))).toBeGreaterThan(0);
}

export async function until(condition: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + PATIENCE_MS; !(await condition()); await sleep(50)) {
    if (Date.now() > end) throw new Error('Waited in vain');
  }
}
