import { PassThrough, Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { checkLength, readUpload, upTo } from './upload-body.ts';

const LIMITS = { maxBytes: 1_000_000, stallMs: 500 };

async function all(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const read: Buffer[] = [];
  for await (const chunk of chunks) read.push(chunk);
  return Buffer.concat(read);
}

it('gives what comes', async () => {
  const body = Readable.from([Buffer.from('ab'), Buffer.from('c')]);
  expect((await all(readUpload(body, LIMITS))).toString()).toBe('abc');
});

it('ends a body that stalls', async () => {
  const body = new PassThrough();
  body.write('abc');
  await expect(all(readUpload(body, LIMITS))).rejects.toMatchObject({ code: 'request_timeout' });
});

it('ends a body that sends a byte now and then, and not one that is slow', async () => {
  const every = async function* (ms: number, bytes: number) {
    for (let i = 0; i < 20; i++) {
      await new Promise((resolve) => setTimeout(resolve, ms));
      yield Buffer.alloc(bytes);
    }
  };
  const trickle = Readable.from(every(40, 1), { objectMode: false });
  await expect(all(readUpload(trickle, LIMITS))).rejects.toMatchObject({ code: 'request_timeout' });
  const slow = Readable.from(every(40, 1_000), { objectMode: false });
  expect((await all(readUpload(slow, LIMITS))).length).toBe(20_000);
});

it('does not count the time in which nobody asks for more', async () => {
  let read = 0;
  for await (const chunk of readUpload(Readable.from([Buffer.alloc(1), Buffer.alloc(1)]), LIMITS)) {
    read += chunk.length;
    await new Promise((resolve) => setTimeout(resolve, LIMITS.stallMs * 1.5));
  }
  expect(read).toBe(2);
});

it('tells a body that breaks', async () => {
  const body = new PassThrough();
  body.write('abc');
  setImmediate(() => body.destroy(new Error('ECONNRESET')));
  await expect(all(readUpload(body, LIMITS))).rejects.toMatchObject({ code: 'client_closed_request' });
});

it('leaves a body that is too large as it is, to be read on', async () => {
  const body = Readable.from(
    Array.from({ length: 40 }, () => Buffer.alloc(64 * 1024)),
    { objectMode: false },
  );
  await expect(all(readUpload(body, LIMITS))).rejects.toMatchObject({
    code: 'file_too_large',
    param: 'file',
  });
  expect(body.destroyed).toBe(false);
  body.resume();
  await new Promise((resolve) => body.once('end', resolve));
});

it('allows a file of the limit, with its form', async () => {
  const file = () => Readable.from([Buffer.alloc(LIMITS.maxBytes)], { objectMode: false });
  expect((await all(upTo(LIMITS.maxBytes, file()))).length).toBe(LIMITS.maxBytes);
  await expect(all(upTo(LIMITS.maxBytes - 1, file()))).rejects.toMatchObject({ code: 'file_too_large' });
  expect(() => checkLength(String(LIMITS.maxBytes + 1_000), LIMITS.maxBytes)).not.toThrow();
  expect(() => checkLength(String(2 * LIMITS.maxBytes), LIMITS.maxBytes)).toThrow(
    'larger than 1000000 bytes',
  );
  expect(() => checkLength(undefined, LIMITS.maxBytes)).not.toThrow();
});
