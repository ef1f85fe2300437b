import { randomBytes, randomUUID } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { credit, openWallet } from '@zerogpu/ledger';
import {
  API_KEY_PREFIX,
  isWellFormedSecret,
  JOIN_TOKEN_PREFIX,
  makeSecret,
  maskSecret,
  NANOS_PER_DOLLAR,
} from '@zerogpu/protocol';
import type { Pool, PoolClient } from 'pg';
import { hashPassword } from './passwords.ts';
import { readFileIfThere, syncFolder, writePrivateFile } from './private-files.ts';
import { SecretError, type Secrets } from './secrets.ts';
import { inTransaction } from './transaction.ts';

/** What a first start made; shown once. */
export interface FirstBoot {
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly projectId: string;
  readonly adminEmail: string;
  readonly adminPassword: string;
}

const FILE = 'credentials.env';
/** Written before the database is, and renamed after: see `firstBoot`. */
const PENDING = 'credentials.env.pending';
/** Any number does, as long as every gateway takes the same one. */
const LOCK = 7_301_884_621n;
const SANDBOX_CREDIT = 5n * NANOS_PER_DOLLAR;
/** A domain that a mail program accepts as an address and that can never belong to anybody (RFC 6761). */
const ADMIN_EMAIL = 'admin@zerogpu.localhost';

const NAMES = {
  baseUrl: 'ZEROGPU_BASE_URL',
  apiKey: 'ZEROGPU_API_KEY',
  projectId: 'ZEROGPU_PROJECT_ID',
  adminEmail: 'ZEROGPU_ADMIN_EMAIL',
  adminPassword: 'ZEROGPU_ADMIN_PASSWORD',
} as const satisfies Record<keyof FirstBoot, string>;

const IS_EMPTY = 'SELECT NOT EXISTS (SELECT 1 FROM organizations) AS empty';
const READ_FINGERPRINT = 'SELECT secret_fingerprint FROM server_identity';
const WRITE_FINGERPRINT = 'INSERT INTO server_identity (secret_fingerprint) VALUES ($1)';
const HAS_KEY = 'SELECT EXISTS (SELECT 1 FROM api_keys WHERE hash = $1) AS known';
const INSERT_ORGANIZATION = 'INSERT INTO organizations (id, name, wallet_id) VALUES ($1, $2, $3)';
/** With stand-ins, so that the first call of every task is answered before anything is pulled or configured. */
const INSERT_PROJECT =
  'INSERT INTO projects (id, organization_id, name, environment, stand_ins) VALUES ($1, $2, $3, $4, true)';
const INSERT_PERSON = 'INSERT INTO people (id, email, name) VALUES ($1, $2, $3)';
const INSERT_CREDENTIALS = 'INSERT INTO credentials (person_id, password_hash) VALUES ($1, $2)';
const INSERT_MEMBER = 'INSERT INTO members (organization_id, person_id, role) VALUES ($1, $2, $3)';
const INSERT_OPERATOR = 'INSERT INTO operators (person_id) VALUES ($1)';
const INSERT_KEY =
  'INSERT INTO api_keys (project_id, name, hash, masked, created_by) VALUES ($1, $2, $3, $4, $5)';

export interface FirstBootOptions {
  readonly pool: Pool;
  readonly dataDir: string;
  readonly secrets: Secrets;
  /** Such as `http://127.0.0.1:8080/v1`. */
  readonly baseUrl: string;
}

/**
 * Fills an empty database: an organization, a project, its owner, one API key and sandbox credit; and writes
 * `credentials.env`. On a database that is not empty it only checks that the server secret is the right one.
 *
 * The credentials are on the disk, under another name, before the database learns of them, and get their name after
 * the commit. A kill in between leaves either an empty database, where the next start uses the same credentials, or
 * a full one, where it only renames; never a key that nobody knows.
 * @returns what was made, or finished after a kill, so that it can be shown once; null on every later start
 * @throws SecretError when the database was made with another server secret
 */
export async function firstBoot(options: FirstBootOptions): Promise<FirstBoot | null> {
  const { pool, dataDir, secrets, baseUrl } = options;
  const pendingPath = join(dataDir, PENDING);
  const pending = parseCredentials((await readFileIfThere(pendingPath)) ?? '');
  const { rows } = await pool.query<{ empty: boolean }>(IS_EMPTY);
  if (!rows[0]?.empty) {
    await checkSecret(pool, secrets);
    return pending ? finish(options, pending) : null;
  }
  const credentials = { ...(pending ?? makeCredentials()), baseUrl };
  await writePrivateFile(pendingPath, formatCredentials(credentials));
  await fillIfEmpty(pool, secrets, credentials);
  await checkSecret(pool, secrets);
  return finish(options, credentials);
}

/** The pending credentials are this database's, or another gateway was first and they are nobody's. */
async function finish(options: FirstBootOptions, pending: FirstBoot): Promise<FirstBoot | null> {
  const { pool, dataDir, secrets } = options;
  const { rows } = await pool.query<{ known: boolean }>(HAS_KEY, [secrets.hashKey(pending.apiKey)]);
  const known = rows[0]?.known === true;
  if (known) await rename(join(dataDir, PENDING), join(dataDir, FILE));
  else await rm(join(dataDir, PENDING), { force: true });
  await syncFolder(dataDir);
  return known ? pending : null;
}

function makeCredentials(): Omit<FirstBoot, 'baseUrl'> {
  return {
    apiKey: makeSecret(API_KEY_PREFIX),
    projectId: randomUUID(),
    adminEmail: ADMIN_EMAIL,
    adminPassword: randomBytes(15).toString('base64url'),
  };
}

async function fillIfEmpty(pool: Pool, secrets: Secrets, credentials: FirstBoot): Promise<void> {
  const passwordHash = await hashPassword(credentials.adminPassword);
  await inTransaction(pool, async (client) => {
    await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
    const { rows } = await client.query<{ empty: boolean }>(IS_EMPTY);
    if (rows[0]?.empty) await fill(client, secrets, credentials, passwordHash);
  });
}

async function fill(
  client: PoolClient,
  secrets: Secrets,
  credentials: FirstBoot,
  passwordHash: string,
): Promise<void> {
  const { apiKey, projectId, adminEmail } = credentials;
  const organizationId = randomUUID();
  const personId = randomUUID();
  const walletId = await openWallet(client, organizationId);
  await client.query(WRITE_FINGERPRINT, [secrets.fingerprint()]);
  await client.query(INSERT_ORGANIZATION, [organizationId, 'my-company', walletId]);
  await client.query(INSERT_PROJECT, [projectId, organizationId, 'development', 'development']);
  await client.query(INSERT_PERSON, [personId, adminEmail, 'Admin']);
  await client.query(INSERT_CREDENTIALS, [personId, passwordHash]);
  await client.query(INSERT_MEMBER, [organizationId, personId, 'owner']);
  await client.query(INSERT_OPERATOR, [personId]);
  const keyRow = [projectId, 'First key', secrets.hashKey(apiKey), maskSecret(apiKey), personId];
  await client.query(INSERT_KEY, keyRow);
  await credit(client, {
    walletId,
    amount: SANDBOX_CREDIT,
    reference: `first-boot:${organizationId}`,
    description: 'Sandbox credit',
    at: Date.now(),
  });
}

/** @throws SecretError when the database was made with another server secret */
export async function checkSecret(pool: Pool, secrets: Secrets): Promise<void> {
  const { rows } = await pool.query<{ secret_fingerprint: Buffer }>(READ_FINGERPRINT);
  if (rows[0]?.secret_fingerprint.equals(secrets.fingerprint())) return;
  throw new SecretError(
    'This database was made with another server secret, so none of its API keys would be recognized. Set ZEROGPU_SECRET to the secret of the gateway that made it, or put its file "secret" into the data directory',
  );
}

/** Keeps the address in `credentials.env` true when the port or host changed. Does nothing when there is no file. */
export async function keepBaseUrl(dataDir: string, baseUrl: string): Promise<void> {
  const path = join(dataDir, FILE);
  const text = await readFileIfThere(path);
  if (text === null) return;
  const line = `export ${NAMES.baseUrl}=${baseUrl}`;
  const updated = text.replace(new RegExp(`^export ${NAMES.baseUrl}=.*$`, 'm'), () => line);
  if (updated !== text) await writePrivateFile(path, updated);
}

/** Lines for a shell; no value holds a character that a shell would read as anything else. */
function formatCredentials(credentials: FirstBoot): string {
  const lines = Object.entries(NAMES).map(([field, name]) => {
    return `export ${name}=${credentials[field as keyof FirstBoot]}`;
  });
  return `${lines.join('\n')}\n`;
}

/** @returns null when any of them is missing, as in a file that was cut off */
export function parseCredentials(text: string): FirstBoot | null {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^export ([A-Z_]+)=(.+)$/.exec(line);
    if (match) values.set(match[1]!, match[2]!);
  }
  const [baseUrl, apiKey, projectId, adminEmail, adminPassword] = Object.values(NAMES).map((n) =>
    values.get(n),
  );
  if (!baseUrl || !apiKey || !projectId || !adminEmail || !adminPassword) return null;
  return isWellFormedSecret(API_KEY_PREFIX, apiKey)
    ? { baseUrl, apiKey, projectId, adminEmail, adminPassword }
    : null;
}

const TOKEN_FILE = 'node-token';
const FIND_TOKEN = `
SELECT revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()) AND coalesce(uses_left, 1) > 0 AS usable
FROM join_tokens WHERE hash = $1`;
const INSERT_TOKEN = `
INSERT INTO join_tokens (hash, masked, name, pool) VALUES ($1, $2, $3, 'operator') ON CONFLICT (hash) DO NOTHING`;

/**
 * Makes sure that `<dataDir>/node-token` (0600) holds a join token of the operator's pool that admits the local node.
 * The file comes first: a kill in between leaves a token that the next start makes known.
 * @returns the token
 */
export async function localNodeToken(pool: Pool, dataDir: string, secrets: Secrets): Promise<string> {
  const path = join(dataDir, TOKEN_FILE);
  const kept = ((await readFileIfThere(path)) ?? '').trim();
  if (isWellFormedSecret(JOIN_TOKEN_PREFIX, kept)) {
    const { rows } = await pool.query<{ usable: boolean }>(FIND_TOKEN, [secrets.hashKey(kept)]);
    if (rows[0]?.usable) return kept;
    // Unknown: our kill came in between, or the database is another one. Known and not usable: it was revoked.
    if (!rows[0]) return admit(pool, secrets, kept);
  }
  const token = makeSecret(JOIN_TOKEN_PREFIX);
  await writePrivateFile(path, `${token}\n`);
  return admit(pool, secrets, token);
}

async function admit(pool: Pool, secrets: Secrets, token: string): Promise<string> {
  await pool.query(INSERT_TOKEN, [secrets.hashKey(token), maskSecret(token), 'Local node']);
  return token;
}
