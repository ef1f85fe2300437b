/**
 * Writes `catalogue/src/weights.generated.ts`: the size and SHA-256 of every weight file in `models/weights/<model>/`,
 * which is what a node holds a file to before it loads it. `--check` only tells whether the table is up to date.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type Generated, writeOrCheck } from './generated.ts';
import { isProgram, ROOT } from './repo.ts';

const WEIGHTS_FOLDER = 'models/weights';
const OUTPUT = 'catalogue/src/weights.generated.ts';

interface WeightFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** Model id → its weight files, both in order of name. */
export function readWeights(folder: string): Map<string, WeightFile[]> {
  const models = new Map<string, WeightFile[]>();
  if (!existsSync(folder)) return models;
  for (const entry of readdirSync(folder, { withFileTypes: true }).sort(byName)) {
    if (!entry.isDirectory()) continue;
    const files = readdirSync(path.join(folder, entry.name)).filter((file) => file.endsWith('.zlm'));
    if (files.length > 0)
      models.set(
        entry.name,
        files.sort().map((file) => describe(folder, entry.name, file)),
      );
  }
  return models;
}

const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);

function describe(folder: string, model: string, file: string): WeightFile {
  const content = readFileSync(path.join(folder, model, file));
  return { path: file, bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') };
}

/** The generated module. Pure. */
export function weightsModule(models: ReadonlyMap<string, readonly WeightFile[]>): string {
  const entries = [...models].map(([model, files]) => {
    const lines = files.map(
      (file) => `    { path: '${file.path}', bytes: ${file.bytes}, sha256: '${file.sha256}' },`,
    );
    return `  '${model}': [\n${lines.join('\n')}\n  ],`;
  });
  return [
    '// Written by tools/gen-weights.ts from models/weights; do not edit.',
    "import type { ModelFile } from '@zerogpu/protocol';",
    '',
    `export const WEIGHTS: Readonly<Record<string, readonly ModelFile[]>> = {${entries.length > 0 ? '\n' : ''}${entries.join('\n')}${entries.length > 0 ? '\n' : ''}};`,
    '',
  ].join('\n');
}

export function weights(): Generated {
  return { file: OUTPUT, text: weightsModule(readWeights(path.join(ROOT, WEIGHTS_FOLDER))) };
}

if (isProgram(import.meta)) writeOrCheck([weights()], process.argv.includes('--check'), 'npm run gen');
