/** A page of a real Chromium with some of our modules in it, on http addresses that it trusts and ones that it does not. */
import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Browser, chromium, type Page } from 'playwright-core';
import { build } from 'vite';
import { describe } from 'vitest';

const CHROMIUM = process.env['ZEROGPU_TEST_CHROMIUM'] ?? '/usr/bin/chromium';
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--no-first-run',
  '--disable-sync',
  '--disable-component-update',
  // The same server under a name that is not this machine's: to a browser that is the network, and no TLS.
  '--host-resolver-rules=MAP node.test 127.0.0.1',
];

/** Skipped, and says so, where there is no Chromium and `ZEROGPU_TEST_REQUIRE` does not name it. */
export function describeInChromium(name: string, tests: () => void): void {
  const isRequired = (process.env['ZEROGPU_TEST_REQUIRE'] ?? '').split(/[ ,]+/).includes('chromium');
  const isThere = existsSync(CHROMIUM);
  if (!isThere) console.warn(`Skipped, no browser at ${CHROMIUM}: ZEROGPU_TEST_CHROMIUM names another`);
  describe.skipIf(!isThere && !isRequired)(name, tests);
}

export class ChromiumPages {
  readonly #server: Server;
  readonly #browser: Browser;

  private constructor(server: Server, browser: Browser) {
    this.#server = server;
    this.#browser = browser;
  }

  /** @param entry a module, of which every page has the exports as `globalThis.tested` */
  static async open(entry: string): Promise<ChromiumPages> {
    const code = await bundle(entry);
    const page =
      '<!doctype html><script type="module">import * as tested from "/code.js"; globalThis.tested = tested;</script>';
    const server = createServer((request, response) => {
      const isCode = request.url === '/code.js';
      response.writeHead(200, { 'content-type': isCode ? 'text/javascript' : 'text/html' });
      response.end(isCode ? code : page);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args: ARGUMENTS });
    return new ChromiumPages(server, browser);
  }

  /** A page with nothing in its storage. */
  async page(host: '127.0.0.1' | 'node.test'): Promise<Page> {
    const context = await this.#browser.newContext();
    const page = await context.newPage();
    const { port } = this.#server.address() as AddressInfo;
    await page.goto(`http://${host}:${port}/`);
    await page.waitForFunction('globalThis.tested');
    return page;
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

async function bundle(entry: string): Promise<string> {
  const made = await build({
    configFile: false,
    logLevel: 'error',
    build: { write: false, minify: false, lib: { entry, formats: ['es'], fileName: 'code' } },
  });
  const outputs = [made].flat().flatMap((result) => ('output' in result ? result.output : []));
  const chunk = outputs.find((output) => output.type === 'chunk');
  if (chunk?.type !== 'chunk') throw new Error(`Nothing was made of ${entry}`);
  return chunk.code;
}
