import { randomUUID } from 'node:crypto';
import { newId } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import { expect, it } from 'vitest';
import type { AdminCreation, KeepCreated } from '../admin/creation.ts';
import { sweep } from '../metering/sweeper.ts';
import { silentLog } from '../store/log.ts';
import { Secrets } from '../store/secrets.ts';
import { inTenant } from '../store/tenant-fence.ts';
import { inTransaction } from '../store/transaction.ts';
import { onEveryPostgres } from '../testing/postgres.ts';
import { makeTenant } from '../testing/tenant.ts';
import { makeAdminCreateOnce } from './admin-creations.ts';

const secrets = new Secrets('a secret of the tests, long enough');
const never = new AbortController().signal;
const TAKEN_OVER = "UPDATE admin_creations SET locked_until = now() - interval '1 minute'";

async function setUp(pool: Pool) {
  const { organizationId } = (await makeTenant(pool, secrets)).caller;
  const reports: unknown[] = [];
  const report = (_requestId: string, cause: unknown) => void reports.push(cause);
  const createOnce = makeAdminCreateOnce({ pool, secrets, now: Date.now, report });
  const made: string[] = [];
  const personId = randomUUID();
  const asked = (changes: Partial<AdminCreation> = {}): AdminCreation => ({
    organizationId,
    personId,
    headers: { 'idempotency-key': 'key' },
    asked: 'a project',
    requestId: newId('request'),
    hangup: never,
    turn: (look) => look(),
    ...changes,
  });
  /** As a tenant, behind the fence. */
  const make = (id: string) => async (keep: KeepCreated) => {
    await inTenant(pool, { organizationId, projectId: null }, (db) => keep(db, { id }));
    made.push(id);
    return { id };
  };
  return { organizationId, personId, createOnce, asked, make, made, reports };
}

onEveryPostgres('creating by the admin API under an Idempotency-Key', (database) => {
  it('makes each time without a key', async () => {
    const { createOnce, asked, make, made } = await setUp(await database());
    await createOnce(asked({ headers: {} }), make('a'));
    const second = await createOnce(asked({ headers: {} }), make('b'));
    expect(second).toEqual({ answer: { id: 'b' }, replayed: false });
    expect(made).toEqual(['a', 'b']);
  });

  it('gives the first answer again, whoever keeps it', async () => {
    const { createOnce, asked, make, made } = await setUp(await database());
    expect(await createOnce(asked(), make('a'))).toEqual({ answer: { id: 'a' }, replayed: false });
    expect(await createOnce(asked(), make('b'))).toEqual({ answer: { id: 'a' }, replayed: true });
    expect(made).toEqual(['a']);
    const headers = { 'idempotency-key': 'another' };
    await createOnce(asked({ headers }), async () => undefined);
    const again = await createOnce(asked({ headers }), make('c'));
    expect(again).toEqual({ answer: undefined, replayed: true });
  });

  it('keeps also what belongs to a person alone', async () => {
    const pool = await database();
    const { createOnce, asked, make, made } = await setUp(pool);
    const alone = { organizationId: null };
    await createOnce(asked(alone), async (keep) => {
      await inTransaction(pool, (db) => keep(db, { id: 'mine' }));
      return { id: 'mine' };
    });
    expect(await createOnce(asked(alone), make('b'))).toEqual({ answer: { id: 'mine' }, replayed: true });
    // In an organization the key is another one.
    await createOnce(asked(), make('c'));
    expect(made).toEqual(['c']);
  });

  it('is another key for everybody, and in every organization', async () => {
    const pool = await database();
    const [one, two] = [await setUp(pool), await setUp(pool)];
    await one.createOnce(one.asked(), one.make('a'));
    await one.createOnce(one.asked({ personId: two.personId }), one.make('b'));
    await two.createOnce(two.asked({ personId: one.personId }), two.make('c'));
    expect([one.made, two.made]).toEqual([['a', 'b'], ['c']]);
  });

  it('refuses another request, also while the first runs', async () => {
    const { createOnce, asked, make, made } = await setUp(await database());
    await createOnce(asked(), async (keep) => {
      const other = createOnce(asked({ asked: 'a key' }), make('other'));
      await expect(other).rejects.toMatchObject({ code: 'idempotency_conflict' });
      return make('a')(keep);
    });
    const other = createOnce(asked({ asked: 'a key' }), make('other'));
    await expect(other).rejects.toMatchObject({ code: 'idempotency_conflict' });
    expect(made).toEqual(['a']);
  });

  it('lets others wait for the one that makes, and go when their caller does', async () => {
    const { createOnce, asked, make, made } = await setUp(await database());
    const hangup = new AbortController();
    const results = await createOnce(asked(), async (keep) => {
      const waiting = [1, 2, 3].map((n) => createOnce(asked(), make(`${n}`)));
      const leaving = createOnce(asked({ hangup: hangup.signal }), make('left'));
      hangup.abort(new Error('gone'));
      await expect(leaving).rejects.toThrow('gone');
      await make('a')(keep);
      return waiting;
    });
    const waited = await Promise.all(results.answer as Promise<unknown>[]);
    expect(waited).toEqual(waited.map(() => ({ answer: { id: 'a' }, replayed: true })));
    expect(made).toEqual(['a']);
  });

  it('keeps nothing of what failed, nor of a transaction that did not happen', async () => {
    const pool = await database();
    const { createOnce, asked, make, made } = await setUp(pool);
    const failing = createOnce(asked(), (keep) =>
      inTransaction(pool, async (db) => {
        await keep(db, { id: 'lost' });
        throw new Error('no');
      }),
    );
    await expect(failing).rejects.toThrow('no');
    const { rows } = await pool.query('SELECT 1 FROM admin_creations');
    expect(rows).toEqual([]);
    await createOnce(asked(), make('a'));
    expect(made).toEqual(['a']);
  });

  it('undoes what was made by one whose place another took', async () => {
    const pool = await database();
    const { createOnce, asked, make, made } = await setUp(pool);
    const late = createOnce(asked(), async (keep) => {
      await pool.query(TAKEN_OVER);
      await createOnce(asked(), make('quick'));
      return make('late')(keep);
    });
    await expect(late).rejects.toMatchObject({ code: 'upstream_timeout' });
    expect(await createOnce(asked(), make('again'))).toEqual({ answer: { id: 'quick' }, replayed: true });
    expect(made).toEqual(['quick']);
  });

  it('answers what was made when its answer cannot be kept, and reports it', async () => {
    const pool = await database();
    const { createOnce, asked, reports } = await setUp(pool);
    const result = await createOnce(asked(), async () => {
      await pool.query('ALTER TABLE admin_creations RENAME TO away');
      return { id: 'a' };
    });
    await pool.query('ALTER TABLE away RENAME TO admin_creations');
    expect(result).toEqual({ answer: { id: 'a' }, replayed: false });
    expect(reports).toHaveLength(1);
  });

  it('keeps answers sealed, and for nobody else whose row they are put into', async () => {
    const pool = await database();
    const { createOnce, asked, make } = await setUp(pool);
    await createOnce(asked(), make('a-clear-text'));
    const { rows } = await pool.query<{ row: string }>('SELECT t::text AS row FROM admin_creations t');
    expect(rows[0]?.row).not.toContain(Buffer.from('a-clear-text').toString('hex'));
    const other = randomUUID();
    await pool.query('UPDATE admin_creations SET person_id = $1', [other]);
    await expect(createOnce(asked({ personId: other }), make('b'))).rejects.toThrow('another secret');
  });

  it('forgets after a day', async () => {
    const pool = await database();
    const { createOnce, asked, make, made } = await setUp(pool);
    await createOnce(asked(), make('a'));
    const DAY_MS = 24 * 3_600_000;
    await sweep(pool, silentLog, Date.now() + DAY_MS - 60_000);
    expect(await createOnce(asked(), make('b'))).toMatchObject({ replayed: true });
    expect(await sweep(pool, silentLog, Date.now() + DAY_MS + 60_000)).toMatchObject({ answers: 1 });
    await createOnce(asked({ asked: 'another' }), make('c'));
    expect(made).toEqual(['a', 'c']);
  });
});
