/** The browser node in a real Chromium on a real gateway: it joins by a link, serves, stops, comes back, and is not fooled. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { MANIFESTS } from '@zerogpu/catalogue';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { describeInChromium, launchChromium } from './support/chromium.ts';
import { ROOT } from './support/managed-process.ts';
import { TASK_CASES, type TaskCase } from './support/task-cases.ts';
import { TestGateway } from './support/test-gateway.ts';
import { WatchingProxy } from './support/watching-proxy.ts';

/** Ten models of 34 MB in all, checked and loaded, on a machine that runs other tests too. */
vi.setConfig({ testTimeout: 120_000 });
const PATIENCE_MS = 60_000;
const BUILT_INS = MANIFESTS.filter(({ family }) => family === 'built-in').map(({ id }) => id);
const MODELS = '/v1/nodes/models/';
const SUMMARY = 'zlm-v1-summary-cloud';
const EMBED = 'zlm-v1-embed-edge';
const AXE = path.join(ROOT, 'node_modules/axe-core/axe.min.js');
/** The same gateway under a name that is not this machine's: to a browser that is a network without TLS. */
const ELSEWHERE = 'node.test';

interface Announced {
  readonly id: string;
  readonly slots: number;
}

describeInChromium('The browser node', () => {
  let gateway: TestGateway;
  let proxy: WatchingProxy;
  let browser: Browser;
  let context: BrowserContext;
  let joinToken: string;
  /** Errors of scripts, of the policy, and whatever else a browser complains of. */
  let broken: string[];

  beforeAll(async () => {
    await promisify(execFile)(process.execPath, [path.join(ROOT, 'tools/build-node.ts')]);
    gateway = await TestGateway.start();
    browser = await launchChromium([`--host-resolver-rules=MAP ${ELSEWHERE} 127.0.0.1`]);
    joinToken = (await readFile(gateway.gateway.nodeTokenFile, 'utf8')).trim();
  });
  afterAll(async () => {
    await browser?.close();
    await gateway?.stop();
  });
  beforeEach(async () => {
    broken = [];
    proxy = await WatchingProxy.open(gateway.url);
    context = await browser.newContext({ viewport: { width: 360, height: 740 } });
    context.on('weberror', (error) => broken.push(String(error.error())));
    context.on('console', (message) => {
      if (message.type() === 'error') broken.push(message.text());
    });
  });
  afterEach(async () => {
    await context.close();
    await proxy.close();
    await noNodes();
  });

  const address = (host = '127.0.0.1') => `http://${host}:${proxy.port}/node`;
  const downloads = () => proxy.asked.filter((asked) => asked.path.startsWith(MODELS));

  async function join(host?: string): Promise<Page> {
    const page = await context.newPage();
    await page.goto(`${address(host)}?token=${joinToken}`);
    return page;
  }

  async function servesAll(page: Page): Promise<void> {
    await page.getByText(`${BUILT_INS.length} models in memory, ready`).waitFor({ timeout: PATIENCE_MS });
  }

  function ask({ model, text: input, metadata, instructions }: TaskCase) {
    return gateway.call('/v1/responses', { model, input, metadata, instructions });
  }

  async function answerTo(task: TaskCase): Promise<string> {
    const { status, text, json } = await ask(task);
    expect(status, text).toBe(200);
    return JSON.stringify([json.output.at(-1).content[0].text, json.usage]);
  }

  async function answers(): Promise<string[]> {
    const said: string[] = [];
    for (const task of TASK_CASES) said.push(await answerTo(task));
    return said;
  }

  /**
   * What the gateway knows of the models of the node that came last. One that went while it was being let in stands in
   * the database as connected for up to a minute.
   */
  async function announced(): Promise<readonly Announced[]> {
    const { rows } = await gateway.pool.query<{ models: Announced[] }>(
      'SELECT models FROM nodes WHERE gateway_id IS NOT NULL ORDER BY connected_at DESC LIMIT 1',
    );
    return rows.flatMap(({ models }) => models);
  }

  async function eventuallyAnnounced(what: string, isSo: (models: readonly Announced[]) => boolean) {
    await gateway.eventually(what, async () => (isSo(await announced()) ? true : null));
  }

  /** Until the gateway has noticed that everybody left. */
  async function noNodes(): Promise<void> {
    await gateway.eventually('all nodes to be gone', async () => {
      const { text } = await gateway.call('/metrics', undefined, { key: null });
      return /^zerogpu_nodes_connected 0$/m.test(text) ? true : null;
    });
  }

  async function rendererIds(): Promise<number[]> {
    const session = await browser.newBrowserCDPSession();
    const { processInfo } = await session.send('SystemInfo.getProcessInfo');
    await session.detach();
    return processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id);
  }

  it('serves all built-ins within seconds of opening a link, with the same bytes as a node under Node', async () => {
    const openedAt = performance.now();
    const page = await join();
    const first = TASK_CASES[0]!;
    await gateway.eventually('an answer', async () => ((await ask(first)).status === 200 ? true : null));
    const firstMs = Math.round(performance.now() - openedAt);
    await servesAll(page);
    const allMs = Math.round(performance.now() - openedAt);
    console.info(`Browser node: first answer after ${firstMs} ms, all ten models after ${allMs} ms`);
    const inBrowser = await answers();
    expect(new Set(TASK_CASES.map(({ model }) => model))).toEqual(new Set(BUILT_INS));
    await gateway.eventually('the page to count', async () =>
      Number(await page.locator('#runs').textContent()) > TASK_CASES.length ? true : null,
    );
    await page.close();
    await noNodes();
    const node = await gateway.spawnNode();
    expect(inBrowser).toEqual(await answers());
    await node.stop(PATIENCE_MS);
    expect(broken).toEqual([]);
  });

  it('takes the token out of the address and forgets it when the device is known', async () => {
    const page = await join();
    expect(page.url()).toBe(address());
    expect(await page.evaluate('history.length')).toBe(2);
    await servesAll(page);
    const kept = await page.evaluate('JSON.stringify([{ ...localStorage }, { ...sessionStorage }])');
    expect(kept).not.toContain('zgpu-join');
    // Known by its key now: an address without a token is enough.
    await page.goto(address());
    await servesAll(page);
    expect(broken).toEqual([]);
  });

  it('fetches models once: a page that is loaded again finds them', async () => {
    const page = await join();
    await servesAll(page);
    expect(downloads()).toHaveLength(BUILT_INS.length);
    await page.reload();
    await servesAll(page);
    expect(downloads()).toHaveLength(BUILT_INS.length);
    expect(broken).toEqual([]);
  });

  it('stops and starts at a button, and stays stopped over a reload', async () => {
    const page = await join();
    await servesAll(page);
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByRole('heading', { name: 'Stopped' }).waitFor();
    await noNodes();
    await page.reload();
    await page.getByRole('heading', { name: 'Stopped' }).waitFor();
    await page.getByRole('button', { name: 'Start' }).click();
    await servesAll(page);
    await answerTo(TASK_CASES[0]!);
    expect(broken).toEqual([]);
  });

  it('offers what its owner ticks, and works within the share that they chose', async () => {
    const page = await join();
    await servesAll(page);
    await page.getByLabel('Summary cloud').uncheck();
    await page.getByText(`${BUILT_INS.length - 1} models in memory, ready`).waitFor({ timeout: PATIENCE_MS });
    await eventuallyAnnounced('nine models', (models) => models.length === BUILT_INS.length - 1);
    await page.getByLabel('Processor share').fill('30');
    await eventuallyAnnounced(
      'fewer slots',
      (models) => models.length > 0 && models.every(({ slots }) => slots === 2),
    );
    await page.reload();
    expect(await page.getByLabel('Summary cloud').isChecked()).toBe(false);
    expect(await page.locator('#cpu-value').textContent()).toBe('30 %');
    expect(broken).toEqual([]);
  });

  it('refuses a model that is not what its manifest names, and says so', async () => {
    const [file] = MANIFESTS.find(({ id }) => id === SUMMARY)!.files;
    proxy.meddle = (path, chunk) => (path.endsWith(file!.sha256) ? Buffer.from(chunk).fill(0, 0, 1) : chunk);
    const page = await join();
    const row = page.locator(`[data-model="${SUMMARY}"]`);
    await row.getByText('Does not work here').waitFor({ timeout: PATIENCE_MS });
    await eventuallyAnnounced(
      'nine models',
      (models) => models.length === BUILT_INS.length - 1 && models.every(({ id }) => id !== SUMMARY),
    );
    expect((await ask(TASK_CASES.find(({ model }) => model === SUMMARY)!)).status).toBe(503);
    expect(broken).toEqual([]);
  });

  it('goes on with a download that broke off where it was', async () => {
    const [file] = MANIFESTS.find(({ id }) => id === EMBED)!.files;
    let breaks = 1;
    proxy.meddle = (path, chunk, at) => {
      const broken = path.endsWith(file!.sha256) && at > file!.bytes / 2 && breaks-- > 0;
      return broken ? null : chunk;
    };
    const page = await join();
    await servesAll(page);
    const asked = downloads().filter(({ path }) => path.endsWith(file!.sha256));
    expect(asked.map(({ range }) => range)).toEqual([
      undefined,
      expect.stringMatching(/^bytes=[1-9]\d{5,}-$/),
    ]);
    // The browser tells of the broken download by itself.
    expect(broken.filter((line) => !/ERR_/.test(line))).toEqual([]);
  });

  it('works without TLS: by libraries where the browser has nothing, and says what TLS would add', async () => {
    const page = await join(ELSEWHERE);
    await servesAll(page);
    expect(
      await page.evaluate('[isSecureContext, typeof crypto.subtle, "serviceWorker" in navigator]'),
    ).toEqual([false, 'undefined', false]);
    await page.getByText('This page came without TLS (https)').click();
    await page.getByText('keep its key where no script can read it').waitFor();
    await page.getByText('What is kept on this device').click();
    await page.getByText('as plain bytes in this browser’s database').waitFor();
    await answerTo(TASK_CASES[0]!);
    await page.reload();
    await servesAll(page);
    expect(downloads()).toHaveLength(BUILT_INS.length);
    // Chromium remarks that it takes a header for granted only with TLS.
    expect(broken.filter((line) => !line.startsWith('The Cross-Origin-Opener-Policy'))).toEqual([]);
  });

  it('offers less while nobody sees the tab, nothing while it is frozen, and all when it is back', async () => {
    const page = await join();
    await servesAll(page);
    await eventuallyAnnounced(
      'all slots',
      (models) => models.length > 0 && models.every(({ slots }) => slots === 8),
    );
    await setTab(page, { hidden: true });
    await page.getByText('This tab is in the background').waitFor();
    await eventuallyAnnounced(
      'a quarter',
      (models) => models.length > 0 && models.every(({ slots }) => slots === 2),
    );
    await setTab(page, { event: 'freeze' });
    await page.getByRole('heading', { name: 'Frozen' }).waitFor();
    await eventuallyAnnounced('nothing', (models) => models.length === 0);
    await setTab(page, { hidden: false, event: 'resume' });
    await servesAll(page);
    await eventuallyAnnounced(
      'all slots',
      (models) => models.length > 0 && models.every(({ slots }) => slots === 8),
    );
    expect(broken).toEqual([]);
  });

  it('is given up while the browser has frozen it without a word, and comes back by itself', async () => {
    const page = await join();
    await servesAll(page);
    // Another process of the browser holds the sockets, and goes on answering their pings.
    const renderers = await rendererIds();
    for (const pid of renderers) process.kill(pid, 'SIGSTOP');
    try {
      await noNodes().catch(noNodes);
    } finally {
      for (const pid of renderers) process.kill(pid, 'SIGCONT');
    }
    await servesAll(page);
    await gateway.eventually('an answer', async () =>
      (await ask(TASK_CASES[0]!)).status === 200 ? true : null,
    );
    expect(broken).toEqual([]);
  });

  it('serves in one tab of a browser: the newest', async () => {
    const first = await join();
    await servesAll(first);
    const second = await context.newPage();
    await second.goto(address());
    await servesAll(second);
    await first.getByText('Another tab of this browser serves now').waitFor();
    await first.getByRole('heading', { name: 'Stopped' }).waitFor();
    await answerTo(TASK_CASES[0]!);
    expect(broken).toEqual([]);
  });

  it('says why it is not admitted, and asks for another token', async () => {
    const page = await context.newPage();
    await page.goto(`${address()}?token=zgpu-join-mistyped`);
    await page.getByRole('heading', { name: 'Not admitted' }).waitFor({ timeout: PATIENCE_MS });
    await page.getByText('The join token is mistyped or cut off.').waitFor();
    await page.getByLabel('Join token').fill(joinToken);
    await page.keyboard.press('Enter');
    await servesAll(page);
    expect(broken).toEqual([]);
  });

  it('gives its place when its owner says so, rounded, and forgets it again', async () => {
    await context.grantPermissions(['geolocation']);
    await context.setGeolocation({ latitude: 52.51627, longitude: 13.37771 });
    const page = await join();
    await servesAll(page);
    const told = async () => {
      const { rows } = await gateway.pool.query<{ place: unknown }>(
        "SELECT capabilities->'place' AS place FROM nodes WHERE gateway_id IS NOT NULL",
      );
      return rows[0] ?? null;
    };
    expect((await told())?.place).toBeNull();
    await page.getByRole('button', { name: 'Give this device’s place' }).click();
    await page.getByText('Given as 52.5, 13.4').waitFor();
    await gateway.eventually('its place', async () => ((await told())?.place ? true : null));
    expect((await told())?.place).toEqual({ latitude: 52.5, longitude: 13.4 });
    await servesAll(page);
    await page.getByRole('button', { name: 'Forget it' }).click();
    await gateway.eventually('no place', async () => ((await told())?.place === null ? true : null));
    expect(broken).toEqual([]);
  });

  it('removes everything from the device when it is told to', async () => {
    const page = await join();
    await servesAll(page);
    await page.getByText('What is kept on this device').click();
    await page.getByText('The browser signs with it and shows it to no script').waitFor();
    await page.getByRole('button', { name: 'Remove all of it' }).click();
    await page.getByRole('heading', { name: 'Not joined yet' }).waitFor();
    await noNodes();
    expect(await page.evaluate('indexedDB.databases().then((all) => all.length)')).toBe(0);
    expect(await page.evaluate('localStorage.length + sessionStorage.length')).toBe(0);
    expect(broken).toEqual([]);
  });

  it('opens without a connection, where the page may be installed', async () => {
    const page = await join();
    await servesAll(page);
    await page.evaluate('navigator.serviceWorker.ready.then(() => undefined)');
    await page.reload();
    await servesAll(page);
    await proxy.close();
    await page.reload();
    await page.getByRole('heading', { name: 'Not connected' }).waitFor();
    const caches = await page.evaluate(
      'caches.open("zerogpu-node-page").then((cache) => cache.keys()).then((keys) => keys.map(({ url }) => url))',
    );
    expect(JSON.stringify(caches)).not.toContain('token');
  });

  it.each([
    ['light', 360],
    ['dark', 360],
    ['light', 1100],
    ['dark', 1100],
  ] as const)(
    'a %s page of %i pixels has no finding of axe and does not scroll sideways',
    async (colorScheme, width) => {
      const looking = await browser.newContext({
        viewport: { width, height: 800 },
        colorScheme,
        bypassCSP: true,
      });
      const page = await looking.newPage();
      await page.goto(`${address(ELSEWHERE)}?token=${joinToken}`);
      await servesAll(page);
      for (const summary of await page.locator('summary:visible').all()) await summary.click();
      await page.addScriptTag({ path: AXE });
      const findings = await page.evaluate(
        'axe.run().then(({ violations }) => violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]))',
      );
      expect(findings).toEqual([]);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
      await looking.close();
    },
  );
});

/** What the browser tells a page when its tab is hidden or frozen; a browser without a screen never does. */
async function setTab(page: Page, { hidden, event }: { hidden?: boolean; event?: string }): Promise<void> {
  await page.evaluate(
    ([isHidden, name]) => {
      const tab = Object(globalThis).document;
      if (isHidden !== undefined)
        Object.defineProperty(tab, 'hidden', { value: isHidden, configurable: true });
      tab.dispatchEvent(new Event('visibilitychange'));
      if (name !== undefined) tab.dispatchEvent(new Event(name));
    },
    [hidden, event] as const,
  );
}
