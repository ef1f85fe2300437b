/** The HTTP side as a whole on a real socket, with memory in place of the database. */
import { API_KEY_PREFIX, makeSecret } from '@zerogpu/protocol';
import { Pool } from 'pg';
import type { AdminServices } from '../admin/admin-routes.ts';
import { makeAdmin } from '../admin-api.ts';
import type { KeyRecord } from '../auth/authenticate.ts';
import { makeBilling } from '../billing/make-billing.ts';
import {
  type Payload,
  type RefusedCall,
  type Settlement,
  type StoredAnswer,
  type Target,
  type TargetAnswer,
  UNLIMITED,
} from '../flow.ts';
import type { ClaimRequest, ClaimResult } from '../idempotency/idempotency-store.ts';
import { Metrics } from '../metrics.ts';
import { Hedging } from '../nodes/hedging.ts';
import { NodeRegistry } from '../nodes/registry.ts';
import { NodeSoftware } from '../pages/node-software.ts';
import { makeAttempts } from '../people/attempts.ts';
import { makePeople } from '../people/people-services.ts';
import type { Asking, Grant } from '../quota/admit-requests.ts';
import { makeServer, type ServerServices } from '../server.ts';
import { silentLog } from '../store/log.ts';
import { Secrets } from '../store/secrets.ts';
import { admitSigned } from './connected-nodes.ts';

export const KEY = makeSecret(API_KEY_PREFIX);

const RECORD: KeyRecord = {
  keyId: 'k',
  projectId: 'p',
  projectActive: true,
  organizationId: 'o',
  walletId: 'w',
  allowedModels: null,
  limits: UNLIMITED,
  standIns: null,
  privacy: 'own',
  upstreams: false,
  payloadPolicy: 'errors',
  payloadDays: 30,
  ended: false,
};

/** What a database would hold. */
export class Memory {
  readonly holds = new Map<string, bigint>();
  readonly settled: Settlement[] = [];
  readonly refused: RefusedCall[] = [];
  readonly payloads: Payload[] = [];
  readonly claims = new Map<string, ClaimRequest & { stored: StoredAnswer | null }>();
  readonly reports: unknown[] = [];
  balance = 10n ** 12n;

  async take({ requestId, amount }: Asking): Promise<Grant> {
    const limits = { requests: null, tokens: null };
    if (amount > this.balance) return { result: 'balance', limits };
    this.balance -= amount;
    this.holds.set(requestId, amount);
    return { result: 'held', limits };
  }

  async settle(settlement: Settlement): Promise<void> {
    const { requestId, held, cost, idempotency } = settlement;
    if (this.settled.some((one) => one.requestId === requestId)) return;
    if (held !== this.holds.has(requestId)) throw new Error('The settlement is wrong about its hold');
    this.balance += (this.holds.get(requestId) ?? 0n) - cost;
    this.holds.delete(requestId);
    this.settled.push(settlement);
    const claim = this.claims.get(idempotency?.key ?? '');
    if (claim && idempotency) claim.stored = idempotency.answer;
  }

  async claim(request: ClaimRequest): Promise<ClaimResult> {
    const before = this.claims.get(request.key);
    if (!before) {
      this.claims.set(request.key, { ...request, stored: null });
      return { kind: 'claimed' };
    }
    if (Buffer.compare(before.bodyHash, request.bodyHash) !== 0) return { kind: 'conflict' };
    return before.stored ? { kind: 'replay', stored: before.stored } : { kind: 'running' };
  }

  async release(_projectId: string, key: string, requestId: string): Promise<void> {
    const claim = this.claims.get(key);
    if (claim?.requestId === requestId && claim.stored === null) this.claims.delete(key);
  }
}

export interface OpenServer {
  readonly url: string;
  readonly memory: Memory;
  readonly services: ServerServices;
  /** What serves every model; a test puts its own here. */
  readonly targets: Target[];
  post(body: unknown, headers?: Record<string, string>, path?: string): Promise<Response>;
  close(): Promise<void>;
}

/** Nobody asks about nodes here. */
const NO_FLEET = {
  gatewayId: '',
  gateways: async () => [],
  changed: () => undefined,
  earned: () => false,
};

export async function openServer(changes: Partial<ServerServices> = {}): Promise<OpenServer> {
  const memory = new Memory();
  const targets: Target[] = [];
  const registry = new NodeRegistry({ admit: admitSigned, heartbeatMs: 5000, now: Date.now });
  const inFlight = { count: 0 };
  const services: ServerServices = {
    admin: adminWithoutDatabase(memory, registry),
    keys: {
      find: async (key) => (key === KEY ? RECORD : null),
      findById: async (keyId) => (keyId === RECORD.keyId ? RECORD : null),
    },
    callerRoutes: [],
    internal: { take: () => false },
    claims: memory,
    standIns: { byDefault: false },
    admission: {
      take: (asking) => memory.take(asking),
      keyLimits: UNLIMITED.key,
      override: () => undefined,
      deadlineMs: 60_000,
    },
    fleet: registry,
    upstreams: () => targets,
    hedging: new Hedging(),
    settle: (settlement) => memory.settle(settlement),
    refused: (call) => memory.refused.push(call),
    keep: (payload) => memory.payloads.push(payload),
    maxBodyBytes: 4 * 1024 * 1024,
    maxInFlight: 4096,
    trustedProxies: [],
    bodyTimeoutMs: 60_000,
    now: Date.now,
    random: () => 0.5,
    report: (_requestId, cause) => memory.reports.push(cause),
    registry,
    available: () => ({ nodes: ({ id }) => registry.count(id), hasFallback: () => false }),
    health: {
      databaseAnswers: async () => true,
      settling: () => true,
      nodes: () => registry.size,
      upstreams: () => 1,
    },
    metrics: new Metrics({ nodes: () => registry.size, inFlight: () => inFlight.count }),
    openapi: () => ({ openapi: '3.1.0' }),
    modelFiles: { weights: { find: () => Promise.resolve(null) } },
    nodePages: { software: new NodeSoftware('/nowhere', () => 0), publicUrl: null },
    inFlight,
    ...changes,
  };
  const app = makeServer(services);
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  return {
    url,
    memory,
    services,
    targets,
    post: (body, headers = {}, path = '/v1/responses') =>
      fetch(url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-api-key': KEY, ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    close: async () => {
      registry.close();
      app.server.closeAllConnections();
      await app.close();
    },
  };
}

function adminWithoutDatabase(memory: Memory, registry: NodeRegistry): AdminServices {
  // Nobody answers there.
  const pool = new Pool({ host: '127.0.0.1', port: 1 });
  const secrets = new Secrets('a secret of the tests, long enough');
  return makeAdmin({
    pool,
    billing: makeBilling({ pool, stripe: null, log: silentLog, notify: async () => {}, now: Date.now }),
    secrets,
    people: makePeople({
      pool,
      secrets,
      log: silentLog,
      attempts: makeAttempts(),
      signUp: 'closed',
      smtpUrl: null,
      publicUrl: () => '',
    }),
    storage: {
      read: () => {
        throw new Error('There is no storage here');
      },
    },
    fleet: { ...NO_FLEET, live: registry },
    publicUrl: () => '',
    log: silentLog,
    origins: [],
    webhooksPrivate: false,
    now: Date.now,
    report: (_requestId, cause) => memory.reports.push(cause),
  });
}

const ANSWER: TargetAnswer = {
  text: 'The sky is blue.',
  reasoning: null,
  toolCalls: [],
  finishReason: 'stop',
  usage: null,
  queueMs: 0,
  modelMs: 1,
};

/** A target that does what a test says; by default it answers. */
export function target(run: Target['run'] = async () => ANSWER): Target {
  return { kind: 'upstream', organizationId: null, id: 'u', run };
}

export const answering = (changes: Partial<TargetAnswer> = {}): Target =>
  target(async () => ({ ...ANSWER, ...changes }));

/** Says a piece, then waits until it is stopped. */
export const hanging = (piece = ''): Target =>
  target((_inference, _deadline, sink, signal) => {
    if (piece !== '') sink?.piece('text', piece);
    return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  });
