import { expect, test } from 'vitest';
import { fuzzFrames } from './support/frame-fuzz.ts';
import { TestGateway } from './support/test-gateway.ts';

test('any JSON and any changed frame from strangers’ nodes: requests are answered rightly meanwhile', async () => {
  const gateway = await TestGateway.start();
  await gateway.join();
  const seed = Date.now() % 1_000_000_000;
  const report = await fuzzFrames(gateway, 1500, seed);
  const { frames, closed, answered, wrong } = report;
  console.log(
    `${frames} hostile frames of seed ${seed}: ${closed} sockets closed, ${answered} requests answered`,
  );
  expect(wrong).toEqual([]);
  expect(closed).toBeGreaterThan(0);
  expect(gateway.told.filter((line) => !line.startsWith('A node'))).toEqual([]);
  expect(await gateway.violations()).toEqual([]);
  await gateway.stop();
});
