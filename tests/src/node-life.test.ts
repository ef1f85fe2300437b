/** A node's life among real processes: it outlives its gateway, leaves politely, and is not missed when it is killed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { type Platform, startPlatform } from './support/platform.ts';

const MODEL = 'zlm-v1-summary-cloud';
const SENTENCES = [
  'The council of the harbour town voted on Tuesday to rebuild the old bridge.',
  'Engineers had found cracks in two of its pillars last winter.',
  'The work will cost 14 million euros and take three years.',
  'Ferries will carry commuters across the river meanwhile.',
  'Shop owners on the north bank fear for their trade.',
];
const SHORT_TEXT = SENTENCES.join(' ');
/** Long enough to keep a node at work for many milliseconds, so that requests are in flight when something happens. */
const LONG_TEXT = Array.from({ length: 400 }, (_, i) => `${i}. ${SENTENCES[i % SENTENCES.length]}`).join(
  '\n',
);

/** Several starts of a server and its database each; on a busy machine each may take its time. */
vi.setConfig({ testTimeout: 180_000 });

let platform: Platform | null = null;

afterEach(async () => {
  await platform?.stop();
  platform = null;
});

async function started(nodes: number): Promise<Platform> {
  platform = await startPlatform({ nodes });
  return platform;
}

interface Outcome {
  readonly status: number;
  readonly text: string;
}

async function ask(where: Platform, input: string): Promise<Outcome> {
  const response = await where.fetch('/v1/responses', { model: MODEL, input });
  const body = Object(await response.json());
  return { status: response.status, text: body.output?.[0]?.content?.[0]?.text ?? JSON.stringify(body) };
}

/** Asks until it is answered: a node that lost its gateway comes back by itself. */
async function answered(where: Platform): Promise<Outcome> {
  for (;;) {
    const outcome = await ask(where, SHORT_TEXT).catch(() => null);
    if (outcome?.status === 200) return outcome;
    await sleep(50);
  }
}

/** Sends requests all at once; `answers` grows while they come back. */
function burst(where: Platform, count: number): { answers: Outcome[]; all: Promise<Outcome[]> } {
  const answers: Outcome[] = [];
  const one = async () => {
    const outcome = await ask(where, LONG_TEXT);
    answers.push(outcome);
    return outcome;
  };
  return { answers, all: Promise.all(Array.from({ length: count }, one)) };
}

test.each(['SIGTERM', 'SIGKILL'] as const)('a node outlives its gateway, ended by %s', async (signal) => {
  const where = await started(1);
  const [node] = where.nodes;
  const before = await ask(where, SHORT_TEXT);
  expect(before).toMatchObject({ status: 200 });
  where.gateway.kill(signal);
  await where.gateway.exited;
  await where.startGateway();
  expect(await answered(where)).toEqual(before);
  expect(node?.running).toBe(true);
});

test('a node that is told to end finishes first, and no request fails', async () => {
  const where = await started(2);
  const { answers, all } = burst(where, 100);
  while (answers.length === 0) await sleep(1);
  const exit = where.nodes[0]?.stop(15_000);
  const open = 100 - answers.length;
  const outcomes = await all;
  expect(open).toBeGreaterThan(10);
  expect(outcomes.filter(({ status }) => status !== 200)).toEqual([]);
  expect(await exit).toEqual({ code: 0, signal: null });
});

test('kill -9 of one of two nodes under 200 requests: all answered, all alike', async () => {
  const where = await started(2);
  const expected = await ask(where, LONG_TEXT);
  expect(expected).toMatchObject({ status: 200 });
  const { answers, all } = burst(where, 200);
  while (answers.length === 0) await sleep(1);
  const open = 200 - answers.length;
  await where.nodes[0]?.killHard();
  const outcomes = await all;
  expect(open).toBeGreaterThan(50);
  expect(outcomes.filter(({ status, text }) => status !== 200 || text !== expected.text)).toEqual([]);
  expect(outcomes).toHaveLength(200);
});
