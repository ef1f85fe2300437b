import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { LongLines } from './long-lines.ts';

/** Lines of these lengths that want to be read in the same moment, and the turns that others have meanwhile. */
async function readAll(lengths: readonly number[]): Promise<string> {
  const lines = new LongLines();
  const happened: string[] = [];
  const reading = lengths.map(async (length) => {
    await lines.turn(length);
    happened.push('line');
  });
  let over = false;
  const all = Promise.all(reading).then(() => {
    over = true;
  });
  while (!over) {
    await nextTurn();
    if (happened.at(-1) !== 'others') happened.push('others');
  }
  await all;
  return happened.join(' ');
}

it('reads no two long lines without a turn of others between them', async () => {
  expect(await readAll(Array(4).fill(1_000_000))).toBe('line others line others line others line others');
});

it('lets short lines pass at once', async () => {
  expect(await readAll([1_000_000, 100, 100])).toBe('line line line others');
});
