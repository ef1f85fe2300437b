/** Whatever a built-in model is sent, it answers or refuses. At length: built-ins-fuzz.long.test.ts. */
import { expect, test } from 'vitest';
import { fuzzBuiltIn } from './support/fuzz-built-ins.ts';
import { builtInIds } from './support/same-bytes-cases.ts';

const CASES = 150;
const SEED = 7;

test.each(builtInIds())(`${CASES} random requests: %s`, async (id) => {
  const { answered, misbehaviours } = await fuzzBuiltIn(id, CASES, SEED);
  expect(misbehaviours).toEqual([]);
  expect(answered).toBeGreaterThan(CASES / 3);
});
