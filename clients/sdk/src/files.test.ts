import { describe, expect, test, vi } from 'vitest';
import { sendError, sendJson, serve } from './test/server.ts';
import type { FileObject } from './types.ts';
import type { FileSource } from './upload.ts';

const file = (id: string): FileObject => ({
  id,
  object: 'file',
  bytes: 5,
  created_at: 1,
  filename: 'lines.jsonl',
  purpose: 'batch',
  status: 'processed',
  expires_at: 2,
});

/** The parts of a form as they came. */
async function partsOf(contentType: string, body: string): Promise<Map<string, string | File>> {
  const form = await new Response(body, { headers: { 'content-type': contentType } }).formData();
  return new Map(form);
}

const TEXT = '{"custom_id":"ü😀"}\n';

async function* streamed(...pieces: (string | Uint8Array)[]): AsyncGenerator<string | Uint8Array> {
  yield* pieces;
}

describe('an upload', () => {
  const bytes = new TextEncoder().encode(TEXT);
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  const sources: readonly (readonly [string, () => FileSource, string])[] = [
    ['a string', () => TEXT, 'upload.jsonl'],
    ['bytes', () => bytes, 'upload.jsonl'],
    ['bytes in shared memory', () => shared, 'upload.jsonl'],
    ['an ArrayBuffer', () => bytes.buffer, 'upload.jsonl'],
    ['a Blob', () => new Blob([TEXT]), 'upload.jsonl'],
    ['a File', () => new File([TEXT], 'own "name".jsonl'), 'own "name".jsonl'],
    ['an async iterable', () => streamed(TEXT.slice(0, 8), '', bytes.slice(8)), 'upload.jsonl'],
    ['a ReadableStream', () => new Blob([TEXT]).stream(), 'upload.jsonl'],
  ];

  test.each(sources)('of %s', async (_, source, filename) => {
    const server = await serve((response) => sendJson(response, 200, file('file-1')));
    const made = await server.client().files.create({ file: source(), purpose: 'batch' });
    expect(made).toMatchObject({ id: 'file-1', _request_id: 'req_1' });
    const { method, url, headers, body } = server.seen[0]!;
    expect([method, url]).toEqual(['POST', '/v1/files']);
    expect(headers['idempotency-key']).toMatch(/^sdk-/);
    const parts = await partsOf(headers['content-type'] ?? '', body);
    expect([...parts.keys()]).toEqual(['purpose', 'file']);
    expect(parts.get('purpose')).toBe('batch');
    const sent = parts.get('file') as File;
    expect([await sent.text(), sent.name]).toEqual([TEXT, filename]);
  });

  test('under a name of its own, whatever stands in it', async () => {
    const server = await serve((response) => sendJson(response, 200, file('file-1')));
    const filename = 'a"b\r\nc.jsonl';
    await server.client().files.create({ file: streamed(TEXT), purpose: 'batch', filename });
    const { headers, body } = server.seen[0]!;
    const parts = await partsOf(headers['content-type'] ?? '', body);
    expect([...parts.keys()]).toEqual(['purpose', 'file']);
    expect((parts.get('file') as File).name).toBe(filename);
  });

  test('of a Blob is tried again with the same key; of a stream it is not', async () => {
    const server = await serve((response, _, count) =>
      count === 2
        ? sendJson(response, 200, file('file-1'))
        : sendError(response, 503, { type: 'service_unavailable', code: 'no_capacity' }),
    );
    const client = server.client();
    await client.files.create({ file: new Blob([TEXT]), purpose: 'batch' });
    const [first, second] = server.seen;
    expect(second?.headers['idempotency-key']).toBe(first?.headers['idempotency-key']);
    expect(second?.body).toContain(TEXT.trim());
    const failed = client.files.create({ file: streamed(TEXT), purpose: 'batch' });
    await expect(failed).rejects.toMatchObject({ status: 503 });
    expect(server.seen).toHaveLength(3);
  });

  test('throws what its source throws', async () => {
    const server = await serve((response) => sendJson(response, 200, file('file-1')));
    const reason = new Error('The disk is gone');
    async function* broken(): AsyncGenerator<string> {
      yield TEXT;
      throw reason;
    }
    await expect(server.client().files.create({ file: broken(), purpose: 'batch' })).rejects.toBe(reason);
  });

  test('lets go of its source when it is refused', async () => {
    const server = await serve((response) => sendJson(response, 200, {}));
    const ended = vi.fn();
    async function* endless(): AsyncGenerator<string> {
      try {
        for (;;) {
          yield TEXT;
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      } finally {
        ended();
      }
    }
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 30);
    const upload = server
      .client()
      .files.create({ file: endless(), purpose: 'batch' }, { signal: stop.signal });
    await expect(upload).rejects.toMatchObject({ name: 'AbortedError' });
    await vi.waitFor(() => expect(ended).toHaveBeenCalledOnce());
  });

  test('in a browser gathers a stream, which can then be tried again', async () => {
    const server = await serve((response, _, count) =>
      count === 2
        ? sendJson(response, 200, file('file-1'))
        : sendError(response, 503, { type: 'service_unavailable', code: 'no_capacity' }),
    );
    const client = server.client();
    vi.stubGlobal('process', undefined);
    try {
      await client.files.create({ file: streamed(TEXT), purpose: 'batch' });
    } finally {
      vi.unstubAllGlobals();
    }
    expect(server.seen.map(({ body }) => body.includes(TEXT.trim()))).toEqual([true, true]);
  });

  test('of what is no file is refused before anything is sent', async () => {
    const server = await serve((response) => sendJson(response, 200, {}));
    const file = 7 as unknown as string;
    await expect(server.client().files.create({ file, purpose: 'batch' })).rejects.toThrow(/file must be/);
    expect(server.seen).toEqual([]);
  });

  test.each([
    [413, 'file_too_large', 'RequestTooLargeError'],
    [400, 'invalid_purpose', 'BadRequestError'],
    [404, 'file_not_found', 'NotFoundError'],
    [500, 'storage_error', 'InternalServerError'],
  ])('%i %s is a %s', async (status, code, name) => {
    const server = await serve((response) =>
      sendError(response, status, { type: 'invalid_request_error', code }),
    );
    const failed = server.client({ maxRetries: 0 }).files.create({ file: TEXT, purpose: 'batch' });
    await expect(failed).rejects.toMatchObject({ name, status, code });
  });
});

describe('files', () => {
  test('are listed page by page', async () => {
    const all = ['file-1', 'file-2', 'file-3', 'file-4', 'file-5'].map(file);
    const server = await serve((response, { url }) => {
      const query = new URL(url, 'http://x').searchParams;
      const from = all.findIndex(({ id }) => id === query.get('after')) + 1;
      const data = all.slice(from, from + Number(query.get('limit')));
      const [first, last] = [data[0]?.id ?? null, data.at(-1)?.id ?? null];
      const has_more = from + data.length < all.length;
      sendJson(response, 200, { object: 'list', data, first_id: first, last_id: last, has_more });
    });
    const { files } = server.client();
    const page = await files.list({ limit: 2, purpose: 'batch', order: 'asc' });
    expect(page.data.map(({ id }) => id)).toEqual(['file-1', 'file-2']);
    expect(server.seen[0]?.url).toBe('/v1/files?limit=2&purpose=batch&order=asc');
    const seen: string[] = [];
    for await (const { id } of files.list({ limit: 2 })) seen.push(id);
    expect(seen).toEqual(all.map(({ id }) => id));
    expect(server.seen.slice(1).map(({ url }) => url)).toEqual([
      '/v1/files?limit=2',
      '/v1/files?limit=2&after=file-2',
      '/v1/files?limit=2&after=file-4',
    ]);
  });

  test('a server that gives the same page for ever is not asked for ever', async () => {
    const server = await serve((response) =>
      sendJson(response, 200, { object: 'list', data: [file('file-1')], last_id: 'file-1', has_more: true }),
    );
    const all = async () => {
      for await (const _ of server.client().files.list());
    };
    await expect(all()).rejects.toThrow('The server gave the same page twice');
    expect(server.seen).toHaveLength(2);
  });

  test('are looked at and deleted by id, and deleting is not repeated in doubt', async () => {
    const server = await serve((response, { method }) => {
      if (method === 'GET') return sendJson(response, 200, file('file-1'));
      return sendError(response, 503, { type: 'service_unavailable', code: 'no_capacity' });
    });
    const { files } = server.client();
    expect(await files.retrieve('file-1')).toMatchObject({ id: 'file-1' });
    await expect(files.delete('file-1')).rejects.toMatchObject({ status: 503 });
    expect(server.seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'GET /v1/files/file-1',
      'DELETE /v1/files/file-1',
    ]);
    await expect(files.retrieve('..')).rejects.toThrow("A file cannot have the id '..'");
    expect(await files.retrieve('a/b?c').then(() => server.seen.at(-1)?.url)).toBe('/v1/files/a%2Fb%3Fc');
  });

  test('have a content: as a text, as lines, as a stream', async () => {
    const content = `{"a":1}\r\n\n{"b":"${'ü'.repeat(100_000)}"}\n{"c":3}`;
    const server = await serve((response) => {
      response.writeHead(200, { 'content-type': 'application/jsonl', 'x-request-id': 'req_1' });
      response.end(content);
    });
    const { files } = server.client();
    expect(await (await files.content('file-1')).text()).toBe(content);
    const lines: string[] = [];
    for await (const line of (await files.content('file-1')).lines()) lines.push(line);
    expect(lines).toEqual(content.split(/\r?\n/).filter((line) => line !== ''));
    const stream = (await files.content('file-1')).stream();
    expect(await new Response(stream).text()).toBe(content);
  });

  test('a content that is left early is cancelled', async () => {
    const server = await serve((response) => {
      response.writeHead(200, { 'content-type': 'application/jsonl' });
      response.write('{"a":1}\n');
    });
    for await (const line of (await server.client().files.content('file-1')).lines()) {
      expect(line).toBe('{"a":1}');
      break;
    }
    await server.cancelled;
    const { stream } = { stream: (await server.client().files.content('file-1')).stream() };
    await stream.cancel();
  });
});
