import { newId } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import { expect, it } from 'vitest';
import type { Creation, JsonAnswer, KeepAnswer } from '../create-once.ts';
import { Secrets } from '../store/secrets.ts';
import { inTenant } from '../store/tenant-fence.ts';
import { onEveryPostgres } from '../testing/postgres.ts';
import { makeTenant, type Tenant } from '../testing/tenant.ts';
import { makeCreateOnce } from './create-once.ts';
import { IdempotencyStore } from './idempotency-store.ts';

const secrets = new Secrets('a secret of the tests, long enough');
const never = new AbortController().signal;

async function setUp(pool: Pool, existing?: Tenant) {
  const { caller } = existing ?? (await makeTenant(pool, secrets));
  const store = new IdempotencyStore(pool, secrets);
  const createOnce = makeCreateOnce(store);
  const made: string[] = [];
  const asked = (changes: Partial<Creation> = {}): Creation => ({
    caller,
    headers: { 'idempotency-key': 'key' },
    route: 'files',
    fingerprint: 'body',
    requestId: newId('request'),
    deadlineMs: 60_000,
    hangup: never,
    ...changes,
  });
  /** As a tenant: a file or a batch is made behind the fence. */
  const make = (id: string, status?: number) => async (keep: KeepAnswer) => {
    const answer: JsonAnswer = { kind: 'json', body: { id }, ...(status === undefined ? {} : { status }) };
    await inTenant(pool, caller, (db) => keep(db, answer));
    made.push(id);
    return answer;
  };
  return { caller, store, createOnce, asked, make, made };
}

onEveryPostgres('creating under an Idempotency-Key', (database) => {
  it('makes each time without a key', async () => {
    const { createOnce, asked, make, made } = await setUp(await database());
    await createOnce(asked({ headers: {} }), make('a'));
    expect(await createOnce(asked({ headers: {} }), make('b'))).toEqual({ kind: 'json', body: { id: 'b' } });
    expect(made).toEqual(['a', 'b']);
  });

  it('gives the first answer again, and makes nothing', async () => {
    const { createOnce, asked, make, made } = await setUp(await database());
    await createOnce(asked(), make('a'));
    const again = { kind: 'json', status: 200, body: { id: 'a' }, replayed: true };
    expect(await createOnce(asked(), make('b'))).toEqual(again);
    expect(made).toEqual(['a']);
  });

  it('gives a kept refusal again', async () => {
    const { createOnce, asked, make } = await setUp(await database());
    await createOnce(asked(), make('a', 400));
    expect(await createOnce(asked(), make('b'))).toMatchObject({
      status: 400,
      body: { id: 'a' },
      replayed: true,
    });
  });

  it.each([
    ['another body', { fingerprint: 'another' }],
    ['another route', { route: 'batches' }],
  ])('refuses %s under the same key', async (_name, changes) => {
    const { createOnce, asked, make, made } = await setUp(await database());
    await createOnce(asked(), make('a'));
    await expect(createOnce(asked(changes), make('b'))).rejects.toMatchObject({
      code: 'idempotency_conflict',
    });
    expect(made).toEqual(['a']);
  });

  it('refuses a key that an inference has used', async () => {
    const { caller, store, createOnce, asked, make } = await setUp(await database());
    const { projectId } = caller;
    const inference = { projectId, key: 'key', bodyHash: Buffer.alloc(32), requestId: 'req_1' };
    await store.claim({ ...inference, lockedUntil: Date.now() + 60_000 });
    await expect(createOnce(asked(), make('a'))).rejects.toMatchObject({ code: 'idempotency_conflict' });
  });

  it('lets others wait for the one that makes', async () => {
    const { createOnce, asked, make, made } = await setUp(await database());
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) => createOnce(asked(), make(String(i)))),
    );
    expect(made).toHaveLength(1);
    expect(answers.map(({ body }) => body)).toEqual(answers.map(() => ({ id: made[0] })));
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
  });

  it('lets the next begin at once when one failed', async () => {
    const { createOnce, asked, make, made } = await setUp(await database());
    const failing = createOnce(asked(), async () => {
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    await createOnce(asked(), make('a'));
    expect(made).toEqual(['a']);
  });

  it('keeps nothing of a transaction that did not happen', async () => {
    const pool = await database();
    const { caller, createOnce, asked, make, made } = await setUp(pool);
    const failing = createOnce(asked(), (keep) =>
      inTenant(pool, caller, async (db) => {
        await keep(db, { kind: 'json', body: { id: 'lost' } });
        throw new Error('no');
      }),
    );
    await expect(failing).rejects.toThrow('no');
    expect(await createOnce(asked(), make('a'))).toEqual({ kind: 'json', body: { id: 'a' } });
    expect(made).toEqual(['a']);
  });

  it('undoes what was made by one whose place another took', async () => {
    const pool = await database();
    const { createOnce, asked, make, made } = await setUp(pool);
    const late = createOnce(asked(), async (keep) => {
      await pool.query("UPDATE idempotency_keys SET locked_until = now() - interval '1 minute'");
      await createOnce(asked(), make('quick'));
      return make('late')(keep);
    });
    await expect(late).rejects.toMatchObject({ code: 'upstream_timeout' });
    expect(made).toEqual(['quick']);
    expect(await createOnce(asked(), make('again'))).toMatchObject({ body: { id: 'quick' }, replayed: true });
  });

  it('does not touch the keys of another project', async () => {
    const pool = await database();
    const [one, two] = [await setUp(pool), await setUp(pool)];
    await one.createOnce(one.asked(), one.make('a'));
    await two.createOnce(two.asked(), two.make('b'));
    expect([one.made, two.made]).toEqual([['a'], ['b']]);
  });

  it('keeps the answer sealed', async () => {
    const pool = await database();
    const { createOnce, asked, make } = await setUp(pool);
    await createOnce(asked(), make('file-clear'));
    const { rows } = await pool.query<{ answer: Buffer }>('SELECT answer FROM idempotency_keys');
    expect(rows[0]?.answer.toString('latin1')).not.toContain('file-clear');
  });
});
