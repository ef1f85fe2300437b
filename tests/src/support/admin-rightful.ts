/** What the right people need so that each route of the admin API does what it is for. */
import { type AdminRouteName, type ErrorCode, makeSecret, RESET_PREFIX } from '@zerogpu/protocol';
import { GOOD_CARD, MAKERS, made, NEW_WEBHOOK, type Place, REFERENCES } from './admin-objects.ts';
import type { AdminCallOptions } from './admin-tenants.ts';
import { newMember, newOperator, PASSWORD, signUp, type TestPerson } from './people.ts';

export interface Prepared {
  /** In place of what is made for the path. */
  readonly params?: Readonly<Record<string, string>>;
  /** In place of an owner; null is nobody. */
  readonly by?: TestPerson | null;
  /** In place of the least that the schemas take. */
  readonly call?: Pick<AdminCallOptions, 'body' | 'query'>;
}

/** Bodies that a schema cannot tell in full: what it takes is not yet what the route takes. */
export const BODIES: { readonly [Name in AdminRouteName]?: unknown } = {
  createWebhook: NEW_WEBHOOK,
  updateWebhook: { description: 'another' },
  updateNode: { name: 'another' },
  updateFleetNode: { name: 'another' },
};

/** Routes that need more than the least body and one thing of each kind in the path. */
export const PREPARED: { readonly [Name in AdminRouteName]?: (place: Place) => Promise<Prepared> } = {
  signUp: async (place) => {
    const body = {
      email: 'new.person@example.com',
      password: PASSWORD,
      name: 'New',
      invitation: await invited(place),
    };
    return { call: { body } };
  },
  signIn: async (place) => {
    const { email } = await member(place);
    return { call: { body: { email, password: PASSWORD } } };
  },
  resetPassword: async (place) => {
    const { pool, secrets } = place.gateway.gateway;
    const token = makeSecret(RESET_PREFIX);
    const text =
      "INSERT INTO password_resets (hash, person_id, expires_at) VALUES ($1, $2, now() + interval '1 hour')";
    await pool.query(text, [secrets.hashToken(token), (await member(place)).id]);
    return { call: { body: { token, password: `${PASSWORD}, a new one` } } };
  },
  changePassword: async (place) => ({
    by: await member(place),
    call: { body: { current_password: PASSWORD, new_password: `${PASSWORD}, a new one` } },
  }),
  viewInvitation: async (place) => ({ call: { body: { token: await invited(place) } } }),
  acceptInvitation: async (place) => ({
    by: await newMember(place.gateway.gateway, null),
    call: { body: { token: await invited(place) } },
  }),
  leaveOrganization: async ({ tenant }) => ({ by: tenant.people.viewer }),
  restoreProject: async (place) => {
    await made(place, 'archiveProject');
    return {};
  },
  setOrganizationBudget: async () => ({ call: { body: MONTHLY } }),
  setProjectBudget: async () => ({ call: { body: MONTHLY } }),
  setKeyBudget: async () => ({ call: { body: MONTHLY } }),
  getOrganizationBudget: async (place) => {
    await made(place, 'setOrganizationBudget', MONTHLY);
    return {};
  },
  getProjectBudget: async (place) => {
    await made(place, 'setProjectBudget', MONTHLY);
    return {};
  },
  getKeyBudget: (place) => keyWithBudget(place),
  removeOrganizationBudget: async (place) => {
    await made(place, 'setOrganizationBudget', MONTHLY);
    return {};
  },
  removeProjectBudget: async (place) => {
    await made(place, 'setProjectBudget', MONTHLY);
    return {};
  },
  removeKeyBudget: (place) => keyWithBudget(place),
  addCredit: async (place) => ({
    call: { body: { amount: '10.00', payment_method_id: await MAKERS.methodId(place) } },
  }),
  confirmPayment: async (place) => ({
    params: { paymentId: await askingPayment(place) },
    call: { body: { bank: 'approve' } },
  }),
  cancelPayment: async (place) => ({ params: { paymentId: await askingPayment(place) } }),
  finishPaymentMethod: async () => ({ call: { body: { card: GOOD_CARD } } }),
  setAutoRecharge: async () => ({
    call: { body: { enabled: false, threshold: '5.00', amount: '25.00', monthly_cap: '100.00' } },
  }),
  createFleetToken: async ({ gateway }) => ({ by: await newOperator(gateway.gateway) }),
  undrainNode: async (place) => {
    const nodeId = await MAKERS.nodeId(place);
    await made(place, 'drainNode', undefined, { nodeId });
    return { params: { nodeId } };
  },
  undrainFleetNode: async (place) => {
    const fleetNodeId = await MAKERS.fleetNodeId(place);
    await place.gateway.pool.query('UPDATE nodes SET draining_at = now() WHERE id = $1', [fleetNodeId]);
    return { params: { fleetNodeId } };
  },
  releaseFleetNode: async (place) => {
    const fleetNodeId = await MAKERS.fleetNodeId(place);
    const quarantine = 'UPDATE nodes SET quarantined_at = now(), quarantine_told_at = now() WHERE id = $1';
    await place.gateway.pool.query(quarantine, [fleetNodeId]);
    return { params: { fleetNodeId } };
  },
  readEvents: async (place) => ({ call: { body: { up_to: await REFERENCES['up_to']?.(place) } } }),
};

/** Routes that do nothing here, with what they say. */
export const UNDONE: { readonly [Name in AdminRouteName]?: ErrorCode } = {
  // There is no Stripe behind this gateway.
  receiveStripeEvent: 'not_found',
};

const MONTHLY = { monthly_limit: '10.00' };

async function keyWithBudget(place: Place): Promise<Prepared> {
  const keyId = await MAKERS.keyId(place);
  await made(place, 'setKeyBudget', MONTHLY, { keyId });
  return { params: { keyId } };
}

async function invited(place: Place): Promise<string> {
  return (await made(place, 'createInvitation', { role: 'viewer' })).token;
}

/** Somebody with a password, through the API. */
async function member(place: Place): Promise<TestPerson> {
  return signUp(place.gateway.url, { invitation: await invited(place) });
}

/** A payment whose bank wants to ask the card's holder. */
async function askingPayment(place: Place): Promise<string> {
  const card = { ...GOOD_CARD, number: '4000002760003184' };
  const { id: setupId } = await made(place, 'startPaymentMethod');
  await made(place, 'finishPaymentMethod', { card }, { setupId });
  const finished = await made(place, 'finishPaymentMethod', { bank: 'approve' }, { setupId });
  const payment_method_id = finished.payment_method.id;
  return (await made(place, 'addCredit', { amount: '10.00', payment_method_id })).id;
}
