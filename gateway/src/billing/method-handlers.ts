/** Cards: added, listed, made the default, removed. */
import { ApiError, type BodyOf, type billingRoutes } from '@zerogpu/protocol';
import type { PoolClient } from 'pg';
import { notThere } from '../admin/access.ts';
import type { AdminContext, Handlers } from '../admin/handler.ts';
import { isUuid } from '../store/tenant-fence.ts';
import { askProvider, customerOf } from './customers.ts';
import type { BillingParts } from './parts.ts';
import {
  type Card,
  declineMessage,
  isTestMoney,
  type PaymentProvider,
  ProviderError,
  type SetupOutcome,
} from './provider.ts';

const COLUMNS = `id, provider, brand, last_four, exp_month, exp_year, country, is_default, created_at`;
const LIST = `
SELECT ${COLUMNS} FROM payment_methods
WHERE organization_id = $1 AND provider = $2 AND removed_at IS NULL ORDER BY created_at DESC, id DESC`;
const GET = `
SELECT ${COLUMNS} FROM payment_methods
WHERE organization_id = $1 AND provider = $2 AND id = $3 AND removed_at IS NULL FOR UPDATE`;
const INSERT = `
INSERT INTO payment_methods
  (organization_id, provider, token, brand, last_four, exp_month, exp_year, country, created_by, created_at, is_default)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, NOT EXISTS (
  SELECT 1 FROM payment_methods WHERE organization_id = $1 AND provider = $2 AND is_default AND removed_at IS NULL)
ON CONFLICT (provider, token) DO UPDATE SET brand = excluded.brand RETURNING ${COLUMNS}`;
const CLEAR_DEFAULT = `
UPDATE payment_methods SET is_default = false WHERE organization_id = $1 AND provider = $2 AND is_default`;
const MAKE_DEFAULT = `
UPDATE payment_methods SET is_default = true WHERE organization_id = $1 AND id = $2 RETURNING ${COLUMNS}`;
const REMOVE = `
UPDATE payment_methods SET removed_at = $3, is_default = false WHERE organization_id = $1 AND id = $2`;
const NEWEST_DEFAULT = `
UPDATE payment_methods SET is_default = true WHERE organization_id = $1 AND id = (
  SELECT id FROM payment_methods WHERE organization_id = $1 AND provider = $2 AND removed_at IS NULL
  ORDER BY created_at DESC, id DESC LIMIT 1) RETURNING id`;
const RECHARGES = 'SELECT 1 FROM auto_recharges WHERE organization_id = $1 AND enabled';

const RECENT_SETUPS = `
SELECT (SELECT count(*) FROM payment_setups WHERE organization_id = $1 AND created_at > $2)::int AS setups,
  (SELECT count(*) FROM payment_methods WHERE organization_id = $1 AND removed_at IS NULL)::int AS methods`;
const INSERT_SETUP = `
INSERT INTO payment_setups (organization_id, provider, created_by, created_at) VALUES ($1, $2, $3, $4) RETURNING id`;
const NAME_SETUP = `UPDATE payment_setups SET provider_setup = $3 WHERE organization_id = $1 AND id = $2`;
const GET_SETUP = `
SELECT provider_setup, method_id FROM payment_setups WHERE organization_id = $1 AND provider = $2 AND id = $3`;
const END_SETUP = 'UPDATE payment_setups SET method_id = $3 WHERE organization_id = $1 AND id = $2';

/** Nobody adds cards by the dozen but who tries stolen numbers. */
const SETUPS_AN_HOUR = 20;
const MOST_METHODS = 20;
const HOUR_MS = 3_600_000;
const ONLY_TEST_CARDS =
  'The sandbox takes the published test cards only, such as 4242 4242 4242 4242, and never a real one';
const NOT_HERE = 'The card goes from the browser to the payment provider, never to this server';

interface Row {
  readonly id: string;
  readonly provider: PaymentProvider['mode'];
  readonly brand: string;
  readonly last_four: string;
  readonly exp_month: number;
  readonly exp_year: number;
  readonly country: string | null;
  readonly is_default: boolean;
  readonly created_at: Date;
}

type MethodRoutes =
  | 'startPaymentMethod'
  | 'finishPaymentMethod'
  | 'listPaymentMethods'
  | 'setDefaultPaymentMethod'
  | 'removePaymentMethod';

const shown = ({ provider, ...row }: Row) => ({
  ...row,
  created_at: row.created_at.toISOString(),
  test_money: isTestMoney(provider),
});

export function makeMethodHandlers(parts: BillingParts): Handlers<MethodRoutes> {
  const { provider } = parts;
  return {
    startPaymentMethod: (context) => startSetup(parts, context),
    finishPaymentMethod: (context) => finishSetup(parts, context),

    async listPaymentMethods({ organizationId, tenant }) {
      const { rows } = await tenant((db) => db.query<Row>(LIST, [organizationId, provider.mode]));
      return { object: 'list', data: rows.map(shown), next: null };
    },

    async setDefaultPaymentMethod({ organizationId, params: { methodId }, tenant, audit }) {
      return tenant(async (db) => {
        await getMethod(db, organizationId, provider, methodId);
        await db.query(CLEAR_DEFAULT, [organizationId, provider.mode]);
        const row = one(await db.query<Row>(MAKE_DEFAULT, [organizationId, methodId]));
        await audit(db, { kind: 'payment_method', id: methodId });
        return shown(row);
      });
    },

    async removePaymentMethod({ organizationId, params: { methodId }, tenant, audit, now }) {
      await tenant(async (db) => {
        const { is_default } = await getMethod(db, organizationId, provider, methodId);
        await db.query(REMOVE, [organizationId, methodId, new Date(now)]);
        if (is_default) await replaceDefault(db, organizationId, provider);
        await audit(db, { kind: 'payment_method', id: methodId });
      });
      // The provider is told by the worker, which goes on telling until it has heard.
    },
  };
}

async function getMethod(
  db: PoolClient,
  organizationId: string,
  { mode }: PaymentProvider,
  id: string,
): Promise<Row> {
  if (!isUuid(id)) throw notThere('payment method');
  return one(await db.query<Row>(GET, [organizationId, mode, id]));
}

/** @throws ApiError state_conflict when the auto recharge would be left without a card */
async function replaceDefault(
  db: PoolClient,
  organizationId: string,
  { mode }: PaymentProvider,
): Promise<void> {
  const next = await db.query(NEWEST_DEFAULT, [organizationId, mode]);
  if (next.rows.length > 0) return;
  const { rows } = await db.query(RECHARGES, [organizationId]);
  if (rows.length === 0) return;
  const message = 'The auto recharge charges this card; switch it off or add another card first';
  throw new ApiError('state_conflict', { message });
}

async function startSetup(
  { provider }: BillingParts,
  { organizationId, person, now, tenant, audit, keep }: AdminContext<'startPaymentMethod'>,
) {
  const id = await tenant(async (db) => {
    await refuseMany(db, organizationId, now);
    const values = [organizationId, provider.mode, person?.id ?? null, new Date(now)];
    const { rows } = await db.query<{ id: string }>(INSERT_SETUP, values);
    const made = String(rows[0]?.id);
    await audit(db, { kind: 'payment_method_setup', id: made });
    return made;
  });
  const setup = await askProvider(async () =>
    provider.startSetup(id, await customerOf(provider, organizationId, tenant)),
  );
  return tenant(async (db) => {
    await db.query(NAME_SETUP, [organizationId, id, setup.id]);
    return keep(db, {
      id,
      provider: provider.name,
      publishable_key: provider.publishableKey,
      client_secret: setup.clientSecret,
      test_money: isTestMoney(provider.mode),
    });
  });
}

async function refuseMany(db: PoolClient, organizationId: string, now: number): Promise<void> {
  const since = new Date(now - HOUR_MS);
  const { rows } = await db.query<{ setups: number; methods: number }>(RECENT_SETUPS, [
    organizationId,
    since,
  ]);
  const { setups = 0, methods = 0 } = rows[0] ?? {};
  if (methods >= MOST_METHODS) {
    const message = `An organization has at most ${MOST_METHODS} cards; remove one first`;
    throw new ApiError('state_conflict', { message });
  }
  if (setups < SETUPS_AN_HOUR) return;
  const message = `At most ${SETUPS_AN_HOUR} cards can be tried in an hour; try again later`;
  throw new ApiError('rate_limit_exceeded', { message, retryAfterSeconds: 3600 });
}

async function finishSetup({ provider }: BillingParts, context: AdminContext<'finishPaymentMethod'>) {
  const { organizationId, params, body, tenant } = context;
  const { setupId } = params;
  const setup = await getSetup(context, provider.mode);
  if (setup.method_id !== null) {
    const method = setup.method_id;
    return succeeded(await tenant((db) => getMethod(db, organizationId, provider, method)));
  }
  const outcome = await askProvider(async () => {
    const customer = await customerOf(provider, organizationId, tenant);
    const name = setup.provider_setup ?? (await provider.startSetup(setupId, customer)).id;
    return finishAt(provider, name, customer, body);
  });
  if (outcome.state === 'succeeded') return keepCard(provider, context, outcome.card);
  if (outcome.state === 'requires_action') {
    return { state: outcome.state, payment_method: null, test_money: isTestMoney(provider.mode) };
  }
  const message = outcome.state === 'failed' ? declineMessage(outcome.code) : 'No card was given yet';
  throw new ApiError('state_conflict', { message });
}

async function getSetup(
  { organizationId, params: { setupId }, tenant }: AdminContext<'finishPaymentMethod'>,
  mode: PaymentProvider['mode'],
) {
  if (!isUuid(setupId)) throw notThere('setup');
  const { rows } = await tenant((db) =>
    db.query<{ provider_setup: string | null; method_id: string | null }>(GET_SETUP, [
      organizationId,
      mode,
      setupId,
    ]),
  );
  if (rows[0] === undefined) throw notThere('setup');
  return rows[0];
}

async function finishAt(
  provider: PaymentProvider,
  setup: string,
  customer: string,
  { card, bank }: BodyOf<(typeof billingRoutes)['finishPaymentMethod']>,
): Promise<SetupOutcome> {
  try {
    return await provider.finishSetup(setup, customer, {
      ...(card === undefined ? {} : { card }),
      ...(bank === undefined ? {} : { bank }),
    });
  } catch (error) {
    if (!(error instanceof ProviderError) || error.kind !== 'refused') throw error;
    const here = provider.name === 'sandbox';
    throw new ApiError('invalid_value', {
      message: here ? ONLY_TEST_CARDS : NOT_HERE,
      param: here ? 'card.number' : 'card',
    });
  }
}

function keepCard({ mode }: PaymentProvider, context: AdminContext<'finishPaymentMethod'>, card: Card) {
  const { organizationId, params, person, now, tenant, audit, keep } = context;
  const { token, brand, lastFour, expMonth, expYear, country } = card;
  const values = [organizationId, mode, token, brand, lastFour, expMonth, expYear, country];
  return tenant(async (db) => {
    const row = one(await db.query<Row>(INSERT, [...values, person?.id ?? null, new Date(now)]));
    await db.query(END_SETUP, [organizationId, params.setupId, row.id]);
    await audit(db, { kind: 'payment_method', id: row.id, details: { brand, last_four: lastFour } });
    return keep(db, succeeded(row));
  });
}

const succeeded = (row: Row) => {
  const method = shown(row);
  return { state: 'succeeded' as const, payment_method: method, test_money: method.test_money };
};

function one({ rows }: { readonly rows: readonly Row[] }): Row {
  if (rows[0] === undefined) throw notThere('payment method');
  return rows[0];
}
