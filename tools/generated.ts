/** Writes generated files, or tells which of them no longer say what their sources say. */
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Finding, ROOT, readText, report } from './repo.ts';

export interface Generated {
  /** Relative to the root. */
  readonly file: string;
  readonly text: string;
}

/** The files that are missing or say something else. */
export function outdated(files: readonly Generated[], root: string = ROOT): Generated[] {
  return files.filter(
    ({ file, text }) => !existsSync(path.join(root, file)) || readText(file, root) !== text,
  );
}

/** @param command what a person runs to write them */
export function writeOrCheck(files: readonly Generated[], checkOnly: boolean, command: string): void {
  const stale = outdated(files);
  if (checkOnly) {
    const findings = stale.map(
      ({ file }): Finding => ({ file, line: 0, message: `is not what its sources say; run "${command}"` }),
    );
    report(findings, `${files.map(({ file }) => file).join(', ')} up to date`);
    return;
  }
  for (const { file, text } of stale) writeFileSync(path.join(ROOT, file), text);
  console.log(
    stale.length === 0 ? 'Everything was up to date' : `Wrote ${stale.map(({ file }) => file).join(', ')}`,
  );
}
