import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestGateway } from './support/test-gateway.ts';

describe('people and tenants', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await TestGateway.start();
  });
  afterAll(() => gateway.stop());

  it('signs in the owner of the first start', async () => {
    const owner = await gateway.signIn();
    const mine = await gateway.admin(owner, '/api/organizations');
    expect(mine.status).toBe(200);
    expect(mine.json.data).toMatchObject([
      { id: gateway.first.organizationId, name: 'my-company', role: 'owner' },
    ]);
    const session = await gateway.admin(owner, '/api/session');
    expect(session.json).toMatchObject({
      person: { email: 'admin@zerogpu.localhost' },
      session: { current: true },
    });
  });
});
