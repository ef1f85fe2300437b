/** The tokenizer and the built-in models give the same bytes in Node and in Chromium (ARCHITECTURE.md). */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { MANIFESTS } from '@zerogpu/catalogue';
import { type Browser, chromium } from 'playwright-core';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CASES, sameBytesCases } from './support/same-bytes-cases.ts';

const CHROMIUM = process.env['ZEROGPU_TEST_CHROMIUM'] ?? '/usr/bin/chromium';
const isRequired = (process.env['ZEROGPU_TEST_REQUIRE'] ?? '').split(/[ ,]+/).includes('chromium');
const isThere = existsSync(CHROMIUM);
if (!isThere) {
  console.warn(
    `Skipped, no browser at ${CHROMIUM}: install it (Debian: apt install chromium) or name one with ZEROGPU_TEST_CHROMIUM`,
  );
}

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--no-first-run',
  '--disable-sync',
  '--disable-component-update',
];
const WEIGHTS = path.join(import.meta.dirname, '../../models/weights');

describe.skipIf(!isThere && !isRequired)('Node and Chromium', () => {
  let folder: string;
  let server: Server;
  let browser: Browser;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'same-bytes-'));
    await buildForBrowser(folder);
    server = createServer(async (request, response) => {
      const found = await fileFor(request.url ?? '/', folder);
      response.writeHead(found ? 200 : 404, { 'content-type': found?.type ?? 'text/plain' });
      response.end(found?.content);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args: ARGUMENTS });
  });

  afterAll(async () => {
    await browser?.close();
    await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
    if (folder) await rm(folder, { recursive: true });
  });

  it(`give the same bytes for ${CASES} inputs to the tokenizer and every built-in model`, async () => {
    const inNode = await sameBytesCases((model, file) => readFile(path.join(WEIGHTS, model, file)));
    const { port } = server.address() as AddressInfo;
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${port}/`);
    const inBrowser: unknown = await page.evaluate('runSameBytesCases()');
    expect(inBrowser).toEqual(inNode);
    const built = MANIFESTS.filter(({ runtime, files }) => runtime === 'zlm' && files.length > 0);
    expect(Object.keys(inNode)).toEqual(['tokenizer', ...built.map(({ id }) => id)]);
    for (const [name, hashes] of Object.entries(inNode)) {
      expect(hashes).toHaveLength(CASES);
      // Different inputs give different outputs, or nothing was compared.
      expect(new Set(hashes).size, name).toBeGreaterThan(CASES / 2);
    }
  });
});

async function buildForBrowser(folder: string): Promise<void> {
  await build({
    configFile: false,
    root: import.meta.dirname,
    logLevel: 'error',
    build: {
      outDir: folder,
      emptyOutDir: false,
      minify: true,
      lib: {
        entry: path.join(import.meta.dirname, 'support/same-bytes-cases.ts'),
        formats: ['es'],
        fileName: 'cases',
      },
    },
  });
}

const PAGE = `<!doctype html><meta charset="utf-8"><script type="module">
  const read = async (model, path) => new Uint8Array(await (await fetch('/weights/' + model + '/' + path)).arrayBuffer());
  globalThis.runSameBytesCases = async () => (await import('/cases.js')).sameBytesCases(read);
</script>`;

async function fileFor(
  url: string,
  folder: string,
): Promise<{ type: string; content: string | Buffer } | null> {
  if (url === '/') return { type: 'text/html', content: PAGE };
  if (url === '/cases.js')
    return { type: 'text/javascript', content: await readFile(path.join(folder, 'cases.js')) };
  const weights = /^\/weights\/([\w.-]+)\/([\w.-]+)$/.exec(url);
  if (!weights) return null;
  return {
    type: 'application/octet-stream',
    content: await readFile(path.join(WEIGHTS, weights[1]!, weights[2]!)),
  };
}
