/** The same measurement on a page in Chromium. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { build } from 'vite';
import { isRecord } from '../support/children.ts';
import { readChecked } from './files.ts';
import type { Spread } from './timing.ts';

const CHROMIUM = process.env['ZEROGPU_TEST_CHROMIUM'] ?? '/usr/bin/chromium';
const ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'];
/** Without these the page's clock goes in steps of 0.1 ms; with them, of 0.005 ms. */
const ISOLATION = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};
const PAGE =
  '<!doctype html><meta charset="utf-8"><script type="module">globalThis.bench = await import("/entry.js");</script>';

export class BrowserPage {
  readonly version: string;
  readonly #folder: string;
  readonly #server: Server;
  readonly #browser: Browser;
  readonly #page: Page;

  private constructor(folder: string, server: Server, browser: Browser, page: Page) {
    this.version = browser.version();
    this.#folder = folder;
    this.#server = server;
    this.#browser = browser;
    this.#page = page;
  }

  /** @throws Error when there is no Chromium; ZEROGPU_TEST_CHROMIUM names one */
  static async open(): Promise<BrowserPage> {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'model-speed-'));
    await buildEntry(folder);
    const server = createServer(async (request, response) => {
      const found = await fileFor(request.url ?? '/', folder);
      response.writeHead(found ? 200 : 404, { 'content-type': found?.type ?? 'text/plain', ...ISOLATION });
      response.end(found?.content);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args: ARGUMENTS });
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await page.waitForFunction('globalThis.bench !== undefined');
    return new BrowserPage(folder, server, browser, page);
  }

  async spread(name: string, tokens: number, seed: number, quick: boolean): Promise<Spread> {
    const found: unknown = await this.#page.evaluate(
      `bench.spread(${JSON.stringify(name)}, ${tokens}, ${seed}, ${quick})`,
    );
    if (isRecord(found) && typeof found['p50'] === 'number' && typeof found['p99'] === 'number') {
      return { p50: found['p50'], p99: found['p99'] };
    }
    throw new Error(`The page gave no times for ${name}`);
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await new Promise((resolve) => this.#server.close(resolve));
    await rm(this.#folder, { recursive: true });
  }
}

async function buildEntry(folder: string): Promise<void> {
  await build({
    configFile: false,
    root: import.meta.dirname,
    logLevel: 'error',
    build: {
      outDir: folder,
      emptyOutDir: false,
      minify: true,
      lib: { entry: path.join(import.meta.dirname, 'browser-entry.ts'), formats: ['es'], fileName: 'entry' },
    },
  });
}

async function fileFor(
  url: string,
  folder: string,
): Promise<{ type: string; content: string | Uint8Array } | null> {
  if (url === '/') return { type: 'text/html', content: PAGE };
  if (url === '/entry.js')
    return { type: 'text/javascript', content: await readFile(path.join(folder, 'entry.js')) };
  const weights = /^\/weights\/([\w.-]+)\/([\w.-]+)$/.exec(url);
  if (!weights?.[1] || !weights[2]) return null;
  return { type: 'application/octet-stream', content: await readChecked(weights[1], weights[2]) };
}
