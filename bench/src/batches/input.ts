/** Input files of a batch, written from a seed. */
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { BATCH_ENDPOINT } from '@zerogpu/protocol';
import { newsText } from '../model-speed/texts.ts';
import { seededRandom } from '../support/random.ts';

export const MODEL = 'zlm-v1-iab-classify-edge';
/** About 60 to 400 tokens: a teaser, up to the first screen of an article. */
const CHARACTERS = [300, 1_900] as const;
/** So that writing 200 MB takes as many calls as it has megabytes, not as it has lines. */
const LINES_AT_ONCE = 500;

export function chatBody(text: string): object {
  return { model: MODEL, messages: [{ role: 'user', content: text }] };
}

export function someText(random: () => number): string {
  const [least, most] = CHARACTERS;
  const characters = least + Math.floor(random() * (most - least));
  const start = Math.floor(random() * 1_000);
  return newsText(characters + start, random).slice(start, start + characters);
}

/** So many lines with texts of their own. */
export function writeInput(file: string, lines: number, seed: number): Promise<void> {
  const random = seededRandom(seed);
  return write(file, lines, (i) => line(i, someText(random)));
}

/** So many lines that are together so many bytes, each with its line feed. */
export async function writeFilled(file: string, lines: number, bytes: number): Promise<void> {
  const each = Math.floor(bytes / lines);
  const bare = (i: number) => Buffer.byteLength(line(i, '')) + 1;
  const last = bytes - each * (lines - 1);
  await write(file, lines, (i) =>
    line(i, 'word '.repeat(each).slice(0, (i < lines - 1 ? each : last) - bare(i))),
  );
}

function line(i: number, text: string): string {
  return JSON.stringify({
    custom_id: `line-${i}`,
    method: 'POST',
    url: BATCH_ENDPOINT,
    body: chatBody(text),
  });
}

async function write(file: string, lines: number, make: (i: number) => string): Promise<void> {
  function* chunks(): Generator<string> {
    for (let i = 0; i < lines; i += LINES_AT_ONCE) {
      const many = Math.min(LINES_AT_ONCE, lines - i);
      yield Array.from({ length: many }, (_, n) => `${make(i + n)}\n`).join('');
    }
  }
  await pipeline(Readable.from(chunks()), createWriteStream(file));
}
