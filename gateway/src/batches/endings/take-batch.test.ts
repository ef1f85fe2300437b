import { expect, it } from 'vitest';
import { Secrets } from '../../store/secrets.ts';
import { makeBatch } from '../../testing/batches.ts';
import { onEveryPostgres } from '../../testing/postgres.ts';
import { makeTenant } from '../../testing/tenant.ts';
import { findBatches } from './take-batch.ts';

const secrets = new Secrets('a secret of the tests, long enough');

onEveryPostgres('batches that are to end', (database) => {
  it('are those of each organization in turn, so that nobody waits behind the many of another', async () => {
    const pool = await database();
    const [many, few] = [await makeTenant(pool, secrets), await makeTenant(pool, secrets)];
    const make = async (caller: typeof many.caller, count: number) => {
      const ids: string[] = [];
      for (let i = 0; i < count; i++) ids.push(await makeBatch(pool, caller, { status: 'cancelling' }));
      // Those of one millisecond have any order.
      return ids.sort();
    };
    const before = await make(many.caller, 20);
    const own = await make(few.caller, 2);
    const found = await findBatches({ pool, workerId: 'wrk_test', now: Date.now }, [before[0]!]);
    expect(found).toEqual([before[1], own[0], before[2], own[1], ...before.slice(3, 7)]);
  });
});
