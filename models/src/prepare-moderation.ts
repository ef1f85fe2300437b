/**
 * The features of texts as the runtime itself finds them, for `train_moderation.py`:
 *
 *     node prepare-moderation.ts model.zlm texts.jsonl DIR    {text} lines → features.f32 (unit × feature), texts.i32, features.json
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ModerationFeatures, readWeights } from '@zerogpu/runtimes';

function main(model: string, input: string, folder: string): void {
  const reader = new ModerationFeatures(readWeights(readFileSync(model)));
  const features: number[] = [];
  const texts: number[] = [];
  const lines = readFileSync(input, 'utf8').split('\n').filter(Boolean);
  lines.forEach((line, at) => {
    const { text }: { text: string } = JSON.parse(line);
    reader.forEachUnit(text, (unit) => {
      for (const value of unit) features.push(value);
      texts.push(at);
    });
  });
  write(path.join(folder, 'features.f32'), Float32Array.from(features));
  write(path.join(folder, 'texts.i32'), Int32Array.from(texts));
  writeFileSync(path.join(folder, 'features.json'), JSON.stringify(reader.names));
}

function write(file: string, table: Float32Array | Int32Array): void {
  writeFileSync(file, new Uint8Array(table.buffer, table.byteOffset, table.byteLength));
}

const [model, input, folder] = process.argv.slice(2);
if (!model || !input || !folder) throw new Error('Usage: prepare-moderation.ts MODEL TEXTS DIR');
main(model, input, folder);
