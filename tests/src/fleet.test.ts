/**
 * The fleet as people see and change it, the whole way: join tokens, nodes that come by them, what is shown of them, and
 * what happens at a node's socket when somebody drains or removes it, through this gateway or another.
 */
import { VERSION } from '@zerogpu/protocol';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { makeTenant, type Tenant } from './support/admin-tenants.ts';
import { newOperator, type TestPerson } from './support/people.ts';
import {
  announced,
  answering,
  deviceKeys,
  ScriptedNode,
  type ScriptedNodeOptions,
  SUMMARY,
  silent,
} from './support/scripted-node.ts';
import { startTwoGateways } from './support/second-gateway.ts';
import { type CallAnswer, type Json, TestGateway } from './support/test-gateway.ts';

const TEXT = 'The council voted on Tuesday to rebuild the old bridge.';

let gateway: TestGateway;
let tenant: Tenant;
let operator: TestPerson;

beforeAll(async () => {
  gateway = await TestGateway.start();
  tenant = await makeTenant(gateway);
  operator = await newOperator(gateway.gateway);
});
afterAll(async () => {
  expect(gateway.strayings).toEqual([]);
  await gateway.stop();
});

const nodesOf = ({ organizationId }: Tenant) => `/api/organizations/${organizationId}/nodes`;
const tokensOf = ({ organizationId }: Tenant) => `/api/organizations/${organizationId}/join-tokens`;

async function ask(who: TestPerson, path: string, body?: unknown, method?: string): Promise<CallAnswer> {
  return gateway.admin(who, path, body, method === undefined ? {} : { method });
}

async function told(who: TestPerson, path: string, body?: unknown, method?: string): Promise<Json> {
  const answer = await ask(who, path, body, method);
  expect(answer.status, answer.text).toBeLessThan(300);
  return answer.json;
}

/** A join token of the organization's own. */
const newToken = async (of: Tenant, more: object = {}): Promise<Json> =>
  told(of.people.admin, tokensOf(of), { name: 'laptops', ...more });

async function join(joinToken: string, options: Partial<ScriptedNodeOptions> = {}): Promise<ScriptedNode> {
  const node = await ScriptedNode.join({
    url: gateway.url,
    joinToken,
    models: [announced(SUMMARY)],
    ...options,
  });
  onTestFinished(() => node.leave());
  return node;
}

const summarize = (of: Tenant) =>
  gateway.call('/v1/responses', { model: SUMMARY, input: TEXT }, { key: of.apiKey });

const refusalOf = (joining: Promise<unknown>): Promise<string> =>
  joining.then(
    () => 'welcome',
    (error: unknown) => (error instanceof Error ? error.message : ''),
  );

describe('join tokens', () => {
  test('are shown once, with what to paste, and admit to their pool', async () => {
    const made = await newToken(tenant, { uses: 3 });
    expect(made).toMatchObject({ pool: 'organization', status: 'active', uses_left: 3, nodes: 0 });
    expect(made.command).toBe(
      `npx --yes '${gateway.url}/node/zerogpu.tgz?${VERSION}' node join ${gateway.url} ${made.token}`,
    );
    expect(made.install_command).toContain(`node install ${gateway.url} ${made.token}`);
    expect(made.link).toBe(`${gateway.url}/node?token=${made.token}`);
    const { nodeId } = await join(made.token, { name: 'my laptop' });
    const node = await told(tenant.people.viewer, `${nodesOf(tenant)}/${nodeId}`);
    expect(node).toMatchObject({ pool: 'organization', name: 'my laptop', state: 'connected', slots: 16 });
    expect(node).toMatchObject({ join_token_id: made.id, device_class: 'server', sessions: 1, cores: 1 });
    const listed = await told(tenant.people.viewer, tokensOf(tenant));
    expect(listed.data[0]).toMatchObject({ id: made.id, uses_left: 2, nodes: 1, masked: made.masked });
    expect(JSON.stringify(listed)).not.toContain(made.token);
  });

  test('admit nobody when they are used up, over or revoked, and say so', async () => {
    const once = await newToken(tenant, { uses: 1 });
    await join(once.token);
    const over = await newToken(tenant, { expires_at: new Date(Date.now() + 60_000).toISOString() });
    await gateway.pool.query("UPDATE join_tokens SET expires_at = now() - interval '1 s' WHERE id = $1", [
      over.id,
    ]);
    const revoked = await newToken(tenant);
    await told(tenant.people.admin, `${tokensOf(tenant)}/${revoked.id}/revoke`, undefined, 'POST');
    for (const { token } of [once, over, revoked]) {
      expect(await refusalOf(join(token))).toBe('The join token is unknown, used up, expired or revoked');
    }
    const { data } = await told(tenant.people.viewer, tokensOf(tenant));
    const statusOf = ({ id }: Json) => data.find((one: Json) => one.id === id).status;
    expect([once, over, revoked].map(statusOf)).toEqual(['used_up', 'expired', 'revoked']);
    const again = await ask(
      tenant.people.admin,
      `${tokensOf(tenant)}/${revoked.id}/revoke`,
      undefined,
      'POST',
    );
    expect([again.status, again.json.error.code]).toEqual([409, 'state_conflict']);
    const past = await ask(tenant.people.admin, tokensOf(tenant), {
      name: 'x',
      expires_at: '2020-01-01T00:00:00Z',
    });
    expect([past.status, past.json.error.param]).toEqual([400, 'expires_at']);
  });

  test('of another pool do not move a node that is known', async () => {
    const keys = await deviceKeys();
    const { nodeId } = await join((await newToken(tenant)).token, { keys });
    const strangers = await told(operator, '/api/fleet/join-tokens', {
      name: 'anybody',
      pool: 'public',
      uses: 5,
    });
    const again = await join(strangers.token, { keys });
    expect(again.nodeId).toBe(nodeId);
    expect(await told(tenant.people.viewer, `${nodesOf(tenant)}/${nodeId}`)).toMatchObject({
      pool: 'organization',
      sessions: 2,
    });
    const { data } = await told(operator, '/api/fleet/join-tokens');
    expect(data.find(({ id }: Json) => id === strangers.id).uses_left).toBe(5);
  });
});

describe('a node', () => {
  test('keeps the name and place that people give it, and is asked for them again when they take them back', async () => {
    const keys = await deviceKeys();
    const { token } = await newToken(tenant);
    const first = await join(token, { name: 'DESKTOP-1', keys });
    const path = `${nodesOf(tenant)}/${first.nodeId}`;
    const place = { latitude: 52.5, longitude: 13.25, region: 'DE' };
    const changed = await told(tenant.people.admin, path, { name: 'Reception', place }, 'PATCH');
    expect(changed).toMatchObject({
      name: 'Reception',
      own_name: 'DESKTOP-1',
      region: 'DE',
      place_source: 'given',
    });
    expect(changed.place).toEqual({ latitude: 52.5, longitude: 13.25 });
    await first.leave();
    await join(token, { name: 'DESKTOP-2', keys });
    expect(await told(tenant.people.viewer, path)).toMatchObject({
      ...{ name: 'Reception', own_name: 'DESKTOP-2', place: { latitude: 52.5 }, region: 'DE' },
    });
    const found = await told(
      tenant.people.viewer,
      `${nodesOf(tenant)}?search=recep&region=DE&model=${SUMMARY}`,
    );
    expect(found.data.map(({ id }: Json) => id)).toEqual([first.nodeId]);
    expect((await told(tenant.people.admin, path, { name: null }, 'PATCH')).name).toBe('DESKTOP-2');
    const wrong = await ask(tenant.people.admin, path, { place: { latitude: 91, longitude: 0 } }, 'PATCH');
    expect(wrong.status).toBe(400);
  });

  test('that is drained finishes what it has, gets nothing new, and gets runs again after', async () => {
    const of = await makeTenant(gateway);
    const node = await join((await newToken(of)).token, { behaviour: silent });
    const path = `${nodesOf(of)}/${node.nodeId}`;
    const underWay = summarize(of);
    const run = await node.ran(1);
    expect(await told(of.people.admin, `${path}/drain`, undefined, 'POST')).toMatchObject({
      state: 'draining',
    });
    await node.noticed('draining');
    expect((await summarize(of)).status).toBe(503);
    expect(node.runs).toHaveLength(1);
    const shown = await told(of.people.viewer, path);
    expect(shown).toMatchObject({ state: 'draining', in_flight: 1, models: [{ id: SUMMARY, in_flight: 1 }] });
    node.done(run.id, 'finished');
    expect((await underWay).status).toBe(200);
    const twice = await ask(of.people.admin, `${path}/drain`, undefined, 'POST');
    expect(twice.status).toBe(409);
    node.behaviour = answering;
    expect(await told(of.people.admin, `${path}/undrain`, undefined, 'POST')).toMatchObject({
      state: 'connected',
    });
    await node.noticed('serving');
    expect((await summarize(of)).status).toBe(200);
    expect(node.runs).toHaveLength(2);
  });

  test('that comes while it is drained is told so and gets nothing', async () => {
    const of = await makeTenant(gateway);
    const keys = await deviceKeys();
    const { token } = await newToken(of);
    const first = await join(token, { keys });
    await told(of.people.admin, `${nodesOf(of)}/${first.nodeId}/drain`, undefined, 'POST');
    await first.leave();
    const second = await join(token, { keys });
    await second.noticed('draining');
    expect((await summarize(of)).status).toBe(503);
    expect(second.runs).toEqual([]);
  });

  test('that is removed is told so, loses its socket, and stays out', async () => {
    const of = await makeTenant(gateway);
    const keys = await deviceKeys();
    const { token } = await newToken(of);
    const node = await join(token, { keys });
    const path = `${nodesOf(of)}/${node.nodeId}`;
    expect((await ask(of.people.admin, path, undefined, 'DELETE')).status).toBe(204);
    await node.closed;
    expect(node.refusal).toBe('revoked');
    expect(await refusalOf(join(token, { keys }))).toBe('This node was removed');
    expect((await told(of.people.viewer, nodesOf(of))).data).toEqual([]);
    const removed = await told(of.people.viewer, `${nodesOf(of)}?state=removed`);
    expect(removed.data).toMatchObject([{ id: node.nodeId, state: 'removed' }]);
    for (const [method, body, at] of [
      ['PATCH', { name: 'x' }, path],
      ['DELETE', undefined, path],
      ['POST', undefined, `${path}/drain`],
    ] as const) {
      expect((await ask(of.people.admin, at, body, method)).status).toBe(409);
    }
  });

  test('counts what it did, and is away when it left', async () => {
    const of = await makeTenant(gateway);
    const node = await join((await newToken(of)).token);
    for (let i = 0; i < 3; i++) expect((await summarize(of)).status).toBe(200);
    node.behaviour = ({ id }) => node.failed(id, 'internal');
    expect((await summarize(of)).status).toBeGreaterThanOrEqual(500);
    await node.leave();
    const path = `${nodesOf(of)}/${node.nodeId}`;
    const away = await gateway.eventually('what it did', async () => {
      const shown = await told(of.people.viewer, path);
      return shown.state === 'away' && shown.runs.failed > 0 ? shown : null;
    });
    expect(away).toMatchObject({ runs: { done: 3 }, runs_today: { done: 3 }, in_flight: null });
    expect(away.away_since).not.toBeNull();
    const totals = await told(of.people.viewer, `/api/organizations/${of.organizationId}/node-totals`);
    expect(totals).toMatchObject({
      nodes: 1,
      by_state: { away: 1 },
      last_hour: { done: 3 },
      last_day: { done: 3 },
    });
    expect(totals.last_hour.failed).toBe(away.runs.failed);
    expect(totals.models).toEqual([]);
  });
});

test('pages of a list hold each node once, in every order', async () => {
  const of = await makeTenant(gateway);
  const { token } = await newToken(of);
  const names = ['beta', 'Alpha', 'émile', 'gamma one', 'delta'];
  for (const name of names) await join(token, { name });
  for (const order of ['newest', 'name', 'last_seen']) {
    const seen: string[] = [];
    let after = '';
    do {
      const page = await told(of.people.viewer, `${nodesOf(of)}?limit=2&order=${order}&after=${after}`);
      seen.push(...page.data.map(({ name }: Json) => name));
      after = page.next ?? '';
    } while (after !== '');
    expect([...seen].sort()).toEqual([...names].sort());
    if (order === 'name') expect(seen.slice(0, 3)).toEqual(['Alpha', 'beta', 'delta']);
  }
});

describe('operators', () => {
  test('see the nodes of their pools, and organizations’ own ones as counts alone', async () => {
    const of = await makeTenant(gateway);
    const before = await told(operator, '/api/fleet/totals');
    const own = await join((await newToken(of)).token);
    const pools = ['operator', 'public', 'cloud'] as const;
    const ids: string[] = [];
    for (const pool of pools) {
      const { token } = await told(operator, '/api/fleet/join-tokens', { name: pool, pool });
      ids.push((await join(token)).nodeId);
    }
    const listed = await told(operator, '/api/fleet/nodes?limit=500');
    const seen = listed.data.map(({ id }: Json) => id);
    expect(seen).toEqual(expect.arrayContaining(ids));
    expect(seen).not.toContain(own.nodeId);
    expect((await ask(operator, `/api/fleet/nodes/${own.nodeId}`)).status).toBe(404);
    expect((await ask(operator, `/api/fleet/nodes/${own.nodeId}`, undefined, 'DELETE')).status).toBe(404);
    expect((await ask(of.people.owner, `${nodesOf(of)}/${ids[0]}`)).status).toBe(404);
    const strangers = await told(operator, '/api/fleet/nodes?pool=public');
    expect(strangers.data.every(({ pool }: Json) => pool === 'public')).toBe(true);
    expect(await told(operator, `/api/fleet/nodes/${ids[1]}`)).toMatchObject({
      models: [{ trust: 'probation' }],
    });
    const after = await told(operator, '/api/fleet/totals');
    const sum = (counts: Record<string, number>) => Object.values(counts).reduce((a, b) => a + b, 0);
    for (const by of ['by_pool', 'by_state', 'by_class', 'by_region'])
      expect(sum(after[by])).toBe(after.nodes);
    expect(after.nodes - before.nodes).toBe(4);
    for (const pool of ['organization', ...pools]) {
      expect(after.by_pool[pool] - (before.by_pool[pool] ?? 0), pool).toBe(1);
    }
    const model = after.models.find(({ id }: Json) => id === SUMMARY);
    expect(model.slots).toBe(model.nodes * 16);
  });

  test('let nodes out of quarantine', async () => {
    const { token } = await told(operator, '/api/fleet/join-tokens', { name: 'strangers', pool: 'public' });
    const node = await join(token);
    const path = `/api/fleet/nodes/${node.nodeId}`;
    expect((await ask(operator, `${path}/release`, undefined, 'POST')).status).toBe(409);
    // As a wrong answer does.
    await gateway.pool.query(
      "UPDATE nodes SET quarantined_at = now(), quarantined_because = 'wrong', changed_at = now() WHERE id = $1",
      [node.nodeId],
    );
    await node.noticed('quarantined');
    expect(await told(operator, path)).toMatchObject({ state: 'quarantined', quarantined_because: 'wrong' });
    expect(await told(operator, `${path}/release`, undefined, 'POST')).toMatchObject({ state: 'connected' });
    await node.noticed('serving');
  });

  test('are whoever is one at the moment; to others there is nothing', async () => {
    const former = await newOperator(gateway.gateway);
    expect((await ask(former, '/api/fleet/totals')).status).toBe(200);
    await gateway.pool.query('DELETE FROM operators WHERE person_id = $1', [former.id]);
    for (const path of ['/api/fleet/totals', '/api/fleet/nodes', '/api/fleet/join-tokens']) {
      expect((await ask(former, path)).status).toBe(404);
      expect((await ask(tenant.people.owner, path)).status).toBe(404);
    }
    const owner = await gateway.signIn();
    expect((await ask(owner, '/api/fleet/totals')).status).toBe(200);
  });
});

test('a stream tells of nodes that come, change and go', async () => {
  const of = await makeTenant(gateway);
  const hangup = new AbortController();
  const stream = await gateway.send(`${nodesOf(of)}/stream`, undefined, {
    key: null,
    headers: of.people.viewer.headers,
    signal: hangup.signal,
  });
  const reader = eventsOf(stream);
  const { token } = await newToken(of);
  const node = await join(token, { name: 'one' });
  expect(await reader.until((news) => news.state === 'connected')).toMatchObject({
    id: node.nodeId,
    slots: 16,
  });
  await told(of.people.admin, `${nodesOf(of)}/${node.nodeId}/drain`, undefined, 'POST');
  await reader.until((news) => news.state === 'draining');
  await ask(of.people.admin, `${nodesOf(of)}/${node.nodeId}`, undefined, 'DELETE');
  await reader.until((news) => news.state === 'removed');
  hangup.abort();
});

/** The events of a stream, one after the other. */
function eventsOf(response: Response): { until(is: (news: Json) => boolean): Promise<Json> } {
  const pieces = response.body!.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]();
  let text = '';
  return {
    async until(is) {
      for (;;) {
        const end = text.indexOf('\n\n');
        if (end === -1) {
          const { value, done } = await pieces.next();
          if (done) throw new Error('The stream ended');
          text += value;
          continue;
        }
        const event = text.slice(0, end);
        text = text.slice(end + 2);
        const data = /^data: (.*)$/m.exec(event)?.[1];
        if (data !== undefined && is(JSON.parse(data))) return JSON.parse(data);
      }
    },
  };
}

test('a real node that is removed ends, and says why', async () => {
  const { token } = await told(operator, '/api/fleet/join-tokens', {
    name: 'real',
    pool: 'operator',
    uses: 1,
  });
  expect(token).toMatch(/^zgpu-join-/);
  const node = await gateway.spawnNode();
  const { data } = await told(operator, '/api/fleet/nodes?pool=operator&state=connected');
  const [real] = data.filter(({ agent }: Json) => !agent.startsWith('scripted'));
  expect((await ask(operator, `/api/fleet/nodes/${real.id}`, undefined, 'DELETE')).status).toBe(204);
  const { code } = await node.exited;
  expect(code).not.toBe(0);
  expect(node.output).toContain('removed');
});

test('another gateway sees a node, drains and removes it', async () => {
  const { one, two, stop } = await startTwoGateways();
  onTestFinished(stop);
  const owner = await newOperator(one.gateway);
  const made = await one.admin(owner, '/api/fleet/join-tokens', { name: 'far', pool: 'operator' });
  const node = await ScriptedNode.join({ url: two.url, joinToken: made.json.token, name: 'far' });
  const path = `/api/fleet/nodes/${node.nodeId}`;
  const seen = await one.admin(owner, path);
  expect(seen.json).toMatchObject({ state: 'connected', slots: 32, name: 'far' });
  await one.admin(owner, `${path}/drain`, undefined, { method: 'POST' });
  await node.noticed('draining');
  expect((await one.admin(owner, path, undefined, { method: 'DELETE' })).status).toBe(204);
  await node.closed;
  expect(node.refusal).toBe('revoked');
  const away = await two.join({ name: 'away' });
  await one.admin(owner, `/api/fleet/nodes/${away.nodeId}`);
  await away.leave();
  await one.eventually('that it is away', async () => {
    const { json } = await one.admin(owner, `/api/fleet/nodes/${away.nodeId}`);
    return json.state === 'away' ? json : null;
  });
});
