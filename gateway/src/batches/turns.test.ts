import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Turns } from './turns.ts';

const LIMITS = { most: 2, mostOfOrganization: 1, mostWaiting: 3, mostWaitingOfOrganization: 3 };
const never = new AbortController().signal;

/** Takes turns, and notes who has begun. */
function table(turns: Turns) {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  return {
    begun,
    async take(name: string, organization: string, signal = never) {
      ends.set(name, await turns.take(organization, signal));
      begun.push(name);
    },
    async end(name: string) {
      ends.get(name)?.();
      await nextTurn();
    },
  };
}

describe('Turns', () => {
  it('begin as they come, as many as may', async () => {
    const { begun, take, end } = table(new Turns(LIMITS));
    const all = [take('a', '1'), take('b', '2'), take('c', '3'), take('d', '4')];
    await nextTurn();
    expect(begun).toEqual(['a', 'b']);
    await end('b');
    expect(begun).toEqual(['a', 'b', 'c']);
    await end('c');
    await end('a');
    await Promise.all(all);
    expect(begun).toEqual(['a', 'b', 'c', 'd']);
  });

  it('of one organization leave room for the others', async () => {
    const { begun, take, end } = table(new Turns(LIMITS));
    const all = [take('a', '1'), take('b', '1'), take('c', '1'), take('d', '2')];
    await nextTurn();
    expect(begun).toEqual(['a', 'd']);
    await end('d');
    expect(begun).toEqual(['a', 'd']);
    await end('a');
    await end('b');
    await Promise.all(all);
    expect(begun).toEqual(['a', 'd', 'b', 'c']);
  });

  it('are refused when too many of one organization wait, and not of another', async () => {
    const turns = new Turns({ ...LIMITS, mostWaitingOfOrganization: 1 });
    const { take, end } = table(turns);
    const all = [take('a', '1'), take('b', '1'), take('c', '2'), take('d', '2')];
    await expect(turns.take('1', never)).rejects.toMatchObject({ code: 'no_capacity' });
    await nextTurn();
    for (const name of ['a', 'b', 'c', 'd']) await end(name);
    await Promise.all(all);
  });

  it('are refused when too many wait, and free again when one has gone away', async () => {
    const turns = new Turns(LIMITS);
    const { begun, take, end } = table(turns);
    const away = new AbortController();
    const left = [take('a', '1'), take('b', '1'), take('c', '1')];
    const gone = take('gone', '1', away.signal);
    await expect(turns.take('1', never)).rejects.toMatchObject({ code: 'no_capacity' });
    away.abort(new Error('away'));
    await expect(gone).rejects.toThrow('away');
    await expect(turns.take('1', away.signal)).rejects.toThrow('away');
    left.push(take('d', '1'));
    for (const name of ['a', 'b', 'c', 'd']) {
      await nextTurn();
      await end(name);
    }
    await Promise.all(left);
    expect(begun).toEqual(['a', 'b', 'c', 'd']);
  });
});
