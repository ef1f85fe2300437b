/**
 * `npm run ok`: every rule of the project, one line each, and the whole output of those that are broken.
 * `npm run ok -- imports docs` runs only the named ones.
 */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { ROOT } from './repo.ts';

interface Check {
  readonly name: string;
  /** What holds when it passes. */
  readonly says: string;
  readonly command: readonly string[];
}

interface Outcome {
  readonly check: Check;
  readonly passed: boolean;
  readonly seconds: number;
  readonly output: string;
}

const program = (file: string, ...args: string[]) => [process.execPath, path.join('tools', file), ...args];

/** The slowest first, so that the quick ones fill the other core meanwhile. */
const CHECKS: readonly Check[] = [
  {
    name: 'types',
    says: 'TypeScript, strict, every room',
    command: ['tsc', '--noEmit', '-p', 'tsconfig.json'],
  },
  {
    name: 'browser-safe',
    says: 'browser rooms compile without Node',
    command: program('check-browser-safe.ts'),
  },
  {
    name: 'imports',
    says: 'rooms and steps import only what they may',
    command: program('check-imports.ts'),
  },
  { name: 'determinism', says: 'models use only exact arithmetic', command: program('check-determinism.ts') },
  { name: 'sizes', says: 'no function over 100 lines', command: program('check-sizes.ts') },
  { name: 'docs', says: 'documents are true to the code', command: program('check-docs.ts') },
  {
    name: 'places',
    says: 'no secret, machine path or registry host',
    command: program('check-secrets-and-places.ts'),
  },
  { name: 'lockfile', says: 'npm ci takes the lockfile', command: program('check-lockfile.ts') },
  { name: 'generated', says: 'generated files are up to date', command: program('gen.ts', '--check') },
  { name: 'lint', says: 'Biome: format and lint', command: ['biome', 'check', '--error-on-warnings', '.'] },
];

function runCheck(check: Check): Promise<Outcome> {
  const [command = '', ...args] = check.command;
  const bin = path.join(ROOT, 'node_modules', '.bin');
  const env = { ...process.env, PATH: bin + path.delimiter + (process.env['PATH'] ?? '') };
  const started = performance.now();
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const take = (chunk: Buffer) => {
      output += chunk.toString();
    };
    const end = (passed: boolean) =>
      resolve({ check, passed, seconds: (performance.now() - started) / 1000, output });
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('error', (error) => {
      output += `Cannot start "${command}": ${error.message}\n`;
      end(false);
    });
    child.on('close', (code) => end(code === 0));
  });
}

/** Runs the checks `width` at a time and tells each outcome as it comes. */
async function runAll(checks: readonly Check[], width: number): Promise<Outcome[]> {
  const waiting = [...checks];
  const outcomes: Outcome[] = [];
  const worker = async () => {
    for (let check = waiting.shift(); check; check = waiting.shift()) {
      const outcome = await runCheck(check);
      outcomes.push(outcome);
      tell(outcome);
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  return outcomes;
}

function tell({ check, passed, seconds, output }: Outcome): void {
  console.log(
    `${passed ? 'ok  ' : 'FAIL'}  ${check.name.padEnd(13)} ${`${seconds.toFixed(1)} s`.padStart(7)}   ${check.says}`,
  );
  if (!passed) console.log(output.trimEnd().replace(/^/gm, '        '));
}

function chosen(names: readonly string[]): readonly Check[] {
  const known = new Set(CHECKS.map((check) => check.name));
  for (const name of names) {
    if (!known.has(name)) throw new Error(`Unknown check "${name}"; known are ${[...known].join(', ')}`);
  }
  return names.length === 0 ? CHECKS : CHECKS.filter((check) => names.includes(check.name));
}

const started = performance.now();
const outcomes = await runAll(chosen(process.argv.slice(2)), Math.min(4, availableParallelism()));
const failed = outcomes.filter((outcome) => !outcome.passed).length;
const seconds = ((performance.now() - started) / 1000).toFixed(1);
console.log(`\n${outcomes.length - failed} of ${outcomes.length} checks passed in ${seconds} s`);
process.exitCode = failed === 0 ? 0 : 1;
