/** Large uploads: what they take of memory, refused in the middle, and cut off by the end of the gateway. */
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Platform, startPlatform } from './support/platform.ts';
import { RawConnection } from './support/raw-http.ts';
import { TestGateway } from './support/test-gateway.ts';
import { BOUNDARY, FORM_HEADERS, filePart, form, PURPOSE, storedIn } from './support/upload.ts';

const MB = 2 ** 20;
const LIMIT = 100 * MB;
const CHUNK = Buffer.alloc(MB, '{"custom_id":"1","method":"POST"}\n');
const END = `\r\n--${BOUNDARY}--\r\n`;
const HEAD = form([PURPOSE, filePart('')]).subarray(0, -END.length);

/** A form with a file of so many bytes, of no known length, made while it is sent. */
function largeForm(bytes: number): ReadableStream<Uint8Array> {
  let left = bytes;
  return new ReadableStream({
    start: (controller) => controller.enqueue(HEAD),
    pull(controller) {
      const chunk = CHUNK.subarray(0, left);
      left -= chunk.length;
      if (chunk.length > 0) return controller.enqueue(chunk);
      controller.enqueue(Buffer.from(END));
      controller.close();
    },
  });
}

const mb = (bytes: number) => `${(bytes / MB).toFixed(0)} MB`;

describe.runIf(process.platform === 'linux')('a file of 100 MB', () => {
  let platform: Platform;
  beforeAll(async () => {
    platform = await startPlatform({ nodes: 0, env: { ZEROGPU_LOG_LEVEL: 'silent' } });
  });
  afterAll(() => platform.stop());

  /** Of the gateway's process alone: the most that it ever had, and what it has now. */
  async function memory(): Promise<{ now: number; most: number }> {
    const status = await readFile(`/proc/${platform.gateway.pid}/status`, 'utf8');
    const of = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024;
    return { now: of('VmRSS'), most: of('VmHWM') };
  }

  test('is never in memory, on its way in and out', async () => {
    const before = await memory();
    const response = await fetch(`${platform.url}/v1/files`, {
      method: 'POST',
      headers: { ...FORM_HEADERS, 'x-api-key': platform.apiKey },
      body: largeForm(LIMIT),
      duplex: 'half',
    });
    const { id, bytes } = (await response.json()) as { id: string; bytes: number };
    expect(bytes).toBe(LIMIT);
    const uploaded = await memory();
    const content = await platform.fetch(`/v1/files/${id}/content`);
    let received = 0;
    for await (const chunk of content.body ?? []) received += chunk.length;
    expect(received).toBe(LIMIT);
    const downloaded = await memory();
    console.log(
      `Resident: ${mb(before.now)} before, at most ${mb(uploaded.most)} while 100 MB came in, ` +
        `at most ${mb(downloaded.most)} after they went out`,
    );
    // Streamed, not held: otherwise it would grow by all of the file, twice.
    expect(downloaded.most - before.now).toBeLessThan(LIMIT);
  });
});

describe('an upload that is refused in the middle', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await TestGateway.start({ ZEROGPU_MAX_UPLOAD_BYTES: String(10 * MB) });
  });
  afterAll(() => gateway.stop());

  const cases = [
    { name: '401', key: 'zgpu-api-wrong', status: 401, code: 'invalid_api_key' },
    { name: '413', key: null, status: 413, code: 'file_too_large' },
  ];

  test.for(cases)('is told so to fetch: $name', async ({ key, status, code }) => {
    for (let i = 0; i < 5; i++) {
      const refused = await gateway.call('/v1/files', undefined, {
        raw: largeForm(LIMIT),
        key: key ?? gateway.first.apiKey,
        headers: FORM_HEADERS,
      });
      expect(refused.status, refused.text).toBe(status);
      expect(refused.json.error.code).toBe(code);
      expect((await gateway.call('/v1/files')).status).toBe(200);
    }
  });

  test.for(cases)('is told so to curl: $name', async ({ key, status, code }, { skip }) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'zerogpu-test-'));
    try {
      const file = path.join(folder, 'large.jsonl');
      for (let i = 0; i < 100; i++) await writeFile(file, CHUNK, { flag: 'a' });
      const { url, first } = gateway;
      const said = await promisify(execFile)('curl', [
        ...['-sS', '-H', `x-api-key: ${key ?? first.apiKey}`, '-F', 'purpose=batch', '-F', `file=@${file}`],
        ...['-w', '\n%{http_code}', `${url}/v1/files`],
      ]).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
        return skip('There is no curl here');
      });
      const [body = '', told] = said.stdout.split('\n');
      expect(Number(told)).toBe(status);
      expect(JSON.parse(body).error.code).toBe(code);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test.for(cases)('leaves a connection that can be used again: $name', async ({ key, status }) => {
    const connection = await RawConnection.open(gateway.url);
    const request = (method: string, headers: readonly string[]) =>
      [`${method} /v1/files HTTP/1.1`, 'host: localhost', ...headers, '\r\n'].join('\r\n');
    const size = 30 * MB;
    const form = [`content-type: ${FORM_HEADERS['content-type']}`, `content-length: ${HEAD.length + size}`];
    await connection.write(request('POST', [`x-api-key: ${key ?? gateway.first.apiKey}`, ...form]));
    await connection.write(HEAD);
    for (let sent = 0; sent < size; sent += CHUNK.length) await connection.write(CHUNK);
    expect((await connection.answer())?.status).toBe(status);
    await connection.write(request('GET', [`x-api-key: ${gateway.first.apiKey}`]));
    expect((await connection.answer())?.status).toBe(200);
    connection.destroy();
    await connection.closed;
  });
});

describe('downloads of callers who go away', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await TestGateway.start({ ZEROGPU_BODY_TIMEOUT_MS: '5000' });
  });
  afterAll(() => gateway.stop());

  test('take no place afterwards', async () => {
    const headers = FORM_HEADERS;
    const { json } = await gateway.call('/v1/files', undefined, { raw: largeForm(30 * MB), headers });
    const route = `/v1/files/${json.id}/content`;
    const statuses: number[] = [];
    // An organization has 32 places.
    for (let i = 0; i < 50; i++) {
      const leaving = new AbortController();
      const response = await gateway.send(route, undefined, { signal: leaving.signal });
      statuses.push(response.status);
      leaving.abort();
    }
    expect(new Set(statuses)).toEqual(new Set([200]));
    const all = await Promise.all(
      Array.from({ length: 50 }, () => gateway.send(route, undefined, { headers: { range: 'bytes=5-' } })),
    );
    const told = all.map(({ status }) => status);
    expect(new Set(told)).toEqual(new Set([206, 429]));
    expect(told.filter((status) => status === 206)).toHaveLength(32);
    await Promise.all(all.map(({ body }) => body?.cancel()));
    await gateway.eventually('free places', async () => {
      const { status, body } = await gateway.send(route);
      await body?.cancel();
      return status === 200 ? true : null;
    });
    expect(gateway.told).toEqual([]);
  });

  test('nor do those of callers who stay and read nothing', async () => {
    const headers = FORM_HEADERS;
    const { json } = await gateway.call('/v1/files', undefined, { raw: largeForm(30 * MB), headers });
    const route = `/v1/files/${json.id}/content`;
    const { hostname, port } = new URL(gateway.url);
    const head = `GET ${route} HTTP/1.1\r\nhost: a\r\nx-api-key: ${gateway.first.apiKey}\r\n\r\n`;
    // More than an organization has places, so that some are refused however slowly they begin.
    const silent = Array.from({ length: 64 }, () => {
      const socket = connect(Number(port), hostname).pause();
      socket.on('error', () => undefined);
      socket.write(head);
      return socket;
    });
    const status = async () => {
      const response = await gateway.send(route);
      await response.body?.cancel();
      return response.status;
    };
    await gateway.eventually('all places to be taken', async () => ((await status()) === 429 ? true : null));
    await gateway.eventually('free places', async () => ((await status()) === 200 ? true : null));
    for (const socket of silent) socket.destroy();
  });
});

test('kill -9 of the gateway in the middle of an upload leaves nothing, once the sweeper came by', async () => {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'zerogpu-test-'));
  await chmod(dataDir, 0o711);
  const platform = await startPlatform({ nodes: 0, env: { ZEROGPU_DATA_DIR: dataDir } });
  const never = new ReadableStream({
    async start(controller) {
      controller.enqueue(HEAD);
      for (let i = 0; i < 5; i++) controller.enqueue(CHUNK);
    },
  });
  const sending = fetch(`${platform.url}/v1/files`, {
    method: 'POST',
    headers: { ...FORM_HEADERS, 'x-api-key': platform.apiKey },
    body: never,
    duplex: 'half',
  });
  const cut = expect(sending).rejects.toThrow();
  await written(dataDir);
  await platform.gateway.killHard();
  await cut;
  expect(await storedIn(dataDir)).toEqual([expect.stringMatching(/^\.partial/)]);

  // Long afterwards.
  const first = await TestGateway.open(dataDir);
  const { rows } = await first.pool.query<{ state: string }>(
    "UPDATE files SET held_until = now() - interval '1 hour' RETURNING state",
  );
  expect(rows).toEqual([{ state: 'storing' }]);
  const old = new Date(Date.now() - 3 * 24 * 60 * 60_000);
  for (const name of await storedIn(dataDir)) await utimes(path.join(dataDir, 'files', name), old, old);
  await first.gateway.close(0);
  const next = await TestGateway.open(dataDir);
  await next.eventually('the end of what is left', async () =>
    (await storedIn(dataDir)).length === 0 ? true : null,
  );
  await next.eventually('the row to be swept', async () => {
    const left = await next.pool.query('SELECT 1 FROM files WHERE removed_at IS NULL');
    return left.rowCount === 0 ? true : null;
  });
  await next.stop();
  await platform.stop();
});

/** Waits until something of an upload is on the disk. */
async function written(dataDir: string): Promise<void> {
  const partials = path.join(dataDir, 'files', '.partial');
  for (let look = 0; look < 500; look++) {
    for (const name of await readdir(partials).catch(() => [])) {
      if ((await readFile(path.join(partials, name))).length > MB) return;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('Nothing of the upload was stored');
}
