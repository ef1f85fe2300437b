import { randomUUID } from 'node:crypto';
import { newId } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import { expect, it } from 'vitest';
import type { Caller } from '../../flow.ts';
import { Secrets } from '../../store/secrets.ts';
import { makeBatch } from '../../testing/batches.ts';
import { onEveryPostgres } from '../../testing/postgres.ts';
import { makeTenant } from '../../testing/tenant.ts';
import { LineStore } from './line-store.ts';

const secrets = new Secrets('a secret of the tests, long enough');
const START = Date.UTC(2030, 0, 1);

async function setUp(pool: Pool) {
  const { caller } = await makeTenant(pool, secrets);
  const clock = { now: START };
  const worker = async (aliveMs = 60_000) => {
    const workerId = newId('worker');
    await live(pool, workerId, aliveMs);
    return { id: workerId, store: new LineStore({ pool, workerId, now: () => clock.now }) };
  };
  const batch = (changes: Parameters<typeof makeBatch>[2] = {}) =>
    makeBatch(pool, caller, { expiresAt: START + 86_400_000, ...changes });
  return { caller, clock, worker, batch };
}

async function live(pool: Pool, id: string, ms: number) {
  await pool.query(
    `INSERT INTO batch_workers (id, alive_until) VALUES ($1, now() + $2 * interval '1 millisecond')
     ON CONFLICT (id) DO UPDATE SET alive_until = excluded.alive_until`,
    [id, ms],
  );
}

/** What came back is handed out again at once. */
const due = (pool: Pool) =>
  pool.query("UPDATE batch_lines SET not_before = 'epoch' WHERE not_before IS NOT NULL");

async function anotherProject(pool: Pool, caller: Caller): Promise<Caller> {
  const projectId = randomUUID();
  const values = [projectId, caller.organizationId];
  await pool.query("INSERT INTO projects (id, organization_id, name) VALUES ($1, $2, 'another')", values);
  return { ...caller, projectId };
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

async function linesOf(pool: Pool, batchId: string) {
  const { rows } = await pool.query<{ state: string; attempts: number; worker_id: string | null }>(
    'SELECT number, state, attempts, worker_id FROM batch_lines WHERE batch_id = $1 ORDER BY number',
    [batchId],
  );
  return rows;
}

onEveryPostgres('handing out lines', (database) => {
  it('hands lines out in their order, each once, with what asking them takes', async () => {
    const pool = await database();
    const { caller, worker, batch } = await setUp(pool);
    const id = await batch({ inputFileId: 'file-1' });
    const { store, id: workerId } = await worker();
    const first = await store.claim(4);
    expect(first.map((line) => line.number)).toEqual([1, 2, 3, 4]);
    expect(first[1]).toEqual({
      batchId: id,
      number: 2,
      attempt: 1,
      start: 10,
      length: 10,
      projectId: caller.projectId,
      keyId: caller.keyId,
      endpoint: '/v1/chat/completions',
      inputFileId: 'file-1',
    });
    expect((await store.claim(100)).map((line) => line.number)).toEqual(range(5, 10));
    expect(await store.claim(100)).toEqual([]);
    const other = await batch({ numbers: [1] });
    expect(await store.claim(100, [id, other])).toEqual([]);
    expect(await store.claim(100, [id])).toMatchObject([{ batchId: other }]);
    expect(new Set((await linesOf(pool, id)).map((line) => `${line.state} ${line.worker_id}`))).toEqual(
      new Set([`running ${workerId}`]),
    );
  });

  it('gives batches turns, and takes of several what one alone does not have', async () => {
    const pool = await database();
    const { clock, worker, batch } = await setUp(pool);
    const large = await batch({ numbers: range(1, 100) });
    const { store } = await worker();
    expect((await store.claim(10)).every((line) => line.batchId === large)).toBe(true);
    const small = await batch({ numbers: [3, 7] });
    const other = await batch({ numbers: range(1, 100) });
    clock.now += 1;
    const mixed = await store.claim(10);
    const of = (batchId: string) =>
      mixed.filter((line) => line.batchId === batchId).map((line) => line.number);
    // Both waited longer than the large one; which comes first between them is open, and the small one has but two.
    expect(of(large)).toEqual([]);
    expect(of(small).length + of(other).length).toBe(10);
    clock.now += 1;
    const next = await store.claim(20);
    expect(next.filter((line) => line.batchId === large).map((line) => line.number)).toContain(11);
    clock.now += 1;
    expect(new Set((await store.claim(20)).map((line) => line.batchId)).size).toBe(1);
  });

  it('gives organizations turns, however many batches and projects they cut their work into', async () => {
    const pool = await database();
    const { clock, worker, batch } = await setUp(pool);
    const { store } = await worker();
    const large = await batch({ numbers: range(1, 100) });
    const { caller: other } = await makeTenant(pool, secrets);
    for (let i = 0; i < 40; i++) {
      const project = await anotherProject(pool, other);
      const expiresAt = START + 86_400_000;
      for (let j = 0; j < 2; j++) await makeBatch(pool, project, { numbers: [1], expiresAt });
    }
    const own: number[] = [];
    for (let i = 0; i < 6; i++) {
      clock.now += 1;
      own.push((await store.claim(8)).filter((line) => line.batchId === large).length);
    }
    expect(own.filter((lines) => lines === 8)).toHaveLength(3);
    expect(own.filter((lines) => lines === 0)).toHaveLength(3);
  });

  it('hands out long lines few at a time, and all of them in the end', async () => {
    const pool = await database();
    const { clock, worker, batch } = await setUp(pool);
    const { store } = await worker();
    const long = 1_048_576;
    const lengths = [100, 300_000, 100, long, long, 100];
    const ranges = lengths.map((length, i) => ({ start: i * long, length }));
    const id = await batch({ numbers: range(1, 6), ranges });
    await batch({ numbers: range(1, 50) });
    const claims: number[][] = [];
    for (let i = 0; i < 8; i++) {
      clock.now += 1;
      const lines = await store.claim(50);
      claims.push(lines.filter((line) => line.batchId === id).map((line) => line.number));
    }
    expect(claims.filter((lines) => lines.length > 0)).toEqual([[1, 2], [3, 4], [5], [6]]);
    await pool.query(
      "UPDATE batch_lines SET state = 'pending', not_before = $2 WHERE batch_id = $1 AND number > 3",
      [id, new Date(START)],
    );
    const again = [await store.claim(50), await store.claim(50)];
    expect(again.map((lines) => lines.map((line) => line.number))).toEqual([[4], [5]]);
  });

  it('gives the projects of an organization turns', async () => {
    const pool = await database();
    const { caller, clock, worker, batch } = await setUp(pool);
    const { store } = await worker();
    const project = await anotherProject(pool, caller);
    const expiresAt = START + 86_400_000;
    const batches = [await batch({ numbers: range(1, 50) })];
    batches.push(await makeBatch(pool, project, { numbers: range(1, 50), expiresAt }));
    const turns: string[] = [];
    for (let i = 0; i < 6; i++) {
      clock.now += 1;
      turns.push(...new Set((await store.claim(8)).map((line) => line.batchId)));
    }
    expect(batches.map((id) => turns.filter((turn) => turn === id).length)).toEqual([3, 3]);
  });

  it('hands out nothing of batches that are validated, paused, cancelled, over or expired', async () => {
    const pool = await database();
    const { clock, worker, batch } = await setUp(pool);
    for (const status of [
      'validating',
      'failed',
      'finalizing',
      'completed',
      'cancelling',
      'cancelled',
      'expired',
    ]) {
      await batch({ status });
    }
    await batch({ expiresAt: START });
    const paused = await batch();
    await pool.query('UPDATE batches SET paused_until = $2 WHERE id = $1', [paused, new Date(START + 1_000)]);
    const { store } = await worker();
    expect(await store.claim(100)).toEqual([]);
    clock.now = START + 1_000;
    expect(new Set((await store.claim(100)).map((line) => line.batchId))).toEqual(new Set([paused]));
  });

  it('hands out nothing to a worker that does not live', async () => {
    const pool = await database();
    const { worker, batch } = await setUp(pool);
    await batch();
    const { store } = await worker(-1);
    expect(await store.claim(100)).toEqual([]);
    const unknown = new LineStore({ pool, workerId: newId('worker'), now: () => START });
    expect(await unknown.claim(100)).toEqual([]);
  });

  it('hands no line out twice, however many workers ask at once', async () => {
    const pool = await database();
    const { worker, batch } = await setUp(pool);
    const batches = [await batch({ numbers: range(1, 150) }), await batch({ numbers: range(1, 150) })];
    const workers = await Promise.all(range(1, 8).map(() => worker()));
    const taken: string[] = [];
    await Promise.all(
      workers.map(async ({ store }, i) => {
        for (;;) {
          const lines = await store.claim(3 + i);
          if (lines.length === 0) return;
          taken.push(...lines.map((line) => `${line.batchId} ${line.number}`));
        }
      }),
    );
    expect(taken).toHaveLength(300);
    expect(new Set(taken)).toEqual(new Set(batches.flatMap((id) => range(1, 150).map((n) => `${id} ${n}`))));
  });

  it('takes back what dead workers have, and each of those times counts', async () => {
    const pool = await database();
    const { worker, batch } = await setUp(pool);
    const id = await batch({ numbers: [1, 2, 3] });
    const dead = await worker();
    const alive = await worker();
    await dead.store.claim(2);
    const [kept] = await alive.store.claim(1);
    expect((await alive.store.takeBack()).lines).toBe(0);
    await live(pool, dead.id, -1);
    expect(await alive.store.takeBack()).toEqual({ lines: 2, over: [], open: 1 });
    // Two of many that came back at once may be what it died of: each comes at another time.
    const { rows } = await pool.query<{ ms: number }>(
      'SELECT extract(epoch FROM not_before - $1) * 1000 AS ms FROM batch_lines WHERE not_before IS NOT NULL',
      [new Date(START)],
    );
    expect(rows).toHaveLength(2);
    for (const { ms } of rows) {
      expect(Number(ms)).toBeGreaterThanOrEqual(2_000);
      expect(Number(ms)).toBeLessThanOrEqual(4_000);
    }
    await due(pool);
    expect((await alive.store.claim(10)).map((line) => [line.number, line.attempt])).toEqual([
      [1, 2],
      [2, 2],
    ]);
    expect(kept?.number).toBe(3);
    expect((await linesOf(pool, id)).every((line) => line.worker_id === alive.id)).toBe(true);
  });

  it('does not hand out a fifth time what workers died of, and tells that the batch is over', async () => {
    const pool = await database();
    const { worker, batch } = await setUp(pool);
    const id = await batch({ numbers: [5] });
    const rescuer = await worker();
    for (const attempt of [1, 2, 3, 4]) {
      const dead = await worker();
      expect((await dead.store.claim(10)).map((line) => line.attempt)).toEqual([attempt]);
      await pool.query('DELETE FROM batch_workers WHERE id = $1', [dead.id]);
      expect(await rescuer.store.takeBack()).toMatchObject({ lines: 1, over: attempt === 4 ? [id] : [] });
      await due(pool);
    }
    expect(await rescuer.store.claim(10)).toEqual([]);
    const { rows } = await pool.query('SELECT succeeded, request_id, body FROM batch_results');
    expect(rows).toEqual([{ succeeded: false, request_id: null, body: expect.any(String) }]);
    expect(JSON.parse(rows[0].body)).toEqual({
      code: 'internal_error',
      message: expect.stringMatching(/^\[legacy:dlq_exhausted\] /),
      param: null,
    });
    const counts = await pool.query('SELECT completed, failed FROM batches');
    expect(counts.rows).toEqual([{ completed: 0, failed: 1 }]);
  });

  it('gives back, uncounted, lines that their worker knows nothing of', async () => {
    const pool = await database();
    const { worker, batch } = await setUp(pool);
    await batch({ numbers: [1, 2, 3] });
    const { store } = await worker();
    const other = await worker();
    const [known] = await store.claim(2);
    await other.store.claim(1);
    expect(await store.giveBackUnknown(known ? [known] : [])).toBe(1);
    expect((await other.store.claim(10)).map((line) => [line.number, line.attempt])).toEqual([[2, 1]]);
  });
});
