/** Many who lock the same wallets, batches and lines at once, on real connections. */
import { checkInvariants } from '@zerogpu/ledger';
import { newId } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import { expect, it } from 'vitest';
import { Settler, settlementRow } from '../../metering/settle.ts';
import { HoldBook } from '../../quota/hold-money.ts';
import { Secrets } from '../../store/secrets.ts';
import { makeBatch } from '../../testing/batches.ts';
import { onEveryPostgres } from '../../testing/postgres.ts';
import { makeAsking, makeSettlement, makeTenant } from '../../testing/tenant.ts';
import { LineSettler } from './line-settler.ts';
import { LineStore } from './line-store.ts';

const secrets = new Secrets('a secret of the tests, long enough');
const BATCHES = 6;
const LINES = 120;

/** The same pool, which tells of deadlocks: those who ask try again, and nobody would notice. */
function watched(pool: Pool): { readonly pool: Pool; readonly deadlocks: () => number } {
  let deadlocks = 0;
  const query = async (...asked: [never]) => {
    try {
      return await pool.query(...asked);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === '40P01') deadlocks += 1;
      throw error;
    }
  };
  return {
    pool: new Proxy(pool, { get: (target, name) => (name === 'query' ? query : Reflect.get(target, name)) }),
    deadlocks: () => deadlocks,
  };
}

async function setUp(real: Pool) {
  const { pool, deadlocks } = watched(real);
  const tenants = [await makeTenant(pool, secrets, 10n ** 9n), await makeTenant(pool, secrets, 10n ** 9n)];
  const callers = tenants.map(({ caller }) => caller);
  const numbers = Array.from({ length: LINES }, (_, i) => i + 1);
  for (let i = 0; i < BATCHES; i++) await makeBatch(pool, callers[i % 2]!, { numbers });
  return { pool, deadlocks, callers };
}

/** One of another worker, who makes nobody wait for what it took back. */
const makeRescuer = (pool: Pool) =>
  new LineStore({ pool, workerId: newId('worker'), now: () => Date.now(), waitsMs: [0, 0, 0] });

onEveryPostgres('locks of lines', (database) => {
  it('never makes anybody wait in a circle, and loses no line', { timeout: 120_000 }, async () => {
    const { pool, deadlocks, callers } = await setUp(await database());
    const holds = new HoldBook(pool, 2);
    const callerOf = (projectId: string) => callers.find((caller) => caller.projectId === projectId)!;
    let working = true;

    const work = async (place: number) => {
      for (let life = 0; ; life++) {
        const workerId = newId('worker');
        await pool.query(
          "INSERT INTO batch_workers (id, alive_until) VALUES ($1, now() + interval '1 hour')",
          [workerId],
        );
        const store = new LineStore({ pool, workerId, now: () => Date.now() });
        const rescuer = makeRescuer(pool);
        const settler = new LineSettler({
          pool,
          workerId,
          // Gateways by themselves never write the same rollups; workers of one gateway and its callers do.
          settlementRow: (settlement, now) => settlementRow(settlement, `gateway-${place % 2}`, secrets, now),
          now: () => Date.now(),
          over: () => undefined,
        });
        for (let round = 0; ; round++) {
          const lines = await store.claim(7 + place);
          if (lines.length === 0) return;
          const late = lines.map(async (line) => {
            const settlement = makeSettlement(callerOf(line.projectId), { tier: 'batch' });
            await holds.take(makeAsking(callerOf(line.projectId), settlement.requestId));
            const verdict =
              line.attempt < 3 && line.number % 5 === 0
                ? ({ outcome: 'again', waitMs: 0 } as const)
                : ({ outcome: 'done', succeeded: true, body: '{}' } as const);
            const cost = verdict.outcome === 'done' ? 700n : 0n;
            const all = { ...settlement, cost };
            // Every other life ends while its lines are being settled: some are written, some are lost.
            return settler.write({ line, requestId: all.requestId, verdict, settlement: all });
          });
          if (life % 2 === 0 && round === 2 && life < 6) {
            await pool.query('DELETE FROM batch_workers WHERE id = $1', [workerId]);
            await rescuer.takeBack();
            await Promise.all(late);
            break;
          }
          await Promise.all(late);
        }
      }
    };
    const interact = async (place: number) => {
      const settler = new Settler({ pool, secrets, gatewayName: `gateway-${place}`, concurrency: 2 });
      while (working) {
        await Promise.all(
          callers.flatMap((caller) =>
            [1, 2, 3].map(async () => {
              const settlement = makeSettlement(caller);
              await holds.take(makeAsking(caller, settlement.requestId));
              await settler.settle(settlement);
            }),
          ),
        );
      }
    };
    const disturb = async () => {
      const rescuer = makeRescuer(pool);
      while (working) {
        await rescuer.takeBack();
        await pool.query(
          'UPDATE batches SET metadata = metadata WHERE id IN (SELECT id FROM batches ORDER BY random() LIMIT 1)',
        );
      }
    };
    const others = [interact(0), interact(1), disturb()];
    await Promise.all([0, 1, 2, 3].map(work));
    // What was taken back after the others had looked for the last time.
    await work(4);
    working = false;
    await Promise.all(others);
    expect(deadlocks()).toBe(0);
    const { rows } = await pool.query(
      `SELECT sum(completed)::int AS completed, sum(failed)::int AS failed,
        (SELECT count(*)::int FROM batch_results) AS results FROM batches`,
    );
    expect(rows).toEqual([{ completed: BATCHES * LINES, failed: 0, results: BATCHES * LINES }]);
    expect(await checkInvariants(pool)).toEqual([]);
  });
});
