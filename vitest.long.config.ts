import { defineConfig, mergeConfig } from 'vitest/config';
import short from './vitest.config.ts';

const merged = mergeConfig(short, {
  test: {
    // Minutes each: crash loops, leaks over many requests, fuzzing at length. One at a time, so that they measure
    // themselves and not each other.
    maxWorkers: 1,
    testTimeout: 30 * 60_000,
    hookTimeout: 10 * 60_000,
  },
});

export default defineConfig({
  ...merged,
  test: {
    ...merged.test,
    // Replaced rather than merged: lists would be joined, and the short tests would run too.
    include: ['**/*.long.test.ts'],
    exclude: ['**/node_modules/**', 'bench/rivals/**'],
  },
});
