import { defineConfig } from 'vitest/config';

/** Tests beside the code in every room, and whole-way tests in tests/. Longer runs: vitest.long.config.ts. */
export default defineConfig({
  test: {
    include: [
      '{protocol,catalogue,ledger,runtimes,models,node,gateway,tests,bench,tools}/**/*.test.ts',
      'clients/**/*.test.ts',
    ],
    exclude: ['**/node_modules/**', '**/*.long.test.ts', 'bench/rivals/**'],
    environment: 'node',
    // A process per file: what a test leaves open ends with it, and two files never share a global.
    pool: 'forks',
    // Whole-way tests start a server and a node each; more at once than cores would only make them wait.
    maxWorkers: 2,
    // Generous, because a timeout guards against hanging and says nothing about speed.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 10_000,
    setupFiles: ['tools/vitest-leaks.ts'],
    reporters: ['default', './tools/vitest-count.ts'],
    passWithNoTests: false,
  },
});
