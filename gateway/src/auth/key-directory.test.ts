import { API_KEY_PREFIX, makeSecret } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import { expect, it } from 'vitest';
import { UNLIMITED } from '../flow.ts';
import { silentLog } from '../store/log.ts';
import { Secrets } from '../store/secrets.ts';
import { onEveryPostgres } from '../testing/postgres.ts';
import { makeTenant } from '../testing/tenant.ts';
import { KeyDirectory } from './key-directory.ts';

const secrets = new Secrets('a secret of the tests, long enough');
const NOW = Date.now();

/** A pool that counts its questions, and can be told to fail. */
function watched(pool: Pool) {
  const seen = { queries: 0, failing: false };
  const query = pool.query.bind(pool);
  Object.assign(pool, {
    query: (...args: Parameters<typeof query>) => {
      seen.queries += 1;
      return seen.failing ? Promise.reject(new Error('down')) : query(...args);
    },
  });
  return seen;
}

onEveryPostgres('key directory', (database) => {
  it('finds a key with its project, organization and wallet', async () => {
    const pool = await database();
    const { caller, apiKey } = await makeTenant(pool, secrets);
    const keys = new KeyDirectory(pool, secrets, silentLog);
    expect(await keys.find(apiKey, NOW)).toEqual({
      keyId: caller.keyId,
      projectId: caller.projectId,
      projectActive: true,
      organizationId: caller.organizationId,
      walletId: caller.walletId,
      allowedModels: null,
      limits: UNLIMITED,
      standIns: null,
      privacy: 'own',
      upstreams: false,
      payloadPolicy: 'errors',
      payloadDays: 30,
      ended: false,
    });
    expect(await keys.find(makeSecret(API_KEY_PREFIX), NOW)).toBeNull();
    expect(await new KeyDirectory(pool, new Secrets('x'.repeat(40)), silentLog).find(apiKey, NOW)).toBeNull();
    await keys.close();
  });

  it('remembers an answer for a second and no longer, also that there is no such key', async () => {
    const pool = await database();
    const { apiKey } = await makeTenant(pool, secrets);
    const unknown = makeSecret(API_KEY_PREFIX);
    const keys = new KeyDirectory(pool, secrets, silentLog);
    const seen = watched(pool);
    for (const key of [apiKey, unknown]) {
      await keys.find(key, NOW);
      await keys.find(key, NOW + 999);
    }
    expect(seen.queries).toBe(2);
    await pool.query('UPDATE api_keys SET revoked_at = now()');
    expect(await keys.find(apiKey, NOW + 999)).toMatchObject({ ended: false });
    expect(await keys.find(apiKey, NOW + 1_000)).toMatchObject({ ended: true });
    // A clock that was set back does not keep an answer alive.
    await pool.query('UPDATE api_keys SET revoked_at = NULL');
    expect(await keys.find(apiKey, NOW - 60_000)).toMatchObject({ ended: false });
    await keys.close();
  });

  it('asks once for many lookups of one key at the same time', async () => {
    const pool = await database();
    const { apiKey } = await makeTenant(pool, secrets);
    const keys = new KeyDirectory(pool, secrets, silentLog);
    const seen = watched(pool);
    const found = await Promise.all(Array.from({ length: 20 }, () => keys.find(apiKey, NOW)));
    expect(new Set(found.map((record) => record?.keyId)).size).toBe(1);
    expect(seen.queries).toBe(1);
    await keys.close();
  });

  it('fails closed when the database fails, and recovers with it', async () => {
    const pool = await database();
    const { apiKey } = await makeTenant(pool, secrets);
    const keys = new KeyDirectory(pool, secrets, silentLog);
    const seen = watched(pool);
    await keys.find(apiKey, NOW);
    seen.failing = true;
    expect(await keys.find(apiKey, NOW + 500)).not.toBeNull();
    await expect(keys.find(apiKey, NOW + 2_000)).rejects.toThrow('down');
    seen.failing = false;
    expect(await keys.find(apiKey, NOW + 2_000)).not.toBeNull();
    await keys.close();
  });

  it('tells ended keys and archived projects apart, and passes allowed models and stand-ins on', async () => {
    const pool = await database();
    const { apiKey } = await makeTenant(pool, secrets);
    const keys = new KeyDirectory(pool, secrets, silentLog);
    await pool.query('UPDATE api_keys SET expires_at = $1', [new Date(NOW + 10)]);
    expect(await keys.find(apiKey, NOW)).toMatchObject({ ended: false });
    // Expiry is looked at each time, not remembered.
    expect(await keys.find(apiKey, NOW + 10)).toMatchObject({ ended: true });
    await pool.query("UPDATE projects SET status = 'archived', allowed_models = '{a,b}', stand_ins = true");
    expect(await keys.find(apiKey, NOW + 5_000)).toMatchObject({
      projectActive: false,
      allowedModels: ['a', 'b'],
      standIns: true,
    });
    await keys.close();
  });

  it('passes on what key and project both allow, and the limits of each', async () => {
    const pool = await database();
    const { apiKey } = await makeTenant(pool, secrets);
    const keys = new KeyDirectory(pool, secrets, silentLog);
    await pool.query("UPDATE projects SET allowed_models = '{a,b}', requests_per_minute = 60");
    await pool.query("UPDATE api_keys SET allowed_models = '{b,c}', tokens_per_minute = 1000");
    expect(await keys.find(apiKey, NOW)).toMatchObject({
      allowedModels: ['b'],
      limits: { key: { requests: null, tokens: 1000 }, project: { requests: 60, tokens: null } },
    });
    await pool.query('UPDATE projects SET allowed_models = NULL');
    expect(await keys.find(apiKey, NOW + 1_000)).toMatchObject({ allowedModels: ['b', 'c'] });
    await keys.close();
  });

  it('writes when a key was used, at most once a minute', async () => {
    const pool = await database();
    const { apiKey } = await makeTenant(pool, secrets);
    const keys = new KeyDirectory(pool, secrets, silentLog);
    const lastUsed = async () => {
      const { rows } = await pool.query('SELECT last_used_at FROM api_keys');
      return rows[0].last_used_at?.getTime() ?? null;
    };
    await keys.find(apiKey, NOW);
    expect(await lastUsed()).toBeNull();
    await keys.flushLastUsed(NOW);
    expect(await lastUsed()).toBe(NOW);
    await keys.find(apiKey, NOW + 30_000);
    await keys.flushLastUsed(NOW + 30_000);
    expect(await lastUsed()).toBe(NOW);
    await keys.find(apiKey, NOW + 61_000);
    await keys.flushLastUsed(NOW + 61_000);
    expect(await lastUsed()).toBe(NOW + 61_000);
    await keys.close();
  });
});
