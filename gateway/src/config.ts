/**
 * The one reader of the environment. Each setting has its default and the reason for it here; a name that is
 * not here is an error, because a misspelt setting that does nothing costs an evening.
 */
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { MANIFESTS } from '@zerogpu/catalogue';
import { BATCH_ENDPOINT, isRecord, type Place } from '@zerogpu/protocol';
import { nearest } from './nearest.ts';
import { readS3Url, type S3Location, S3UrlError } from './storage/s3-url.ts';

export interface UpstreamConfig {
  readonly name: string;
  /** Base address of an OpenAI-compatible API, such as `http://127.0.0.1:11434/v1`. */
  readonly url: string;
  readonly apiKey: string | null;
  /** The operator vouches for it: it may see any project's requests, and its token counts are charged. */
  readonly trusted: boolean;
  /** Of batches, under way there at once. */
  readonly batchRuns: number;
  /** Our model id → the model's name there. */
  readonly models: ReadonlyMap<string, string>;
}

export interface ModelOverride {
  readonly errorOnMaxToken?: boolean;
}

export interface StripeConfig {
  readonly secretKey: string;
  readonly publishableKey: string;
  /** Null refuses Stripe's events; the reconciler then asks for what became of payments. */
  readonly webhookSecret: string | null;
  readonly apiUrl: string;
}

export interface FileLimits {
  /** Of one upload. */
  readonly maxBytes: number;
  /** A file goes after so many days, whoever made it. */
  readonly days: number;
  /** Of all files of one organization. */
  readonly maxStoredBytes: number;
}

export interface BatchSettings {
  /** Lines that this gateway has under way at once; 0 leaves all to workers beside it. */
  readonly concurrency: number;
  /** Addresses that lines may ask for, such as `/v1/chat/completions`. */
  readonly endpoints: readonly string[];
  readonly maxLines: number;
  readonly maxFileBytes: number;
  readonly maxLineBytes: number;
}

/** Of batches, under way at once: enough to fill the groups in which money is held and settled; more only makes callers wait. */
export const DEFAULT_LINES = 32;

const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const SIGN_UP_POLICIES = ['open', 'invited', 'closed'] as const;
/** Who may make an account: anybody, whoever has an invitation, nobody. */
export type SignUpPolicy = (typeof SIGN_UP_POLICIES)[number];

export interface Config {
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  readonly secret: string | null;
  readonly databaseUrl: string | null;
  readonly upstreams: readonly UpstreamConfig[];
  readonly modelOverrides: ReadonlyMap<string, ModelOverride>;
  /** Of projects that do not say themselves. */
  readonly standIns: boolean;
  readonly deadlineMs: number;
  readonly maxBodyBytes: number;
  readonly maxInFlight: number;
  readonly bodyTimeoutMs: number;
  /** Per minute, of keys that have no limits of their own; null is no limit. */
  readonly rateLimit: { readonly requests: number | null; readonly tokens: number | null };
  readonly heartbeatMs: number;
  readonly gatewayName: string;
  /** Where workers beside this gateway reach it; null is where it listens. */
  readonly internalUrl: string | null;
  /** Which gateway a worker works with; null finds all of the database. */
  readonly gatewayUrl: string | null;
  readonly logLevel: LogLevel;
  /** Null keeps files in the data directory. */
  readonly s3: S3Location | null;
  readonly files: FileLimits;
  readonly batches: BatchSettings;
  /** How long requests stay in the log. */
  readonly logDays: number;
  /** Without a slash at its end; null is where the gateway listens. */
  readonly publicUrl: string | null;
  /** Null: this server sends no mails. */
  readonly smtpUrl: string | null;
  readonly signUp: SignUpPolicy;
  /** Addresses and networks whose `x-forwarded-for` is believed. */
  readonly trustedProxies: readonly string[];
  /** Where this gateway is; null lets its time zone tell. */
  readonly place: Place | null;
  /** A MaxMind database of addresses; null has none. */
  readonly geoipDb: string | null;
  /** Null: payments go to the sandbox, with test money. */
  readonly stripe: StripeConfig | null;
  /** Whether webhooks may go to addresses that are not public. */
  readonly webhooksPrivate: boolean;
}

/** A setting is wrong: said once, in words for the operator; a restart cannot mend it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** 16 GiB: its checksums are 2 MiB of one row, and a bucket's 10,000 parts of 5 MiB hold it. */
const LARGEST_FILE = 2 ** 34;

type Env = Readonly<Record<string, string | undefined>>;

/** Names that `credentials.env` exports for clients; a shell that sourced it may start a gateway too. */
const CLIENT_NAMES = [
  'ZEROGPU_BASE_URL',
  'ZEROGPU_API_KEY',
  'ZEROGPU_PROJECT_ID',
  'ZEROGPU_ADMIN_EMAIL',
  'ZEROGPU_ADMIN_PASSWORD',
];

/** Read by other programs of ours that share the environment: the starter, the node, the tests. */
const OTHER_PROGRAMS = [
  'ZEROGPU_LOCAL_NODES',
  'ZEROGPU_LOCAL_WORKERS',
  'ZEROGPU_GATEWAY_URL',
  'ZEROGPU_JOIN_TOKEN',
];
const TEST_PREFIX = 'ZEROGPU_TEST_';

/** Named as everywhere; whoever puts our prefix before one is told. */
const WITHOUT_PREFIX = ['HOST', 'PORT', 'DATABASE_URL', 'S3_URL', 'SMTP_URL', 'GEOIP_DB'];

const OURS = [
  'ZEROGPU_DATA_DIR',
  'ZEROGPU_SECRET',
  'ZEROGPU_UPSTREAMS',
  'ZEROGPU_MODEL_OVERRIDES',
  'ZEROGPU_STANDINS',
  'ZEROGPU_DEADLINE_MS',
  'ZEROGPU_MAX_BODY_BYTES',
  'ZEROGPU_MAX_IN_FLIGHT',
  'ZEROGPU_BODY_TIMEOUT_MS',
  'ZEROGPU_RATE_LIMIT_REQUESTS',
  'ZEROGPU_RATE_LIMIT_TOKENS',
  'ZEROGPU_HEARTBEAT_MS',
  'ZEROGPU_GATEWAY_NAME',
  'ZEROGPU_INTERNAL_URL',
  'ZEROGPU_LOG_LEVEL',
  'ZEROGPU_LOG_DAYS',
  'ZEROGPU_MAX_UPLOAD_BYTES',
  'ZEROGPU_FILE_DAYS',
  'ZEROGPU_MAX_STORED_BYTES',
  'ZEROGPU_BATCH_CONCURRENCY',
  'ZEROGPU_BATCH_ENDPOINTS',
  'ZEROGPU_BATCH_MAX_LINES',
  'ZEROGPU_BATCH_MAX_BYTES',
  'ZEROGPU_BATCH_MAX_LINE_BYTES',
  'ZEROGPU_PUBLIC_URL',
  'ZEROGPU_SIGN_UP',
  'ZEROGPU_TRUSTED_PROXIES',
  'ZEROGPU_WEBHOOKS_PRIVATE',
  'ZEROGPU_PLACE',
];

/** @throws ConfigError naming the setting, what is wrong with it and what it may be */
export function readConfig(env: Env): Config {
  refuseUnknownNames(env);
  return {
    // Loopback until the operator says otherwise: a fresh install must not face the network.
    host: env['HOST'] || '127.0.0.1',
    port: integer(env, 'PORT', 8080, 0, 65_535),
    dataDir: resolve(env['ZEROGPU_DATA_DIR'] || '.zerogpu'),
    // Null makes one at first boot, kept in the data directory; several gateways need the same one.
    secret: secret(env['ZEROGPU_SECRET']),
    databaseUrl: databaseUrl(env['DATABASE_URL']),
    upstreams: upstreams(env['ZEROGPU_UPSTREAMS']),
    modelOverrides: modelOverrides(env['ZEROGPU_MODEL_OVERRIDES']),
    // Whoever asks for a model gets that model, unless the project or the operator says otherwise.
    standIns: onOrOff(env, 'ZEROGPU_STANDINS', false),
    // A nano model answers in milliseconds; a chat model on a laptop may take most of a minute.
    deadlineMs: integer(env, 'ZEROGPU_DEADLINE_MS', 60_000, 100, 3_600_000),
    // Room for a conversation of many long turns, far under what would hurt if many arrive at once.
    maxBodyBytes: integer(env, 'ZEROGPU_MAX_BODY_BYTES', 4 * 1024 * 1024, 1024, 64 * 1024 * 1024),
    // At nano-model speed this is a second's queue; with bodies of a few kilobytes, some tens of megabytes.
    maxInFlight: integer(env, 'ZEROGPU_MAX_IN_FLIGHT', 4096, 1, 1_000_000),
    // A body of 4 MB in a minute is 0.5 Mbit/s: slower than any line that a program would call us from.
    bodyTimeoutMs: integer(env, 'ZEROGPU_BODY_TIMEOUT_MS', 60_000, 100, 3_600_000),
    rateLimit: {
      requests: optionalInteger(env, 'ZEROGPU_RATE_LIMIT_REQUESTS'),
      tokens: optionalInteger(env, 'ZEROGPU_RATE_LIMIT_TOKENS'),
    },
    // Three missed in a row and a silent node is dropped: 15 s after a laptop's lid closes.
    heartbeatMs: integer(env, 'ZEROGPU_HEARTBEAT_MS', 5_000, 100, 60_000),
    // Rollups are kept per gateway, so that two gateways never write one row.
    gatewayName: env['ZEROGPU_GATEWAY_NAME'] || hostname(),
    // Workers on the same machine reach it where it listens; only the operator knows how others would.
    internalUrl: baseUrl('ZEROGPU_INTERNAL_URL', env['ZEROGPU_INTERNAL_URL'], 'http://10.0.0.5:8080'),
    // Gateways say in the database where they are. A node's form of the address, ws or wss, is one of ours too.
    gatewayUrl: baseUrl(
      'ZEROGPU_GATEWAY_URL',
      env['ZEROGPU_GATEWAY_URL']?.replace(/^ws/, 'http'),
      'http://127.0.0.1:8080',
    ),
    // A quiet terminal: what goes wrong on our side, and nothing of every request.
    logLevel: logLevel(env['ZEROGPU_LOG_LEVEL']),
    // Until the operator has a contract with a payment provider, money is test money.
    stripe: stripe(env),
    // The data directory is there anyway; several gateways of one database need a bucket, as all must reach all files.
    s3: s3Location(env),
    files: {
      // As much as the public platform takes at once.
      maxBytes: integer(env, 'ZEROGPU_MAX_UPLOAD_BYTES', 100 * 1024 * 1024, 1, LARGEST_FILE),
      days: integer(env, 'ZEROGPU_FILE_DAYS', 30, 1, 3650),
      // A thousand of the largest uploads: nobody who works has more, and who fills disks is stopped.
      maxStoredBytes: integer(env, 'ZEROGPU_MAX_STORED_BYTES', 100 * 2 ** 30, 1, 2 ** 49),
    },
    batches: {
      concurrency: integer(env, 'ZEROGPU_BATCH_CONCURRENCY', DEFAULT_LINES, 0, 1024),
      endpoints: batchEndpoints(env['ZEROGPU_BATCH_ENDPOINTS']),
      maxLines: integer(env, 'ZEROGPU_BATCH_MAX_LINES', 50_000, 1, 10_000_000),
      maxFileBytes: integer(env, 'ZEROGPU_BATCH_MAX_BYTES', 209_715_200, 1, LARGEST_FILE),
      maxLineBytes: integer(env, 'ZEROGPU_BATCH_MAX_LINE_BYTES', 1_048_576, 1, 64 * 1024 * 1024),
    },
    // Thirteen months, so that a month can be laid beside the same month of the year before.
    logDays: integer(env, 'ZEROGPU_LOG_DAYS', 396, 7, 36_500),
    // Where it listens is where people on the same machine reach it; behind a proxy only the operator knows.
    publicUrl: baseUrl('ZEROGPU_PUBLIC_URL', env['ZEROGPU_PUBLIC_URL'], 'https://ai.example.com'),
    // No mail server can be guessed; without one, invitations are links and the operator makes reset links.
    smtpUrl: smtpUrl(env['SMTP_URL']),
    // The first start makes the owner, who invites others: strangers who find the server get no account on it.
    signUp: signUpPolicy(env['ZEROGPU_SIGN_UP']),
    // Believed from anybody, the header would let whoever guesses passwords be somebody else each time.
    trustedProxies: trustedProxies(env['ZEROGPU_TRUSTED_PROXIES']),
    // A laptop's time zone tells it well enough; a server's is mostly UTC, which is nowhere.
    place: place(env['ZEROGPU_PLACE']),
    // None may be shipped: who has one says where. Without it, time zones tell where nodes are.
    geoipDb: env['GEOIP_DB'] ? resolve(env['GEOIP_DB']) : null,
    // Whoever may write a webhook's url must not reach the operator's own network through us.
    webhooksPrivate: onOrOff(env, 'ZEROGPU_WEBHOOKS_PRIVATE', false),
  };
}

function refuseUnknownNames(env: Env): void {
  const known = new Set([...OURS, ...CLIENT_NAMES, ...OTHER_PROGRAMS]);
  for (const name of Object.keys(env)) {
    if (!name.startsWith('ZEROGPU_') || name.startsWith(TEST_PREFIX) || known.has(name)) continue;
    throw new ConfigError(`Unknown setting ${name}; did you mean ${nearestSetting(name)}?`);
  }
}

function nearestSetting(name: string): string {
  const prefixed = WITHOUT_PREFIX.map((bare) => `ZEROGPU_${bare}`);
  const meant = nearest(name, [...OURS, ...OTHER_PROGRAMS, ...prefixed]);
  return prefixed.includes(meant) ? meant.slice('ZEROGPU_'.length) : meant;
}

function integer(env: Env, name: string, otherwise: number, min: number, max: number): number {
  const text = env[name];
  if (text === undefined || text === '') return otherwise;
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) {
    throw new ConfigError(`${name} must be an integer from ${min} to ${max}, not "${text}"`);
  }
  return value;
}

function optionalInteger(env: Env, name: string): number | null {
  return env[name] ? integer(env, name, 0, 1, Number.MAX_SAFE_INTEGER) : null;
}

function onOrOff(env: Env, name: string, otherwise: boolean): boolean {
  const text = env[name];
  if (text === undefined || text === '') return otherwise;
  if (text !== 'on' && text !== 'off') throw new ConfigError(`${name} must be on or off, not "${text}"`);
  return text === 'on';
}

function logLevel(text: string | undefined): LogLevel {
  const level = LOG_LEVELS.find((known) => known === (text || 'warn'));
  if (level === undefined)
    throw new ConfigError(`ZEROGPU_LOG_LEVEL must be one of ${LOG_LEVELS.join(', ')}, not "${text}"`);
  return level;
}

function signUpPolicy(text: string | undefined): SignUpPolicy {
  const policy = SIGN_UP_POLICIES.find((known) => known === (text || 'invited'));
  if (policy !== undefined) return policy;
  throw new ConfigError(`ZEROGPU_SIGN_UP must be one of ${SIGN_UP_POLICIES.join(', ')}, not "${text}"`);
}

/** The public platform batches the first alone; what is more is this operator's. */
const BATCHABLE = ['/v1/chat/completions', '/v1/responses', '/v1/embeddings', '/v1/moderations'];

function batchEndpoints(text: string | undefined): string[] {
  if (!text) return [BATCH_ENDPOINT];
  const endpoints = text.split(',').map((endpoint) => endpoint.trim());
  const unknown = endpoints.find((endpoint) => !BATCHABLE.includes(endpoint));
  if (unknown === undefined) return endpoints;
  throw new ConfigError(
    `ZEROGPU_BATCH_ENDPOINTS must be some of ${BATCHABLE.join(',')} with commas between, not "${unknown}"`,
  );
}

function trustedProxies(text: string | undefined): string[] {
  const networks = (text ?? '').split(',').map((network) => network.trim());
  for (const network of networks.filter((each) => each !== '' && !isNetwork(each))) {
    throw new ConfigError(
      `ZEROGPU_TRUSTED_PROXIES must be addresses or networks with commas between, such as 127.0.0.1,10.0.0.0/8, not "${network}"`,
    );
  }
  return networks.filter((network) => network !== '');
}

function place(text: string | undefined): Place | null {
  if (!text) return null;
  const [latitude, longitude] = (/^(-?[\d.]{1,12}) *, *(-?[\d.]{1,12})$/.exec(text) ?? [])
    .slice(1)
    .map(Number);
  const isOne = Math.abs(latitude ?? Number.NaN) <= 90 && Math.abs(longitude ?? Number.NaN) <= 180;
  if (isOne && latitude !== undefined && longitude !== undefined) return { latitude, longitude };
  throw new ConfigError(
    `ZEROGPU_PLACE must be degrees of latitude and longitude, such as 50.11,8.68, not "${text}"`,
  );
}

function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const longest = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  const inRange =
    bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) >= 1 && Number(bits) <= longest);
  return longest > 0 && inRange && rest.length === 0;
}

function baseUrl(name: string, text: string | undefined, example: string): string | null {
  if (!text) return null;
  if (isBaseAddress(text)) return text.replace(/\/+$/, '');
  throw new ConfigError(
    `${name} must be an http or https address without a user, a query or a fragment, such as ${example}`,
  );
}

/** Not quoted: it holds a password. */
function smtpUrl(text: string | undefined): string | null {
  if (!text) return null;
  if (/^smtps?:\/\//.test(text) && URL.canParse(text) && new URL(text).hostname !== '') return text;
  throw new ConfigError(
    'SMTP_URL must look like smtp://user:password@mail.example.com:587?from=ai@example.com',
  );
}

/** Not quoted: it holds a secret. */
function s3Location(env: Env): S3Location | null {
  if (!env['S3_URL']) return null;
  try {
    return readS3Url(env['S3_URL'], env['AWS_REGION']);
  } catch (error) {
    if (error instanceof S3UrlError) throw new ConfigError(`S3_URL ${error.message}`);
    throw error;
  }
}

function secret(text: string | undefined): string | null {
  if (!text) return null;
  if (text.length < 32) {
    throw new ConfigError(
      'ZEROGPU_SECRET must have at least 32 characters, for example from `openssl rand -hex 32`',
    );
  }
  return text;
}

/** No message quotes a key: what stands in the wrong variable may be a secret. */
function stripe(env: Env): StripeConfig | null {
  const secretKey = env['STRIPE_SECRET_KEY'];
  const publishableKey = env['STRIPE_PUBLISHABLE_KEY'];
  const webhookSecret = env['STRIPE_WEBHOOK_SECRET'] || null;
  if (!secretKey) {
    if (!publishableKey && webhookSecret === null) return null;
    throw new ConfigError('STRIPE_SECRET_KEY is missing; without it no other STRIPE_ setting does anything');
  }
  const kind = /^[sr]k_(test|live)_[\x21-\x7e]+$/.exec(secretKey)?.[1];
  if (kind === undefined)
    throw new ConfigError('STRIPE_SECRET_KEY must begin with sk_test_, sk_live_, rk_test_ or rk_live_');
  if (!new RegExp(`^pk_${kind}_[\\x21-\\x7e]+$`).test(publishableKey ?? ''))
    throw new ConfigError(
      `STRIPE_PUBLISHABLE_KEY must begin with pk_${kind}_, as STRIPE_SECRET_KEY is a ${kind} key`,
    );
  if (webhookSecret !== null && !webhookSecret.startsWith('whsec_'))
    throw new ConfigError('STRIPE_WEBHOOK_SECRET must begin with whsec_');
  // Stripe's own; tests and private networks put a proxy in its place.
  const apiUrl = env['STRIPE_API_URL'] || 'https://api.stripe.com';
  if (!isBaseAddress(apiUrl) || new URL(apiUrl).pathname !== '/')
    throw new ConfigError('STRIPE_API_URL must be an http or https address without a path');
  return { secretKey, publishableKey: publishableKey ?? '', webhookSecret, apiUrl };
}

function databaseUrl(text: string | undefined): string | null {
  if (!text) return null;
  if (!/^postgres(ql)?:\/\//.test(text)) {
    throw new ConfigError('DATABASE_URL must look like postgres://user:password@host:5432/database');
  }
  return text;
}

const UPSTREAM_EXAMPLE =
  '[{"name":"ollama","url":"http://127.0.0.1:11434/v1","trusted":true,"models":{"llama-3.1-8b-instruct-fast":"llama3.1:8b"}}]';

/** What a small server works on at once by default: more of them would stand before people's requests in its own line. */
const DEFAULT_BATCH_RUNS = 4;

function upstreams(text: string | undefined): UpstreamConfig[] {
  if (!text) return [];
  const list = json('ZEROGPU_UPSTREAMS', text, UPSTREAM_EXAMPLE);
  if (!Array.isArray(list)) throw wrongUpstreams('must be an array');
  const all = list.map(upstream);
  // The log tells them apart by name.
  const twice = all.find(({ name }, i) => all.findIndex((other) => other.name === name) < i);
  if (twice) throw wrongUpstreams(`has the name "${twice.name}" twice`);
  return all;
}

function upstream(entry: unknown): UpstreamConfig {
  if (!isRecord(entry)) throw wrongUpstreams('must hold objects');
  const { name, url, apiKey, trusted, batchRuns = DEFAULT_BATCH_RUNS, models, ...rest } = entry;
  if (typeof name !== 'string' || name === '') throw wrongUpstreams('needs a name in each entry');
  if (typeof url !== 'string' || !isBaseAddress(url)) {
    throw wrongUpstreams(`needs an http or https url for "${name}", without a user, a query or a fragment`);
  }
  if (!isRecord(models) || !Object.values(models).every((m) => typeof m === 'string' && m !== '')) {
    throw wrongUpstreams(`needs models for "${name}": our model id to the name there`);
  }
  refuseUnknownModels('ZEROGPU_UPSTREAMS', models);
  // What a header can carry; anything else would fail every request.
  if (apiKey !== undefined && !(typeof apiKey === 'string' && /^[\x21-\x7e]+$/.test(apiKey)))
    throw wrongUpstreams(`has a wrong apiKey for "${name}"`);
  if (trusted !== undefined && typeof trusted !== 'boolean') {
    throw wrongUpstreams(`has a wrong trusted for "${name}": true or false`);
  }
  if (typeof batchRuns !== 'number' || !Number.isInteger(batchRuns) || batchRuns < 1 || batchRuns > 1024) {
    throw wrongUpstreams(`has a wrong batchRuns for "${name}": an integer from 1 to 1024`);
  }
  const unknown = Object.keys(rest)[0];
  if (unknown !== undefined) throw wrongUpstreams(`has an unknown field "${unknown}" for "${name}"`);
  return {
    name,
    url: url.replace(/\/+$/, ''),
    apiKey: apiKey ?? null,
    trusted: trusted ?? false,
    batchRuns,
    models: new Map(Object.entries(models).map(([ours, theirs]) => [ours, String(theirs)])),
  };
}

function wrongUpstreams(what: string): ConfigError {
  return new ConfigError(`ZEROGPU_UPSTREAMS ${what}; an example: ${UPSTREAM_EXAMPLE}`);
}

const OVERRIDES_EXAMPLE = '{"zlm-v1-summary-cloud":{"errorOnMaxToken":true}}';

function modelOverrides(text: string | undefined): Map<string, ModelOverride> {
  if (!text) return new Map();
  const all = json('ZEROGPU_MODEL_OVERRIDES', text, OVERRIDES_EXAMPLE);
  const wrong = new ConfigError(
    `ZEROGPU_MODEL_OVERRIDES must map model ids to {"errorOnMaxToken": true or false}; an example: ${OVERRIDES_EXAMPLE}`,
  );
  if (!isRecord(all)) throw wrong;
  refuseUnknownModels('ZEROGPU_MODEL_OVERRIDES', all);
  return new Map(
    Object.entries(all).map(([id, override]) => {
      if (!isRecord(override)) throw wrong;
      const { errorOnMaxToken, ...rest } = override;
      if (typeof errorOnMaxToken !== 'boolean' || Object.keys(rest).length > 0) throw wrong;
      return [id, { errorOnMaxToken }];
    }),
  );
}

function json(name: string, text: string, example: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ConfigError(`${name} is not valid JSON; an example: ${example}`);
  }
}

function refuseUnknownModels(setting: string, byModel: object): void {
  const known = MANIFESTS.map((manifest) => manifest.id);
  const unknown = Object.keys(byModel).find((id) => !known.includes(id));
  if (unknown === undefined) return;
  throw new ConfigError(
    `${setting} names the unknown model "${unknown}"; did you mean ${nearest(unknown, known)}?`,
  );
}

/** Only what a request's address is made of: the rest would be dropped without a word. */
function isBaseAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  return /^https?:$/.test(protocol) && username + password + search + hash === '';
}
