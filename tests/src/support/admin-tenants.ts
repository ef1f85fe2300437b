/** Organizations with people of every role, and calls of the admin API by them, each held to the OpenAPI document. */
import { randomUUID } from 'node:crypto';
import {
  ADMIN_ROUTES,
  type AdminRoute,
  type AdminRouteName,
  type MemberRole,
  ROLES,
} from '@zerogpu/protocol';
import { strayings } from './conformance.ts';
import { newMember, type TestPerson } from './people.ts';
import { type Json, makeProject, type TestGateway } from './test-gateway.ts';

export interface Tenant {
  readonly organizationId: string;
  readonly projectId: string;
  /** Another project of the same organization. */
  readonly otherProjectId: string;
  readonly apiKey: string;
  readonly keyId: string;
  readonly people: Readonly<Record<MemberRole, TestPerson>>;
}

export async function makeTenant({ gateway }: Pick<TestGateway, 'gateway'>): Promise<Tenant> {
  const { pool } = gateway;
  const { projectId, apiKey, keyId } = await makeProject(gateway);
  const owner = await pool.query<{ organization_id: string }>(
    'SELECT organization_id FROM projects WHERE id = $1',
    [projectId],
  );
  const organizationId = owner.rows[0]?.organization_id ?? '';
  const otherProjectId = randomUUID();
  await pool.query("INSERT INTO projects (id, organization_id, name) VALUES ($1, $2, 'other')", [
    otherProjectId,
    organizationId,
  ]);
  const people = await Promise.all(
    ROLES.map(async (role) => [role, await newMember(gateway, organizationId, role)] as const),
  );
  const byRole = Object.fromEntries(people) as Record<MemberRole, TestPerson>;
  return { organizationId, projectId, otherProjectId, apiKey, keyId, people: byRole };
}

export interface AdminCallOptions {
  readonly params?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly query?: Readonly<Record<string, string>>;
  /** The session of who calls; null calls without one. */
  readonly by: Pick<TestPerson, 'headers'> | null;
  readonly idempotencyKey?: string;
}

export interface AdminAnswer {
  readonly status: number;
  /** Empty for what goes on forever. */
  readonly text: string;
  readonly json: Json;
  /** Without what differs from one call to the next. */
  readonly headers: Readonly<Record<string, string>>;
  /** What of it the OpenAPI document does not say. */
  readonly strayings: readonly string[];
}

/** In a header of every answer, and of its own each time. */
const OF_EACH_CALL = new Set(['x-request-id', 'date']);

export async function callAdmin(
  { url }: Pick<TestGateway, 'url'>,
  name: AdminRouteName,
  { params = {}, body, query = {}, by, idempotencyKey }: AdminCallOptions,
): Promise<AdminAnswer> {
  const route: AdminRoute = ADMIN_ROUTES[name];
  const path = route.path.replaceAll(/\{(\w+)\}/g, (_, param: string) =>
    encodeURIComponent(params[param] ?? ''),
  );
  const search = Object.keys(query).length === 0 ? '' : `?${new URLSearchParams(query)}`;
  const method = route.method.toUpperCase();
  const response = await fetch(url + path + search, {
    method,
    headers: {
      ...by?.headers,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const { status, headers } = response;
  const type = headers.get('content-type') ?? '';
  const text = type.startsWith('text/event-stream') ? await cancelled(response) : await response.text();
  return {
    status,
    text,
    json: type.startsWith('application/json') && text !== '' ? JSON.parse(text) : null,
    headers: Object.fromEntries([...headers].filter(([header]) => !OF_EACH_CALL.has(header))),
    strayings: strayings({ method, path, status, headers, body: text }),
  };
}

async function cancelled(response: Response): Promise<string> {
  await response.body?.cancel();
  return '';
}
