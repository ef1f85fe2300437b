/** 100,000 random requests over all built-in models; ZEROGPU_TEST_FUZZ_CASES and ZEROGPU_TEST_FUZZ_SEED change the run. */
import { expect, test } from 'vitest';
import { fuzzBuiltIn } from './support/fuzz-built-ins.ts';
import { builtInIds } from './support/same-bytes-cases.ts';

const CASES = Number(process.env['ZEROGPU_TEST_FUZZ_CASES'] ?? 100_000);
/** Given to run the same again. */
const SEED = Number(process.env['ZEROGPU_TEST_FUZZ_SEED'] ?? Date.now() % 1_000_000_000);
const IDS = builtInIds();
const EACH = Math.ceil(CASES / IDS.length);

test.each(IDS)(`${EACH} random requests of seed ${SEED}: %s`, { timeout: 4 * 60 * 60_000 }, async (id) => {
  const { answered, refused, misbehaviours } = await fuzzBuiltIn(id, EACH, SEED);
  console.log(`${id}: ${answered} answered, ${refused} refused, seed ${SEED}`);
  expect(misbehaviours).toEqual([]);
  expect(answered).toBeGreaterThan(EACH / 3);
});
