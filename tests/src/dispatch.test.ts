/** Where requests go, what becomes of them when nodes fail, and what callers are told of it. Real sockets throughout. */
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { poolToken, setReach, upstreamsSetting } from './support/pools.ts';
import {
  announced,
  answering,
  type Behaviour,
  IAB,
  SUMMARY,
  silent,
  wordsOf,
} from './support/scripted-node.ts';
import { type ScriptedUpstream, startUpstream, upstreamAnswers } from './support/scripted-upstream.ts';
import { type CallAnswer, type Project, TestGateway } from './support/test-gateway.ts';

const CHAT = 'llama-3.1-8b-instruct-fast';
const TEXT = 'The sky is blue over the harbour, and the ferries wait.';
const ASK = { model: SUMMARY, input: TEXT, max_output_tokens: 40 };
const STREAM = { ...ASK, stream: true };
const ONE = [announced(SUMMARY, 4)];

let gateway: TestGateway;
let trusted: ScriptedUpstream;
let untrusted: ScriptedUpstream;

beforeAll(async () => {
  trusted = await startUpstream(upstreamAnswers('Of the trusted one.'));
  untrusted = await startUpstream(upstreamAnswers('Of the other one.'));
  const all = [
    { name: 'other', url: untrusted.url, trusted: false },
    { name: 'vouched', url: trusted.url, trusted: true },
  ];
  const models = upstreamsSetting(all.slice(0, 1), [SUMMARY, CHAT]);
  const chat = upstreamsSetting(all.slice(1), [CHAT]);
  const ZEROGPU_UPSTREAMS = JSON.stringify([...JSON.parse(models), ...JSON.parse(chat)]);
  gateway = await TestGateway.start({ ZEROGPU_UPSTREAMS });
});
afterAll(async () => {
  await gateway.stop();
  await Promise.all([trusted.stop(), untrusted.stop()]);
});

/** What callers are told of who answered. */
function origin({ headers }: Pick<CallAnswer, 'headers'>) {
  const [route, nodeClass, region] = ['route', 'node-class', 'region'].map((name) =>
    headers.get(`x-zerogpu-${name}`),
  );
  return { route, nodeClass, region };
}

async function row(requestId: string) {
  const { rows } = await gateway.pool.query(
    'SELECT route_class, attempts, fallback, hedged, region, why, route_target FROM requests WHERE id = $1',
    [requestId],
  );
  return rows[0];
}

const ask = (body: object = ASK, project: Project = gateway.first) =>
  gateway.call('/v1/responses', body, { key: project.apiKey });
const said = ({ json }: CallAnswer): string => json.output?.[0]?.content?.[0]?.text;

async function own(project: Project, behaviour: Behaviour = answering) {
  const joinToken = await poolToken(gateway.gateway, 'organization', project.organizationId);
  return gateway.join({ joinToken, models: ONE, behaviour, capabilities: { deviceClass: 'desktop' } });
}

describe('who answers', () => {
  test('an organization’s own node for its projects, and never for others', async () => {
    const [mine, theirs] = [await gateway.newProject(), await gateway.newProject()];
    const node = await own(mine);
    const answer = await ask(ASK, mine);
    expect(answer.status).toBe(200);
    expect(origin(answer)).toEqual({ route: 'own', nodeClass: 'desktop', region: null });
    expect(answer.headers.get('access-control-expose-headers')).toContain('x-zerogpu-node-class');
    const refused = await ask(ASK, theirs);
    expect(refused.json.error).toMatchObject({ code: 'model_unavailable' });
    // By an upstream that it did not opt in to.
    expect(refused.json.error.message).toContain("this project's privacy setting allows");
    expect(origin(refused)).toEqual({ route: null, nodeClass: null, region: null });
    expect(node.runs).toHaveLength(1);
    const seen = async (project: Project) =>
      (await gateway.call(`/v1/models/${SUMMARY}`, undefined, { key: project.apiKey })).json.zerogpu;
    expect(await seen(mine)).toMatchObject({ available: true, edge_nodes: 1, fallback: false });
    expect(await seen(theirs)).toMatchObject({ available: false, edge_nodes: 0 });
    const { rows } = await gateway.pool.query('SELECT id FROM nodes');
    for (const { id } of rows) expect(JSON.stringify([...answer.headers])).not.toContain(id);
    expect(await row(answer.requestId)).toMatchObject({ route_class: 'own', attempts: 1, fallback: false });
    await node.leave();
  });

  test('a cloud node when nobody else has room, as a fallback; and as the rule where a project wants it so', async () => {
    const joinToken = await poolToken(gateway.gateway, 'cloud');
    const cloud = await gateway.join({ joinToken, models: ONE });
    const operators = await gateway.join({ models: ONE });
    const cloudy = await gateway.newProject();
    await setReach(gateway, cloudy, { privacy: 'cloud' });
    expect(origin(await ask())).toMatchObject({ route: 'edge', nodeClass: 'server' });
    const wanted = await ask(ASK, cloudy);
    expect(origin(wanted)).toMatchObject({ route: 'cloud' });
    expect(await row(wanted.requestId)).toMatchObject({ route_class: 'cloud', fallback: false });
    operators.behaviour = ({ id }) => operators.failed(id, 'internal');
    const fallback = await ask();
    expect(fallback.status).toBe(200);
    expect(origin(fallback)).toMatchObject({ route: 'cloud' });
    expect(await row(fallback.requestId)).toMatchObject({
      route_class: 'cloud',
      fallback: true,
      attempts: 2,
    });
    await operators.leave();
    expect(await row((await ask()).requestId)).toMatchObject({ fallback: true, attempts: 1 });
    await cloud.leave();
  });

  test('an upstream that nobody vouches for only for projects that opted in; one that the operator trusts for all', async () => {
    const [open, closed] = [await gateway.newProject(), await gateway.newProject()];
    await setReach(gateway, open, { upstreams: true });
    const taken = await ask(ASK, open);
    expect(said(taken)).toBe('Of the other one.');
    expect(origin(taken)).toEqual({ route: 'upstream', nodeClass: null, region: null });
    expect(await row(taken.requestId)).toMatchObject({ route_class: 'upstream', fallback: true, why: null });
    expect((await ask(ASK, closed)).json.error).toMatchObject({ code: 'model_unavailable' });
    for (const project of [open, closed]) {
      expect(said(await ask({ model: CHAT, input: TEXT }, project))).toBe('Of the trusted one.');
    }
  });

  test('nobody is told what keeps the model from them, and only that', async () => {
    const [closed, open] = [await gateway.newProject(), await gateway.newProject()];
    const cloudy = await gateway.newProject();
    await setReach(gateway, open, { privacy: 'public' });
    await setReach(gateway, cloudy, { privacy: 'cloud' });
    const IAB_ASK = { model: IAB, input: TEXT };
    const told = async (project: Project) => (await ask(IAB_ASK, project)).json.error.message;
    const joinToken = await poolToken(gateway.gateway, 'public');
    const stranger = await gateway.join({ joinToken, models: [announced(IAB)] });
    const others = await poolToken(gateway.gateway, 'organization', gateway.first.organizationId);
    const theirs = await gateway.join({ joinToken: others, models: [announced(IAB)] });
    for (const project of [closed, open, cloudy]) {
      expect(await told(project)).toContain("Only strangers' nodes have");
    }
    await stranger.leave();
    const operators = await gateway.join({ models: [announced(IAB)] });
    expect(await told(cloudy)).toContain("this project's privacy setting");
    expect((await ask(IAB_ASK, closed)).status).toBe(200);
    await operators.leave();
    expect(await told(cloudy)).toContain('No connected node');
    expect([stranger.runs, theirs.runs]).toEqual([[], []]);
    await theirs.leave();
  });

  test('the log tells people why, and names only their own nodes', async () => {
    const project = await gateway.newProject();
    const person = await gateway.newMember(project.organizationId, 'developer');
    const [mine, operators] = [await own(project), await gateway.join({ models: ONE })];
    const { requestId } = await ask(ASK, project);
    const { json } = await gateway.admin(person, `/api/projects/${project.projectId}/requests/${requestId}`);
    const { rows } = await gateway.pool.query('SELECT id FROM nodes WHERE organization_id = $1', [
      project.organizationId,
    ]);
    const [chosen, ...others] = json.why;
    expect(chosen).toMatchObject({ node: rows[0].id, class: 'own' });
    expect(chosen.total_ms).toBeGreaterThan(0);
    for (const other of others) expect(other).toMatchObject({ node: null, class: 'edge' });
    await Promise.all([mine.leave(), operators.leave()]);
  });

  test('three nodes of the organization, of which two are named, take 140 bytes of a slim row', async () => {
    const project = await gateway.newProject();
    const nodes = await Promise.all([1, 2, 3].map(() => own(project)));
    const { requestId } = await ask(ASK, project);
    const { rows } = await gateway.pool.query(
      'SELECT pg_column_size(r.*) AS row, length(why) AS why FROM requests r WHERE id = $1',
      [requestId],
    );
    expect(rows[0].why).toBeLessThan(140);
    expect(rows[0].row).toBeLessThan(450);
    await Promise.all(nodes.map((node) => node.leave()));
  });
});

describe('streams', () => {
  test('say with their head who answers, and a node that leaves in the middle is not noticed', async () => {
    const [first, second] = [await gateway.join({ models: ONE }), await gateway.join({ models: ONE })];
    let left = 0;
    for (const node of [first, second]) {
      node.behaviour = (run) => {
        if (left++ > 0) return answering(run, node);
        node.piece(run.id, wordsOf(TEXT).slice(0, 7));
        void node.leave();
      };
    }
    const answer = await ask(STREAM);
    expect(origin(answer)).toMatchObject({ route: 'edge', nodeClass: 'server' });
    const deltas = [...answer.text.matchAll(/"type":"response.output_text.delta".*?"delta":"([^"]*)"/g)];
    expect(deltas.map(([, delta]) => delta).join('')).toBe(wordsOf(TEXT));
    expect(await row(answer.requestId)).toMatchObject({ attempts: 2, hedged: false });
    await Promise.all([first.leave(), second.leave()]);
  });
});

test('of a stranger on probation who answers is its judge: in the head of a stream as in the log', async () => {
  const open = await gateway.newProject();
  await setReach(gateway, open, { privacy: 'public' });
  const paced = (baseMs: number) => [{ ...announced(SUMMARY, 4), speed: { baseMs, perThousandMs: 0 } }];
  const judge = await gateway.join({ models: paced(500), behaviour: silent });
  const joinToken = await poolToken(gateway.gateway, 'public');
  const stranger = await gateway.join({
    joinToken,
    models: paced(1),
    capabilities: { deviceClass: 'phone' },
  });
  // The stranger is done long before the judge says a word.
  const answers = [ask(STREAM, open), ask(ASK, open)];
  await Promise.all([judge.ran(2), stranger.ran(2)]);
  judge.behaviour = answering;
  for (const run of judge.runs) answering(run, judge);
  for (const answer of await Promise.all(answers)) {
    expect(answer.status).toBe(200);
    expect(origin(answer)).toMatchObject({ route: 'edge', nodeClass: 'server' });
    expect(await row(answer.requestId)).toMatchObject({
      route_class: 'edge',
      route_target: judge.nodeId,
      attempts: 1,
    });
  }
  await Promise.all([judge.leave(), stranger.leave()]);
});

describe('nodes that fail', () => {
  test('a request that its model cannot work on is told whose word that is', async () => {
    const node = await gateway.join({
      models: ONE,
      behaviour: (run, here) => here.failed(run.id, 'input', 'no'),
    });
    const answer = await ask();
    expect([answer.status, answer.json.error.code]).toEqual([400, 'invalid_value']);
    expect(origin(answer)).toMatchObject({ route: 'edge', nodeClass: 'server' });
    await node.leave();
  });

  test('killed in the middle of runs: all are answered by others', async () => {
    const [dying, living] = [
      await gateway.join({ models: ONE, behaviour: silent }),
      await gateway.join({ models: ONE }),
    ];
    const answers = Promise.all(Array.from({ length: 24 }, () => ask()));
    await dying.ran(1);
    await dying.leave();
    expect(new Set((await answers).map(({ status }) => status))).toEqual(new Set([200]));
    await living.leave();
  });

  test('late for once: another is asked beside it, the first answer counts and the late run is cancelled', async () => {
    const [a, b] = [await gateway.join({ models: ONE }), await gateway.join({ models: ONE })];
    // Enough that a hedge is saved, and known how long runs take.
    for (let i = 0; i < 30; i++) await Promise.all(Array.from({ length: 10 }, () => ask()));
    let late: { readonly id: string; readonly node: typeof a } | null = null;
    const slow =
      (node: typeof a): Behaviour =>
      (run, here) => {
        if (late !== null) return answering(run, here);
        late = { id: run.id, node };
      };
    a.behaviour = slow(a);
    b.behaviour = slow(b);
    const answer = await ask();
    expect(answer.status).toBe(200);
    expect(await row(answer.requestId)).toMatchObject({ hedged: true, attempts: 2 });
    const { id, node } = Object(late);
    await node.cancels(id);
    await Promise.all([a.leave(), b.leave()]);
  });

  test('that fail at once draw a handful of many requests, nobody notices, and they are asked again when they are well', async () => {
    const [bad, good] = [await gateway.join({ models: ONE }), await gateway.join({ models: ONE })];
    bad.behaviour = ({ id }) => bad.failed(id, 'internal');
    for (let i = 0; i < 25; i++) {
      const answers = await Promise.all(Array.from({ length: 8 }, () => ask()));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    }
    // Five open the breaker, with those that were under way on its four slots; then one tries it every second or rarer.
    expect(bad.runs.length).toBeLessThan(20);
    bad.behaviour = answering;
    // While others work its failures count for half a minute; without them it is asked, and one answer makes it whole.
    await good.leave();
    expect(await row((await ask()).requestId)).toMatchObject({ route_target: bad.nodeId });
    const other = await gateway.join({ models: ONE });
    await gateway.eventually('the node to be asked beside another', async () => {
      const answers = await Promise.all(Array.from({ length: 8 }, () => ask()));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
      const rows = await Promise.all(answers.map(({ requestId }) => row(requestId)));
      return new Set(rows.map(({ route_target }) => route_target)).size === 2 ? rows : null;
    });
    await Promise.all([bad.leave(), other.leave()]);
  });

  test('frozen: its runs are given to others long before its heartbeats are missed, and it is asked again when it wakes', async () => {
    const node = await gateway.spawnNode();
    const { rows } = await gateway.pool.query(
      'SELECT id FROM nodes ORDER BY created_at DESC, id DESC LIMIT 1',
    );
    const frozenId = rows[0].id;
    node.kill('SIGSTOP');
    // Or it would never end, whatever becomes of this test.
    onTestFinished(() => void node.kill('SIGCONT'));
    // All go to it, because there is nobody else yet.
    const asking = Promise.all(Array.from({ length: 12 }, () => ask()));
    const other = await gateway.join({ models: ONE });
    const answers = await asking;
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    const logged = await Promise.all(answers.map(({ requestId }) => row(requestId)));
    expect(Math.max(...logged.map(({ attempts }) => attempts))).toBe(2);
    expect(logged.map(({ route_target }) => route_target)).not.toContain(frozenId);
    // It still has its socket: nobody waited for the end of that.
    expect(gateway.told.join()).toBe('');
    node.kill('SIGCONT');
    await other.leave();
    await gateway.eventually('the node to be asked again', async () => {
      const answer = await ask();
      return answer.status === 200 && (await row(answer.requestId)).route_target === frozenId ? answer : null;
    });
  });
});

test('an upstream that fails draws a handful of many requests, and is asked again when it is well', async () => {
  let asked = 0;
  const bad = await startUpstream((_body, response) => {
    asked++;
    response.writeHead(500).end();
  });
  const good = await startUpstream(upstreamAnswers('Of the good one.'));
  const named = [
    { name: 'bad', url: bad.url, trusted: true },
    { name: 'good', url: good.url, trusted: true },
  ];
  const other = await TestGateway.start({ ZEROGPU_UPSTREAMS: upstreamsSetting(named, [CHAT]) });
  const asking = () => other.call('/v1/responses', { model: CHAT, input: TEXT });
  for (let i = 0; i < 25; i++) {
    const answers = await Promise.all(Array.from({ length: 8 }, asking));
    expect(answers.map(said)).toEqual(answers.map(() => 'Of the good one.'));
  }
  // Five open the breaker, or as many as were under way by then; then one tries it every second or rarer.
  expect(asked).toBeLessThan(30);
  bad.behaviour = upstreamAnswers('Of the bad one.');
  await other.eventually('the upstream to be asked again', async () => {
    const answer = await asking();
    expect(answer.status).toBe(200);
    return said(answer) === 'Of the bad one.' ? answer : null;
  });
  await other.stop();
  await Promise.all([bad.stop(), good.stop()]);
});
