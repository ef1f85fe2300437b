/** Alerts over HTTP: what two gateways of one database tell of by themselves, to people and to a real receiver. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TestPerson } from './support/people.ts';
import { startTwoGateways, type TwoGateways } from './support/second-gateway.ts';
import { type Json, type Project, TestGateway } from './support/test-gateway.ts';

interface Received {
  readonly headers: Record<string, string>;
  readonly body: string;
}

let both: TwoGateways;
let one: TestGateway;
let two: TestGateway;
let receiver: Server;
let received: Received[] = [];
/** What the receiver answers, one after the other; then 204. */
let statuses: number[] = [];

beforeAll(async () => {
  receiver = createServer((request, response) => {
    let body = '';
    request.on('data', (piece) => {
      body += piece;
    });
    request.on('end', () => {
      const texts = Object.entries(request.headers).map(([name, value]) => [name, String(value)]);
      received.push({ headers: Object.fromEntries(texts), body });
      response.writeHead(statuses.shift() ?? 204).end();
    });
  });
  await new Promise<void>((resolve) => {
    receiver.listen(0, '127.0.0.1', resolve);
  });
  both = await startTwoGateways({ ZEROGPU_WEBHOOKS_PRIVATE: 'on' });
  one = both.one;
  two = both.two;
});
afterAll(async () => {
  await both?.stop();
  await new Promise((resolve) => {
    receiver.close(resolve);
    receiver.closeAllConnections();
  });
  expect([...one.strayings, ...two.strayings]).toEqual([]);
  expect([...one.told, ...two.told]).toEqual([]);
});
beforeEach(() => {
  received = [];
  statuses = [];
});

interface Tenant {
  readonly project: Project;
  readonly admin: TestPerson;
  readonly path: string;
}

async function newTenant(): Promise<Tenant> {
  const project = await one.newProject();
  const admin = await one.newMember(project.organizationId, 'admin');
  return { project, admin, path: `/api/organizations/${project.organizationId}` };
}

async function newWebhook({ admin, path }: Tenant): Promise<{ id: string; secret: string }> {
  const { port } = receiver.address() as AddressInfo;
  const made = await one.admin(admin, `${path}/webhooks`, { url: `http://127.0.0.1:${port}/hook` });
  expect(made.status).toBe(201);
  return made.json;
}

const spent = (project: Project, dollars: bigint) =>
  one.pool.query(
    `INSERT INTO ledger.budgets (spender_id, kind, account_id, monthly_limit, month, spent, held)
     VALUES ($1, 'project', $2, $3, ledger.month_of(now()), $4, 0)
     ON CONFLICT (spender_id) DO UPDATE SET spent = $4`,
    [project.projectId, project.walletId, 10n * 10n ** 9n, dollars * 10n ** 9n],
  );

/** The rounds come every quarter of a minute; this lets the next one come at once, and waits for it. */
async function nextRound(): Promise<void> {
  await one.pool.query('DELETE FROM alert_rounds');
  await one.eventually('a round', async () => {
    const { rows } = await one.pool.query("SELECT 1 FROM alert_rounds WHERE name = 'clean'");
    return rows.length > 0 ? true : null;
  });
}

const events = async ({ admin, path }: Tenant): Promise<Json> =>
  (await two.admin(admin, `${path}/events`)).json.data;

describe('a budget that is used up', () => {
  it('is told once by two gateways, in the feed and to the webhook, signed', async () => {
    const tenant = await newTenant();
    const { secret } = await newWebhook(tenant);
    await spent(tenant.project, 8n);
    await nextRound();
    await nextRound();
    await one.eventually('the webhook', async () => (received.length > 0 ? true : null));
    expect(await events(tenant)).toMatchObject([
      { kind: 'budget.threshold_reached', project_id: tenant.project.projectId, details: { percent: 80 } },
    ]);
    expect(received).toHaveLength(1);
    const { headers, body } = received[0] as Received;
    const message = new Webhook(secret).verify(body, headers) as Json;
    expect(message).toMatchObject({
      type: 'budget.threshold_reached',
      data: { id: headers['webhook-id'], details: { percent: 80, spent: '8.00', monthly_limit: '10.00' } },
    });
    expect(() => new Webhook(secret).verify(body.replace('80', '81'), headers)).toThrow();
    await spent(tenant.project, 10n);
    await nextRound();
    await one.eventually('the second message', async () => (received.length > 1 ? true : null));
    expect((await events(tenant)).map(({ severity }: Json) => severity)).toEqual(['critical', 'warning']);
  });

  it('reaches a receiver that failed first, as the same message', async () => {
    const tenant = await newTenant();
    const { id, secret } = await newWebhook(tenant);
    statuses = [500];
    const at = `${tenant.path}/webhooks/${id}`;
    const asked = await one.admin(tenant.admin, `${at}/test`, undefined, { method: 'POST' });
    await one.eventually('the failed attempt', async () => {
      const [delivery] = (await two.admin(tenant.admin, `${at}/deliveries`)).json.data;
      return delivery.attempts.length > 0 ? true : null;
    });
    // The plan waits five seconds; its time is brought forward.
    await one.pool.query('UPDATE webhook_deliveries SET next_at = now() WHERE webhook_id = $1', [id]);
    const [delivery] = await one.eventually('the delivery', async () => {
      const { data } = (await two.admin(tenant.admin, `${at}/deliveries`)).json;
      return data[0].status === 'delivered' ? data : null;
    });
    expect(delivery.attempts).toMatchObject([{ status: 500 }, { status: 204 }]);
    // A replay is asked for: the receiver can tell by the id, which never changes.
    const again = `${at}/deliveries/${delivery.id}/redeliver`;
    expect((await two.admin(tenant.admin, again, undefined, { method: 'POST' })).status).toBe(202);
    await one.eventually('the replay', async () => (received.length === 3 ? true : null));
    for (const { headers, body } of received) {
      expect(headers['webhook-id']).toBe(asked.json.message_id);
      expect(() => new Webhook(secret).verify(body, headers)).not.toThrow();
    }
  });
});

describe('the feed', () => {
  it('streams from one gateway what another tells', async () => {
    const tenant = await newTenant();
    const stop = new AbortController();
    const response = await fetch(`${two.url}${tenant.path}/events/stream`, {
      headers: tenant.admin.headers,
      signal: stop.signal,
    });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    await spent(tenant.project, 10n);
    await nextRound();
    let text = '';
    for await (const piece of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += piece;
      if (/^data: .*\n\n/m.test(text)) break;
    }
    stop.abort();
    expect(text).toMatch(/^id: evt_/m);
    expect(text).toContain('has used 100 % of its monthly budget');
    expect(text).toContain('event: budget.threshold_reached');
  });

  it('is read by members only', async () => {
    const tenant = await newTenant();
    const stranger = await one.newMember((await one.newProject()).organizationId, 'owner');
    for (const route of ['events', 'events/stream', 'runway', 'alert-rules', 'webhooks']) {
      const foreign = await one.admin(stranger, `${tenant.path}/${route}`);
      const missing = await one.admin(
        stranger,
        `/api/organizations/00000000-0000-4000-8000-000000000000/${route}`,
      );
      expect([foreign.status, foreign.text]).toEqual([404, missing.text]);
      expect((await one.admin(null, `${tenant.path}/${route}`)).status).toBe(401);
    }
  });

  it('knows the runway', async () => {
    const tenant = await newTenant();
    expect((await one.admin(tenant.admin, `${tenant.path}/runway`)).json).toEqual({
      available: '5.00',
      daily_spending: '0.00',
      days: null,
      runs_out_at: null,
    });
  });
});

it('a gateway whose operator allows nothing else takes no webhook that leads inside', async () => {
  const careful = await TestGateway.start();
  try {
    const admin = await careful.newMember(careful.first.organizationId, 'admin');
    const webhooks = `/api/organizations/${careful.first.organizationId}/webhooks`;
    for (const url of ['http://127.0.0.1:9/', 'http://[::ffff:10.0.0.1]/', 'http://169.254.169.254/latest']) {
      const refused = await careful.admin(admin, webhooks, { url });
      expect(refused.json.error).toMatchObject({ code: 'invalid_value', param: 'url' });
    }
  } finally {
    await careful.stop();
  }
});
