/** More requests than one slot can take: those that do not fit are told so at once, all others are answered. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { announced, answering, SUMMARY, silent } from './support/scripted-node.ts';
import { TestGateway } from './support/test-gateway.ts';

/** One runs and 2,000 wait: what a lane of gateway/src/nodes/lane.ts takes. */
const ROOM = 2_001;
const TOO_MANY = 150;
const ASK = { model: SUMMARY, input: 'The sky is blue.', max_output_tokens: 16 };

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start();
});
afterAll(() => gateway.stop());

test(`${ROOM + TOO_MANY} requests at once on one slot`, async () => {
  const node = await gateway.join({ models: [announced(SUMMARY, 1)], behaviour: silent });
  const refused: number[] = [];
  let allRefused: () => void = () => undefined;
  const full = new Promise<void>((resolve) => {
    allRefused = resolve;
  });
  const one = async () => {
    const answer = await gateway.call('/v1/responses', ASK);
    if (answer.status === 503) {
      expect(answer.json.error).toMatchObject({ type: 'service_unavailable', code: 'no_capacity' });
      refused.push(Number(answer.headers.get('retry-after')));
      if (refused.length === TOO_MANY) allRefused();
    }
    return answer;
  };
  const all = Promise.all(Array.from({ length: ROOM + TOO_MANY }, one));
  // Nobody is answered yet, so those that did not fit were told while the others wait.
  await full;
  expect(refused.every((seconds) => seconds > 0)).toBe(true);
  expect(node.runs.length).toBe(1);
  node.behaviour = answering;
  node.done(node.runs[0]!.id, 'First.');
  const answers = await all;
  const counts = Map.groupBy(answers, ({ status }) => status);
  expect(counts.get(200)?.length).toBe(ROOM);
  expect(counts.get(503)?.length).toBe(TOO_MANY);
  expect(node.runs.length).toBe(ROOM);
  const { rows } = await gateway.pool.query(
    'SELECT status, count(*)::int AS count FROM requests GROUP BY 1 ORDER BY 1',
  );
  expect(rows).toEqual([
    { status: 200, count: ROOM },
    { status: 503, count: TOO_MANY },
  ]);
  expect(await gateway.holds()).toBe(0);
  expect(await gateway.violations()).toEqual([]);
  expect(gateway.told).toEqual([]);
});
