import { newId } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import { expect, it } from 'vitest';
import type { Caller, Settlement } from '../flow.ts';
import { Secrets } from '../store/secrets.ts';
import { inTenant } from '../store/tenant-fence.ts';
import { settleAll } from '../testing/logged.ts';
import { onEveryPostgres } from '../testing/postgres.ts';
import { makeSettlement, makeTenant } from '../testing/tenant.ts';
import { filterOf } from './log-filter.ts';
import { eventTime, type TailOptions, tailEvents } from './tail.ts';

const secrets = new Secrets('a secret of the tests, long enough');
/** Looks at once, so that no test waits. */
const TIMES = { pollMs: 5, admitMs: 3_600_000, heartbeatMs: 3_600_000 };

function follow(pool: Pool, { organizationId, projectId }: Caller, changes: Partial<TailOptions> = {}) {
  const hangup = new AbortController();
  const events = tailEvents({
    projectId,
    filter: filterOf({}),
    lastEventId: null,
    hangup: hangup.signal,
    read: (work) => inTenant(pool, { organizationId, projectId }, work),
    stillAdmitted: async () => true,
    times: TIMES,
    ...changes,
  });
  return { events, hangup };
}

const failed = (caller: Caller, changes: Partial<Settlement> = {}) =>
  makeSettlement(caller, { startedAt: Date.now(), held: false, cost: 0n, status: 503, ...changes });

/** Reads until so many requests came. @returns their ids, and the id of the last event */
async function told(events: AsyncGenerator<string>, count: number): Promise<{ ids: string[]; last: string }> {
  const ids: string[] = [];
  let last = '';
  while (ids.length < count) {
    const { value = '', done } = await events.next();
    if (done) break;
    for (const event of value.split('\n\n')) {
      const data = /^data: (.*)$/m.exec(event)?.[1];
      if (data === undefined) continue;
      ids.push(JSON.parse(data).id);
      last = /^id: (.*)$/m.exec(event)?.[1] ?? last;
    }
  }
  return { ids, last };
}

/** The first two pieces come before the first look is over: from then on nothing is missed. */
async function connected(pool: Pool, caller: Caller, changes: Partial<TailOptions> = {}) {
  const { events, hangup } = follow(pool, caller, { times: { ...TIMES, heartbeatMs: 0 }, ...changes });
  expect((await events.next()).value).toBe('retry: 2000\n\n');
  expect((await events.next()).value).toBe(': alive\n\n');
  return { events, hangup };
}

onEveryPostgres('the live tail', (database) => {
  it('tells what settles, from whichever gateway, also what began long before, once each', async () => {
    const pool = await database();
    const { caller } = await makeTenant(pool, secrets);
    const { caller: stranger } = await makeTenant(pool, secrets);
    const earlier = failed(caller);
    await settleAll(pool, secrets, [earlier]);
    const { events, hangup } = await connected(pool, caller);
    const hourAgo = Date.now() - 3_600_000;
    const long = failed(caller, { requestId: newId('request', hourAgo), startedAt: hourAgo });
    const quick = failed(caller);
    await settleAll(pool, secrets, [failed(stranger), quick], 'gateway-2');
    await settleAll(pool, secrets, [long], 'gateway-3');
    const { ids } = await told(events, 2);
    expect(ids.sort()).toEqual([long.requestId, quick.requestId].sort());
    const last = failed(caller);
    await settleAll(pool, secrets, [last]);
    expect((await told(events, 1)).ids).toEqual([last.requestId]);
    hangup.abort();
    for await (const rest of events) expect(rest).toBe(': alive\n\n');
  });

  it('tells only what the filter lets through', async () => {
    const pool = await database();
    const { caller } = await makeTenant(pool, secrets);
    const { events, hangup } = await connected(pool, caller, { filter: filterOf({ status: '5xx' }) });
    const wanted = failed(caller);
    await settleAll(pool, secrets, [failed(caller, { status: 429 }), wanted]);
    expect((await told(events, 1)).ids).toEqual([wanted.requestId]);
    hangup.abort();
  });

  it('goes on where a connection broke', async () => {
    const pool = await database();
    const { caller } = await makeTenant(pool, secrets);
    const first = await connected(pool, caller);
    const before = failed(caller);
    await settleAll(pool, secrets, [before]);
    const { last } = await told(first.events, 1);
    first.hangup.abort();
    const missed = failed(caller);
    await settleAll(pool, secrets, [missed]);
    const again = follow(pool, caller, { lastEventId: last });
    const ids = new Set<string>();
    while (!ids.has(missed.requestId)) for (const id of (await told(again.events, 1)).ids) ids.add(id);
    expect([...ids].every((id) => [before.requestId, missed.requestId].includes(id))).toBe(true);
    again.hangup.abort();
  });

  it('says that something is missing when it is too far behind', async () => {
    const pool = await database();
    const { caller } = await makeTenant(pool, secrets);
    const lastEventId = `${Date.now() - 3_600_000}-${newId('request')}`;
    const { events, hangup } = follow(pool, caller, { lastEventId });
    await events.next();
    expect((await events.next()).value).toMatch(/^event: gap\ndata: \{"from":/);
    hangup.abort();
  });

  it('catches up with more than one look reads', async () => {
    const pool = await database();
    const { caller } = await makeTenant(pool, secrets);
    const { events, hangup } = await connected(pool, caller);
    const many = Array.from({ length: 1_200 }, () => failed(caller));
    await settleAll(pool, secrets, many);
    const { ids } = await told(events, many.length);
    expect(new Set(ids)).toEqual(new Set(many.map((one) => one.requestId)));
    expect(ids).toHaveLength(many.length);
    hangup.abort();
  });

  it('ends with the session or the membership', async () => {
    const pool = await database();
    const { caller } = await makeTenant(pool, secrets);
    let admitted = true;
    const { events } = follow(pool, caller, {
      stillAdmitted: async () => admitted,
      times: { ...TIMES, admitMs: 0, heartbeatMs: 0 },
    });
    await events.next();
    expect((await events.next()).value).toBe(': alive\n\n');
    admitted = false;
    expect((await events.next()).value).toBe('event: end\ndata: {}\n\n');
    expect((await events.next()).done).toBe(true);
  });
});

it('reads the ids of its own events only', () => {
  const id = newId('request');
  expect(eventTime(`1700000000000-${id}`)).toBe(1_700_000_000_000);
  for (const other of [null, '', id, '17', `x-${id}`, `1-${id}'; DROP`]) expect(eventTime(other)).toBeNull();
});
