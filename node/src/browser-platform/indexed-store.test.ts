import path from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ModelStore, type StoredFile, StoreFull, WrongHash } from '../model-store.ts';
import { ChromiumPages, describeInChromium } from '../testing/chromium-page.ts';
import { modelStoreCases, type StoreUnderTest } from '../testing/model-store-cases.ts';

const NAME = 'a'.repeat(64);
const SMALL_QUOTA = 4 * 1024 * 1024;
const TOO_MUCH = 8 * 1024 * 1024;

describeInChromium('IndexedStore in Chromium', () => {
  let pages: ChromiumPages;
  beforeAll(async () => {
    pages = await ChromiumPages.open(path.join(import.meta.dirname, 'in-page.ts'));
  });
  afterAll(() => pages.close());

  modelStoreCases('with crypto.subtle', () => storeIn(pages, '127.0.0.1'));
  modelStoreCases('without TLS', () => storeIn(pages, 'node.test'));

  describe('what is unlike a disk', () => {
    test('a page without TLS has neither crypto.subtle nor folders of its own', async () => {
      const page = await pages.page('node.test');
      expect(
        await page.evaluate('[isSecureContext, typeof crypto.subtle, typeof navigator.storage]'),
      ).toEqual([false, 'undefined', 'undefined']);
      await page.context().close();
    });

    test.each(['127.0.0.1', 'node.test'] as const)(
      'a full quota at %s is said, and what was there stays',
      async (host) => {
        const page = await pages.page(host);
        await limitQuota(page);
        await openIn(page);
        const store = new StoreInPage(page);
        await store.append(NAME, 0, new Uint8Array(1024));
        await expect(store.append(NAME, 1024, new Uint8Array(TOO_MUCH))).rejects.toThrow(StoreFull);
        expect(await store.beginning(NAME)).toBe(1024);
        await page.context().close();
      },
    );
  });
});

/** Chromium remembers for half a minute how much room there was: the quota is set before anything is written. */
async function limitQuota(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const { origin } = new URL(page.url());
  await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: SMALL_QUOTA });
}

async function storeIn(pages: ChromiumPages, host: '127.0.0.1' | 'node.test'): Promise<StoreUnderTest> {
  const page = await pages.page(host);
  await openIn(page);
  return {
    store: new StoreInPage(page),
    async reopen() {
      await page.reload();
      await openIn(page);
      return new StoreInPage(page);
    },
    close: () => page.context().close(),
  };
}

async function openIn(page: Page): Promise<void> {
  await page.waitForFunction('globalThis.tested');
  await page.evaluate(`(async () => {
    const { IndexedStore, openDatabase } = globalThis.tested;
    globalThis.store = new IndexedStore(await openDatabase());
    globalThis.call = async (method, values) => {
      const bytes = (value) => value && value.base64 !== undefined ? Uint8Array.from(atob(value.base64), (c) => c.charCodeAt(0)) : value;
      try {
        const answer = await store[method](...values.map(bytes));
        return { answer: answer instanceof Uint8Array ? { base64: btoa(String.fromCharCode(...answer)) } : answer };
      } catch (error) {
        return { error: { name: error.name, message: error.message } };
      }
    };
  })()`);
}

const ERRORS: Readonly<Record<string, new (message: string) => Error>> = { StoreFull, WrongHash, TypeError };

/** The store of a page, as the cases call it. */
class StoreInPage implements ModelStore {
  readonly #page: Page;

  constructor(page: Page) {
    this.#page = page;
  }

  async list(): Promise<StoredFile[]> {
    return await this.#call('list');
  }

  async read(sha256: string): Promise<Uint8Array<ArrayBuffer> | null> {
    const found = await this.#call<{ base64: string } | null>('read', sha256);
    return found && new Uint8Array(Buffer.from(found.base64, 'base64'));
  }

  beginning(sha256: string): Promise<number> {
    return this.#call('beginning', sha256);
  }

  append(sha256: string, at: number, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    return this.#call('append', sha256, at, { base64: Buffer.from(bytes).toString('base64') });
  }

  complete(sha256: string): Promise<void> {
    return this.#call('complete', sha256);
  }

  remove(sha256: string): Promise<void> {
    return this.#call('remove', sha256);
  }

  async #call<T>(method: string, ...values: unknown[]): Promise<T> {
    const { answer, error } = await this.#page
      .evaluate(`call(${JSON.stringify(method)}, ${JSON.stringify(values)})`)
      .then(Object);
    if (error) throw new (ERRORS[error.name] ?? Error)(error.message);
    return answer;
  }
}
