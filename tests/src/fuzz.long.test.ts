/** The fuzzer of bodies.test.ts at length: ZEROGPU_TEST_FUZZ_CASES=1000000 is what a release is held to. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sendHostile } from './support/hostile-requests.ts';
import { ALL_ROUTES, announced } from './support/scripted-node.ts';
import { TestGateway } from './support/test-gateway.ts';

const CASES = Number(process.env['ZEROGPU_TEST_FUZZ_CASES'] ?? 20_000);
/** Given to run the same again. */
const SEED = Number(process.env['ZEROGPU_TEST_FUZZ_SEED'] ?? Date.now() % 1_000_000_000);
const CALLERS = 16;
/** Cases between two looks at the books. */
const STAGE = 10_000;

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start();
  await gateway.join({ models: ALL_ROUTES.map((id) => announced(id)) });
});
afterAll(() => gateway.stop());

test(`${CASES} hostile requests of seed ${SEED}`, { timeout: 12 * 60 * 60_000 }, async () => {
  const statuses: Record<number, number> = {};
  let ran = 0;
  while (ran < CASES) {
    // A wallet of its own, so that no stage ends for want of money.
    const { apiKey } = await gateway.newProject();
    const count = Math.min(STAGE, CASES - ran);
    const report = await sendHostile({ url: gateway.url, apiKey, count, callers: CALLERS, seed: SEED + ran });
    ran += report.sent;
    for (const [status, times] of Object.entries(report.statuses)) {
      statuses[Number(status)] = (statuses[Number(status)] ?? 0) + times;
    }
    expect(report.misbehaviours, `after ${ran} cases`).toEqual([]);
    expect(gateway.told, `after ${ran} cases`).toEqual([]);
    expect(await gateway.violations()).toEqual([]);
  }
  console.log(`${ran} hostile requests of seed ${SEED}, by status: ${JSON.stringify(statuses)}`);
  expect(ran).toBe(CASES);
  await gateway.eventually('all holds to be given back', async () =>
    (await gateway.holds()) === 0 ? true : null,
  );
});
