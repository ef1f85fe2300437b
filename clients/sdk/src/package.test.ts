/** The package as it is published: built, packed, unpacked, and used by plain JavaScript in Node and Chromium. */
import { execFile, execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { frame, type Handler, KEY, sendError, sendJson, serve, startEvents } from './test/server.ts';

const CHROMIUM = '/usr/bin/chromium';
const CHROMIUM_ARGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--no-first-run',
];
const chromiumRequired = (process.env['ZEROGPU_TEST_REQUIRE'] ?? '').includes('chromium');
const home = mkdtempSync(path.join(tmpdir(), 'zerogpu-sdk-'));
const installed = path.join(home, 'node_modules/@zerogpu/sdk');

beforeAll(() => {
  const built = path.join(home, 'built');
  execFileSync(process.execPath, [path.join(import.meta.dirname, '../build.mjs'), built]);
  execFileSync('npm', ['pack', '--silent', '--pack-destination', home], { cwd: built });
  const packed = readdirSync(home).find((name) => name.endsWith('.tgz'));
  mkdirSync(installed, { recursive: true });
  execFileSync('tar', ['-xzf', path.join(home, String(packed)), '--strip-components=1', '-C', installed]);
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** One of each: a whole answer, a stream, an error that needs a retry, an error that does not. */
const SCENARIO = `
  const seen = [];
  const response = await client.responses.create({ model: 'm', input: 'Hi' });
  seen.push(response.output_text, response._request_id);
  const messages = [{ role: 'user', content: 'Hi' }];
  for await (const chunk of await client.chat.completions.create({ model: 'm', messages, stream: true })) {
    seen.push(chunk.choices[0].delta.content);
  }
  const pieces = async function* () { yield '{"a":'; yield '"ü"}\\n'; };
  const file = await client.files.create({ file: pieces(), purpose: 'batch', filename: 'a.jsonl' });
  seen.push(file.id);
  for await (const line of (await client.files.content('file-1')).lines()) seen.push(line);
  await client.models.retrieve('missing').catch((error) => seen.push(error.name, error.status, error.code, error.requestId));
  await client.models.list({ timeout: 50, maxRetries: 0 }).catch((error) => seen.push(error.name));
  await client.health({ signal: AbortSignal.abort() }).catch((error) => seen.push(error.name));
  for await (const chunk of await client.chat.completions.create({ model: 'endless', messages, stream: true })) break;
`;
const EXPECTED = [
  'Paris.',
  'req_1',
  'Grüße',
  ' 😀',
  'file-whole',
  '{"line":1}',
  '{"line":2}',
  'NotFoundError',
  404,
  'model_not_found',
  'req_1',
  'TimeoutError',
  'AbortedError',
];

const output = [{ type: 'message', content: [{ type: 'output_text', text: 'Paris.' }] }];
const chunk = (content: string): string => frame({ choices: [{ delta: { content } }] });

const answer: Handler = (response, { method, url, body }, count) => {
  response.setHeader('access-control-allow-origin', '*');
  response.setHeader(
    'access-control-allow-headers',
    'content-type, x-api-key, x-project-id, idempotency-key',
  );
  response.setHeader('access-control-expose-headers', 'x-request-id, retry-after');
  if (method === 'OPTIONS') return void response.writeHead(204).end();
  if (url === '/v1/responses' && count <= 2) {
    return sendError(response, 503, { type: 'service_unavailable', code: 'no_capacity' });
  }
  if (url === '/v1/responses') return sendJson(response, 200, { output });
  if (url === '/v1/models/missing') return sendError(response, 404, { type: 'x', code: 'model_not_found' });
  if (url === '/v1/files') {
    const whole = /name="purpose"\r\n\r\nbatch\r\n.*filename="a.jsonl".*{"a":"ü"}\n/s.test(body);
    return sendJson(response, 200, { id: whole ? 'file-whole' : 'file-broken' });
  }
  if (url === '/v1/files/file-1/content') return void response.end('{"line":1}\n{"line":2}\n');
  if (url !== '/v1/chat/completions') return;
  startEvents(response);
  if (body.includes('endless')) response.write(chunk('a'));
  else response.end(`${chunk('Grüße')}${chunk(' 😀')}data: [DONE]\n\n`);
};

describe('the published package', () => {
  test('holds no TypeScript source, no test and no dependency, and its manifest can be published', () => {
    const manifest: unknown = JSON.parse(readFileSync(path.join(installed, 'package.json'), 'utf8'));
    expect(manifest).toMatchObject({ name: '@zerogpu/sdk', type: 'module', dependencies: {} });
    expect(manifest).not.toHaveProperty('private');
    expect(manifest).not.toHaveProperty('devDependencies');
    const files = readdirSync(installed);
    expect(files).toEqual(expect.arrayContaining(['index.js', 'index.d.ts', 'README.md']));
    expect(files.filter((name) => /\.test\.|^test$|(?<!\.d)\.ts$/.test(name))).toEqual([]);
    const code = files
      .filter((name) => name.endsWith('.js'))
      .map((name) => readFileSync(path.join(installed, name), 'utf8'));
    expect(code.join('\n')).not.toMatch(/from ['"](?!\.\/)|import\(|node:|require\(/);
  });

  test('works in plain Node', async () => {
    const server = await serve(answer);
    const program = `import { ZeroGPU } from '@zerogpu/sdk';
      const client = new ZeroGPU();
      ${SCENARIO}
      console.log(JSON.stringify(seen));`;
    writeFileSync(path.join(home, 'program.mjs'), program);
    const env = { PATH: process.env['PATH'], ZEROGPU_API_KEY: KEY, ZEROGPU_BASE_URL: `${server.url}/v1` };
    const printed = await new Promise<string>((resolve, reject) => {
      execFile(
        process.execPath,
        [path.join(home, 'program.mjs')],
        { env, timeout: 30_000 },
        (error, stdout) => (error ? reject(error) : resolve(stdout)),
      );
    });
    expect(JSON.parse(printed)).toEqual(EXPECTED);
    await server.cancelled;
  });

  const chromiumMissing = !existsSync(CHROMIUM) && !chromiumRequired;
  test.skipIf(chromiumMissing)('works in Chromium, from another origin', async () => {
    const api = await serve(answer);
    const pages = await serve((response, { url }) => {
      const script = url.endsWith('.js');
      response.writeHead(200, { 'content-type': script ? 'text/javascript' : 'text/html' });
      response.end(
        script ? readFileSync(path.join(installed, path.basename(url))) : '<!doctype html><title>x</title>',
      );
    });
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_ARGS });
    onTestFinished(() => browser.close());
    const page = await browser.newPage();
    await page.goto(pages.url);
    const seen: unknown = await page.evaluate(`(async () => {
      const { ZeroGPU } = await import('/index.js');
      const client = new ZeroGPU({ apiKey: ${JSON.stringify(KEY)}, baseURL: ${JSON.stringify(api.url)}, projectId: 'p' });
      ${SCENARIO}
      return seen;
    })()`);
    expect(seen).toEqual(EXPECTED);
    await api.cancelled;
    expect(
      api.seen
        .filter((request) => request.method === 'POST')
        .every((request) => request.headers['x-project-id'] === 'p'),
    ).toBe(true);
  });
  if (chromiumMissing)
    console.warn(`Skipped in Chromium: ${CHROMIUM} is not there (apt-get install chromium)`);
});
