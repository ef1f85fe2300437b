import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addNodePages, howToJoin } from './node-pages.ts';
import { NodeSoftware } from './node-software.ts';

let folder: string;
let clock: number;
let app: FastifyInstance;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'zerogpu-software-'));
  clock = 0;
  app = Fastify();
  app.setErrorHandler((error, _request, reply) =>
    reply.code(Object(error).row?.status ?? 500).send(String(error)),
  );
  addNodePages(app, { software: new NodeSoftware(folder, () => clock), publicUrl: null });
});

afterEach(async () => {
  await app.close();
  await rm(folder, { recursive: true });
});

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** Puts files there as the build does, and lets the time pass after which they are found. */
async function build(files: Record<string, string>, listed = files): Promise<void> {
  await mkdir(path.join(folder, 'browser'), { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, name), text);
  const list = Object.entries(listed).map(([name, text]) => ({
    path: name,
    bytes: text.length,
    sha256: sha256(text),
  }));
  await writeFile(path.join(folder, 'build.json'), JSON.stringify({ files: list }));
  clock += 1000;
}

const get = (url: string, headers: Record<string, string> = {}) => app.inject({ url, headers });

it('prints nothing into a command that a proxy passed on from anybody', async () => {
  const proxied = Fastify({ trustProxy: true });
  addNodePages(proxied, { software: new NodeSoftware(folder, () => clock), publicUrl: null });
  for (const headers of [
    { 'x-forwarded-proto': "http';touch /tmp/x;'" },
    { 'x-forwarded-host': "ai.example.com';touch /tmp/x;'" },
    { host: '$(touch /tmp/x)' },
  ]) {
    expect((await proxied.inject({ url: '/node', headers })).body).not.toContain('touch');
  }
  const tls = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'ai.example.com' };
  expect((await proxied.inject({ url: '/node', headers: tls })).body).toContain(
    'join https://ai.example.com TOKEN',
  );
  await proxied.close();
});

describe('software for other devices', () => {
  it('is not there before it is made, and says so in words', async () => {
    for (const url of ['/node/zerogpu.tgz', '/node/page.js']) {
      const answer = await get(url);
      expect([answer.statusCode, answer.body]).toEqual([503, expect.stringContaining('not made yet')]);
    }
    expect((await get('/node', { accept: 'text/html' })).statusCode).toBe(503);
    expect((await get('/node')).body).toContain('it will be there in a moment');
  });

  it('is served when it is made, with its hash, and not again to who has it', async () => {
    await get('/node/zerogpu.tgz');
    await build({ 'zerogpu.tgz': 'package', 'browser/worker.js': 'work()' });
    const answer = await get('/node/zerogpu.tgz');
    const tag = `"${sha256('package')}"`;
    expect([answer.statusCode, answer.body, answer.headers.etag]).toEqual([200, 'package', tag]);
    expect(answer.headers['repr-digest']).toBe(
      `sha-256=:${createHash('sha256').update('package').digest('base64')}:`,
    );
    expect(answer.headers['cache-control']).toBe('no-cache');
    const again = await get('/node/zerogpu.tgz', { 'if-none-match': `W/"x", ${tag}` });
    expect([again.statusCode, again.body]).toEqual([304, '']);
    const worker = await get('/node/worker.js');
    expect([worker.statusCode, worker.headers['content-type']]).toEqual([
      200,
      'text/javascript; charset=utf-8',
    ]);
  });

  it('shows browsers the page, and others how to join from where they are', async () => {
    await build({ 'zerogpu.tgz': 'package', 'browser/page.html': '<h1>' });
    const page = await get('/node', { accept: 'text/html,*/*', host: '10.0.0.7:8080' });
    expect([page.body, page.headers.vary]).toEqual(['<h1>', 'accept']);
    expect(page.headers['content-security-policy']).toContain("worker-src 'self'");
    const text = (await get('/node', { host: '10.0.0.7:8080' })).body;
    expect(text).toContain(
      `npx --yes 'http://10.0.0.7:8080/node/zerogpu.tgz?${sha256('package').slice(0, 8)}' node join http://10.0.0.7:8080 TOKEN`,
    );
    expect(text).not.toContain('HOST=0.0.0.0');
    for (const host of ["';rm -rf ~;'", 'a b', '[x]', '$(id)']) {
      expect((await get('/node', { host })).body).toContain('node join http://127.0.0.1:8080 TOKEN');
    }
  });

  it('finds a new build, and keeps the old one while files and list disagree', async () => {
    await build({ 'zerogpu.tgz': 'one' });
    expect((await get('/node/zerogpu.tgz')).body).toBe('one');
    await build({ 'zerogpu.tgz': 'half' }, { 'zerogpu.tgz': 'second' });
    expect((await get('/node/zerogpu.tgz')).body).toBe('one');
    await build({ 'zerogpu.tgz': 'the third' });
    expect((await get('/node/zerogpu.tgz')).body).toBe('the third');
  });

  it('has nothing but what the list names, whatever the path', async () => {
    await writeFile(path.join(folder, 'secret.txt'), 'secret');
    await build({ 'zerogpu.tgz': 'package' });
    for (const name of [
      ...['secret.txt', 'build.json', '..%2fsecret.txt', '%2e%2e/secret.txt', 'browser%2f..%2fsecret.txt'],
      ...['__proto__', 'constructor', 'toString', '%00', 'page.html', '..', '.', 'zerogpu.tgz%00.js'],
    ]) {
      const answer = await get(`/node/${name}`);
      expect([name, answer.statusCode]).toEqual([name, 404]);
      expect(answer.body).not.toContain('secret.txt/');
    }
  });

  it.each([
    ['../secret.txt'],
    ['/etc/passwd'],
    ['browser/../../secret.txt'],
    ['browser/sub/x.js'],
    ['.hidden'],
  ])('a list that names %j is no list', async (name) => {
    await build({ 'zerogpu.tgz': 'package' }, { 'zerogpu.tgz': 'package', [name]: '' });
    expect((await get('/node/zerogpu.tgz')).statusCode).toBe(503);
  });

  it('tells that an address of this machine is no good elsewhere', () => {
    for (const url of ['http://127.0.0.1:8080', 'http://localhost:8080/', 'https://[::1]:1']) {
      expect(howToJoin(url, undefined)).toContain('HOST=0.0.0.0');
    }
    expect(howToJoin('https://ai.example.com/', undefined)).toContain(
      'https://ai.example.com/node/zerogpu.tgz',
    );
  });
});
