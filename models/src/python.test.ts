import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';

const PROGRAMS = path.resolve(import.meta.dirname, '../python');
const required = (process.env['ZEROGPU_TEST_REQUIRE'] ?? '').split(',').includes('python');
const usable =
  spawnSync('python3', ['-c', 'import numpy, sys; sys.exit(sys.version_info < (3, 10))']).status === 0;
const how =
  usable || required ? '' : ' (skipped: needs Python 3.10 or later with numpy; apt install python3-numpy)';

test.skipIf(!usable && !required)(`the training programs pass their own tests${how}`, () => {
  const run = spawnSync('python3', ['-m', 'unittest', 'discover', '-s', PROGRAMS, '-p', 'test_*.py'], {
    encoding: 'utf8',
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
  });
  expect(run.error).toBeUndefined();
  expect(run.stderr).toMatch(/^Ran [1-9]\d* tests? in /m);
  expect(run.status, run.stderr).toBe(0);
});
