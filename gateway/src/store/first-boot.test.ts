import { randomUUID, scryptSync } from 'node:crypto';
import { mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkInvariants, readBalance } from '@zerogpu/ledger';
import { API_KEY_PREFIX, makeSecret, maskSecret } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { onEveryPostgres } from '../testing/postgres.ts';
import { type FirstBoot, firstBoot, keepBaseUrl, localNodeToken, parseCredentials } from './first-boot.ts';
import { SecretError, Secrets } from './secrets.ts';

const secrets = new Secrets('a secret of the tests, long enough');
const baseUrl = 'http://127.0.0.1:8080/v1';

onEveryPostgres('first boot', (database) => {
  let dataDir = '';
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'zerogpu-boot-'));
  });
  afterEach(() => rm(dataDir, { recursive: true, force: true }));

  const boot = (pool: Pool, dir = dataDir) => firstBoot({ pool, dataDir: dir, secrets, baseUrl });
  const credentialsOf = async (dir = dataDir) =>
    parseCredentials(await readFile(join(dir, 'credentials.env'), 'utf8'));
  const knows = async (pool: Pool, apiKey: string) => {
    const { rows } = await pool.query('SELECT masked FROM api_keys WHERE hash = $1', [
      secrets.hashKey(apiKey),
    ]);
    return rows.length === 1 && rows[0].masked === maskSecret(apiKey);
  };

  it('fills an empty database and writes the credentials, once', async () => {
    const pool = await database();
    const made = await boot(pool);
    expect(made).toMatchObject({ baseUrl, adminEmail: 'admin@zerogpu.localhost' });
    expect(await credentialsOf()).toEqual(made);
    expect((await stat(join(dataDir, 'credentials.env'))).mode & 0o777).toBe(0o600);
    expect(await readdir(dataDir)).toEqual(['credentials.env']);
    expect(await knows(pool, made!.apiKey)).toBe(true);
    const { rows } = await pool.query(`
      SELECT o.name AS organization, o.wallet_id, p.id AS project_id, p.name AS project, p.stand_ins, m.role, e.email
      FROM organizations o JOIN projects p ON p.organization_id = o.id
      JOIN members m ON m.organization_id = o.id JOIN people e ON e.id = m.person_id`);
    expect(rows).toEqual([
      expect.objectContaining({
        organization: 'my-company',
        project: 'development',
        project_id: made!.projectId,
        stand_ins: true,
        role: 'owner',
        email: made!.adminEmail,
      }),
    ]);
    expect(await readBalance(pool, rows[0].wallet_id)).toMatchObject({ available: 5_000_000_000n });
    expect(await checkInvariants(pool)).toEqual([]);
    expect(await boot(pool)).toBeNull();
    expect(await credentialsOf()).toEqual(made);
  });

  it('writes lines that a shell exports', async () => {
    await boot(await database());
    const text = await readFile(join(dataDir, 'credentials.env'), 'utf8');
    expect(text).toMatch(/^(export ZEROGPU_[A-Z_]+=[A-Za-z0-9@.:/_-]+\n){5}$/);
  });

  it('keeps the password as scrypt in the form that better-auth checks', async () => {
    const pool = await database();
    const made = await boot(pool);
    const { rows } = await pool.query('SELECT password_hash FROM credentials');
    const [salt, key] = rows[0].password_hash.split(':');
    const options = { N: 16_384, r: 16, p: 1, maxmem: 64 * 1024 * 1024 };
    expect(salt).toMatch(/^[0-9a-f]{32}$/);
    expect(scryptSync(made!.adminPassword, salt, 64, options).toString('hex')).toBe(key);
  });

  it('uses the credentials that a start wrote before it was killed', async () => {
    const pool = await database();
    const pending = {
      baseUrl,
      apiKey: makeSecret(API_KEY_PREFIX),
      projectId: randomUUID(),
      adminEmail: 'admin@zerogpu.localhost',
      adminPassword: 'password',
    };
    // As a kill before the commit leaves it: the file is there, under its other name, and the database is empty.
    await writeCredentials(join(dataDir, 'credentials.env.pending'), pending);
    expect(await boot(pool)).toEqual(pending);
    expect(await knows(pool, pending.apiKey)).toBe(true);
    expect(await readdir(dataDir)).toEqual(['credentials.env']);
  });

  it('finishes what a start committed before it was killed', async () => {
    const pool = await database();
    const made = await boot(pool);
    await rename(join(dataDir, 'credentials.env'), join(dataDir, 'credentials.env.pending'));
    expect(await boot(pool)).toEqual(made);
    expect(await readdir(dataDir)).toEqual(['credentials.env']);
    expect(await credentialsOf()).toEqual(made);
  });

  it('starts over from credentials that were cut off', async () => {
    const pool = await database();
    await writeFile(join(dataDir, 'credentials.env.pending'), 'export ZEROGPU_API_KEY=zgpu-api-abc');
    const made = await boot(pool);
    expect(await knows(pool, made!.apiKey)).toBe(true);
    expect(await credentialsOf()).toEqual(made);
  });

  it('makes one organization when gateways with their own data directories start at once', async () => {
    const pool = await database();
    const dirs = await Promise.all([1, 2, 3].map(() => mkdtemp(join(tmpdir(), 'zerogpu-boot-'))));
    const made = await Promise.all(dirs.map((dir) => boot(pool, dir)));
    const winner = made.findIndex((m) => m !== null);
    expect(made.filter((m) => m !== null)).toHaveLength(1);
    expect(await credentialsOf(dirs[winner])).toEqual(made[winner]);
    for (const [i, dir] of dirs.entries()) {
      expect(await readdir(dir)).toEqual(i === winner ? ['credentials.env'] : []);
      await rm(dir, { recursive: true });
    }
    const { rows } = await pool.query('SELECT count(*)::int AS n FROM organizations');
    expect(rows[0].n).toBe(1);
  });

  it('refuses another server secret', async () => {
    const pool = await database();
    await boot(pool);
    const other = new Secrets('another secret of the tests, long enough');
    await expect(firstBoot({ pool, dataDir, secrets: other, baseUrl })).rejects.toBeInstanceOf(SecretError);
  });

  it('keeps the address true, and nothing else changes', async () => {
    const made = await boot(await database());
    await keepBaseUrl(dataDir, 'http://127.0.0.1:9000/v1');
    expect(await credentialsOf()).toEqual({ ...made, baseUrl: 'http://127.0.0.1:9000/v1' });
    await rm(join(dataDir, 'credentials.env'));
    await keepBaseUrl(dataDir, 'http://127.0.0.1:9001/v1');
    expect(await readdir(dataDir)).toEqual([]);
  });

  it('keeps one node token that admits, whatever happened to the file or the database', async () => {
    const pool = await database();
    const ensure = () => localNodeToken(pool, dataDir, secrets);
    const admits = async (token: string) => {
      const { rows } = await pool.query(
        'SELECT organization_id, uses_left FROM join_tokens WHERE hash = $1 AND revoked_at IS NULL',
        [secrets.hashKey(token)],
      );
      return rows.length === 1 && rows[0].organization_id === null && rows[0].uses_left === null;
    };
    const first = await ensure();
    expect(await readFile(join(dataDir, 'node-token'), 'utf8')).toBe(`${first}\n`);
    expect((await stat(join(dataDir, 'node-token'))).mode & 0o777).toBe(0o600);
    expect(await ensure()).toBe(first);
    await pool.query('DELETE FROM join_tokens');
    expect(await ensure()).toBe(first);
    expect(await admits(first)).toBe(true);
    await pool.query('UPDATE join_tokens SET revoked_at = now()');
    const second = await ensure();
    expect(second).not.toBe(first);
    await rm(join(dataDir, 'node-token'));
    const third = await ensure();
    expect(third).not.toBe(second);
    expect(await Promise.all([second, third].map(admits))).toEqual([true, true]);
  });
});

async function writeCredentials(path: string, made: FirstBoot): Promise<void> {
  const lines = [
    `export ZEROGPU_BASE_URL=${made.baseUrl}`,
    `export ZEROGPU_API_KEY=${made.apiKey}`,
    `export ZEROGPU_PROJECT_ID=${made.projectId}`,
    `export ZEROGPU_ADMIN_EMAIL=${made.adminEmail}`,
    `export ZEROGPU_ADMIN_PASSWORD=${made.adminPassword}`,
  ];
  await writeFile(path, `${lines.join('\n')}\n`);
}
