/** Nodes that mean harm, on real sockets of a real gateway: it goes on answering, believes nothing, gives nothing away. */
import { JOIN_TOKEN_PREFIX, makeSecret } from '@zerogpu/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { newOperator } from './support/people.ts';
import { poolToken, setReach } from './support/pools.ts';
import { announcedAs, deviceKeys, type Heard, OPCODES, RawNode } from './support/raw-node.ts';
import { answering, type Behaviour, type ScriptedNode, SUMMARY, wordsOf } from './support/scripted-node.ts';
import { type Project, TestGateway } from './support/test-gateway.ts';

const MIB = 1024 * 1024;
const RSS_PATIENCE = 400 * MIB;

let gateway: TestGateway;
let honest: ScriptedNode;
let project: Project;
let token: string;
/** A node of another organization's own. */
let foreign: ScriptedNode;
let nodes: RawNode[] = [];
let asked = 0;

beforeAll(async () => {
  gateway = await TestGateway.start();
  // Slower than strangers' nodes, which therefore get most of the work.
  const behaviour: Behaviour = (run, node) => void setTimeout(() => answering(run, node), 40);
  honest = await gateway.join({ behaviour });
  project = await gateway.newProject();
  await setReach(gateway, project, { privacy: 'public' });
  token = await poolToken(gateway.gateway, 'public');
  const { organizationId } = await gateway.newProject();
  foreign = await gateway.join({
    joinToken: await poolToken(gateway.gateway, 'organization', organizationId),
  });
});
afterAll(() => gateway.stop());

let rssBefore = 0;
beforeEach(() => {
  rssBefore = process.memoryUsage().rss;
});
afterEach(async ({ task }) => {
  const grown = process.memoryUsage().rss - rssBefore;
  console.log(`${task.name}: ${Math.round(grown / MIB)} MiB more`);
  // Gateway and attackers share this process.
  expect(grown).toBeLessThan(RSS_PATIENCE);
  for (const node of nodes) await node.hangUp();
  nodes = [];
  await serves();
});

async function open(keys = deviceKeys()): Promise<RawNode> {
  const node = await RawNode.open(gateway.url, keys);
  nodes.push(node);
  return node;
}

/** A stranger's node that is welcome. */
async function stranger(
  onRun: (run: Heard, node: RawNode) => void = () => undefined,
  options: {
    keys?: ReturnType<typeof deviceKeys>;
    models?: ReturnType<typeof announcedAs>[];
    changes?: object;
  } = {},
): Promise<RawNode & { nodeId: string }> {
  const node = await open(options.keys);
  node.onRun = onRun;
  const models = options.models ?? [announcedAs(SUMMARY, { slots: 64 })];
  const greeted = await node.join(models, { joinToken: token, ...options.changes });
  expect(greeted?.type).toBe('welcome');
  return Object.assign(node, { nodeId: String(greeted?.['nodeId']) });
}

/** One request of a project that lets strangers work; the answer must be right. */
async function ask(body: object = {}): Promise<string> {
  const text = `Question number ${++asked} of somebody.`;
  const input = { model: SUMMARY, messages: [{ role: 'user', content: text }], ...body };
  const answer = await gateway.call('/v1/chat/completions', input, { key: project.apiKey });
  expect(answer.status, answer.text).toBe(200);
  expect(answer.json.choices[0].message.content).toBe(wordsOf(text));
  return answer.requestId;
}

const serves = () => Promise.all(Array.from({ length: 8 }, () => ask()));

async function quarantined(nodeId: string): Promise<boolean> {
  const { rows } = await gateway.pool.query<{ out: boolean }>(
    'SELECT quarantined_at IS NOT NULL AS out FROM nodes WHERE id = $1',
    [nodeId],
  );
  return rows[0]?.out ?? false;
}

/** Asks until the node is in quarantine. @returns how many answers it gave */
async function untilCaught(node: RawNode & { nodeId: string }, most = 600): Promise<number> {
  for (let i = 0; i < most; i += 4) {
    await Promise.all([ask(), ask(), ask(), ask()]);
    if (await quarantined(node.nodeId)) return node.runs.length;
  }
  throw new Error(`It was not caught in ${most} requests, with ${node.runs.length} runs`);
}

const textOf = (run: Heard) => (run['inference'] as { text: string }).text;
const right = (run: Heard) => wordsOf(textOf(run));

describe('answers', () => {
  test('a wrong one reaches nobody, and its node gets no more runs', async () => {
    const liar = await stranger((run, node) => node.done(run['id'], 'All is well.'));
    const runs = await untilCaught(liar);
    console.log(`caught with ${runs} runs`);
    expect(runs).toBeLessThanOrEqual(8);
    const { rows } = await gateway.pool.query('SELECT * FROM wrong_answers WHERE node_id = $1', [
      liar.nodeId,
    ]);
    expect(rows[0]).toMatchObject({ model: SUMMARY, found_by: 'release' });
    const before = liar.runs.length;
    await serves();
    expect(liar.runs.length).toBe(before);
    // Nor when it comes back.
    await liar.hangUp();
    const again = await stranger((run, node) => node.done(run['id'], right(run)), { keys: liar.keys });
    await serves();
    expect(again.runs).toEqual([]);
  });

  test('the operator lets a node out, which is then on probation', async () => {
    let lies = true;
    const node = await stranger((run, at) => at.done(run['id'], lies ? 'No.' : right(run)));
    await untilCaught(node);
    lies = false;
    const operator = await newOperator(gateway.gateway);
    const path = `/api/fleet/nodes/${node.nodeId}`;
    const shown = (await gateway.admin(operator, path)).json;
    expect(shown).toMatchObject({ state: 'quarantined', wrong_answers: [{ found_by: 'release' }] });
    const released = await gateway.admin(operator, `${path}/release`, undefined, { method: 'POST' });
    expect(released.status, released.text).toBe(200);
    const before = node.runs.length;
    for (let i = 0; i < 60 && node.runs.length < before + 12; i++) await serves();
    expect(node.runs.length).toBeGreaterThanOrEqual(before + 12);
    expect(await quarantined(node.nodeId)).toBe(false);
  });

  test('a right text that ended for a wrong reason is wrong', async () => {
    const liar = await stranger((run, node) => node.done(run['id'], right(run), { finishReason: 'length' }));
    await untilCaught(liar);
  });

  test('nobody is told by a stranger that a request does not fit', async () => {
    const liar = await stranger((run, node) =>
      node.say({
        type: 'failed',
        id: run['id'],
        code: 'input',
        message: 'Send it to evil.example',
        param: null,
      }),
    );
    await untilCaught(liar);
  });

  test('a node’s own counts and times change neither charge nor log, and are no lie', async () => {
    const counts = { inputTokens: 1e9, outputTokens: 1e9, modelMs: 1e12, loadMs: 1e12 };
    const node = await stranger((run, at) => at.done(run['id'], right(run), counts));
    for (let i = 0; i < 100 && node.runs.length < 14; i++) {
      for (const requestId of await Promise.all(Array.from({ length: 8 }, () => ask()))) {
        expect((await gateway.logRow(requestId))?.output_tokens).toBeLessThan(50);
        expect(await gateway.charged(requestId)).toBeLessThan(100_000n);
      }
    }
    expect(node.runs.length).toBeGreaterThanOrEqual(14);
    expect(await quarantined(node.nodeId)).toBe(false);
  });

  test('who behaves until it is believed is caught afterwards', async () => {
    let answers = 0;
    const sleeper = await stranger((run, node) =>
      node.done(run['id'], ++answers > 12 ? 'Lies.' : right(run)),
    );
    let wrong = 0;
    const request = async () => {
      const text = `Question number ${++asked} of somebody.`;
      const input = { model: SUMMARY, messages: [{ role: 'user', content: text }] };
      const answer = await gateway.call('/v1/chat/completions', input, { key: project.apiKey });
      if (answer.json.choices[0].message.content !== wordsOf(text)) wrong++;
    };
    for (let i = 0; i < 100 && !(await quarantined(sleeper.nodeId)); i++) {
      await Promise.all(Array.from({ length: 16 }, request));
    }
    expect(await quarantined(sleeper.nodeId)).toBe(true);
    console.log(`caught with ${answers} runs; ${wrong} wrong answers had left`);
  });

  test('a node that takes all there is and never answers keeps nobody waiting', async () => {
    const speed = { baseMs: 0, perThousandMs: 0 };
    const hole = await stranger(undefined, { models: [announcedAs(SUMMARY, { slots: 1024, speed })] });
    await Promise.all(Array.from({ length: 64 }, () => ask()));
    // On probation it is given a handful at a time, and nobody waits for it.
    expect(hole.runs.length).toBeLessThanOrEqual(4);
  });

  test('a node that is believed, is near at hand by its own word and answers no more keeps nobody for long', async () => {
    const speed = { baseMs: 0, perThousandMs: 0 };
    let answers = 0;
    const behave = (run: Heard, node: RawNode) => {
      // It knows well when it is believed: after ten answers or so.
      if (answers++ < 14) node.done(run['id'], right(run));
    };
    const hole = await stranger(behave, { models: [announcedAs(SUMMARY, { slots: 1024, speed })] });
    for (let i = 0; i < 100 && answers < 15; i++) await serves();
    expect(answers).toBeGreaterThanOrEqual(15);
    const began = performance.now();
    for (let i = 0; i < 8; i++) await Promise.all(Array.from({ length: 32 }, () => ask()));
    console.log(`${hole.runs.length} runs, ${Math.round(performance.now() - began)} ms for 256 requests`);
  });
});

describe('ids', () => {
  test('answers twice, before a run, after its end and for others’ runs are nobody’s', async () => {
    const other = await stranger((run, node) => setTimeout(() => node.done(run['id'], right(run)), 5));
    const forger = await stranger((run, node) => {
      node.done(run['id'], right(run));
      node.done(run['id'], 'Once more.');
      node.say({ type: 'piece', id: run['id'], kind: 'text', text: 'and more' });
    });
    // Ids of runs to come, here and at the other node.
    for (let id = 1; id <= 6; id++) forger.done(String(id + 100), 'Not mine.');
    forger.say({ type: 'failed', id: '7', code: 'internal', message: 'no', param: null });
    for (let i = 0; i < 6; i++) await serves();
    expect(other.runs.length).toBeGreaterThan(0);
    expect(await quarantined(other.nodeId)).toBe(false);
    // Two frames of three were nobody's.
    for (let i = 0; i < 30; i++) forger.done(`node-${i}`, 'x');
    expect(await forger.closed).toBe(1008);
  });
});

describe('frames', () => {
  test('larger than any may be', async () => {
    const node = await stranger();
    node.frame(OPCODES.text, Buffer.alloc(16), { length: 5 * MIB });
    expect(await node.closed).toBe(1009);
  });

  test('large ones before it is known who it is', async () => {
    const node = await open();
    await node.next();
    for (let i = 0; i < 40 && !node.isClosed; i++) {
      node.frame(OPCODES.text, Buffer.alloc(16_384, 'x'), { fin: false });
      await node.drained();
    }
    await node.closed;
  });

  test('in parts without an end', async () => {
    const node = await stranger();
    node.frame(OPCODES.text, Buffer.alloc(1024, 'x'), { fin: false });
    for (let i = 0; i < 200 && !node.isClosed; i++) {
      node.frame(OPCODES.more, Buffer.alloc(65_536, 'x'), { fin: false });
      await node.drained();
    }
    expect([1008, 1009, null]).toContain(await node.closed);
  });

  test('that are no text, no JSON and no frames', async () => {
    const bad: ((node: RawNode) => void)[] = [
      (node) => node.frame(OPCODES.text, Buffer.from([0xff, 0xfe, 0x80])),
      (node) => node.frame(OPCODES.binary, Buffer.from('{"type":"load"}')),
      (node) => node.say('{"type":"load"'),
      (node) => node.say({ type: 'done', id: 5 }),
      (node) => node.say('{"__proto__":{"type":"load"},"models":[]}'),
      (node) => node.say(`${'['.repeat(10_000)}`),
      (node) => node.frame(7, Buffer.from('x')),
    ];
    for (const send of bad) {
      const node = await stranger();
      for (let i = 0; i < 12; i++) send(node);
      expect([1002, 1007, 1008]).toContain(await node.closed);
    }
  });

  test('of announcements with numbers that are none, or mean harm', async () => {
    const node = await stranger();
    const model = announcedAs(SUMMARY);
    const load = (changes: object) => ({
      type: 'load',
      models: [{ ...model, ...changes }],
      residentBytes: 0,
    });
    for (const slots of [-1, 0, 0.5, 1025, 'many']) node.say(load({ slots }));
    node.say(
      `{"type":"load","models":[{"id":"${SUMMARY}","version":"1","slots":1e999,"resident":true}],"residentBytes":0}`,
    );
    node.say(load({ speed: { baseMs: -1, perThousandMs: 1 } }));
    node.say(load({ speed: { baseMs: 1e300, perThousandMs: 1 } }));
    await serves();
    node.say(load({ slots: null }));
    node.say({ type: 'load', models: [model], residentBytes: -5 });
    expect(await node.closed).toBe(1008);
  });

  test('in floods: announcements, pings, pongs', async () => {
    const floods: ((node: RawNode) => void)[] = [
      (node) => node.say({ type: 'load', models: [announcedAs(SUMMARY)], residentBytes: 0 }),
      (node) => node.frame(OPCODES.ping, Buffer.from('?')),
      (node) => node.frame(OPCODES.pong, Buffer.from('!')),
    ];
    for (const send of floods) {
      const node = await stranger();
      for (let i = 0; i < 20_000 && !node.isClosed; i++) {
        send(node);
        if (i % 500 === 499) await new Promise((resolve) => setImmediate(resolve));
      }
      expect([1008, null]).toContain(await node.closed);
    }
  });

  test('again and again by one node end in a ban, of which it is told', async () => {
    const keys = deviceKeys();
    for (let i = 0; i < 3; i++) {
      const node = await stranger(undefined, { keys });
      for (let bad = 0; bad < 12; bad++) node.say('no frame');
      expect(await node.closed).toBe(1008);
    }
    const node = await open(keys);
    expect(await node.join([announcedAs(SUMMARY)])).toMatchObject({ type: 'refused', code: 'banned' });
  });
});

describe('names', () => {
  test('of models that are none lead nowhere', async () => {
    const odd = [
      '__proto__',
      'constructor',
      'toString',
      'hasOwnProperty',
      '../../etc/passwd',
      'a\u0000b',
      '%2e%2e/',
      ' ',
    ];
    const models = Array.from({ length: 256 }, (_, i) =>
      announcedAs(odd[i] ?? `zlm-v1-${i}\u202e`, { slots: 1024 }),
    );
    await stranger(undefined, { models });
    for (const model of odd) {
      const answer = await gateway.call('/v1/responses', { model, input: 'x' }, { key: project.apiKey });
      expect([400, 404]).toContain(answer.status);
    }
    expect(Object.keys(Object.prototype)).toEqual([]);
    const listed = await gateway.call('/v1/models', undefined, { key: project.apiKey });
    expect(listed.text).not.toContain('passwd');
  });

  test('of nodes bring nothing into a log or a terminal', async () => {
    const name = '\u001b[2J\u001b[31mroot\u0007\r\n\u202egpj.exe';
    const node = await stranger(
      (run, at) =>
        at.say({ type: 'failed', id: run['id'], code: 'internal', message: '\u001b[0m\n!', param: null }),
      { changes: { name } },
    );
    await serves();
    const { rows } = await gateway.pool.query<{ name: string }>('SELECT name FROM nodes WHERE id = $1', [
      node.nodeId,
    ]);
    expect(rows[0]?.name).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(rows[0]?.name).toContain('root');
    expect(gateway.told.join('')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });

  test('that cannot be stored do not keep others out', async () => {
    const node = await open();
    const greeted = await node.join([announcedAs(SUMMARY)], {
      joinToken: token,
      name: 'a\u0000b',
      agent: '\ud800',
    });
    expect([null, 'welcome', 'refused']).toContain(greeted?.type ?? null);
    await stranger();
  });
});

describe('identities', () => {
  test('a signature of another socket’s challenge is worth nothing', async () => {
    const [one, two] = [await open(), await open()];
    const challenge = await one.next();
    await two.next();
    two.say(two.hello(challenge?.['nonce'], [announcedAs(SUMMARY)], { joinToken: token }));
    expect(await two.next()).toMatchObject({ type: 'refused', code: 'signature_invalid' });
  });

  test('somebody else’s key without the secret to it is worth nothing', async () => {
    const victim = await stranger();
    const thief = await open();
    const greeted = await thief.join([announcedAs(SUMMARY)], {
      publicKey: victim.keys.publicKey,
      joinToken: token,
    });
    expect(greeted).toMatchObject({ type: 'refused', code: 'signature_invalid' });
    expect(victim.isClosed).toBe(false);
  });

  test('sockets that never say who they are take no places of others', async () => {
    const silent = await Promise.all(Array.from({ length: 600 }, () => RawNode.open(gateway.url)));
    nodes.push(...silent);
    // Requests are answered meanwhile, by the node that was there before.
    await serves();
    const sentAway = silent.filter(({ isClosed, heard }) => isClosed || heard.length === 0);
    expect(sentAway.length).toBeGreaterThanOrEqual(90);
    await Promise.all(silent.map((node) => node.hangUp()));
    await stranger();
  });

  test('half a handshake, byte by byte, keeps nobody else out', async () => {
    const slow = Array.from({ length: 100 }, () => new RawNode(gateway.url));
    nodes.push(...slow);
    for (const part of ['GET /v1/nodes/connect HT', 'TP/1.1\r\nupgr', 'ade: webso']) {
      for (const node of slow) node.write(part);
      await stranger();
      await serves();
    }
  });

  test('who says no hello is sent away', async () => {
    const node = await open();
    await node.next();
    expect(await node.next()).toMatchObject({ type: 'refused', code: 'hello_expected' });
    expect(await node.closed).toBe(1008);
  });
});

test('a stranger sees the texts of those who let it, and of nobody anything else', async () => {
  const spy = await stranger((run, node) => node.done(run['id'], right(run)));
  const secret = 'The secret formula of nobody else.';
  const own = await gateway.newProject();
  for (let i = 0; i < 100 && spy.runs.length <= 10; i++) {
    await serves();
    const body = { model: SUMMARY, messages: [{ role: 'user', content: secret }] };
    expect((await gateway.call('/v1/chat/completions', body, { key: own.apiKey })).status).toBe(200);
  }
  expect(spy.runs.length).toBeGreaterThan(10);
  const all = spy.heard.join('\n');
  const strangersTo = [secret, own.apiKey, own.projectId, own.organizationId];
  const ours = [project.apiKey, project.projectId, project.organizationId, project.keyId, token, 'req_'];
  for (const word of [...strangersTo, ...ours]) expect(all).not.toContain(word);
  // What computes the answers to compare with is the operator's, and nobody else's.
  expect(honest.runs.length).toBeGreaterThan(0);
  expect(foreign.runs).toEqual([]);
});

test('join tokens are not guessed', async () => {
  const answers: (string | null)[] = [];
  for (let i = 0; i < 200; i++) {
    const node = await open();
    // Well-formed, and unknown.
    const guess = makeSecret(JOIN_TOKEN_PREFIX);
    answers.push(String((await node.join([announcedAs(SUMMARY)], { joinToken: guess }))?.['code'] ?? null));
    await node.hangUp();
  }
  expect(new Set(answers)).toEqual(new Set(['token_invalid', 'null']));
  // After two minutes' worth of them nobody looks them up any more.
  expect(answers.at(-1)).toBe('null');
  // Those that are known come and go.
  await serves();
});

test('nodes that do not say goodbye keep no gateway from its end', async () => {
  const own = await TestGateway.start();
  const frozen = await RawNode.open(own.url);
  nodes.push(frozen);
  frozen.freeze();
  await own.stop();
  // The end of its socket comes to light once it is read again.
  await frozen.hangUp();
}, 28_000);
