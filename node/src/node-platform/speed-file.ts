import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { MeasuredSpeed, SpeedCache } from '../speed.ts';

/** Speeds in a file. One that is absent, damaged or of another time holds none. */
export function speedFile(path: string): SpeedCache {
  return {
    async read() {
      const text = await readFile(path, 'utf8').catch(() => '{}');
      return new Map(Object.entries(parsed(text)).flatMap(([key, value]) => entry(key, value)));
    },
    /** Written apart and renamed: a crash leaves the one before. */
    async write(speeds) {
      const draft = `${path}.${randomUUID()}`;
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      try {
        await writeFile(draft, `${JSON.stringify(Object.fromEntries(speeds), null, 2)}\n`);
        await rename(draft, path);
      } catch (error) {
        await rm(draft, { force: true });
        throw error;
      }
    },
  };
}

function parsed(text: string): object {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

function entry(key: string, value: unknown): [string, MeasuredSpeed][] {
  const { baseMs, perThousandMs, at } = Object(value);
  const good = [baseMs, perThousandMs, at].every((number) => Number.isFinite(number) && number >= 0);
  return good ? [[key, { baseMs, perThousandMs, at }]] : [];
}
