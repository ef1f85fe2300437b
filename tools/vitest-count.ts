/**
 * Counts what vitest ran and writes `N passed, N failed, N skipped` to the file that ZEROGPU_TEST_COUNT_FILE names;
 * `.ci/run` ends with that line. Does nothing when the variable is absent.
 */
import { writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** What the count needs of a finished test file. */
export interface CountedModule {
  /** The state of each test. */
  readonly states: readonly ('passed' | 'failed' | 'skipped' | 'pending')[];
  /** Errors outside any test: a file that cannot be loaded, a hook that threw, something left open. */
  readonly errors: number;
}

/** A test that never finished failed; so did a file or a run that broke outside its tests. */
export function count(modules: readonly CountedModule[], unhandledErrors: number): Counts {
  const states = modules.flatMap((module) => module.states);
  const number = (state: string) => states.filter((each) => each === state).length;
  const errors = modules.reduce((sum, module) => sum + module.errors, unhandledErrors);
  return {
    passed: number('passed'),
    failed: number('failed') + number('pending') + errors,
    skipped: number('skipped'),
  };
}

export function countLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

function counted(module: TestModule): CountedModule {
  const suites = [...module.children.allSuites()];
  return {
    states: [...module.children.allTests()].map((test) => test.result().state),
    errors: module.errors().length + suites.reduce((sum, suite) => sum + suite.errors().length, 0),
  };
}

class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const file = process.env['ZEROGPU_TEST_COUNT_FILE'];
    if (file) writeFileSync(file, `${countLine(count(modules.map(counted), unhandledErrors.length))}\n`);
  }
}

// vitest takes a reporter in a file of its own only as the default export.
// biome-ignore lint/style/noDefaultExport: see above
export default CountReporter;
