/**
 * A gateway that is killed while keys are made: whoever asks again with the same Idempotency-Key has one key, of which
 * there is one, and hears its text as it was told the first time, where it was told.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { describeOnServer, makeDatabase, type ScratchDatabase } from './support/database-server.ts';
import { signIn } from './support/people.ts';
import { Platform } from './support/platform.ts';

const KILLS = 4;
/** Several turns of an organization, so that a kill finds some waiting, some at work and some done. */
const AT_ONCE = 40;
/** About as long as they take. */
const LATEST_KILL_MS = 150;
/** As if so much time had gone by that the locks of who died have passed. */
const PASS_LOCKS =
  "UPDATE admin_creations SET locked_until = now() - interval '1 second' WHERE state = 'running'";

describeOnServer('keys made by a gateway that is killed', () => {
  test('are made once, and told the same again', { timeout: 240_000 }, async () => {
    const database = await makeDatabase();
    const platform = await Platform.start({ nodes: 0, env: { DATABASE_URL: database.url } });
    try {
      await killAndAskAgain(platform, database);
    } finally {
      await platform.stop();
      await database.drop();
    }
  });
});

async function killAndAskAgain(platform: Platform, { pool }: ScratchDatabase): Promise<void> {
  const { ZEROGPU_ADMIN_EMAIL: email = '', ZEROGPU_ADMIN_PASSWORD: password = '' } = platform.credentials;
  const owner = await signIn(platform.url, email, password);
  const ask = (name: string) => makeKey(platform, owner.headers, name);
  let lost = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const names = Array.from({ length: AT_ONCE }, () => randomUUID());
    const asking = Promise.all(names.map((name) => ask(name).catch(() => null)));
    await sleep(LATEST_KILL_MS * Math.random());
    await platform.gateway.killHard();
    const told = await asking;
    await platform.startGateway();
    await pool.query(PASS_LOCKS);
    const again = await Promise.all(names.map(ask));
    lost += told.filter((text) => text === null).length;
    expect(told.filter((text, i) => text !== null && text !== again[i])).toEqual([]);
    const works = await Promise.all(
      again.map((key) => platform.fetch('/v1/files', undefined, { 'x-api-key': key })),
    );
    expect(works.map(({ status }) => status)).toEqual(again.map(() => 200));
    expect(await namesIn(pool, 'SELECT name FROM api_keys WHERE name = ANY ($1)', names)).toEqual(
      names.sort(),
    );
    const lines = "SELECT details->>'name' AS name FROM audit_log WHERE details->>'name' = ANY ($1)";
    expect(await namesIn(pool, lines, names)).toEqual(names);
  }
  expect(lost).toBeGreaterThan(0);
}

/** @returns the key's text. @throws when the gateway is gone */
async function makeKey(
  { url, projectId }: Platform,
  headers: Readonly<Record<string, string>>,
  name: string,
) {
  const response = await fetch(`${url}/api/projects/${projectId}/keys`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json', 'idempotency-key': name },
    body: JSON.stringify({ name }),
  });
  const text = await response.text();
  if (response.status !== 201) throw new Error(`A key was answered ${response.status}: ${text}`);
  return String(JSON.parse(text).key);
}

/** The names in order, one twice where it is there twice. */
async function namesIn(
  pool: ScratchDatabase['pool'],
  text: string,
  names: readonly string[],
): Promise<string[]> {
  const { rows } = await pool.query<{ name: string }>(text, [names]);
  return rows.map(({ name }) => name).sort();
}
