/** A gateway inside the test's own process, on a real port and a real database, for tests that need to reach into it. */
import { randomUUID } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Gateway, openGateway, readConfig } from '@zerogpu/gateway';
import {
  type Balance,
  checkInvariants,
  credit,
  openWallet,
  readBalance,
  type Violation,
} from '@zerogpu/ledger';
import { API_KEY_PREFIX, type MemberRole, makeSecret, maskSecret, NANOS_PER_DOLLAR } from '@zerogpu/protocol';
import { type Answered, strayings } from './conformance.ts';
import { ManagedProcess } from './managed-process.ts';
import { type NewAccount, newMember, signIn, signInOwner, signUp, type TestPerson } from './people.ts';
import { parseCredentials } from './platform.ts';
import { ScriptedNode, type ScriptedNodeOptions } from './scripted-node.ts';

export interface Project {
  readonly organizationId: string;
  readonly apiKey: string;
  readonly keyId: string;
  readonly projectId: string;
  readonly walletId: string;
}

export interface ProjectOptions {
  /** In nano-dollars; 5 dollars unless told. */
  readonly balance?: bigint;
  /** Null, the default, allows every model. */
  readonly allowedModels?: readonly string[] | null;
  readonly status?: 'active' | 'archived';
}

export interface CallOptions {
  /** Replaces what a JSON body would be sent as. */
  readonly raw?: NonNullable<RequestInit['body']>;
  readonly method?: string;
  /** Null sends no key; the first boot's unless told. */
  readonly key?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** An answer, read to its end. */
export interface CallAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON; null when it is none. */
  readonly json: Json;
  readonly requestId: string;
}

// biome-ignore lint/suspicious/noExplicitAny: an answer as a client sees it, whose fields a test goes on to check
export type Json = any;

/** One row of the log; columns as in the database. */
export interface LogRow {
  readonly id: string;
  readonly status: number;
  readonly error_code: string | null;
  readonly requested_model: string | null;
  readonly served_model: string | null;
  readonly endpoint: string;
  readonly streamed: boolean;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cost: bigint;
  readonly route_kind: string | null;
  readonly attempts: number | null;
}

const NODE_READY_MS = 60_000;
const NODE_STOP_MS = 15_000;
const CLOSE_MS = 5_000;
const LOOK_MS = 20;
const PATIENCE_MS = 10_000;

export class TestGateway {
  readonly gateway: Gateway;
  readonly first: Project;
  /** What the gateway told its operator, warnings and errors. */
  readonly told: string[];
  /** Every answer that `call` saw that was not as the OpenAPI document says. */
  readonly strayings: string[] = [];
  readonly #dataDir: string;
  readonly #joinToken: string;
  readonly #leaving: (() => Promise<unknown>)[] = [];

  /** @param env settings over the defaults of a test */
  static async start(env: Readonly<Record<string, string>> = {}): Promise<TestGateway> {
    const dataDir = await mkdtemp(path.join(tmpdir(), 'zerogpu-test-'));
    // As root the database runs as another user, who has to pass through.
    await chmod(dataDir, 0o711);
    return TestGateway.open(dataDir, env);
  }

  /** Opens one on a folder that may hold another's data; `stop` removes the folder. */
  static async open(dataDir: string, env: Readonly<Record<string, string>> = {}): Promise<TestGateway> {
    const told: string[] = [];
    const tell = (fields: object, message: string) => void told.push(`${message} ${JSON.stringify(fields)}`);
    const config = readConfig({ PORT: '0', ZEROGPU_DATA_DIR: dataDir, ZEROGPU_SIGN_UP: 'open', ...env });
    const gateway = await openGateway(config, { info() {}, warn: tell, error: tell });
    const joinToken = (await readFile(gateway.nodeTokenFile, 'utf8')).trim();
    return new TestGateway(gateway, await firstProject(gateway), told, dataDir, joinToken);
  }

  private constructor(gateway: Gateway, first: Project, told: string[], dataDir: string, joinToken: string) {
    this.gateway = gateway;
    this.first = first;
    this.told = told;
    this.#dataDir = dataDir;
    this.#joinToken = joinToken;
  }

  get url(): string {
    return this.gateway.url;
  }

  get pool(): Gateway['pool'] {
    return this.gateway.pool;
  }

  /** A project of an organization of its own, with one key. */
  newProject(options: ProjectOptions = {}): Promise<Project> {
    return makeProject(this.gateway, options);
  }

  /** Through the API; an invitation makes them a member. */
  signUp(account: NewAccount = {}): Promise<TestPerson> {
    return signUp(this.url, account);
  }

  /** Through the API, as the owner that the first start made unless told. */
  signIn(email?: string, password?: string): Promise<TestPerson> {
    return email === undefined ? signInOwner(this.gateway) : signIn(this.url, email, password);
  }

  /** Somebody with a session, put into the database: quick, and without a password. */
  newMember(organizationId: string | null, role: MemberRole = 'viewer'): Promise<TestPerson> {
    return newMember(this.gateway, organizationId, role);
  }

  /** One call of the admin API as somebody; null is nobody. A body makes it a POST unless told. */
  admin(
    who: TestPerson | null,
    route: string,
    body?: unknown,
    options: Omit<CallOptions, 'key'> = {},
  ): Promise<CallAnswer> {
    const headers = { ...who?.headers, ...options.headers };
    return this.call(route, body, { ...options, key: null, headers });
  }

  async join(options: Partial<ScriptedNodeOptions> = {}): Promise<ScriptedNode> {
    const node = await ScriptedNode.join({ url: this.url, joinToken: this.#joinToken, ...options });
    this.#leaving.push(() => node.leave());
    return node;
  }

  /** A real node as a process of its own; resolves when it is welcome with its models in memory. */
  async spawnNode(): Promise<ManagedProcess> {
    const state = path.join(this.#dataDir, `node-${randomUUID()}`);
    const node = new ManagedProcess({
      name: 'node',
      program: 'node/src/main.ts',
      args: ['--gateway', this.url, '--token-file', this.gateway.nodeTokenFile, '--state', state],
      env: { PATH: process.env['PATH'] },
    });
    this.#leaving.push(() => node.stop(NODE_STOP_MS));
    await node.ready(NODE_READY_MS);
    return node;
  }

  /** One call, read to its end and held to the OpenAPI document; a body makes it a POST. */
  async call(route: string, body?: unknown, options: CallOptions = {}): Promise<CallAnswer> {
    const response = await this.send(route, body, options);
    const text = await response.text();
    const contentType = response.headers.get('content-type') ?? '';
    const method = options.method ?? (body === undefined && options.raw === undefined ? 'GET' : 'POST');
    const { status, headers } = response;
    if (method !== 'HEAD') this.#hold({ method, path: route, status, headers, body: text });
    const json: Json = /^application\/json(;|$)/.test(contentType) && text !== '' ? JSON.parse(text) : null;
    const requestId = response.headers.get('x-request-id') ?? '';
    return { status, headers, text, json, requestId };
  }

  /** One call, as soon as its headers are there. */
  send(route: string, body?: unknown, options: CallOptions = {}): Promise<Response> {
    const { key = this.first.apiKey, headers = {}, raw, signal } = options;
    const content = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    return fetch(this.url + route, {
      method: options.method ?? (content === undefined ? 'GET' : 'POST'),
      headers: {
        ...(key === null ? {} : { 'x-api-key': key }),
        ...(content === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      // Undici wants to be told that a streamed body may still be sent when the answer comes.
      ...(content === undefined ? {} : { body: content, duplex: 'half' }),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  /** The log's row of a request; null when there is none. */
  async logRow(requestId: string): Promise<LogRow | null> {
    const { rows } = await this.pool.query<LogRow>('SELECT * FROM requests WHERE id = $1', [requestId]);
    return rows[0] ?? null;
  }

  /** What was charged for a request, in nano-dollars. */
  async charged(requestId: string): Promise<bigint> {
    const text =
      "SELECT coalesce(sum(amount), 0)::bigint AS sum FROM ledger.postings WHERE kind = 'charge' AND request_id = $1";
    const { rows } = await this.pool.query<{ sum: bigint }>(text, [requestId]);
    return BigInt(rows[0]?.sum ?? 0);
  }

  async holds(): Promise<number> {
    const { rows } = await this.pool.query<{ count: bigint }>('SELECT count(*) FROM ledger.holds');
    return Number(rows[0]?.count);
  }

  balance(project: Project = this.first): Promise<Balance | null> {
    return readBalance(this.pool, project.walletId);
  }

  violations(): Promise<Violation[]> {
    return checkInvariants(this.pool);
  }

  /** Waits for something that happens without a word, such as the log row of a caller who went away. */
  async eventually<T>(what: string, look: () => Promise<T | null>): Promise<T> {
    for (let waited = 0; waited < PATIENCE_MS; waited += LOOK_MS) {
      const found = await look();
      if (found !== null) return found;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    throw new Error(`Waited for ${what} in vain`);
  }

  /** Ends everything that was started, and removes the folder. */
  async stop(): Promise<void> {
    await Promise.all(this.#leaving.map((leave) => leave()));
    await this.gateway.close(CLOSE_MS);
    await rm(this.#dataDir, { recursive: true, force: true });
  }

  #hold(answered: Answered): void {
    this.strayings.push(...strayings(answered));
  }
}

/** A project of an organization of its own, with one key, as an administrator would make it. */
export async function makeProject(gateway: Gateway, options: ProjectOptions = {}): Promise<Project> {
  const { pool, secrets } = gateway;
  const { balance = 5n * NANOS_PER_DOLLAR, allowedModels = null, status = 'active' } = options;
  const [organizationId, projectId] = [randomUUID(), randomUUID()];
  const walletId = await openWallet(pool, organizationId);
  if (balance > 0n) {
    await credit(pool, { walletId, amount: balance, reference: null, description: 'test', at: Date.now() });
  }
  await pool.query("INSERT INTO organizations (id, name, wallet_id) VALUES ($1, 'test', $2)", [
    organizationId,
    walletId,
  ]);
  await pool.query(
    "INSERT INTO projects (id, organization_id, name, status, allowed_models) VALUES ($1, $2, 'test', $3, $4)",
    [projectId, organizationId, status, allowedModels],
  );
  const apiKey = makeSecret(API_KEY_PREFIX);
  const { rows } = await pool.query<{ id: string }>(
    "INSERT INTO api_keys (project_id, name, hash, masked) VALUES ($1, 'test', $2, $3) RETURNING id",
    [projectId, secrets.hashKey(apiKey), maskSecret(apiKey)],
  );
  return { organizationId, apiKey, keyId: String(rows[0]?.id), projectId, walletId };
}

async function firstProject(gateway: Gateway): Promise<Project> {
  const credentials = parseCredentials(await readFile(gateway.credentialsFile, 'utf8'));
  const apiKey = credentials['ZEROGPU_API_KEY'] ?? '';
  const projectId = credentials['ZEROGPU_PROJECT_ID'] ?? '';
  const { rows } = await gateway.pool.query<{ id: string; wallet_id: string; organization_id: string }>(
    `SELECT k.id, o.wallet_id, o.id AS organization_id FROM api_keys k JOIN projects p ON p.id = k.project_id
     JOIN organizations o ON o.id = p.organization_id WHERE k.hash = $1`,
    [gateway.secrets.hashKey(apiKey)],
  );
  const { id, wallet_id, organization_id } = rows[0]!;
  return { organizationId: organization_id, apiKey, projectId, keyId: id, walletId: wallet_id };
}
