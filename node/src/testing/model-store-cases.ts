/** What every store of models' files does, whatever it is made of. */
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ModelStore, StoreFull, WrongHash } from '../model-store.ts';

/** A store, and what lies behind it. */
export interface StoreUnderTest {
  readonly store: ModelStore;
  /** Another store on the same ground, as after a restart. */
  reopen(): Promise<ModelStore>;
  /** Lets writes beyond so many bytes fail as the device does when it is full; absent where a test cannot. */
  fill?(): Promise<void>;
  close(): Promise<void>;
}

const bytesOf = (text: string) => new TextEncoder().encode(text);
const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const WEIGHTS = bytesOf('the weights of a model, all of them');
const HASH = hashOf(WEIGHTS);
const OTHER = hashOf(bytesOf('of another'));
const textOf = (bytes: Uint8Array | null) => bytes && new TextDecoder().decode(bytes);

const NO_NAMES = [
  '',
  '..',
  '../../etc/passwd',
  `../${HASH}`,
  `${HASH}/..`,
  `${HASH}.part`,
  HASH.toUpperCase(),
  HASH.slice(1),
  `${HASH}0`,
  `${HASH}\n`,
  '__proto__',
  'constructor',
];

export function modelStoreCases(title: string, open: () => Promise<StoreUnderTest>): void {
  describe(title, () => {
    let place: StoreUnderTest;
    beforeEach(async () => {
      place = await open();
    });
    afterEach(() => place.close());
    keepingCases(() => place);
    beginningCases(() => place);
    refusingCases(() => place);
  });
}

async function keep(store: ModelStore, bytes = WEIGHTS): Promise<void> {
  await store.append(hashOf(bytes), 0, bytes);
  await store.complete(hashOf(bytes));
}

function keepingCases(place: () => StoreUnderTest): void {
  test('is empty at first', async () => {
    const { store } = place();
    expect(await store.list()).toEqual([]);
    expect(await store.read(HASH)).toBeNull();
    expect(await store.beginning(HASH)).toBe(0);
  });

  test('keeps a file that came in pieces', async () => {
    const { store } = place();
    await store.append(HASH, 0, WEIGHTS.slice(0, 5));
    await store.append(HASH, 5, WEIGHTS.slice(5, 20));
    await store.append(HASH, 20, WEIGHTS.slice(20));
    await store.complete(HASH);
    expect(textOf(await store.read(HASH))).toBe(textOf(WEIGHTS));
    expect(await store.beginning(HASH)).toBe(0);
    expect(await store.list()).toMatchObject([{ sha256: HASH, bytes: WEIGHTS.length, complete: true }]);
  });

  test('keeps it over a restart', async () => {
    await keep(place().store);
    const again = await place().reopen();
    expect(textOf(await again.read(HASH))).toBe(textOf(WEIGHTS));
  });

  test('keeps an empty file', async () => {
    const { store } = place();
    await keep(store, bytesOf(''));
    expect(await store.read(hashOf(bytesOf('')))).toHaveLength(0);
  });

  test('what is read counts as used', async () => {
    const { store } = place();
    await keep(store);
    const [before] = await store.list();
    while (Date.now() <= (before?.lastUsedAt ?? 0) + 2) await new Promise((done) => setTimeout(done, 1));
    await store.read(HASH);
    const [after] = await store.list();
    expect(after?.lastUsedAt).toBeGreaterThan(before?.lastUsedAt ?? 0);
  });

  test('takes away what is asked, and nothing else', async () => {
    const { store } = place();
    await keep(store);
    await store.append(OTHER, 0, bytesOf('of an'));
    await store.remove(HASH);
    expect(await store.read(HASH)).toBeNull();
    expect(await store.list()).toMatchObject([{ sha256: OTHER, complete: false }]);
    await store.remove(OTHER);
    await store.remove(OTHER);
    expect(await store.list()).toEqual([]);
  });

  test('the same file twice is one', async () => {
    const { store } = place();
    await keep(store);
    await keep(store);
    expect(await store.list()).toHaveLength(1);
    expect(textOf(await store.read(HASH))).toBe(textOf(WEIGHTS));
  });
}

function beginningCases(place: () => StoreUnderTest): void {
  test('a beginning is no file, and survives a restart', async () => {
    await place().store.append(HASH, 0, WEIGHTS.slice(0, 10));
    const store = await place().reopen();
    expect(await store.beginning(HASH)).toBe(10);
    expect(await store.read(HASH)).toBeNull();
    expect(await store.list()).toMatchObject([{ sha256: HASH, bytes: 10, complete: false }]);
    await store.append(HASH, 10, WEIGHTS.slice(10));
    await store.complete(HASH);
    expect(textOf(await store.read(HASH))).toBe(textOf(WEIGHTS));
  });

  test('one that begins anew forgets what was there', async () => {
    const { store } = place();
    await store.append(HASH, 0, bytesOf('something wrong, and longer than what is right'));
    await store.append(HASH, 0, WEIGHTS);
    expect(await store.beginning(HASH)).toBe(WEIGHTS.length);
    await store.complete(HASH);
    expect(textOf(await store.read(HASH))).toBe(textOf(WEIGHTS));
  });

  test('leaves no hole and writes nothing over', async () => {
    const { store } = place();
    await store.append(HASH, 0, WEIGHTS.slice(0, 10));
    await expect(store.append(HASH, 11, WEIGHTS.slice(11))).rejects.toThrow();
    await expect(store.append(HASH, 9, WEIGHTS.slice(9))).rejects.toThrow();
    await expect(store.append(OTHER, 1, WEIGHTS)).rejects.toThrow();
    expect(await store.beginning(HASH)).toBe(10);
    expect(await store.beginning(OTHER)).toBe(0);
  });
}

function refusingCases(place: () => StoreUnderTest): void {
  test.each([
    ['other bytes', bytesOf('the weights of a model, but not these')],
    ['too few', WEIGHTS.slice(1)],
    ['too many', bytesOf(`${textOf(WEIGHTS)} and more`)],
  ])('%s under a hash are refused and gone', async (_name, bytes) => {
    const { store } = place();
    await store.append(HASH, 0, bytes);
    await expect(store.complete(HASH)).rejects.toThrow(WrongHash);
    expect(await store.list()).toEqual([]);
    expect(await store.read(HASH)).toBeNull();
  });

  test('nothing that did not begin is completed', async () => {
    await expect(place().store.complete(HASH)).rejects.toThrow();
    expect(await place().store.read(HASH)).toBeNull();
  });

  test.each(NO_NAMES)('%j is no name', async (name) => {
    const { store } = place();
    await expect(store.read(name)).rejects.toThrow(TypeError);
    await expect(store.beginning(name)).rejects.toThrow(TypeError);
    await expect(store.append(name, 0, WEIGHTS)).rejects.toThrow(TypeError);
    await expect(store.complete(name)).rejects.toThrow(TypeError);
    await expect(store.remove(name)).rejects.toThrow(TypeError);
    expect(await store.list()).toEqual([]);
  });

  test('a full device says so, and what was there stays', async () => {
    const { store, fill } = place();
    if (!fill) return;
    await keep(store);
    await fill();
    await expect(store.append(OTHER, 0, new Uint8Array(8 * 1024 * 1024))).rejects.toThrow(StoreFull);
    expect(textOf(await store.read(HASH))).toBe(textOf(WEIGHTS));
  });
}
