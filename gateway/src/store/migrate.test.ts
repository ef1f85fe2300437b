import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { onEveryPostgres } from '../testing/postgres.ts';
import { type Migration, MigrationError, migrate, pendingMigrations, readMigrations } from './migrate.ts';
import { MIGRATIONS } from './open-store.ts';

const made: string[] = [];

async function folder(files: Record<string, string>): Promise<URL> {
  const path = await mkdtemp(join(tmpdir(), 'zerogpu-migrations-'));
  made.push(path);
  for (const [name, sql] of Object.entries(files)) await writeFile(join(path, name), sql);
  return pathToFileURL(`${path}/`);
}

afterEach(async () => {
  for (const path of made.splice(0)) await rm(path, { recursive: true, force: true });
});

const migration = (number: number, checksum = `sum${number}`): Migration => ({
  set: 's',
  number,
  name: `000${number}_x.sql`,
  sql: '',
  checksum,
});

describe('pendingMigrations', () => {
  it('is what was not applied, in order', () => {
    const all = [migration(1), migration(2), migration(3)];
    expect(pendingMigrations(all, []).map((m) => m.number)).toEqual([1, 2, 3]);
    expect(pendingMigrations(all, [migration(1)]).map((m) => m.number)).toEqual([2, 3]);
    expect(pendingMigrations(all, all)).toEqual([]);
  });

  it('refuses a file that was edited after it was applied', () => {
    expect(() => pendingMigrations([migration(1)], [migration(1, 'other')])).toThrow(
      'Migration s/0001_x.sql was changed after it was applied',
    );
  });

  it('refuses a database that is newer than the code', () => {
    expect(() => pendingMigrations([migration(1)], [migration(1), migration(2)])).toThrow(
      'The database is newer than this program: it has migration s/0002_x.sql',
    );
  });
});

describe('readMigrations', () => {
  it.each([
    ['a gap', { '0001_a.sql': '', '0003_b.sql': '' }],
    ['a start that is not one', { '0002_a.sql': '' }],
    ['a name without a number', { 'a.sql': '' }],
    ['a number twice', { '0001_a.sql': '', '0001_b.sql': '' }],
  ])('refuses %s', async (_, files) => {
    await expect(readMigrations({ name: 's', folder: await folder(files) })).rejects.toBeInstanceOf(
      MigrationError,
    );
  });

  it('reads ours', async () => {
    for (const set of MIGRATIONS) expect((await readMigrations(set)).length).toBeGreaterThan(0);
  });
});

onEveryPostgres('migrate', (database) => {
  it('applies nothing twice, also when two gateways start at once', async () => {
    const pool = await database();
    const set = {
      name: `set${Date.now()}`,
      folder: await folder({ '0001_a.sql': 'CREATE TABLE migrated_once (n int)' }),
    };
    const sets = [...MIGRATIONS, set];
    const applied = await Promise.all([migrate(pool, sets), migrate(pool, sets), migrate(pool, sets)]);
    expect(applied.flat().map((m) => m.name)).toEqual(['0001_a.sql']);
    await pool.query('DROP TABLE migrated_once');
    await pool.query('DELETE FROM schema_migrations WHERE set = $1', [set.name]);
  });

  it('applies all or nothing', async () => {
    const pool = await database();
    const files = { '0001_a.sql': 'CREATE TABLE half_done (n int)', '0002_b.sql': 'SELECT nonsense' };
    const broken = { name: 'broken', folder: await folder(files) };
    await expect(migrate(pool, [...MIGRATIONS, broken])).rejects.toThrow('nonsense');
    const { rows } = await pool.query("SELECT to_regclass('half_done') AS half");
    expect(rows[0].half).toBeNull();
    await expect(migrate(pool, MIGRATIONS)).resolves.toEqual([]);
  });
});
