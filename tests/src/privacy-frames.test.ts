/**
 * Every frame that any node was sent and every body that an upstream was sent, searched for the texts of projects that may
 * not reach it: asked singly, as streams, by several at once and as lines of batches, while nodes fail, are late and leave.
 */
import { BATCH_ENDPOINT, type NodePool, type PrivacyTier } from '@zerogpu/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BatchClient } from './support/batch-client.ts';
import { ManagedProcess } from './support/managed-process.ts';
import { poolToken, setReach, upstreamsSetting } from './support/pools.ts';
import { announced, answering, type Behaviour, type ScriptedNode, SUMMARY } from './support/scripted-node.ts';
import {
  type ScriptedUpstream,
  startUpstream,
  type UpstreamBehaviour,
  upstreamAnswers,
} from './support/scripted-upstream.ts';
import { mulberry32 } from './support/seeded-inferences.ts';
import { type Project, TestGateway } from './support/test-gateway.ts';

const CHAT = 'llama-3.1-8b-instruct-fast';
const EMBED = 'zlm-v1-embed-edge';
const MODERATION = 'zlm-v1-moderation-edge';
const IAB = 'zlm-v1-iab-classify-edge';
const EXTRACT = 'zlm-v1-extract-edge';
/** Nobody serves it: EXTRACT stands in for it. */
const HUB_EXTRACT = 'gliner2-base-v1';
const SEED = Number(process.env['ZEROGPU_TEST_FUZZ_SEED'] ?? Date.now() % 1_000_000_000);
const ASKS = 40;
const LINES = 30;
/** Guards against hanging. */
const READY_MS = 60_000;
const PATIENCE_MS = 120_000;
const TIMEOUT_MS = 300_000;
/** A worker takes lines at once, and each finds nobody within milliseconds. */
const LINES_TRIED_MS = 3_000;
/** Keys are looked up again after a second; with room for a slow machine. */
const KEYS_KEPT_MS = 1_500;

interface Asker extends Project {
  readonly privacy: PrivacyTier;
  readonly upstreams: boolean;
  /** Stands in every text of the project, and in nothing else. */
  readonly marker: string;
}

/** Where a text can get to. */
interface Place {
  readonly name: string;
  readonly heard: readonly string[];
  may(asker: Asker, text: string): boolean;
}

const random = mulberry32(SEED);
const places: Place[] = [];
const nodes: { readonly pool: NodePool; readonly node: ScriptedNode }[] = [];
const upstreams: ScriptedUpstream[] = [];
let gateway: TestGateway;
let worker: ManagedProcess;
let askers: readonly Asker[];

/** Mostly answers; sometimes it fails, says only the beginning, or says nothing until it is cancelled. */
const unsteady: Behaviour = (run, node) => {
  const chance = random();
  if (chance < 0.1) return node.failed(run.id, 'internal');
  if (chance < 0.15) return node.failed(run.id, 'busy');
  if (chance < 0.2 && run.inference.stream) {
    node.piece(run.id, run.inference.text.slice(0, 3));
    return node.failed(run.id, 'internal');
  }
  if (chance < 0.24) return void setTimeout(() => answering(run, node), 300);
  return answering(run, node);
};

/** Whole, or as a stream. */
const answer: UpstreamBehaviour = (body, response) => {
  const content = 'From somewhere else.';
  if (!JSON.parse(body).stream) return upstreamAnswers(content)(body, response);
  const delta = { choices: [{ index: 0, delta: { content }, finish_reason: 'stop' }] };
  response
    .writeHead(200, { 'content-type': 'text/event-stream' })
    .end(`data: ${JSON.stringify(delta)}\n\ndata: [DONE]\n\n`);
};

async function addUpstream(name: string, trusted: boolean) {
  const heard: string[] = [];
  const upstream = await startUpstream((body, response) => {
    heard.push(body);
    answer(body, response);
  });
  upstreams.push(upstream);
  places.push({ name, heard, may: (asker) => trusted || asker.upstreams });
  return { name, url: upstream.url, trusted };
}

function mayOn(pool: NodePool, organizationId: string | null): Place['may'] {
  return (asker, frame) => {
    switch (pool) {
      case 'organization':
        return asker.privacy !== 'cloud' && asker.organizationId === organizationId;
      case 'operator':
        return asker.privacy !== 'cloud';
      case 'public':
        return asker.privacy === 'public' && !frame.includes(CHAT);
      case 'cloud':
        return true;
    }
  };
}

async function addNode(pool: NodePool, organizationId: string | null = null): Promise<void> {
  const joinToken = await poolToken(gateway.gateway, pool, organizationId);
  const models = [SUMMARY, CHAT, EMBED, MODERATION, IAB, EXTRACT].map((model) => announced(model, 4));
  const node = await gateway.join({ joinToken, models, behaviour: unsteady });
  nodes.push({ pool, node });
  places.push({ name: `${pool} ${nodes.length}`, heard: node.frames, may: mayOn(pool, organizationId) });
}

async function addAsker(project: Project, privacy: PrivacyTier, opted: boolean): Promise<Asker> {
  await setReach(gateway, project, { privacy, upstreams: opted });
  const marker = `Marker${project.projectId.replaceAll('-', '').slice(0, 12)}`;
  return { ...project, privacy, upstreams: opted, marker };
}

/** Another project of the same organization. */
async function sibling(of: Project): Promise<Project> {
  const project = await gateway.newProject();
  await gateway.pool.query('UPDATE projects SET organization_id = $2 WHERE id = $1', [
    project.projectId,
    of.organizationId,
  ]);
  return { ...project, organizationId: of.organizationId, walletId: of.walletId };
}

beforeAll(async () => {
  const named = [await addUpstream('other', false), await addUpstream('vouched', true)];
  gateway = await TestGateway.start({
    ZEROGPU_UPSTREAMS: upstreamsSetting(named, [SUMMARY, CHAT]),
    ZEROGPU_BATCH_CONCURRENCY: '4',
    ZEROGPU_STANDINS: 'on',
  });
  worker = new ManagedProcess({
    name: 'worker',
    program: 'gateway/src/worker.ts',
    env: {
      PATH: process.env['PATH'],
      ZEROGPU_DATA_DIR: gateway.gateway.dataDir,
      ZEROGPU_BATCH_CONCURRENCY: '4',
    },
  });
  await worker.ready(READY_MS);
  const [a, b, c] = [await gateway.newProject(), await gateway.newProject(), await gateway.newProject()];
  askers = [
    await addAsker(a, 'own', false),
    await addAsker(await sibling(a), 'public', false),
    await addAsker(await sibling(a), 'cloud', false),
    await addAsker(b, 'public', true),
    await addAsker(await sibling(b), 'own', true),
    await addAsker(c, 'public', false),
    await addAsker(await sibling(c), 'cloud', true),
  ];
  for (const organization of [a, b]) await addNode('organization', organization.organizationId);
  for (const pool of ['operator', 'operator', 'public', 'public', 'cloud', 'cloud'] as const)
    await addNode(pool);
}, READY_MS);
afterAll(async () => {
  await worker.stop(30_000);
  await gateway.stop();
  await Promise.all(upstreams.map((one) => one.stop()));
});

const textOf = ({ marker }: Asker, i: number) =>
  `${marker} says ${i}: the ferries wait in the harbour tonight.`;

async function askOne(asker: Asker, i: number): Promise<number> {
  const model = random() < 0.7 ? SUMMARY : CHAT;
  const body = { model, input: textOf(asker, i), max_output_tokens: 40, stream: random() < 0.4 };
  const answer = await gateway.call('/v1/responses', body, { key: asker.apiKey });
  return answer.status;
}

/** Every other way in which a text comes: on each route, several at once, of a model for which another stands in. */
function waysToAsk(
  asker: Asker,
  i: number,
): readonly (readonly [route: string, body: object, model: string])[] {
  const [text, other] = [textOf(asker, i), textOf(asker, i + 1)];
  const messages = [{ role: 'user', content: text }];
  const chat = (model: string) => ({ model, messages, user: text, metadata: { who: text } });
  return [
    ['/v1/chat/completions', chat(SUMMARY), SUMMARY],
    ['/v1/chat/completions', { ...chat(SUMMARY), stream: true }, SUMMARY],
    ['/v1/chat/completions', chat(CHAT), CHAT],
    ['/v1/summary', { text }, SUMMARY],
    ['/v1/embeddings', { model: EMBED, input: text }, EMBED],
    ['/v1/embeddings', { model: EMBED, input: [text, other] }, EMBED],
    ['/v1/moderations', { model: MODERATION, input: [text, other] }, MODERATION],
    ['/v1/usecase/classify/iab', { text }, IAB],
    [
      '/v1/chat/completions',
      { ...chat(HUB_EXTRACT), metadata: { usecase: 'ner', labels: ['city'] } },
      EXTRACT,
    ],
  ];
}

async function askEveryWay(): Promise<void> {
  const ask = async (asker: Asker, i: number) => {
    for (const [route, body] of waysToAsk(asker, 5_000 + i))
      await gateway.call(route, body, { key: asker.apiKey });
  };
  await Promise.all(askers.flatMap((asker) => Array.from({ length: 6 }, (_, i) => ask(asker, i * 10))));
}

/** Everybody asks, many at once. @returns how many were answered, of each asker */
async function askAll(): Promise<Map<Asker, number>> {
  const answered = new Map<Asker, number>();
  const each = askers.map(async (asker) => {
    const statuses = await Promise.all(Array.from({ length: ASKS }, (_, i) => askOne(asker, i)));
    answered.set(asker, statuses.filter((status) => status === 200).length);
  });
  await Promise.all(each);
  return answered;
}

async function batchOf(asker: Asker): Promise<void> {
  const { client, id } = await beginBatch(asker);
  await client.ended(id, PATIENCE_MS);
}

async function beginBatch(asker: Asker) {
  const client = new BatchClient({ url: gateway.url, apiKey: asker.apiKey });
  const lines = Array.from({ length: LINES }, (_, i) => {
    const messages = [{ role: 'user', content: textOf(asker, 1_000 + i) }];
    const body = { model: SUMMARY, messages, max_tokens: 40 };
    return JSON.stringify({ custom_id: `l${i}`, method: 'POST', url: BATCH_ENDPOINT, body });
  });
  const { id } = await client.begin(`${lines.join('\n')}\n`);
  return { client, id };
}

/** What reached a place that it may not reach. */
function strayed(): string[] {
  return places.flatMap(({ name, heard, may }) =>
    heard.flatMap((text) =>
      askers
        .filter((asker) => text.includes(asker.marker) && !may(asker, text))
        .map(({ privacy, upstreams: opted }) => `${name} was sent a text of a project ${privacy}, ${opted}`),
    ),
  );
}

function textsAt(name: string): readonly string[] {
  return places.filter((place) => place.name.startsWith(name)).flatMap((place) => place.heard);
}

/** How many texts of whom got to which places. */
function reached(name: string): (asker: Asker) => number {
  const heard = textsAt(name);
  return ({ marker }) => heard.filter((text) => text.includes(marker)).length;
}

/** Of runs that a place was sent: the text, and whether it stands back for others. */
function runsAt(...names: readonly string[]): { readonly text: string; readonly batch: boolean }[] {
  return names.flatMap(textsAt).flatMap((frame) => {
    const { type, inference, priority } = JSON.parse(frame);
    return type === 'run' ? [{ text: inference.text, batch: priority === 'batch' }] : [];
  });
}

/** Texts asked for at once that strangers were given, and that were computed again on a spare slot. */
function rechecked(asker: Asker): string[] {
  const given = new Set(runsAt('public').map(({ text }) => text));
  const again = runsAt('operator', 'cloud').filter(({ text, batch }) => batch && given.has(text));
  const asked = new RegExp(`^${asker.marker} says 2\\d{4}:`);
  return again.map(({ text }) => text).filter((text) => asked.test(text));
}

/** Texts that strangers were given and nobody wrote. */
const known = () =>
  runsAt('public')
    .map(({ text }) => text)
    .filter((text) => !text.includes('Marker'));

/** Until strangers have earned so much trust that answers of theirs were rechecked and known ones asked for. */
async function askUntilChecked(asker: Asker): Promise<void> {
  const until = Date.now() + PATIENCE_MS;
  for (let round = 0; rechecked(asker).length === 0 || known().length === 0; round++) {
    if (Date.now() > until) throw new Error(`Nothing was rechecked, seed ${SEED}`);
    const ask = (_: unknown, i: number) =>
      gateway.call(
        '/v1/responses',
        { model: SUMMARY, input: textOf(asker, 20_000 + (round % 100) * ASKS + i) },
        { key: asker.apiKey },
      );
    await Promise.all(Array.from({ length: ASKS }, ask));
  }
}

async function leave(...pools: readonly NodePool[]): Promise<void> {
  await Promise.all(nodes.filter(({ pool }) => pools.includes(pool)).map(({ node }) => node.leave()));
}

test(
  'no text of a project reaches whom the project does not allow',
  async () => {
    const batches = Promise.all(askers.map(batchOf));
    const all = await askAll();
    await askEveryWay();
    await batches;
    const checkedOn = askers[5];
    if (!checkedOn) throw new Error('No askers');
    await askUntilChecked(checkedOn);
    // Judges are the operator's: what is checked reaches nobody whom the request would not have reached.
    const elsewhere = new Set(['organization', 'other', 'vouched'].flatMap(textsAt));
    for (const text of [...rechecked(checkedOn), ...known()]) {
      expect(
        [...elsewhere].some((frame) => frame.includes(text)),
        `seed ${SEED}`,
      ).toBe(false);
    }
    // Everybody was answered by somebody, or this shows nothing.
    for (const asker of askers) expect(all.get(asker), `seed ${SEED}`).toBeGreaterThan(0);
    await leave('organization', 'operator');
    await askAll();
    await askEveryWay();
    await leave('public', 'cloud');
    const last = await askAll();
    expect(strayed(), `seed ${SEED}`).toEqual([]);
    const [own, sharing, cloudOnly, openB, ownOpen] = askers;
    if (!own || !sharing || !cloudOnly || !openB || !ownOpen) throw new Error('No askers');
    for (const [name, asker] of [
      ['organization', own],
      ['operator', own],
      ['public', sharing],
      ['cloud', cloudOnly],
      ['cloud', own],
      ['vouched', own],
      ['vouched', cloudOnly],
    ] as const) {
      expect(reached(name)(asker), `${name}, seed ${SEED}`).toBeGreaterThan(0);
    }
    // On every route strangers are given what they may have, or this shows nothing of that route.
    for (const [route, , model] of waysToAsk(sharing, 0)) {
      const heard = textsAt('public').filter((frame) => frame.includes(`"model":"${model}"`));
      expect(heard.some((frame) => frame.includes(sharing.marker)) || model === CHAT, route).toBe(true);
    }
    // One that works is asked before the one that was opted in to; all were answered by it in the end.
    for (const asker of askers) expect(last.get(asker), `seed ${SEED}`).toBe(ASKS);
    // Lines of batches went the same way, from the gateway and from the worker beside it.
    const lines = places.flatMap(({ heard }) => heard).filter((text) => text.includes('"priority":"batch"'));
    expect(lines.length).toBeGreaterThan(0);
  },
  TIMEOUT_MS,
);

test('where an upstream that nobody vouches for is the only one, only those who opted in reach it', async () => {
  const vouched = upstreams[1];
  if (vouched === undefined) throw new Error('No upstream');
  vouched.behaviour = (_body, response) => void response.writeHead(500).end();
  // Lines of those who may not find nobody, here and by the worker; the others' are answered meanwhile.
  for (const asker of askers) if (!asker.upstreams) await beginBatch(asker);
  await Promise.all(askers.filter(({ upstreams: opted }) => opted).map(batchOf));
  await new Promise((resolve) => setTimeout(resolve, LINES_TRIED_MS));
  const answered = await askAll();
  for (const asker of askers) {
    expect(answered.get(asker) === 0, `seed ${SEED}`).toBe(!asker.upstreams);
    expect(reached('other')(asker) > 0, `seed ${SEED}`).toBe(asker.upstreams);
  }
  expect(strayed(), `seed ${SEED}`).toEqual([]);
});

test('from a second after a project takes its texts back, strangers are sent none', async () => {
  const sharing = askers[1];
  if (!sharing) throw new Error('No askers');
  for (const pool of ['operator', 'public'] as const) await addNode(pool);
  const ask = (name: string) =>
    Promise.all(
      Array.from({ length: ASKS }, (_, i) =>
        gateway.call(
          '/v1/summary',
          { text: `${name} ${textOf(sharing, 9_000 + i)}` },
          { key: sharing.apiKey },
        ),
      ),
    );
  await ask('BeforeThat');
  expect(textsAt('public').some((frame) => frame.includes('BeforeThat'))).toBe(true);
  await setReach(gateway, sharing, { privacy: 'own' });
  await new Promise((resolve) => setTimeout(resolve, KEYS_KEPT_MS));
  await ask('AfterThat');
  expect(textsAt('operator').some((frame) => frame.includes('AfterThat'))).toBe(true);
  expect(textsAt('public').filter((frame) => frame.includes('AfterThat'))).toEqual([]);
});
