import { ApiError } from '@zerogpu/protocol';
import type { PoolClient } from 'pg';
import { type PaymentProvider, ProviderError } from './provider.ts';

const READ = 'SELECT customer FROM billing_customers WHERE organization_id = $1 AND provider = $2';
const INSERT = `
INSERT INTO billing_customers (organization_id, provider, customer) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`;

type Tenant = <T>(work: (db: PoolClient) => Promise<T>) => Promise<T>;

/** The organization as its provider knows it; of two that are made at once the first written stays. */
export async function customerOf(
  provider: PaymentProvider,
  organizationId: string,
  tenant: Tenant,
): Promise<string> {
  const key = [organizationId, provider.mode];
  const read = async (db: PoolClient) => (await db.query<{ customer: string }>(READ, key)).rows[0]?.customer;
  const known = await tenant(read);
  if (known !== undefined) return known;
  const made = await provider.createCustomer(organizationId);
  return tenant(async (db) => {
    await db.query(INSERT, [...key, made]);
    return (await read(db)) ?? made;
  });
}

/** A question to the provider for a caller who waits for the answer. @throws ApiError no_capacity when there is none */
export async function askProvider<T>(question: () => Promise<T>): Promise<T> {
  try {
    return await question();
  } catch (error) {
    if (!(error instanceof ProviderError) || error.kind === 'refused') throw error;
    const message =
      'The payment provider does not answer at the moment; nothing is lost, try again in a minute';
    throw new ApiError('no_capacity', { message, retryAfterSeconds: 60, cause: error });
  }
}
