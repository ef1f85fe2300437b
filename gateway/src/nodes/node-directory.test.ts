import { sign } from 'node:crypto';
import { CHALLENGE_CONTEXT, type Hello, isId, JOIN_TOKEN_PREFIX, makeSecret } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import { expect, it } from 'vitest';
import { Secrets } from '../store/secrets.ts';
import { onEveryPostgres } from '../testing/postgres.ts';
import { announced, deviceKeys, SUMMARY } from '../testing/scripted-node.ts';
import { makeTenant } from '../testing/tenant.ts';
import { NodeDirectory } from './node-directory.ts';

const NONCE = 'n'.repeat(43);
const secrets = new Secrets('a secret of the tests, long enough');
const TOKEN = makeSecret(JOIN_TOKEN_PREFIX);
const GATEWAY = '0198c0de-0000-4000-8000-000000000001';

async function addToken(pool: Pool, columns: { uses?: number; expires?: string; revoked?: string } = {}) {
  const values = [
    secrets.hashKey(TOKEN),
    columns.uses ?? null,
    columns.expires ?? null,
    columns.revoked ?? null,
  ];
  await pool.query(
    "INSERT INTO join_tokens (hash, name, uses_left, expires_at, revoked_at) VALUES ($1, 'test', $2, $3, $4)",
    values,
  );
}

function hello(keys = deviceKeys(), changes: Partial<Hello> = {}): Hello {
  return {
    type: 'hello',
    publicKey: keys.publicKey,
    signature: sign(null, Buffer.from(CHALLENGE_CONTEXT + NONCE), keys.privateKey).toString('base64url'),
    joinToken: TOKEN,
    name: 'laptop',
    agent: 'test/1',
    capabilities: { cores: 2, memoryBytes: 1024, platform: 'linux', timeZone: 'UTC' },
    models: [],
    ...changes,
  };
}

const without = ({ joinToken: _token, ...rest }: Hello): Hello => rest;
const open = (pool: Pool) =>
  new NodeDirectory({ pool, hash: (token) => secrets.hashKey(token), gatewayId: GATEWAY });

onEveryPostgres('node directory', (database) => {
  it('a token makes a new key known; afterwards the key alone is enough', async () => {
    const pool = await database();
    await addToken(pool, { uses: 1 });
    const [directory, keys] = [open(pool), deviceKeys()];
    const first = await directory.admit(hello(keys), NONCE);
    if (first.kind !== 'admitted') throw new Error(first.message);
    expect(isId('node', first.facts.id)).toBe(true);
    expect(await directory.admit(without(hello(keys, { name: 'renamed' })), NONCE)).toEqual({
      ...first,
      session: 2,
    });
    const { rows } = await pool.query('SELECT name, capabilities FROM nodes');
    expect(rows).toEqual([{ name: 'renamed', capabilities: hello().capabilities }]);
    expect(await directory.admit(hello(), NONCE)).toMatchObject({ kind: 'refused', code: 'token_invalid' });
  });

  it('writes a node down with its models as they are reported, joined and come back', async () => {
    const pool = await database();
    await addToken(pool);
    const [directory, keys] = [open(pool), deviceKeys()];
    const tried = { baseMs: 1, perThousandMs: 2 };
    const row = async () => (await pool.query('SELECT models FROM nodes')).rows[0].models;
    await directory.admit(hello(keys, { models: [{ ...announced(SUMMARY, 3), speed: tried }] }), NONCE);
    const { id, version, slots, resident } = announced(SUMMARY, 3);
    const report = { id, version, slots, resident, in_flight: 0, service_ms: null };
    expect(await row()).toEqual([{ ...report, speed: { base_ms: 1, per_thousand_ms: 2 } }]);
    await directory.admit(hello(keys, { models: [announced(SUMMARY, 3)] }), NONCE);
    expect(await row()).toEqual([{ ...report, speed: null }]);
  });

  it('a hello that cannot be stored keeps out nobody who comes at the same moment', async () => {
    const pool = await database();
    await addToken(pool);
    const directory = open(pool);
    const { joinToken: _, ...stranger } = hello(undefined, { software: '\u0000' });
    const all = [hello(), stranger, hello(), hello(undefined, { name: '\ud800' }), hello()];
    const admitted = await Promise.allSettled(all.map((one) => directory.admit(one, NONCE)));
    const kinds = admitted.map((one) => (one.status === 'fulfilled' ? one.value.kind : 'failed'));
    expect(kinds).toEqual(['admitted', 'failed', 'admitted', 'failed', 'admitted']);
  });

  it('refuses what is no token, or none any more, and keeps nothing of it', async () => {
    const pool = await database();
    const directory = open(pool);
    const refused = { kind: 'refused', code: 'token_invalid' };
    expect(await directory.admit(without(hello()), NONCE)).toMatchObject(refused);
    for (const joinToken of ['', 'zgpu-join-x', makeSecret(JOIN_TOKEN_PREFIX)]) {
      expect(await directory.admit(hello(undefined, { joinToken }), NONCE)).toMatchObject(refused);
    }
    for (const columns of [{ uses: 0 }, { expires: '2020-01-01' }, { revoked: '2020-01-01' }]) {
      await addToken(pool, columns);
      expect(await directory.admit(hello(), NONCE)).toMatchObject(refused);
      await pool.query('DELETE FROM join_tokens');
    }
    expect((await pool.query('SELECT 1 FROM nodes')).rowCount).toBe(0);
    expect(pool.idleCount).toBe(pool.totalCount);
  });

  it('a token of two uses admits two of many who come at once', async () => {
    const pool = await database();
    await addToken(pool, { uses: 2 });
    const directory = open(pool);
    const all = await Promise.all(Array.from({ length: 8 }, () => directory.admit(hello(), NONCE)));
    expect(all.filter((one) => one.kind === 'admitted')).toHaveLength(2);
  });

  it('two sockets of one new node are one node', async () => {
    const pool = await database();
    await addToken(pool);
    const [directory, keys] = [open(pool), deviceKeys()];
    const both = await Promise.all([
      directory.admit(hello(keys), NONCE),
      directory.admit(hello(keys), NONCE),
    ]);
    expect(both.map((one) => one.kind === 'admitted' && one.session).sort()).toEqual([1, 2]);
    expect(both[0]).toEqual({ ...both[1], session: both[0].kind === 'admitted' ? both[0].session : 0 });
    expect((await pool.query('SELECT 1 FROM nodes')).rowCount).toBe(1);
  });

  it('a node that was removed stays out, token or not', async () => {
    const pool = await database();
    await addToken(pool);
    const [directory, keys] = [open(pool), deviceKeys()];
    await directory.admit(hello(keys), NONCE);
    await pool.query('UPDATE nodes SET revoked_at = now()');
    expect(await directory.admit(hello(keys), NONCE)).toMatchObject({ kind: 'refused', code: 'revoked' });
  });

  it('a wrong signature is refused before the database is asked', async () => {
    const pool = await database();
    const directory = open(pool);
    await pool.end();
    const signature = hello().signature;
    expect(await directory.admit(hello(deviceKeys(), { signature }), NONCE)).toMatchObject({
      code: 'signature_invalid',
    });
    await expect(directory.admit(hello(), NONCE)).rejects.toThrow();
  });

  it('what the database cannot keep is an error, and the connection goes back', async () => {
    const pool = await database();
    await addToken(pool, { uses: 1 });
    const directory = open(pool);
    await expect(directory.admit(hello(undefined, { name: 'a\0b' }), NONCE)).rejects.toThrow();
    expect(pool.idleCount).toBe(pool.totalCount);
    expect(await directory.admit(hello(), NONCE)).toMatchObject({ kind: 'admitted' });
  });

  it('lets hundreds in at once, each as itself, with its place and what people said of it', async () => {
    const pool = await database();
    await addToken(pool);
    const located: unknown[] = [];
    const directory = new NodeDirectory({
      pool,
      hash: (token) => secrets.hashKey(token),
      gatewayId: GATEWAY,
      locate: (_hello, address, given) => {
        located.push(given);
        return {
          place: given?.place ?? { latitude: 1.5, longitude: 2.5 },
          region: address,
          source: 'address',
        };
      },
    });
    const keys = Array.from({ length: 300 }, () => deviceKeys());
    const admitAll = () =>
      Promise.all(keys.map((one, i) => directory.admit(hello(one, { name: `node ${i}` }), NONCE, 'DE')));
    const first = await admitAll();
    const { rows } = await pool.query(
      "SELECT id, name, gateway_id, region, place_source, latitude FROM nodes ORDER BY split_part(name, ' ', 2)::int",
    );
    expect(rows).toEqual(
      first.map((one, i) => ({
        ...{ id: one.kind === 'admitted' ? one.facts.id : '', name: `node ${i}`, gateway_id: GATEWAY },
        ...{ region: 'DE', place_source: 'address', latitude: 1.5 },
      })),
    );
    await pool.query(
      "UPDATE nodes SET given_latitude = 10, given_longitude = 20, given_region = 'FR', draining_at = now() WHERE name = 'node 7'",
    );
    const second = await admitAll();
    expect(second.every((one) => one.kind === 'admitted' && one.session === 2)).toBe(true);
    const given = { place: { latitude: 10, longitude: 20 }, region: 'FR' };
    expect(located.filter((one) => one !== null)).toEqual([given]);
    expect(second[7]).toMatchObject({
      facts: { place: given.place },
      standing: { draining: true, quarantined: false },
    });
  });

  it('an organization has so many nodes, and no more', async () => {
    const pool = await database();
    const { caller } = await makeTenant(pool, secrets);
    await addToken(pool);
    await pool.query("UPDATE join_tokens SET pool = 'organization', organization_id = $1, uses_left = 5", [
      caller.organizationId,
    ]);
    await pool.query(
      `INSERT INTO nodes (id, public_key, organization_id, pool, name, agent)
       SELECT 'node_' || i, decode(lpad(to_hex(i), 64, '0'), 'hex'), $1, 'organization', 'n', 'a' FROM generate_series(1, 9999) i`,
      [caller.organizationId],
    );
    const directory = open(pool);
    const both = await Promise.all([directory.admit(hello(), NONCE), directory.admit(hello(), NONCE)]);
    expect(both.map(({ kind }) => kind).sort()).toEqual(['admitted', 'refused']);
    expect(both.find(({ kind }) => kind === 'refused')).toMatchObject({
      message: expect.stringContaining('10000'),
    });
    // Neither the one who was too many nor those that were removed count.
    expect((await pool.query('SELECT uses_left FROM join_tokens')).rows).toEqual([{ uses_left: 4 }]);
    await pool.query("UPDATE nodes SET revoked_at = now() WHERE id = 'node_1'");
    expect(await directory.admit(hello(), NONCE)).toMatchObject({ kind: 'admitted' });
  });

  it('takes so many new strangers of one address and no more at a time; those that are known come back', async () => {
    const pool = await database();
    await addToken(pool);
    await pool.query("UPDATE join_tokens SET pool = 'public'");
    const [directory, keys] = [open(pool), deviceKeys()];
    const first = [keys, ...Array.from({ length: 119 }, () => deviceKeys())];
    const admitted = await Promise.all(first.map((one) => directory.admit(hello(one), NONCE, 'a')));
    expect(new Set(admitted.map(({ kind }) => kind))).toEqual(new Set(['admitted']));
    await expect(directory.admit(hello(), NONCE, 'a')).rejects.toThrow('Too many');
    expect(await directory.admit(hello(keys), NONCE, 'a')).toMatchObject({ kind: 'admitted' });
    expect(await directory.admit(hello(), NONCE, 'b')).toMatchObject({ kind: 'admitted' });
  });

  it('after many wrong tokens of an address asks for none of its, while its known nodes come back', async () => {
    const pool = await database();
    await addToken(pool);
    const [directory, keys] = [open(pool), deviceKeys()];
    await directory.admit(hello(keys), NONCE, 'a');
    const wrong = () =>
      directory.admit(hello(undefined, { joinToken: makeSecret(JOIN_TOKEN_PREFIX) }), NONCE, 'a');
    for (let i = 0; i < 120; i++) expect(await wrong()).toMatchObject({ kind: 'refused' });
    // Not a refusal, which a node takes for good.
    await expect(wrong()).rejects.toThrow('Too many');
    await expect(directory.admit(hello(), NONCE, 'a')).rejects.toThrow('Too many');
    expect(await directory.admit(hello(keys), NONCE, 'a')).toMatchObject({ kind: 'admitted' });
    expect(await directory.admit(hello(), NONCE, 'b')).toMatchObject({ kind: 'admitted' });
  });
});
