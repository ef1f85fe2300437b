/** What every storage does, whatever it is made of. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { BLOCK_BYTES, readVerified } from '../storage/blocks.ts';
import type { ObjectStorage, StoredObject } from '../storage/object-storage.ts';

/** A storage, and what lies behind it. */
export interface StorageUnderTest {
  readonly storage: ObjectStorage;
  /** Names of all objects that are there. */
  names(): Promise<string[]>;
  /** Changes the bytes behind the storage's back. */
  tamper(name: string, change: (bytes: Buffer) => Buffer): Promise<void>;
  /** Bytes of puts that have not ended, as far as they have arrived. */
  partialBytes(): Promise<number[]>;
  /** What a put leaves whose gateway was killed. */
  leavePartial(name: string): Promise<void>;
  /** What lies behind it is away as a whole, until what this gives brings it back. */
  away(): Promise<() => Promise<void>>;
  /** Removes everything. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

const NAME = 'b8f0c7a2-1111-4222-8333-444455556666/file-019a';
const OTHER = 'b8f0c7a2-1111-4222-8333-444455556666/file-019b';
/** Two parts of a bucket and some of a third, which ends within a block. */
const LONG = 12 * 1024 * 1024 + 77;
/** Of a put, whatever it goes to; and the chunk that was just asked for. */
const MOST_AHEAD = 10 * 1024 * 1024 + 3 * BLOCK_BYTES;

export function storageCases(title: string, open: () => Promise<StorageUnderTest>): void {
  describe(title, () => {
    let place: StorageUnderTest;
    beforeAll(async () => {
      place = await open();
    });
    afterEach(() => place.clear());
    afterAll(() => place.close());
    puttingCases(() => place);
    readingCases(() => place);
    leavingCases(() => place);
  });
}

function puttingCases(place: () => StorageUnderTest): void {
  test.each([0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 5 * 1024 * 1024, 10 * 1024 * 1024, LONG])(
    '%i bytes come back',
    async (length) => {
      const bytes = someBytes(length);
      const stored = await place().storage.put(NAME, chunked(bytes, 65_536));
      expect(stored).toEqual({ bytes: length, blockHashes: hashesOf(bytes) });
      expect(await place().storage.exists(NAME)).toBe(true);
      expect(await place().names()).toEqual([NAME]);
      expectSame(await all(readVerified(place().storage, NAME, stored, { start: 0, end: length })), bytes);
    },
  );

  test('chunks may be of any size', async () => {
    const sizes = fc.array(fc.oneof(fc.nat(3000), fc.nat(3 * BLOCK_BYTES)), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(sizes, async (lengths) => {
        const chunks = lengths.map((length, index) => someBytes(length, index));
        const bytes = Buffer.concat(chunks);
        const stored = await place().storage.put(NAME, from(chunks));
        expect(stored).toEqual({ bytes: bytes.length, blockHashes: hashesOf(bytes) });
        expectSame(await all(place().storage.read(NAME, { start: 0, end: bytes.length + 5 })), bytes);
      }),
      { numRuns: 15 },
    );
  });

  test('what was there is replaced', async () => {
    await place().storage.put(NAME, chunked(someBytes(LONG), BLOCK_BYTES));
    const stored = await place().storage.put(NAME, from([Buffer.from('short')]));
    expect(await text(place().storage, NAME, stored)).toBe('short');
  });

  test('30 MB pass without being gathered', async () => {
    const length = 30_000_000;
    let given = 0;
    let mostAhead = 0;
    const source = async function* () {
      for (; given < length; given += 100_000) {
        const [arrived = 0] = await place().partialBytes();
        mostAhead = Math.max(mostAhead, given - arrived);
        yield Buffer.alloc(100_000, given % 251);
      }
    };
    const stored = await place().storage.put(NAME, source());
    expect(stored.bytes).toBe(length);
    expect(mostAhead).toBeLessThan(MOST_AHEAD);
  });

  test('puts at once do not mix', async () => {
    const names = Array.from({ length: 8 }, (_, i) => `project/file-${i}`);
    const bytes = names.map((_, i) => someBytes(6_000_000 + i, i));
    const stored = await Promise.all(
      names.map((name, i) => place().storage.put(name, chunked(bytes[i]!, 50_000))),
    );
    for (const [i, name] of names.entries())
      expectSame(
        await all(readVerified(place().storage, name, stored[i]!, { start: 0, end: 7e6 })),
        bytes[i]!,
      );
  });

  test('of puts at once under one name one is there, whole', async () => {
    const bytes = [0, 1, 2, 3].map((i) => someBytes(1_000_000, i));
    await Promise.all(bytes.map((each) => place().storage.put(NAME, chunked(each, 50_000))));
    const found = await all(place().storage.read(NAME, { start: 0, end: 1_000_001 }));
    expect(bytes.some((each) => each.equals(found))).toBe(true);
    expect(await place().partialBytes()).toEqual([]);
  });
}

function readingCases(place: () => StorageUnderTest): void {
  test('any range comes back, checked or not', async () => {
    const bytes = someBytes(3 * BLOCK_BYTES + 1234);
    const stored = await place().storage.put(NAME, from([bytes]));
    const near = fc
      .nat(3)
      .chain((block) => fc.integer({ min: -2, max: 2 }).map((by) => block * BLOCK_BYTES + by));
    const end = fc.oneof(
      fc.nat(bytes.length + 10),
      near.map((at) => Math.max(at, 0)),
    );
    await fc.assert(
      fc.asyncProperty(end, end, async (one, other) => {
        const range = { start: Math.min(one, other), end: Math.max(one, other) };
        const part = bytes.subarray(range.start, range.end);
        expectSame(await all(place().storage.read(NAME, range)), part);
        expectSame(await all(readVerified(place().storage, NAME, stored, range)), part);
      }),
      { numRuns: 40 },
    );
  });

  test('what is not there is missing, and removing it is no error', async () => {
    const stored = await place().storage.put(OTHER, from([Buffer.from('there')]));
    expect(await place().storage.exists(NAME)).toBe(false);
    await expect(all(place().storage.read(NAME, { start: 0, end: 5 }))).rejects.toMatchObject({
      kind: 'missing',
    });
    await expect(text(place().storage, NAME, stored)).rejects.toMatchObject({ kind: 'missing' });
    await place().storage.remove(NAME);
    await place().storage.remove(OTHER);
    expect(await place().storage.exists(OTHER)).toBe(false);
    expect(await place().names()).toEqual([]);
  });

  test.each([
    ['a changed bit', 2, (bytes: Buffer) => flipped(bytes, 2 * BLOCK_BYTES + 5)],
    ['a changed last byte', 3, (bytes: Buffer) => flipped(bytes, bytes.length - 1)],
    ['an end within a block', 2, (bytes: Buffer) => bytes.subarray(0, 2 * BLOCK_BYTES + 9)],
    ['an end between blocks', 2, (bytes: Buffer) => bytes.subarray(0, 2 * BLOCK_BYTES)],
    ['nothing left', 0, () => Buffer.alloc(0)],
  ])('%s: whole blocks before it are given, and of it not a byte', async (_, good, change) => {
    const bytes = someBytes(3 * BLOCK_BYTES + 1234);
    const stored = await place().storage.put(NAME, from([bytes]));
    await place().tamper(NAME, change);
    const given: Buffer[] = [];
    const reading = async () => {
      for await (const chunk of readVerified(place().storage, NAME, stored, { start: 0, end: 1e9 }))
        given.push(chunk);
    };
    await expect(reading()).rejects.toMatchObject({ name: 'StorageError', kind: 'damaged' });
    expectSame(Buffer.concat(given), bytes.subarray(0, good * BLOCK_BYTES));
  });

  test('nothing is missing, and nothing goes elsewhere, while all of it is away', async () => {
    const { storage } = place();
    const stored = await storage.put(NAME, from([Buffer.from('kept')]));
    const back = await place().away();
    const unavailable = { name: 'StorageError', kind: 'unavailable' };
    await expect(all(storage.read(NAME, { start: 0, end: 4 }))).rejects.toMatchObject(unavailable);
    await expect(storage.exists(NAME)).rejects.toMatchObject(unavailable);
    await expect(storage.put(OTHER, from([Buffer.from('lost')]))).rejects.toMatchObject(unavailable);
    await expect(storage.remove(NAME)).rejects.toMatchObject(unavailable);
    await expect(storage.sweep(new Date())).rejects.toMatchObject(unavailable);
    await back();
    expect(await text(storage, NAME, stored)).toBe('kept');
    expect(await place().names()).toEqual([NAME]);
    await expect(all(storage.read(OTHER, { start: 0, end: 4 }))).rejects.toMatchObject({ kind: 'missing' });
  });

  test('damage elsewhere does not touch a range', async () => {
    const bytes = someBytes(3 * BLOCK_BYTES);
    const stored = await place().storage.put(NAME, from([bytes]));
    await place().tamper(NAME, (all) => flipped(flipped(all, 0), all.length - 1));
    const range = { start: BLOCK_BYTES + 7, end: 2 * BLOCK_BYTES };
    expectSame(
      await all(readVerified(place().storage, NAME, stored, range)),
      bytes.subarray(range.start, range.end),
    );
  });

  test('who has read enough may stop', async () => {
    const stored = await place().storage.put(NAME, chunked(someBytes(LONG), BLOCK_BYTES));
    for await (const chunk of readVerified(place().storage, NAME, stored, { start: 0, end: LONG })) {
      expect(chunk.length).toBe(BLOCK_BYTES);
      break;
    }
  });
}

function leavingCases(place: () => StorageUnderTest): void {
  test.each([0, 1000, BLOCK_BYTES, LONG])(
    'a source that breaks after %i bytes leaves nothing',
    async (length) => {
      const broken = new Error('The caller went away');
      const source = async function* () {
        yield* chunked(someBytes(length), 100_000);
        throw broken;
      };
      await expect(place().storage.put(NAME, source())).rejects.toBe(broken);
      expect(await place().names()).toEqual([]);
      expect(await place().partialBytes()).toEqual([]);
      const before = await place().storage.put(NAME, from([Buffer.from('before')]));
      await expect(place().storage.put(NAME, source())).rejects.toBe(broken);
      expect(await text(place().storage, NAME, before)).toBe('before');
    },
  );

  test('nothing is there under a name before all of it is', async () => {
    const source = async function* () {
      yield* chunked(someBytes(LONG), 100_000);
      expect(await place().storage.exists(NAME)).toBe(false);
      expect(await place().names()).toEqual([]);
    };
    await place().storage.put(NAME, source());
    expect(await place().names()).toEqual([NAME]);
  });

  test('what killed puts left is swept once it is old, and nothing else', async () => {
    const stored = await place().storage.put(OTHER, from([Buffer.from('whole')]));
    await place().leavePartial(NAME);
    await place().leavePartial('project/file-2');
    await place().storage.sweep(new Date(Date.now() - 60_000));
    expect(await place().partialBytes()).toHaveLength(2);
    await place().storage.sweep(new Date(Date.now() + 60_000));
    expect(await place().partialBytes()).toEqual([]);
    expect(await text(place().storage, OTHER, stored)).toBe('whole');
  });

  test.each([
    '',
    'file',
    '/file',
    'project/',
    '../file',
    'project/..',
    'project/../../file',
    'project/./file',
    '/etc/passwd',
    'project/sub/file',
    'project\\..\\file',
    'project/file\0',
    'project/%2e%2e',
    '.partial/x',
    'project/fi le',
    'project/file\n',
    `project/${'x'.repeat(129)}`,
  ])('%j is no name', async (name) => {
    const { storage } = place();
    await expect(storage.put(name, from([Buffer.from('x')]))).rejects.toThrow(RangeError);
    await expect(all(storage.read(name, { start: 0, end: 1 }))).rejects.toThrow(RangeError);
    await expect(storage.exists(name)).rejects.toThrow(RangeError);
    await expect(storage.remove(name)).rejects.toThrow(RangeError);
    expect(await place().names()).toEqual([]);
  });
}

/** The same every time, and no block like another. */
export function someBytes(length: number, seed = 0): Buffer {
  const bytes = Buffer.alloc(length);
  let state = (seed + 1) * 2_654_435_761;
  for (let i = 0; i + 4 <= length; i += 4) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    bytes.writeInt32LE(state, i);
  }
  return bytes;
}

export async function* from(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

export async function* chunked(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

export async function all(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const gathered: Buffer[] = [];
  for await (const chunk of chunks) gathered.push(chunk);
  return Buffer.concat(gathered);
}

async function text(storage: ObjectStorage, name: string, stored: StoredObject): Promise<string> {
  return String(await all(readVerified(storage, name, stored, { start: 0, end: stored.bytes })));
}

/** As `toEqual`, which takes a second for some megabytes. */
export function expectSame(found: Buffer | undefined, bytes: Buffer): void {
  expect(found?.length).toBe(bytes.length);
  expect(found?.equals(bytes)).toBe(true);
}

function flipped(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[at] = (changed[at] ?? 0) ^ 1;
  return changed;
}

function hashesOf(bytes: Buffer): Buffer {
  const blocks = Array.from({ length: Math.ceil(bytes.length / BLOCK_BYTES) }, (_, i) =>
    bytes.subarray(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES),
  );
  return Buffer.concat(blocks.map((block) => createHash('sha256').update(block).digest()));
}
