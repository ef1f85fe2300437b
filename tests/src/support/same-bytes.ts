/** Node and Chromium beside each other: the same program built for the browser, on a page of its own. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { build } from 'vite';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeInChromium, launchChromium } from './chromium.ts';
import { builtInIds, sameBytesHashes } from './same-bytes-cases.ts';

const WEIGHTS = path.join(import.meta.dirname, '../../../models/weights');

/** A test for the tokenizer and for each built-in model. */
export function describeSameBytes(cases: number): void {
  describeInChromium('Node and Chromium', () => {
    const sides = new Sides();
    beforeAll(() => sides.open());
    afterAll(() => sides.close());

    it.each(['tokenizer', ...builtInIds()])(`give the same bytes for ${cases} requests: %s`, async (work) => {
      // Side by side: each has a core.
      const [inBrowser, inNode] = await Promise.all([
        sides.page.evaluate(`sameBytesHashes(${JSON.stringify(work)}, ${cases})`),
        sameBytesHashes(work, cases, (model, file) => readFile(path.join(WEIGHTS, model, file))),
      ]);
      expect(inBrowser).toEqual(inNode);
      expect(inNode).toHaveLength(cases);
      // Different requests give different answers, or nothing was compared.
      expect(new Set(inNode).size).toBeGreaterThan(cases / 2);
    });
  });
}

class Sides {
  #folder: string | null = null;
  #server: Server | null = null;
  #browser: Browser | null = null;
  #page: Page | null = null;

  get page(): Page {
    if (!this.#page) throw new Error('There is no page');
    return this.#page;
  }

  async open(): Promise<void> {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'same-bytes-'));
    this.#folder = folder;
    await buildForBrowser(folder);
    const server = createServer(async (request, response) => {
      const found = await fileFor(request.url ?? '/', folder);
      response.writeHead(found ? 200 : 404, { 'content-type': found?.type ?? 'text/plain' });
      response.end(found?.content);
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.#browser = await launchChromium();
    this.#page = await this.#browser.newPage();
    const { port } = server.address() as AddressInfo;
    await this.#page.goto(`http://127.0.0.1:${port}/`);
  }

  async close(): Promise<void> {
    await this.#browser?.close();
    const server = this.#server;
    if (server) await new Promise((resolve) => server.close(resolve));
    if (this.#folder) await rm(this.#folder, { recursive: true });
  }
}

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
        entry: path.join(import.meta.dirname, 'same-bytes-cases.ts'),
        formats: ['es'],
        fileName: 'cases',
      },
    },
  });
}

const PAGE = `<!doctype html><meta charset="utf-8"><script type="module">
  const read = async (model, path) => new Uint8Array(await (await fetch('/weights/' + model + '/' + path)).arrayBuffer());
  globalThis.sameBytesHashes = async (work, cases) => (await import('/cases.js')).sameBytesHashes(work, cases, read);
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
