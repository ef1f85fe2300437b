import { expect, it } from 'vitest';
import { Inbox } from './inbox.ts';

it('gives what came, of each thing the latest, in the order in which things were first heard of', async () => {
  const inbox = new Inbox<number>();
  inbox.put('a', 1);
  inbox.put('b', 2);
  inbox.put('a', 3);
  expect(inbox.size).toBe(2);
  expect(await inbox.next(3_600_000)).toEqual([3, 2]);
  expect(await inbox.next(0)).toEqual([]);
});

it('wakes who waits, when something comes and when it is closed', async () => {
  const inbox = new Inbox<number>();
  const came = inbox.next(3_600_000);
  inbox.put('a', 1);
  expect(await came).toEqual([1]);
  const closed = inbox.next(3_600_000);
  inbox.close();
  expect(await closed).toBeNull();
});

it('gives what came before it was closed, and nothing of what comes after', async () => {
  const inbox = new Inbox<number>();
  inbox.put('a', 1);
  inbox.close();
  inbox.put('b', 2);
  expect(await inbox.next(3_600_000)).toEqual([1]);
  expect(await inbox.next(3_600_000)).toBeNull();
});
