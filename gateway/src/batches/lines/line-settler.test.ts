import { checkInvariants, readBalance } from '@zerogpu/ledger';
import { newId } from '@zerogpu/protocol';
import fc from 'fast-check';
import type { Pool } from 'pg';
import { expect, it } from 'vitest';
import type { Caller, Settlement } from '../../flow.ts';
import { settlementRow } from '../../metering/settle.ts';
import { HoldBook } from '../../quota/hold-money.ts';
import { Secrets } from '../../store/secrets.ts';
import { makeBatch } from '../../testing/batches.ts';
import { onEveryPostgres } from '../../testing/postgres.ts';
import { makeAsking, makeSettlement, makeTenant } from '../../testing/tenant.ts';
import type { Verdict } from './line-outcome.ts';
import { LineSettler, type LineWriting } from './line-settler.ts';
import { type ClaimedLine, LineStore } from './line-store.ts';

const secrets = new Secrets('a secret of the tests, long enough');
const COST = 700n;
const BALANCE = 1_000_000n;
const DONE: Verdict = { outcome: 'done', succeeded: true, body: '{"answer":"\\u0000 yes"}' };
const FAILED: Verdict = { outcome: 'done', succeeded: false, body: '{"code":"internal_error"}' };

async function setUp(pool: Pool) {
  const { caller } = await makeTenant(pool, secrets, BALANCE);
  const holds = new HoldBook(pool);
  const over: string[] = [];
  const worker = async () => {
    const workerId = newId('worker');
    await pool.query("INSERT INTO batch_workers (id, alive_until) VALUES ($1, now() + interval '1 minute')", [
      workerId,
    ]);
    const store = new LineStore({ pool, workerId, now: () => Date.now(), waitsMs: [0, 0, 0] });
    const row = (settlement: Settlement, now: number) => settlementRow(settlement, 'gateway-1', secrets, now);
    const settler = new LineSettler({
      pool,
      workerId,
      settlementRow: row,
      now: () => Date.now(),
      over: (ids) => over.push(...ids),
    });
    const die = () => pool.query('DELETE FROM batch_workers WHERE id = $1', [workerId]);
    return { id: workerId, store, settler, die };
  };
  /** A run of a line that holds money and ends so. */
  const run = async (
    line: ClaimedLine,
    verdict: Verdict,
    changes: Partial<Settlement> = {},
  ): Promise<LineWriting> => {
    const cost = verdict.outcome === 'done' && verdict.succeeded ? COST : 0n;
    const settlement = makeSettlement(caller, { tier: 'batch', cost, ...changes });
    const { requestId } = settlement;
    if (settlement.held) await holds.take(makeAsking(caller, requestId));
    return { line, requestId, verdict, settlement };
  };
  return {
    caller,
    holds,
    over,
    worker,
    run,
    batch: (numbers: readonly number[]) => makeBatch(pool, caller, { numbers }),
  };
}

const range = (to: number) => Array.from({ length: to }, (_, i) => i + 1);

async function all<T>(pool: Pool, text: string): Promise<T[]> {
  return (await pool.query(text)).rows as T[];
}

const counts = (pool: Pool) => all(pool, 'SELECT completed, failed FROM batches ORDER BY id');
const results = (pool: Pool) =>
  all<{ number: number; request_id: string | null; succeeded: boolean; body: string }>(
    pool,
    'SELECT number, succeeded, request_id, body FROM batch_results ORDER BY batch_id, number',
  );
const logged = async (pool: Pool) =>
  (await all<{ id: string }>(pool, 'SELECT id FROM requests ORDER BY id')).map(({ id }) => id);

/** Whatever happens: counters are results, every charge belongs to one result, the books add up. */
async function expectWhole(pool: Pool, caller: Caller) {
  const [sums] = await all<Record<string, number>>(
    pool,
    `SELECT (SELECT count(*)::int FROM batch_results WHERE succeeded) AS succeeded,
      (SELECT count(*)::int FROM batch_results WHERE NOT succeeded) AS failed,
      (SELECT coalesce(sum(completed), 0)::int FROM batches) AS counted,
      (SELECT coalesce(sum(failed), 0)::int FROM batches) AS counted_failed,
      (SELECT count(*)::int FROM batch_lines WHERE state = 'done') AS done,
      (SELECT count(*)::int FROM ledger.postings WHERE kind = 'charge') AS charges,
      (SELECT count(*)::int FROM ledger.postings p JOIN batch_results r ON r.request_id = p.request_id
        WHERE p.kind = 'charge' AND r.succeeded) AS charged_results`,
  );
  expect(sums).toMatchObject({ counted: sums?.['succeeded'], counted_failed: sums?.['failed'] });
  expect(sums?.['done']).toBe((sums?.['succeeded'] ?? 0) + (sums?.['failed'] ?? 0));
  expect(sums?.['charges']).toBe(sums?.['succeeded']);
  expect(sums?.['charged_results']).toBe(sums?.['succeeded']);
  const balance = await readBalance(pool, caller.walletId);
  expect(balance?.balance).toBe(BALANCE - BigInt(sums?.['succeeded'] ?? 0) * COST);
  expect(await checkInvariants(pool)).toEqual([]);
}

onEveryPostgres('settling lines', (database) => {
  it('writes result, state, counters, charge and log together, and tells when the last line is done', async () => {
    const pool = await database();
    const { caller, worker, run, batch, over } = await setUp(pool);
    const id = await batch([1, 2]);
    const { store, settler } = await worker();
    const [first, second] = await store.claim(2);
    const good = await run(first!, DONE);
    expect(await settler.write(good)).toBe('settled');
    expect(over).toEqual([]);
    const bad = await run(second!, FAILED, { status: 420, errorCode: 'insufficient_quota' });
    expect(await settler.write(bad)).toBe('settled');
    expect(over).toEqual([id]);
    expect(await results(pool)).toEqual([
      { number: 1, succeeded: true, request_id: good.requestId, body: '{"answer":"\\u0000 yes"}' },
      { number: 2, succeeded: false, request_id: bad.requestId, body: '{"code":"internal_error"}' },
    ]);
    expect(await counts(pool)).toEqual([{ completed: 1, failed: 1 }]);
    expect(await logged(pool)).toEqual([good.requestId, bad.requestId].sort());
    expect(await readBalance(pool, caller.walletId)).toMatchObject({ balance: BALANCE - COST, held: 0n });
    await expectWhole(pool, caller);
  });

  it('hands a line that failed out again after its time, with its failure in the log', async () => {
    const pool = await database();
    const { caller, worker, run, batch } = await setUp(pool);
    await batch([1]);
    const { store, settler } = await worker();
    const [line] = await store.claim(1);
    const failure = await run(line!, { outcome: 'again', waitMs: 60_000 }, { status: 503, cost: 0n });
    expect(await settler.write(failure)).toBe('settled');
    expect(await store.claim(1)).toEqual([]);
    expect(await logged(pool)).toEqual([failure.requestId]);
    expect(await counts(pool)).toEqual([{ completed: 0, failed: 0 }]);
    await pool.query("UPDATE batch_lines SET not_before = now() - interval '1 second'");
    expect(await store.claim(1)).toMatchObject([{ number: 1, attempt: 2 }]);
    expect(await readBalance(pool, caller.walletId)).toMatchObject({ balance: BALANCE, held: 0n });
  });

  it('gives a line back that found no room: uncounted, unlogged, its money free, its batch paused', async () => {
    const pool = await database();
    const { caller, worker, run, batch } = await setUp(pool);
    await batch([1, 2]);
    const { store, settler } = await worker();
    const [line] = await store.claim(1);
    await settler.write(await run(line!, { outcome: 'back', waitMs: 60_000 }, { status: 503, cost: 0n }));
    expect(await store.claim(10)).toEqual([]);
    expect(await logged(pool)).toEqual([]);
    expect(await readBalance(pool, caller.walletId)).toMatchObject({ balance: BALANCE, held: 0n });
    await pool.query('UPDATE batches SET paused_until = NULL');
    await pool.query(
      "UPDATE batch_lines SET not_before = now() - interval '1 second' WHERE not_before IS NOT NULL",
    );
    expect((await store.claim(10)).map(({ number, attempt }) => [number, attempt])).toEqual([
      [1, 1],
      [2, 1],
    ]);
  });

  it('writes a result without a request, as of a key that is gone', async () => {
    const pool = await database();
    const { caller, worker, batch, over } = await setUp(pool);
    const id = await batch([1]);
    const { store, settler } = await worker();
    const [line] = await store.claim(1);
    const writing = { line: line!, requestId: newId('request'), verdict: FAILED, settlement: null };
    expect(await settler.write(writing)).toBe('settled');
    expect(await settler.write(writing)).toBe('line_lost');
    expect(over).toEqual([id]);
    expect(await results(pool)).toHaveLength(1);
    expect(await logged(pool)).toEqual([]);
    await expectWhole(pool, caller);
  });

  it('lets nobody write who slept while another took over, and charges them nothing', async () => {
    const pool = await database();
    const { caller, worker, run, batch } = await setUp(pool);
    await batch([1, 2, 3]);
    const asleep = await worker();
    const lines = await asleep.store.claim(3);
    const late = await Promise.all(lines.map((line) => run(line, DONE)));
    await asleep.die();
    const awake = await worker();
    await awake.store.takeBack();
    const taken = await awake.store.claim(2);
    expect(await awake.settler.write(await run(taken[0]!, DONE))).toBe('settled');
    // One is done by another, one is under way there, one waits.
    expect(await Promise.all(late.map((one) => asleep.settler.write(one)))).toEqual([
      'line_lost',
      'line_lost',
      'line_lost',
    ]);
    expect(await results(pool)).toHaveLength(1);
    expect(await readBalance(pool, caller.walletId)).toMatchObject({ balance: BALANCE - COST, held: 0n });
    expect(await awake.settler.write(await run(taken[1]!, DONE))).toBe('settled');
    await expectWhole(pool, caller);
  });

  it('writes what has the line and not what lost it, in one group', async () => {
    const pool = await database();
    const { caller, worker, run, batch } = await setUp(pool);
    await batch(range(6));
    const one = await worker();
    const lines = await one.store.claim(6);
    const writings = await Promise.all(lines.map((line) => run(line, line.number % 2 ? DONE : FAILED)));
    await pool.query('UPDATE batch_lines SET attempts = 2 WHERE number IN (1, 4)');
    const words = await Promise.all(writings.map((writing) => one.settler.write(writing)));
    expect(words).toEqual(['line_lost', 'settled', 'settled', 'line_lost', 'settled', 'settled']);
    expect((await results(pool)).map(({ number }) => number)).toEqual([2, 3, 5, 6]);
    expect(await readBalance(pool, caller.walletId)).toMatchObject({ held: 0n });
    await expectWhole(pool, caller);
  });

  it('says so when the money went back before, and leaves the line with its worker', async () => {
    const pool = await database();
    const { caller, worker, run, batch } = await setUp(pool);
    await batch([1, 2]);
    const { store, settler } = await worker();
    const [first, second] = await store.claim(2);
    const [lost, good] = [await run(first!, DONE), await run(second!, DONE)];
    await pool.query('DELETE FROM ledger.holds WHERE request_id = $1', [lost.requestId]);
    await pool.query('UPDATE ledger.accounts SET held = held - 1000 WHERE id = $1', [caller.walletId]);
    expect(await Promise.all([settler.write(lost), settler.write(good)])).toEqual(['hold_lost', 'settled']);
    const failure = { ...lost, verdict: FAILED, settlement: { ...lost.settlement!, cost: 0n, status: 504 } };
    expect(await settler.write(failure)).toBe('settled');
    await expectWhole(pool, caller);
  });

  it('finds itself settled when the answer of the first call was lost', async () => {
    const pool = await database();
    const { caller, worker, run, batch } = await setUp(pool);
    await batch([1, 2]);
    const { id, store, settler } = await worker();
    const [first, second] = await store.claim(2);
    const done = await run(first!, DONE);
    const again = await run(second!, { outcome: 'again', waitMs: 0 }, { status: 503, cost: 0n });
    // A pool that loses the answer of each call that succeeded, once.
    let lost = 0;
    const losing = {
      async query(...asked: [never]) {
        const answer = await pool.query(...asked);
        if (lost++ === 0) throw Object.assign(new Error('Connection terminated'), { code: '57P01' });
        return answer;
      },
    };
    const unlucky = new LineSettler({
      pool: losing as never,
      workerId: id,
      settlementRow: (settlement, now) => settlementRow(settlement, 'gateway-1', secrets, now),
      now: () => Date.now(),
      over: () => undefined,
    });
    expect(await Promise.all([unlucky.write(done), unlucky.write(again)])).toEqual([
      'already_settled',
      'already_settled',
    ]);
    expect(lost).toBe(2);
    expect(await settler.write(done)).toBe('line_lost');
    expect(await logged(pool)).toHaveLength(2);
    await expectWhole(pool, caller);
  });

  it('keeps the books whole whatever workers do at once, with deaths and sleepers among them', {
    timeout: 120_000,
  }, async () => {
    const pool = await database();
    const { caller, worker, run, batch } = await setUp(pool);
    const scripts = fc.array(fc.constantFrom('done', 'failed', 'again', 'back', 'die', 'sleep', 'unlogged'), {
      minLength: 40,
      maxLength: 40,
    });
    const lines = 60;
    await fc.assert(
      fc.asyncProperty(scripts, fc.integer({ min: 2, max: 5 }), async (script, many) => {
        await batch(range(lines / 2));
        await batch(range(lines / 2));
        const acts = [...script];
        const sleepers: (() => Promise<unknown>)[] = [];
        const act = async (me: Awaited<ReturnType<typeof worker>>, line: ClaimedLine): Promise<unknown> => {
          const what = acts.pop() ?? 'done';
          if (what === 'done' || what === 'failed')
            return me.settler.write(await run(line, what === 'done' ? DONE : FAILED));
          if (what === 'unlogged')
            return me.settler.write({ line, requestId: null, verdict: FAILED, settlement: null });
          const late = await run(
            line,
            what === 'sleep' ? DONE : { outcome: what === 'back' ? 'back' : 'again', waitMs: 0 },
            what === 'sleep' ? {} : { cost: 0n },
          );
          if (what === 'die' || what === 'sleep') return sleepers.push(() => me.settler.write(late));
          return me.settler.write(late);
        };
        const rescuer = await worker();
        const work = async () => {
          for (;;) {
            const me = await worker();
            for (;;) {
              const claimed = await me.store.claim(4);
              if (claimed.length === 0) return;
              const before = sleepers.length;
              await Promise.all(claimed.map((line) => act(me, line)));
              if (sleepers.length > before) break;
            }
            await me.die();
            await rescuer.store.takeBack();
          }
        };
        await Promise.all(Array.from({ length: many }, work));
        await Promise.all(sleepers.map((late) => late()));
        const last = await worker();
        // What the last sleepers of others left.
        for (;;) {
          await pool.query('DELETE FROM batch_workers WHERE id <> $1', [last.id]);
          await last.store.takeBack();
          const claimed = await last.store.claim(100);
          if (claimed.length === 0) break;
          await Promise.all(claimed.map(async (line) => last.settler.write(await run(line, DONE))));
        }
        expect(await results(pool)).toHaveLength(lines);
        await expectWhole(pool, caller);
        expect(await readBalance(pool, caller.walletId)).toMatchObject({ held: 0n });
        await pool.query(
          'DELETE FROM batch_results; DELETE FROM batch_lines; DELETE FROM batches; DELETE FROM requests',
        );
        await pool.query(
          "SET session_replication_role = replica; DELETE FROM ledger.postings WHERE kind = 'charge'; SET session_replication_role = DEFAULT",
        );
        await pool.query(
          `UPDATE ledger.accounts SET balance = CASE kind WHEN 'wallet' THEN ${BALANCE} WHEN 'earnings' THEN 0 ELSE balance END`,
        );
      }),
      { numRuns: 12 },
    );
  });
});
