/** Who buys: organizations of three kinds, each with projects and keys. */
import { createHmac, randomUUID } from 'node:crypto';
import { credit, openWallet } from '@zerogpu/ledger';
import { API_KEY_PREFIX, makeSecret, maskSecret, NANOS_PER_DOLLAR } from '@zerogpu/protocol';
import type { Pool } from 'pg';

/**
 * `generous`: never refused, whatever happens. `tight`: a wallet that is filled by drops and always nearly empty.
 * `budgeted`: a full wallet, and budgets that come, change and go.
 */
export type TenantKind = 'generous' | 'tight' | 'budgeted';

/** A key, with what it belongs to. */
export interface Buyer {
  readonly kind: TenantKind;
  readonly organizationId: string;
  readonly walletId: string;
  readonly projectId: string;
  readonly keyId: string;
  readonly apiKey: string;
  /** Orders made so far. */
  orders: number;
}

/** Organizations, projects of each, keys of each project. */
const SHAPE: Readonly<Record<TenantKind, readonly [number, number, number]>> = {
  generous: [2, 2, 2],
  tight: [3, 1, 2],
  budgeted: [3, 2, 2],
};

const FULL = 100_000n * NANOS_PER_DOLLAR;
/** Some forty requests. */
const DROP = 2_000_000n;

/** @param secret the gateways' server secret */
export async function makeTenants(pool: Pool, secret: string): Promise<Buyer[]> {
  const buyers: Buyer[] = [];
  for (const kind of ['generous', 'tight', 'budgeted'] as const) {
    const [organizations, projects, keys] = SHAPE[kind];
    for (let i = 0; i < organizations; i++) {
      const organization = await makeOrganization(pool, kind);
      for (let p = 0; p < projects; p++) {
        const projectId = await makeProject(pool, organization.organizationId);
        for (let k = 0; k < keys; k++) {
          const key = await makeKey(pool, secret, projectId);
          buyers.push({ kind, ...organization, projectId, ...key, orders: 0 });
        }
      }
    }
  }
  return buyers;
}

async function makeOrganization(
  pool: Pool,
  kind: TenantKind,
): Promise<Pick<Buyer, 'organizationId' | 'walletId'>> {
  const organizationId = randomUUID();
  const walletId = await openWallet(pool, organizationId);
  const amount = kind === 'tight' ? DROP : FULL;
  await credit(pool, { walletId, amount, reference: null, description: 'Test credit', at: Date.now() });
  await pool.query('INSERT INTO organizations (id, name, wallet_id) VALUES ($1, $2, $3)', [
    organizationId,
    kind,
    walletId,
  ]);
  return { organizationId, walletId };
}

async function makeProject(pool: Pool, organizationId: string): Promise<string> {
  const { rows } = await pool.query<{ id: string }>(
    "INSERT INTO projects (organization_id, name) VALUES ($1, 'test') RETURNING id",
    [organizationId],
  );
  return rows[0]!.id;
}

async function makeKey(
  pool: Pool,
  secret: string,
  projectId: string,
): Promise<Pick<Buyer, 'keyId' | 'apiKey'>> {
  const apiKey = makeSecret(API_KEY_PREFIX);
  const hash = createHmac('sha256', secret).update(apiKey).digest();
  const { rows } = await pool.query<{ id: string }>(
    "INSERT INTO api_keys (project_id, name, hash, masked) VALUES ($1, 'test', $2, $3) RETURNING id",
    [projectId, hash, maskSecret(apiKey)],
  );
  return { keyId: rows[0]!.id, apiKey };
}
