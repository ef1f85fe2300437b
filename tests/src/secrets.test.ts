/**
 * Secrets are planted by every door of a real gateway that logs all it can, used rightly and wrongly, and then looked
 * for in every table, in its output, in every answer, export and page: none may stand anywhere in clear.
 */
import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { openGateway, readConfig, silentLog } from '@zerogpu/gateway';
import { API_KEY_PREFIX, JOIN_TOKEN_PREFIX, makeSecret } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ManagedProcess } from './support/managed-process.ts';
import { Platform } from './support/platform.ts';
import { ScriptedNode } from './support/scripted-node.ts';
import { type Leak, Witness } from './support/secrets.ts';
import { type Said, Visitor } from './support/secrets-doors.ts';
import { FORM_HEADERS, filePart, form, PURPOSE } from './support/upload.ts';

const MODEL = 'llama-3.1-8b-instruct-fast';
/** Each secret has a word of its own in it, so that no two are one another's part. */
const invented = (word: string) => `${word}-EXAMPLE-${randomBytes(12).toString('hex')}`;
/** Past this the output's beginning is gone: see ManagedProcess. */
const MAX_OUTPUT = 60_000;

const witness = new Witness();
const serverSecret = witness.plant('server secret', invented('server'));
const upstreamKey = witness.plant('key of an upstream', invented('upstream'));
const smtpPassword = witness.plant('password of the mail server', invented('smtp'));
const prompt = witness.plant('prompt', invented('prompt'));
const keyInBody = witness.plant('key in a body', makeSecret(API_KEY_PREFIX));
const control = witness.plant('CONTROL, which must be found', invented('control'));

let upstream: Server;
let platform: Platform;
let leaks: Leak[];

beforeAll(async () => {
  upstream = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    answerAsUpstream(body, (status, said) => response.writeHead(status).end(JSON.stringify(said)));
  });
  await new Promise<void>((resolve) => {
    upstream.listen(0, '127.0.0.1', resolve);
  });
  const { port } = upstream.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/v1`;
  const upstreams = [{ name: 'double', url, apiKey: upstreamKey, trusted: true, models: { [MODEL]: 'any' } }];
  platform = await Platform.start({
    nodes: 0,
    env: {
      ZEROGPU_LOG_LEVEL: 'debug',
      ZEROGPU_SECRET: serverSecret,
      ZEROGPU_SIGN_UP: 'open',
      ZEROGPU_WEBHOOKS_PRIVATE: 'on',
      ZEROGPU_UPSTREAMS: JSON.stringify(upstreams),
      SMTP_URL: `smtp://user:${smtpPassword}@127.0.0.1:1?from=ai@example.com`,
    },
  });
  await plantAndUse();
  const { output } = platform.gateway;
  expect(output.length).toBeLessThan(MAX_OUTPUT);
  await platform.gateway.stop(30_000);
  witness.saw('output of the gateway', platform.gateway.output);
  await seeTables();
  leaks = witness.leaks();
});

afterAll(async () => {
  await platform?.stop();
  upstream?.closeAllConnections();
  upstream?.close();
});

test('the search finds what is there to be found', () => {
  const found = leaks.filter(isControl);
  const places = new Set(found.map(({ place }) => kindOfPlace(place)));
  expect(places).toContain('table public.organizations');
  expect(places).toContain('table public.bytes_of_the_test');
  expect(places).toContain('GET /api/organizations/… 200');
});

test('every table, the output and many answers were searched', () => {
  const places = witness.places;
  const tables = [
    'people',
    'sessions',
    'api_keys',
    'audit_log',
    'requests',
    'webhooks',
    'admin_creations',
    'join_tokens',
    'nodes',
    'batches',
  ];
  for (const table of tables) {
    expect(places).toContain(`table public.${table}`);
  }
  expect(places).toContain('table ledger.postings');
  expect(places.filter((place) => / (4|5)\d\d( |$)/.test(place)).length).toBeGreaterThan(100);
  expect(places.filter((place) => / 200( |$)/.test(place)).length).toBeGreaterThan(30);
});

test('no secret stands in clear where it has no business', () => {
  const told = leaks
    .filter((leak) => !isControl(leak))
    .map(({ kind, place, form, around }) => `${kind} ${form} in ${kindOfPlace(place)}: ${around}`);
  expect(told).toEqual([]);
});

const isControl = ({ kind }: Leak): boolean => kind.startsWith('CONTROL');

/** `answer 17: GET /api/projects/…/keys 200` → `GET /api/projects/…/keys 200` */
function kindOfPlace(place: string): string {
  return place.replace(/^answer \d+: /, '').replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}|req_\w+/g, '…');
}

test('a database that cannot be reached is told without its password', async () => {
  const other = new Witness();
  const password = other.plant('password of the database', invented('database'));
  const secret = other.plant('server secret', invented('server'));
  for (const query of ['', '?sslmode=require', '?application_name=a']) {
    const gateway = new ManagedProcess({
      name: 'gateway',
      program: 'gateway/src/main.ts',
      env: {
        PATH: process.env['PATH'],
        PORT: '0',
        ZEROGPU_LOG_LEVEL: 'debug',
        ZEROGPU_DATA_DIR: platform.dataDir,
        ZEROGPU_SECRET: secret,
        DATABASE_URL: `postgres://zerogpu:${password}@127.0.0.1:1/zerogpu${query}`,
      },
    });
    expect((await gateway.exited).code).toBe(1);
    expect(gateway.output).toContain('127.0.0.1:1');
    other.saw(`output with "${query}"`, gateway.output);
  }
  expect(other.leaks()).toEqual([]);
});

test('a bucket that cannot be used is told without its key', async () => {
  const other = new Witness();
  const secret = other.plant('secret of the bucket', invented('bucket'));
  const urls = [
    { url: `s3://KEYEXAMPLE:${secret}@127.0.0.1:1/files?tls=off`, code: 1, told: 'http://127.0.0.1:1' },
    { url: `s3://KEYEXAMPLE:${secret}/files`, code: 2, told: 'S3_URL must' },
  ];
  for (const { url, code, told } of urls) {
    const gateway = new ManagedProcess({
      name: 'gateway',
      program: 'gateway/src/main.ts',
      env: {
        PATH: process.env['PATH'],
        PORT: '0',
        ZEROGPU_LOG_LEVEL: 'debug',
        ZEROGPU_DATA_DIR: platform.dataDir,
        ZEROGPU_SECRET: serverSecret,
        S3_URL: url,
      },
    });
    expect((await gateway.exited).code).toBe(code);
    expect(gateway.output).toContain(told);
    other.saw(`output with code ${code}`, gateway.output);
  }
  expect(other.leaks()).toEqual([]);
});

/** Refuses as many make do: with the key that it was sent, and with what was asked. */
function answerAsUpstream(body: string, say: (status: number, said: object) => void): void {
  const status = Number(/upstream says (\d+)/.exec(body)?.[1] ?? 200);
  const message = { role: 'assistant', content: 'Nothing that was asked.' };
  const usage = { prompt_tokens: 5, completion_tokens: 5, total_tokens: 10 };
  if (status === 200) say(200, { choices: [{ index: 0, message, finish_reason: 'stop' }], usage });
  else say(status, { error: { message: `Incorrect API key provided: ${upstreamKey}. You asked ${body}` } });
}

type Headers = Readonly<Record<string, string>>;

async function plantAndUse(): Promise<void> {
  const visitor = new Visitor(platform, witness);
  const { apiKey, projectId, credentials } = platform;
  const email = credentials['ZEROGPU_ADMIN_EMAIL'] ?? '';
  witness.plant('first key', apiKey);
  const password = witness.plant('first password', credentials['ZEROGPU_ADMIN_PASSWORD'] ?? '');
  const signedIn = await visitor.ask('/api/auth/sign-in', { body: { email, password, session: 'token' } });
  const owner = { authorization: `Bearer ${plantOnce('session token', signedIn, 'token')}` };
  const organizations = await visitor.ask('/api/organizations', { headers: owner });
  const organizationId: string = organizations.json.data[0].id;
  const stranger = await signUp(visitor, 'a stranger');
  const ids = { organizationId, projectId, ...(await administer(visitor, owner, organizationId, projectId)) };
  await invite(visitor, owner, organizationId);
  await resetPassword(visitor, stranger.email);
  // Before the knocks, which use up the attempts that an address has in a minute.
  const again = { email: stranger.email, password: stranger.newPassword, session: 'token' };
  const back = await visitor.ask('/api/auth/sign-in', { body: again });
  const theirs = { authorization: `Bearer ${plantOnce('session of a stranger', back, 'token')}` };
  await infer(visitor, apiKey);
  await batch(visitor, apiKey, projectId, owner);

  for (const { kind, value } of witness.planted) {
    if (kind.startsWith('CONTROL') || kind === 'prompt') continue;
    await visitor.knockEverywhere(value);
    await visitor.knockWithKey(value, apiKey);
  }
  await visitor.knockEverywhere(witness.plant('unknown key', makeSecret(API_KEY_PREFIX)));
  await visitor.knockEverywhere(witness.plant('key with a slip', makeSecret(API_KEY_PREFIX).slice(0, -1)));
  const token = witness.plant('unknown join token', makeSecret(JOIN_TOKEN_PREFIX));
  await expect(ScriptedNode.join({ url: platform.url, joinToken: token })).rejects.toThrow();

  await visitor.readEverything(ids, owner);
  const logged = await visitor.ask(`/api/projects/${projectId}/requests?limit=100`, { headers: owner });
  for (const { id } of logged.json.data.slice(0, 50)) {
    await visitor.ask(`/api/projects/${projectId}/requests/${id}`, { headers: owner });
  }
  await visitor.readEverything(ids, theirs);
}

/** What an answer shows once, and no other may. */
function plantOnce(kind: string, said: Said, name: string): string {
  const value: unknown = said.json?.[name];
  if (typeof value !== 'string') throw new Error(`No ${kind} in ${said.place}: ${said.text}`);
  return witness.plant(kind, value, (place) => place === said.place);
}

async function signUp(visitor: Visitor, name: string) {
  const email = `${randomBytes(6).toString('hex')}@example.com`;
  const password = witness.plant(`password of ${name}`, invented('password'));
  const body = { email, password, name, session: 'token' };
  const said = await visitor.ask('/api/auth/sign-up', { body });
  const headers = { authorization: `Bearer ${plantOnce(`first session of ${name}`, said, 'token')}` };
  const changed = witness.plant(`changed password of ${name}`, invented('changed'));
  const change = { current_password: password, new_password: changed };
  await visitor.ask('/api/person/password', { body: change, headers });
  await visitor.ask('/api/auth/sign-in', { body: { email, password } });
  // With a cookie, which stands in the headers of that one answer.
  const cookie = await visitor.ask('/api/auth/sign-in', { body: { email, password: changed } });
  const set = /zerogpu_session=([\w-]+)/.exec(cookie.headers.get('set-cookie') ?? '')?.[1] ?? '';
  witness.plant(`cookie of ${name}`, set, (place) => place === cookie.place);
  return { email, newPassword: witness.plant(`last password of ${name}`, invented('last')) };
}

/** Keys, webhooks, cards and money of an organization. @returns ids of what was made */
async function administer(visitor: Visitor, owner: Headers, organizationId: string, projectId: string) {
  // No secret, but what somebody takes for one may be one: payments alone keep theirs as it is, for good.
  const ofPayments = (place: string) => place === 'table public.payments';
  const once = witness.plant('Idempotency-Key', invented('once'), ofPayments);
  let asked = 0;
  const ask = async (path: string, body?: unknown, method = 'POST') => {
    const headers = { ...owner, 'idempotency-key': `${once}-${++asked}` };
    const said = await visitor.ask(path, { method, headers, ...(body === undefined ? {} : { body }) });
    if (said.status >= 300) throw new Error(`${said.place}: ${said.text}`);
    return said;
  };
  const organization = `/api/organizations/${organizationId}`;
  await ask(organization, { name: control }, 'PATCH');
  await ask(`/api/projects/${projectId}`, { payload_policy: 'all' }, 'PATCH');
  const key = await ask(`/api/projects/${projectId}/keys`, { name: 'made' });
  plantOnce('made key', key, 'key');
  const revoked = await ask(`/api/projects/${projectId}/keys`, { name: 'revoked' });
  plantOnce('revoked key', revoked, 'key');
  await ask(`/api/projects/${projectId}/keys/${revoked.json.id}/revoke`);
  const webhook = await ask(`${organization}/webhooks`, { url: `${platform.url}/v1/models` });
  plantOnce('secret of a webhook', webhook, 'secret');
  const rotated = await ask(`${organization}/webhooks/${webhook.json.id}/rotate-secret`);
  plantOnce('new secret of a webhook', rotated, 'secret');
  await ask(`${organization}/webhooks/${webhook.json.id}/test`);
  const setup = await ask(`${organization}/billing/payment-methods/setups`);
  const finish = `${organization}/billing/payment-methods/setups/${setup.json.id}/finish`;
  await cards(visitor, owner, finish);
  const payment = await ask(`${organization}/billing/payments`, { amount: '25' });
  const ids = { keyId: key.json.id, webhookId: webhook.json.id, setupId: setup.json.id };
  const nodeId = await joinBy(await ask(`${organization}/join-tokens`, { name: 'own' }));
  const fleet = { name: 'anybody', pool: 'public', uses: 9 };
  const fleetNodeId = await joinBy(await ask('/api/fleet/join-tokens', fleet));
  await ask(`/api/fleet/nodes/${fleetNodeId}/drain`);
  return { ...ids, paymentId: payment.json.id, nodeId, fleetNodeId };
}

/** A node that comes by a token that was just made, and stays. @returns its id */
async function joinBy(made: Said): Promise<string> {
  const joinToken = plantOnce('join token', made, 'token');
  const node = await ScriptedNode.join({ url: platform.url, joinToken, name: 'a device' });
  return node.nodeId;
}

/** Numbers that the sandbox takes not, in every spelling, and then one that it takes. */
async function cards(visitor: Visitor, headers: Headers, finish: string): Promise<void> {
  const numbers = [
    witness.plant('card number', '5105105105105101'),
    witness.plant('card number with spaces', '6011 1111 1111 1118'),
  ];
  const card = { exp_month: 12, exp_year: 2031, cvc: '7377', country: 'US' };
  for (const number of numbers) {
    await visitor.ask(finish, { body: { card: { ...card, number } }, headers });
    await visitor.ask(finish, { body: { card: { ...card, number, exp_month: 13 } }, headers });
    await visitor.ask(finish, { body: { card: { ...card, number, cvc: number } }, headers });
    await visitor.ask(finish, { body: { number }, headers });
    await visitor.ask(finish, { raw: `{"card": {"number": "${number}"`, headers });
  }
  // The number that the documents name: only in them.
  const known = witness.plant('test card', '4242424242424242', (place) => place.includes('/openapi.json'));
  const done = await visitor.ask(finish, { body: { card: { ...card, number: known } }, headers });
  if (done.json?.state !== 'succeeded') throw new Error(`${done.place}: ${done.text}`);
}

async function invite(visitor: Visitor, headers: Headers, organizationId: string): Promise<void> {
  const path = `/api/organizations/${organizationId}/invitations`;
  for (const email of [null, 'invited@example.com']) {
    const said = await visitor.ask(path, { body: { role: 'viewer', email }, headers });
    plantOnce('invitation', said, 'token');
  }
}

/** The mail server is away, so its password is of interest; the operator makes the link. */
async function resetPassword(visitor: Visitor, email: string): Promise<void> {
  await visitor.ask('/api/auth/request-password-reset', { body: { email } });
  const operator = new ManagedProcess({
    name: 'operator',
    program: 'gateway/src/operator.ts',
    args: ['reset-link', email],
    env: { PATH: process.env['PATH'], ZEROGPU_DATA_DIR: platform.dataDir, ZEROGPU_SECRET: serverSecret },
  });
  await operator.exited;
  const token = /zgpu-reset-\w+/.exec(operator.output)?.[0] ?? '';
  witness.plant('token of a reset', token);
  const last = witness.planted.find(({ kind }) => kind === 'last password of a stranger')?.value ?? '';
  await visitor.ask('/api/auth/reset-password', { body: { token: `${token}x`, password: last } });
  const said = await visitor.ask('/api/auth/reset-password', { body: { token, password: last } });
  if (said.status !== 204) throw new Error(`${said.place}: ${said.text}`);
}

/** Prompts that are answered, refused, and refused by an upstream that quotes them and its key. */
async function infer(visitor: Visitor, apiKey: string): Promise<void> {
  const headers = { 'x-api-key': apiKey };
  for (const says of [200, 401, 403, 404, 429, 500]) {
    const content = `${prompt}, upstream says ${says}. My key is ${keyInBody}.`;
    const messages = [{ role: 'user', content }];
    await visitor.ask('/v1/chat/completions', { body: { model: MODEL, messages }, headers });
    await visitor.ask('/v1/responses', { body: { model: MODEL, input: content, stream: true }, headers });
    const once = { ...headers, 'idempotency-key': `once-${says}` };
    await visitor.ask('/v1/responses', { body: { model: MODEL, input: content }, headers: once });
    await visitor.ask('/v1/responses', { body: { model: MODEL, input: content }, headers: once });
  }
  for (const body of [
    { model: MODEL, messages: prompt },
    { model: MODEL, messages: [{ role: prompt }] },
  ]) {
    await visitor.ask('/v1/chat/completions', { body, headers });
  }
  await visitor.ask('/v1/responses', { raw: `{"model": "${MODEL}", "input": "${prompt}`, headers });
}

/**
 * Lines that are answered, refused, and none; each asks with words of its own and a key in it. They stand in files, and
 * nowhere else: neither in a table once the batch has ended, nor in what is said of files and batches.
 */
async function batch(visitor: Visitor, apiKey: string, projectId: string, owner: Headers): Promise<void> {
  const headers = { 'x-api-key': apiKey };
  // An upstream that quotes what it refuses is quoted to who asked.
  const ofWhoAsked = (place: string) => place.includes('/content');
  const asked = witness.plant('prompt in a line', invented('line'), ofWhoAsked);
  const key = witness.plant('key in a line', makeSecret(API_KEY_PREFIX));
  const content = `${asked}. My key is ${key}.`;
  const line = (customId: string, body: object) =>
    JSON.stringify({ custom_id: customId, method: 'POST', url: '/v1/chat/completions', body });
  const answered = line('a', { model: MODEL, messages: [{ role: 'user', content }] });
  const refused = [400, 413].map((says) => {
    const messages = [{ role: 'user', content: `${content} upstream says ${says}` }];
    return line(`upstream ${says}`, { model: MODEL, messages });
  });
  const wrong = [line('wrong', { model: MODEL, messages: content }), line('none', { model: content })];
  const create = async (lines: readonly string[]): Promise<Said> => {
    const raw = form([PURPOSE, filePart(lines.join('\n'))]).toString();
    const file = await visitor.ask('/v1/files', { raw, headers: { ...headers, ...FORM_HEADERS } });
    const body = { input_file_id: file.json.id, endpoint: '/v1/chat/completions', completion_window: '24h' };
    return visitor.ask('/v1/batches', { body, headers });
  };
  // Faults that quote what they are about, and one in the middle of words.
  await create([line(key, {}), line(key, {})]);
  await create([`{"custom_id":"a","method":"POST","url":"${key}","body":{}}`]);
  await create([`{"custom_id":"a","body":"${content}`]);
  const begun = await create([answered, ...refused, ...wrong]);
  let ended = begun;
  while (ended.json.status !== 'completed') {
    await sleep(50);
    ended = await visitor.ask(`/v1/batches/${begun.json.id}`, { headers });
  }
  const counts = { total: 5, completed: 1, failed: 4 };
  if (JSON.stringify(ended.json.request_counts) !== JSON.stringify(counts)) throw new Error(ended.text);
  for (const id of [ended.json.output_file_id, ended.json.error_file_id]) {
    await visitor.ask(`/v1/files/${id}`, { headers });
    await visitor.ask(`/api/projects/${projectId}/files/${id}`, { headers: owner });
  }
  await visitor.ask(`/v1/files/${ended.json.error_file_id}/content`, { headers });
  await visitor.ask('/v1/batches', { headers });
  await visitor.ask('/v1/files', { headers });
  await visitor.ask('/v1/files/none', { headers, method: 'DELETE' });
}

const TABLES = `
SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')`;

/** Row by row as PostgreSQL prints them: bytes in hexadecimal. */
async function seeTables(): Promise<void> {
  const config = readConfig({
    ZEROGPU_DATA_DIR: platform.dataDir,
    ZEROGPU_SECRET: serverSecret,
    PORT: '0',
  });
  const gateway = await openGateway(config, silentLog);
  try {
    await gateway.pool.query('CREATE TABLE bytes_of_the_test (bytes bytea)');
    await gateway.pool.query('INSERT INTO bytes_of_the_test VALUES ($1)', [Buffer.from(`<${control}>`)]);
    await dump(gateway.pool);
  } finally {
    await gateway.close(1_000);
  }
}

async function dump(pool: Pool): Promise<void> {
  const { rows } = await pool.query<{ name: string }>(TABLES);
  for (const { name } of rows) {
    const found = await pool.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`);
    witness.saw(`table ${name}`, found.rows.map(({ row }) => row).join('\n'));
  }
}
