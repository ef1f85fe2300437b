import { randomUUID } from 'node:crypto';
import { ApiError, newId } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import { expect, it } from 'vitest';
import { type RefusedCall, RefusedKey } from '../flow.ts';
import { silentLog } from '../store/log.ts';
import { Secrets } from '../store/secrets.ts';
import { onEveryPostgres } from '../testing/postgres.ts';
import { makeTenant } from '../testing/tenant.ts';
import { checkRollups } from './check-rollups.ts';
import { RefusedCalls } from './refused-calls.ts';
import { Settler } from './settle.ts';

const secrets = new Secrets('a secret of the tests, long enough');
const NO_KEY = new ApiError('invalid_api_key');

async function setUp(pool: Pool) {
  const { caller } = await makeTenant(pool, secrets);
  const settler = new Settler({ pool, secrets, gatewayName: 'gateway-1' });
  const clock = { now: Date.now() };
  const seen = { queries: 0 };
  const counting = new Proxy(pool, {
    get(target, name) {
      if (name === 'query') seen.queries += 1;
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const calls = new RefusedCalls({
    pool: counting,
    log: silentLog,
    settle: (settlement) => settler.settle(settlement),
    now: () => clock.now,
    // Only when a test says so.
    everyMs: 3_600_000,
  });
  const refuse = (project: string | null, error = NO_KEY) => {
    const requestId = newId('request', clock.now);
    const call: RefusedCall = {
      requestId,
      startedAt: clock.now,
      endpoint: 'responses',
      project,
      error,
      totalMs: 1,
    };
    calls.offer(call);
    return requestId;
  };
  const logged = async () => {
    const { rows } = await pool.query(
      'SELECT project_id, id, status, error_code, key_id, cost FROM requests ORDER BY id',
    );
    return rows;
  };
  return { caller, calls, refuse, logged, clock, seen };
}

onEveryPostgres('refused calls', (database) => {
  it('stand in the log of the project that they name, archived or not, and of no other', async () => {
    const pool = await database();
    const { caller, calls, refuse, logged } = await setUp(pool);
    await pool.query("UPDATE projects SET status = 'archived'");
    const id = refuse(caller.projectId.toUpperCase());
    for (const name of [null, '', 'x', randomUUID(), `${caller.projectId}'`, '\0', caller.projectId.slice(1)])
      refuse(name);
    await calls.close();
    expect(await logged()).toEqual([
      {
        project_id: caller.projectId,
        id,
        status: 401,
        error_code: 'invalid_api_key',
        key_id: null,
        cost: 0n,
      },
    ]);
    const { rows } = await pool.query("SELECT key_id, status FROM usage_rollups WHERE resolution = 'minute'");
    expect(rows).toEqual([{ key_id: '00000000-0000-0000-0000-000000000000', status: 401 }]);
    expect(await checkRollups(pool)).toEqual([]);
  });

  it('name a known key in its own project’s log only', async () => {
    const pool = await database();
    const { caller, calls, refuse, logged } = await setUp(pool);
    const { caller: other } = await makeTenant(pool, secrets);
    const cause = new RefusedKey(caller);
    const ids = [
      refuse(caller.projectId, new ApiError('invalid_api_key', { cause })),
      refuse(null, new ApiError('invalid_project', { cause })),
      refuse(other.projectId, new ApiError('invalid_project', { cause })),
    ];
    await calls.close();
    const rows = await logged();
    const found = ids
      .map((id) => rows.find((row) => row.id === id))
      .map((row) => [row.project_id, row.key_id]);
    expect(found).toEqual([
      [caller.projectId, caller.keyId],
      [caller.projectId, caller.keyId],
      [other.projectId, null],
    ]);
  });

  it('are sixty a minute of one project, and as many again in the next', async () => {
    const pool = await database();
    const { caller, calls, refuse, logged, clock } = await setUp(pool);
    for (let i = 0; i < 100; i++) refuse(caller.projectId);
    await calls.flush();
    for (let i = 0; i < 100; i++) refuse(caller.projectId);
    await calls.flush();
    expect(await logged()).toHaveLength(60);
    clock.now += 60_000;
    refuse(caller.projectId);
    await calls.close();
    expect(await logged()).toHaveLength(61);
  });

  it('in a flood of names cost one look, and do not crowd out a project for longer', async () => {
    const pool = await database();
    const { caller, calls, refuse, logged, seen } = await setUp(pool);
    for (let i = 0; i < 100_000; i++) refuse(randomUUID());
    refuse(caller.projectId);
    await calls.flush();
    expect([seen.queries, await logged()]).toEqual([1, []]);
    refuse(caller.projectId);
    await calls.flush();
    expect(await logged()).toHaveLength(1);
    // Known now: no look at all.
    refuse(caller.projectId);
    await calls.close();
    expect([seen.queries, (await logged()).length]).toEqual([2, 2]);
  });

  it('are let go when the database fails', async () => {
    const pool = await database();
    const { caller, calls, refuse, logged } = await setUp(pool);
    await pool.query('ALTER TABLE projects RENAME TO projects_away');
    refuse(caller.projectId);
    await calls.flush();
    await pool.query('ALTER TABLE projects_away RENAME TO projects');
    refuse(caller.projectId);
    await calls.close();
    expect(await logged()).toHaveLength(1);
  });
});
