/** An organization with a project, a key and money, and a request of it to settle. */
import { randomUUID } from 'node:crypto';
import { credit, openWallet } from '@zerogpu/ledger';
import { API_KEY_PREFIX, makeSecret, maskSecret, newId } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import { type Caller, type Settlement, type StoredAnswer, UNLIMITED } from '../flow.ts';
import type { Asking } from '../quota/admit-requests.ts';
import type { Secrets } from '../store/secrets.ts';

export interface Tenant {
  readonly caller: Caller;
  readonly apiKey: string;
}

/** @param balance in nano-dollars */
export async function makeTenant(pool: Pool, secrets: Secrets, balance = 1_000_000n): Promise<Tenant> {
  const organizationId = randomUUID();
  const projectId = randomUUID();
  const keyId = randomUUID();
  const apiKey = makeSecret(API_KEY_PREFIX);
  const walletId = await openWallet(pool, organizationId);
  await credit(pool, { walletId, amount: balance, reference: null, description: 'test', at: Date.now() });
  const organization = [organizationId, 'test', walletId];
  await pool.query('INSERT INTO organizations (id, name, wallet_id) VALUES ($1, $2, $3)', organization);
  const project = [projectId, organizationId, 'test'];
  await pool.query('INSERT INTO projects (id, organization_id, name) VALUES ($1, $2, $3)', project);
  const key = [keyId, projectId, 'test', secrets.hashKey(apiKey), maskSecret(apiKey)];
  await pool.query(
    'INSERT INTO api_keys (id, project_id, name, hash, masked) VALUES ($1, $2, $3, $4, $5)',
    key,
  );
  return {
    caller: {
      keyId,
      projectId,
      organizationId,
      walletId,
      allowedModels: null,
      limits: UNLIMITED,
      standIns: null,
      privacy: 'own',
      upstreams: false,
      payloadPolicy: 'errors',
      payloadDays: 30,
    },
    apiKey,
  };
}

/** What a request of this caller asks for before it runs. */
export function makeAsking(caller: Caller, requestId: string, changes: Partial<Asking> = {}): Asking {
  return {
    requestId,
    accountId: caller.walletId,
    projectId: caller.projectId,
    keyId: caller.keyId,
    amount: 1_000n,
    expiresAt: Date.now() + 60_000,
    tokens: 30,
    limits: caller.limits,
    ...changes,
  };
}

/** An answered request that cost 700 of its hold. */
export function makeSettlement(caller: Caller, changes: Partial<Settlement> = {}): Settlement {
  return {
    requestId: newId('request'),
    startedAt: Date.UTC(2030, 0, 1, 12, 34, 56),
    caller,
    endpoint: 'responses',
    requestedModel: 'zlm-v1-summary-cloud',
    servedModel: 'zlm-v1-summary-cloud',
    status: 200,
    errorCode: null,
    inputTokens: 30,
    outputTokens: 5,
    finishReason: 'stop',
    streamed: false,
    tier: 'interactive',
    replayOf: null,
    cost: 700n,
    held: true,
    route: {
      kind: 'node',
      target: 'node_test',
      class: 'edge',
      deviceClass: 'server',
      region: 'DE',
      why: '[["e","DE",1,0,2.1]]',
      attempts: 1,
      fallback: false,
      hedged: false,
      queueMs: 0.5,
      networkMs: 1.5,
      modelMs: 2.5,
    },
    routeClass: 'edge',
    totalMs: 12,
    idempotency: null,
    ...changes,
  };
}

export function makeStoredAnswer(requestId: string, text = 'An answer with 🦉 and "quotes"'): StoredAnswer {
  const usage = { inputTokens: 30, outputTokens: 5, reasoningTokens: 0 };
  const answer = { model: 'm', text, reasoning: null, toolCalls: [], finishReason: 'stop', usage } as const;
  return { requestId, createdAt: 1_893_501_296_000, answer };
}
