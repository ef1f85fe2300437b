import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { cpuSeconds, ownCpuSeconds, parseStat } from './cpu.ts';

test('a name with brackets and spaces does not shift the fields', () => {
  const rest = Array.from({ length: 48 }, (_, i) => i + 5).join(' ');
  expect(parseStat(`77 (a) b (c) S 42 ${rest}`)).toEqual({ parent: 42, seconds: (14 + 15 + 16 + 17) / 100 });
});

test.skipIf(!existsSync('/proc/self/stat'))('counts what a child of a child uses', async () => {
  // By its own processor time: on a busy machine a wall clock would end before anything was used.
  const burn = 'while (process.cpuUsage().user < 250_000); process.stdin.resume()';
  const nested = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(burn)}], { stdio: 'inherit' })`;
  const child = spawn(process.execPath, ['-e', nested], { stdio: ['pipe', 'ignore', 'ignore'] });
  const exited = once(child, 'exit');
  onTestFinished(async () => {
    child.stdin?.end();
    await exited;
  });
  await expect.poll(() => cpuSeconds(Number(child.pid)), { timeout: 20_000 }).toBeGreaterThan(0.2);
  // The child itself only waits for its child.
  expect(ownCpuSeconds(Number(child.pid))).toBeLessThan(Number(cpuSeconds(Number(child.pid))));
  expect(cpuSeconds(2 ** 30)).toBeNull();
  expect(ownCpuSeconds(2 ** 30)).toBeNull();
});
