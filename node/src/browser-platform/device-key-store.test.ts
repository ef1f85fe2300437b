import { createPublicKey, verify } from 'node:crypto';
import path from 'node:path';
import { CHALLENGE_CONTEXT } from '@zerogpu/protocol';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ChromiumPages, describeInChromium } from '../testing/chromium-page.ts';

interface Signed {
  readonly kept: string;
  readonly publicKey: string;
  readonly signature: string;
}

const SIGN = `(async () => {
  const { deviceIdentityIn, openDatabase } = globalThis.tested;
  const { identity, kept } = await deviceIdentityIn(await openDatabase());
  return { kept, publicKey: identity.publicKey, signature: await identity.sign('nonce of a test') };
})()`;

/** What lies in the database: a key that the browser does not show has no bytes. */
const LOOK = `(async () => {
  const database = await globalThis.tested.openDatabase();
  const asking = database.transaction('keys').objectStore('keys').get('device');
  const row = await new Promise((resolve) => (asking.onsuccess = () => resolve(asking.result)));
  if (row.kind === 'readable') return row.secret.length;
  return crypto.subtle.exportKey('jwk', row.privateKey).then(() => 'exported', (error) => error.name);
})()`;

describeInChromium('The key of a device in Chromium', () => {
  let pages: ChromiumPages;
  beforeAll(async () => {
    pages = await ChromiumPages.open(path.join(import.meta.dirname, 'in-page.ts'));
  });
  afterAll(() => pages.close());

  test.each([
    ['127.0.0.1', 'sealed', 'InvalidAccessError'],
    ['node.test', 'readable', 32],
  ] as const)('at %s it is %s, signs for itself, and stays the same', async (host, kept, inside) => {
    const page = await pages.page(host);
    const first = await sign(page);
    expect(first.kept).toBe(kept);
    expect(isGood(first)).toBe(true);
    expect(await page.evaluate(LOOK)).toBe(inside);
    await page.reload();
    await page.waitForFunction('globalThis.tested');
    const second = await sign(page);
    expect(second).toEqual(first);
    await page.context().close();
  });

  test.each(['127.0.0.1', 'node.test'] as const)('two tabs at %s at once make one', async (host) => {
    const page = await pages.page(host);
    const both = await page.evaluate(`Promise.all([${SIGN}, ${SIGN}])`);
    expect(new Set((both as Signed[]).map(({ publicKey }) => publicKey)).size).toBe(1);
    await page.context().close();
  });
});

async function sign(page: Page): Promise<Signed> {
  return (await page.evaluate(SIGN)) as Signed;
}

function isGood({ publicKey, signature }: Signed): boolean {
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: publicKey }, format: 'jwk' });
  const message = Buffer.from(`${CHALLENGE_CONTEXT}nonce of a test`);
  return verify(null, message, key, Buffer.from(signature, 'base64url'));
}
