import { setTimeout as sleep } from 'node:timers/promises';
import { checkInvariants, readBalance } from '@zerogpu/ledger';
import { expect, it } from 'vitest';
import { Settler } from '../metering/settle.ts';
import { HoldBook } from '../quota/hold-money.ts';
import { killableDatabase } from '../testing/postgres.ts';
import { makeAsking, makeSettlement, makeTenant } from '../testing/tenant.ts';
import { Secrets } from './secrets.ts';

const CALLERS = 20;
const KILLS = 4;
const COST = 700n;
const BALANCE = 10n ** 12n;

it('a database that is killed again and again under load loses nothing that was settled, and settles nothing twice', async () => {
  const { server, pool } = await killableDatabase();
  const secrets = new Secrets('a secret of the tests, long enough');
  const { caller } = await makeTenant(pool, secrets, BALANCE);
  const holds = new HoldBook(pool);
  const settler = new Settler({ pool, secrets, gatewayName: 'test' });
  const settled: string[] = [];
  const failures: string[] = [];
  let running = true;

  const one = async () => {
    const settlement = makeSettlement(caller, { cost: COST });
    const { requestId } = settlement;
    await holds.take(makeAsking(caller, requestId, { amount: COST }));
    await settler.settle(settlement);
    settled.push(requestId);
  };
  const callers = Array.from({ length: CALLERS }, async () => {
    // A hold that the crash forgot, or a database that is away for longer than the patience with it.
    while (running) await one().catch((error: unknown) => failures.push(String(error)));
  });
  for (let kill = 0; kill < KILLS; kill++) {
    const before = settled.length;
    while (settled.length < before + 100) await sleep(5);
    const killed = server.pid;
    process.kill(killed, 'SIGKILL');
    // Its children serve on for a moment; only the next server can be killed again.
    while (server.pid === killed) await sleep(5);
  }
  const before = settled.length;
  while (settled.length < before + 100) await sleep(5);
  running = false;
  await Promise.all(callers);

  const { rows } = await pool.query('SELECT id FROM requests WHERE project_id = $1', [caller.projectId]);
  const inLog = new Set(rows.map((row) => row.id));
  expect(settled.filter((id) => !inLog.has(id))).toEqual([]);
  const balance = await readBalance(pool, caller.walletId);
  expect(BALANCE - balance!.balance).toBe(BigInt(inLog.size) * COST);
  expect(await checkInvariants(pool)).toEqual([]);
  // Nearly all go through: they wait for the database rather than fail.
  expect(settled.length).toBeGreaterThan(failures.length);
});
