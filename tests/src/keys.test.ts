/** Keys over HTTP: from their making to their end, on two gateways of one database. */
import { API_KEY_PREFIX } from '@zerogpu/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestPerson } from './support/people.ts';
import { startTwoGateways, type TwoGateways } from './support/second-gateway.ts';
import type { TestGateway } from './support/test-gateway.ts';

let both: TwoGateways;
let one: TestGateway;
let two: TestGateway;
let developer: TestPerson;
let keys: string;

beforeAll(async () => {
  both = await startTwoGateways();
  one = both.one;
  two = both.two;
  developer = await one.newMember(one.first.organizationId, 'developer');
  keys = `/api/projects/${one.first.projectId}/keys`;
});
afterAll(async () => {
  await both?.stop();
  expect([...one.strayings, ...two.strayings]).toEqual([]);
  expect([...one.told, ...two.told]).toEqual([]);
});

const create = async (body: object = {}) => {
  const made = await one.admin(developer, keys, { name: 'made here', ...body });
  expect(made.status).toBe(201);
  return made.json as { id: string; key: string; masked: string };
};
const models = (gateway: TestGateway, key: string) => gateway.call('/v1/models', undefined, { key });

describe('a key', () => {
  it('is shown once and works on every gateway at once', async () => {
    const { id, key, masked } = await create();
    for (const gateway of [one, two]) expect((await models(gateway, key)).status).toBe(200);
    const listed = await two.admin(developer, keys);
    expect(listed.json.data[0]).toMatchObject({
      id,
      masked,
      status: 'active',
      created_by: { id: developer.id },
    });
    const shown = await two.admin(developer, `${keys}/${id}`);
    for (const { text } of [listed, shown]) {
      expect(text).not.toContain(key.slice(API_KEY_PREFIX.length, -6));
    }
  });

  it('is refused by both gateways once it is revoked, whichever was asked, for good', async () => {
    const { id, key } = await create();
    for (const gateway of [one, two]) await models(gateway, key);
    const revoked = await one.admin(developer, `${keys}/${id}/revoke`, undefined, { method: 'POST' });
    expect(revoked.json).toMatchObject({ id, status: 'revoked' });
    // How long each may remember is proven with a clock of its own in key-handlers.test.ts.
    for (const gateway of [one, two]) {
      const refused = await gateway.eventually('the key to be refused', async () => {
        const answer = await models(gateway, key);
        return answer.status === 401 ? answer : null;
      });
      expect(refused.json.error).toMatchObject({
        code: 'invalid_api_key',
        message: 'The API key is revoked or expired',
      });
    }
    const again = await two.admin(developer, `${keys}/${id}/revoke`, undefined, { method: 'POST' });
    expect([again.status, again.json.error.code]).toEqual([409, 'state_conflict']);
    const back = await two.admin(developer, `${keys}/${id}`, { name: 'back' }, { method: 'PATCH' });
    expect(back.status).toBe(409);
  });

  it('may do less than its project allows, never more', async () => {
    const { key } = await create({ allowed_models: ['zlm-v1-summary-cloud'] });
    const ask = (model: string) => one.call('/v1/responses', { model, input: 'A text.' }, { key });
    expect((await ask('zlm-v1-iab-classify-edge')).json.error.code).toBe('model_not_allowed');
    expect((await ask('zlm-v1-summary-cloud')).json.error.code).not.toBe('model_not_allowed');
  });

  it('ends at its expiry without anybody doing anything', async () => {
    const { key } = await create({ expires_at: new Date(Date.now() + 1_500).toISOString() });
    await one.eventually('the key to expire', async () => {
      const { status } = await models(one, key);
      return status === 401 ? true : null;
    });
  });

  it('is not there for other organizations, byte for byte as one that never was', async () => {
    const { id } = await create();
    const other = await one.newProject();
    const stranger = await one.newMember(other.organizationId, 'owner');
    const theirs = `/api/projects/${other.projectId}/keys`;
    const missing = await one.admin(stranger, `${theirs}/${'0'.repeat(8)}-0000-4000-8000-${'0'.repeat(12)}`);
    const foreign = await one.admin(stranger, `${theirs}/${id}`);
    expect([foreign.status, foreign.text]).toEqual([missing.status, missing.text]);
    expect((await one.admin(stranger, keys)).status).toBe(404);
    expect((await one.admin(null, keys)).status).toBe(401);
  });
});
