/** What every check needs: the files of the repository, a finding, and one way of printing findings. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder that holds the rooms. */
export const ROOT: string = path.resolve(import.meta.dirname, '..');

/** One broken rule at one place. */
export interface Finding {
  /** Relative to the root, with `/`. */
  readonly file: string;
  /** From 1; 0 when the whole file is meant. */
  readonly line: number;
  readonly message: string;
}

/** Files that belong to the repository: tracked, or new and not ignored. Relative, with `/`, sorted. */
export function repositoryFiles(root: string = ROOT): string[] {
  const files = existsSync(path.join(root, '.git')) ? gitFiles(root) : allFiles(root);
  return files.filter((file) => existsSync(path.join(root, file))).sort();
}

function gitFiles(root: string): string[] {
  // In a clone that belongs to another user, as in some containers, git refuses to read without the setting.
  const args = ['-c', 'safe.directory=*', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const listed = execFileSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  return [...new Set(listed.split('\0').filter((file) => file !== ''))];
}

/** What git would ignore, for a copy that came without its history. */
const IGNORED = new Set(['node_modules', '.zerogpu', 'dist', 'coverage', '.models-cache', '__pycache__']);

function allFiles(root: string): string[] {
  return readdirSync(root, { withFileTypes: true }).flatMap((entry) => {
    if (IGNORED.has(entry.name)) return [];
    if (!entry.isDirectory()) return [entry.name];
    return allFiles(path.join(root, entry.name)).map((file) => `${entry.name}/${file}`);
  });
}

/** Tests, and what only tests use: `*.test.ts`, and everything in a folder called `test` or `testing`. */
export function isTestCode(file: string): boolean {
  return /\.(?:test|bench)\.ts$/.test(file) || /\/test(?:ing)?\//.test(file);
}

export function readText(file: string, root: string = ROOT): string {
  return readFileSync(path.join(root, file), 'utf8');
}

export function formatFinding(finding: Finding): string {
  const place = finding.line > 0 ? `${finding.file}:${finding.line}` : finding.file;
  return `${place}  ${finding.message}`;
}

/** Prints the findings, or `summary` when there are none, and sets the exit status. */
export function report(findings: readonly Finding[], summary: string): void {
  for (const finding of findings) console.log(formatFinding(finding));
  if (findings.length === 0) console.log(summary);
  else process.exitCode = 1;
}

/** True when the file of `meta` is the program that was started, and not a module that a test imports. */
export function isProgram(meta: ImportMeta): boolean {
  const started = process.argv[1];
  return started !== undefined && realpathSync(started) === fileURLToPath(meta.url);
}
