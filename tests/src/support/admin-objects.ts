/**
 * Things for the admin API's paths to name, each made as people make it. Typed by the parameters of all paths: a route
 * that names something new does not compile until it is made here.
 */
import { randomBytes } from 'node:crypto';
import { type AdminRouteName, type AdminRoutes, newId, type ParamsOf } from '@zerogpu/protocol';
import { type AdminCallOptions, callAdmin, type Tenant } from './admin-tenants.ts';
import { newMember } from './people.ts';
import { SUMMARY } from './scripted-node.ts';
import type { Json, TestGateway } from './test-gateway.ts';

/** Every name of a part of a path. */
export type Param = { [Name in AdminRouteName]: keyof ParamsOf<AdminRoutes[Name]> }[AdminRouteName];
/** What a path names by itself, besides whose it is. */
export type ObjectParam = Exclude<Param, 'organizationId' | 'projectId'>;

export interface Place {
  readonly gateway: TestGateway;
  readonly tenant: Tenant;
  /** In which of the tenant's projects. */
  readonly projectId: string;
  /** What stands further left in the path. */
  readonly params: Readonly<Record<string, string>>;
}

type Maker = (place: Place) => Promise<string>;

export const MAKERS: Readonly<Record<ObjectParam, Maker>> = {
  sessionId: async ({ gateway, tenant }) => {
    const { rows } = await gateway.pool.query<{ id: string }>(
      'SELECT id FROM sessions WHERE person_id = $1',
      [tenant.people.owner.id],
    );
    return rows[0]?.id ?? '';
  },
  personId: async ({ gateway, tenant }) => (await newMember(gateway.gateway, tenant.organizationId)).id,
  invitationId: async (place) => (await made(place, 'createInvitation', { role: 'viewer' })).id,
  keyId: async (place) => (await made(place, 'createKey', { name: 'a key' })).id,
  webhookId: async (place) => (await made(place, 'createWebhook', NEW_WEBHOOK)).id,
  deliveryId: async (place) => (await made(place, 'testWebhook', undefined, place.params)).id,
  setupId: async (place) => (await made(place, 'startPaymentMethod')).id,
  methodId: (place) => payingMethod(place),
  paymentId: async (place) => {
    const payment_method_id = await payingMethod(place);
    return (await made(place, 'addCredit', { amount: '10.00', payment_method_id })).id;
  },
  requestId: async ({ gateway, tenant, projectId }) => {
    const project = { tenant, projectId };
    const answer = await gateway.call(
      '/v1/summary',
      { text: 'The sky is blue.', model: SUMMARY },
      await keyOf(gateway, project),
    );
    return answer.requestId;
  },
  nodeId: ({ gateway, tenant }) => nodeOf(gateway, 'organization', tenant.organizationId),
  joinTokenId: async (place) => (await made(place, 'createJoinToken', { name: 'a token' })).id,
  fleetNodeId: ({ gateway }) => nodeOf(gateway, 'public', null),
  fleetTokenId: async ({ gateway }) => {
    const text = `
      INSERT INTO join_tokens (hash, name, masked, pool) VALUES ($1, 'a token', 'zgpu-join-…', 'public') RETURNING id`;
    const { rows } = await gateway.pool.query<{ id: string }>(text, [randomBytes(32)]);
    return rows[0]?.id ?? '';
  },
  fileId: (place) => uploaded(place, '{"custom_id":"1"}\n'),
  batchId: (place) => heldBatch(place),
};

/** A node that was here, and is away; nobody has to be told of it. */
async function nodeOf(gateway: TestGateway, pool: string, organizationId: string | null): Promise<string> {
  const id = newId('node');
  const text = `
    INSERT INTO nodes (id, public_key, pool, organization_id, name, agent, joined_told_at, away_told_at)
    VALUES ($1, $2, $3, $4, 'a node', 'test', now(), now())`;
  await gateway.pool.query(text, [id, randomBytes(32), pool, organizationId]);
  return id;
}

/** No such host, by RFC 2606: nothing is sent anywhere. */
export const WEBHOOK_URL = 'https://hooks.example.com/zerogpu';

/** Switched on, or nothing could be sent to it; of a kind that never happens here. */
export const NEW_WEBHOOK = { url: WEBHOOK_URL, kinds: ['webhook.switched_off'] };

export const GOOD_CARD = {
  number: '4242424242424242',
  exp_month: 12,
  exp_year: 2099,
  cvc: '123',
  country: 'US',
};

/** A file with this content, through the API of programs. */
export async function uploaded(place: Place, content: string): Promise<string> {
  const form = new FormData();
  form.append('purpose', 'batch');
  form.append('file', new Blob([content]), 'lines.jsonl');
  const { key } = await keyOf(place.gateway, place);
  const response = await fetch(`${place.gateway.url}/v1/files`, {
    method: 'POST',
    // So that the answer is kept, too.
    headers: { 'x-api-key': key, 'idempotency-key': crypto.randomUUID() },
    body: form,
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`The upload was answered ${response.status}: ${text}`);
  return JSON.parse(text).id;
}

/** An open batch on whose one line nobody works before the day is over, so that it stays as it is. */
async function heldBatch({ gateway, tenant, projectId }: Place): Promise<string> {
  const batchId = newId('batch');
  const { keyId } = await keyOf(gateway, { tenant, projectId });
  const batch = `
    INSERT INTO batches (id, project_id, key_id, endpoint, input_file_id, status, total, created_at, expires_at,
      in_progress_at, paused_until)
    VALUES ($1, $2, $3, '/v1/chat/completions', $4, 'in_progress', 1, now(), now() + interval '1 day', now(),
      now() + interval '1 day')`;
  await gateway.pool.query(batch, [batchId, projectId, keyId, newId('file')]);
  const line = `
    INSERT INTO batch_lines (batch_id, number, custom_id, start, length) VALUES ($1, 1, '"one"', 0, 17)`;
  await gateway.pool.query(line, [batchId]);
  return batchId;
}

async function payingMethod(place: Place): Promise<string> {
  const { id } = await made(place, 'startPaymentMethod');
  const finished = await made(place, 'finishPaymentMethod', { card: GOOD_CARD }, { setupId: id });
  return finished.payment_method.id;
}

async function keyOf(
  gateway: TestGateway,
  { tenant, projectId }: Pick<Place, 'tenant' | 'projectId'>,
): Promise<{ key: string; keyId: string }> {
  if (projectId === tenant.projectId) return { key: tenant.apiKey, keyId: tenant.keyId };
  const by = tenant.people.owner;
  const made = await callAdmin(gateway, 'createKey', { params: { projectId }, body: { name: 'k' }, by });
  return { key: made.json.key, keyId: made.json.id };
}

/** Calls a route as the tenant's owner. @throws Error when it is refused */
export async function made(
  { gateway, tenant, projectId }: Place,
  route: AdminRouteName,
  body?: unknown,
  more: AdminCallOptions['params'] = {},
): Promise<Json> {
  const params = { organizationId: tenant.organizationId, projectId, ...more };
  // So that the answer is kept, too; where nothing is made, it means nothing.
  const idempotencyKey = crypto.randomUUID();
  const answer = await callAdmin(gateway, route, { params, body, by: tenant.people.owner, idempotencyKey });
  if (answer.status >= 300) throw new Error(`${route} answered ${answer.status}: ${answer.text}`);
  return answer.json;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** An id of the same form that names nothing. */
export function nobodys(id: string): string {
  if (UUID.test(id)) return crypto.randomUUID();
  const prefix = /^[a-z]+[_-]/.exec(id)?.[0];
  if (prefix === undefined) throw new Error(`An id of a form that nobody knows: ${id}`);
  return prefix + newId('request').split('_')[1];
}

/** What fields of bodies and queries name, made in a place. */
export const REFERENCES: Readonly<Record<string, Maker>> = {
  key_id: MAKERS.keyId,
  person_id: MAKERS.personId,
  payment_method_id: MAKERS.methodId,
  project_id: async ({ projectId }) => projectId,
  up_to: async ({ gateway, tenant }) => {
    const id = newId('event');
    const text = `
      INSERT INTO events (id, organization_id, kind, severity, title, created_at)
      VALUES ($1, $2, 'balance.low', 'warning', 'The balance is low', now())`;
    await gateway.pool.query(text, [id, tenant.organizationId]);
    return id;
  },
};
