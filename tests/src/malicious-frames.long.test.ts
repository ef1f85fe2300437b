/** The fuzzer of malicious-frames.test.ts at length: ZEROGPU_TEST_FRAMES=1000000 is what a release is held to. */
import { expect, test } from 'vitest';
import { fuzzFrames } from './support/frame-fuzz.ts';
import { TestGateway } from './support/test-gateway.ts';

const FRAMES = Number(process.env['ZEROGPU_TEST_FRAMES'] ?? 50_000);
/** Given to run the same again. */
const SEED = Number(process.env['ZEROGPU_TEST_FUZZ_SEED'] ?? Date.now() % 1_000_000_000);
/** Frames between two looks at memory and books. */
const STAGE = 10_000;

test(`${FRAMES} hostile frames of seed ${SEED}`, { timeout: 12 * 60 * 60_000 }, async () => {
  const gateway = await TestGateway.start();
  await gateway.join();
  for (let sent = 0; sent < FRAMES; sent += STAGE) {
    const { closed, answered, wrong } = await fuzzFrames(
      gateway,
      Math.min(STAGE, FRAMES - sent),
      SEED + sent,
    );
    const rss = Math.round(process.memoryUsage().rss / 2 ** 20);
    console.log(
      `${sent + STAGE} frames: ${closed} sockets closed, ${answered} requests answered, ${rss} MiB`,
    );
    expect(wrong).toEqual([]);
    expect(await gateway.violations()).toEqual([]);
  }
  await gateway.stop();
});
