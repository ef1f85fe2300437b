import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { isTestCode, repositoryFiles } from './repo.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'repository-'));
  for (const file of ['b/a.ts', 'a.md', 'node_modules/x/index.js', 'dist/x.js', '.gitignore']) {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    writeFileSync(path.join(folder, file), file === '.gitignore' ? 'node_modules/\ndist/\n' : '');
  }
});
afterEach(() => rmSync(folder, { recursive: true }));

it('lists the same files with git and without', () => {
  const expected = ['.gitignore', 'a.md', 'b/a.ts'];
  expect(repositoryFiles(folder)).toEqual(expected);
  execFileSync('git', ['init', '-q'], { cwd: folder });
  expect(repositoryFiles(folder)).toEqual(expected);
});

it('leaves out a tracked file that was deleted', () => {
  execFileSync('git', ['init', '-q'], { cwd: folder });
  execFileSync('git', ['add', 'a.md'], { cwd: folder });
  rmSync(path.join(folder, 'a.md'));
  expect(repositoryFiles(folder)).toEqual(['.gitignore', 'b/a.ts']);
});

it('knows tests and what only tests use', () => {
  expect(['a/x.test.ts', 'a/x.bench.ts', 'a/testing/x.ts', 'a/test/x.ts'].every(isTestCode)).toBe(true);
  expect(['a/x.ts', 'tests/src/x.ts', 'a/latest/x.ts'].some(isTestCode)).toBe(false);
});
