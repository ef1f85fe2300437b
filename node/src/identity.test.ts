import { createPublicKey, verify } from 'node:crypto';
import { CHALLENGE_CONTEXT } from '@zerogpu/protocol';
import { expect, test } from 'vitest';
import { identityOf, makeDeviceKey, readDeviceKey } from './identity.ts';

test('a signature holds for the challenge that it was made for, and for nothing else', async () => {
  const identity = await identityOf(await makeDeviceKey());
  const signature = Buffer.from(await identity.sign('a nonce'), 'base64url');
  const key = createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: identity.publicKey },
    format: 'jwk',
  });
  expect(verify(null, Buffer.from(`${CHALLENGE_CONTEXT}a nonce`), key, signature)).toBe(true);
  expect(verify(null, Buffer.from('a nonce'), key, signature)).toBe(false);
  expect(verify(null, Buffer.from(`${CHALLENGE_CONTEXT}another`), key, signature)).toBe(false);
});

test('a key survives being written and read', async () => {
  const key = await makeDeviceKey();
  const again = await identityOf(readDeviceKey(JSON.parse(JSON.stringify(key))));
  expect(again.publicKey).toBe(key.x);
  expect(await again.sign('n')).toBe(await (await identityOf(key)).sign('n'));
});

test.each([null, 7, {}, { kty: 'OKP', crv: 'Ed25519', x: 'short', d: 'short' }, { kty: 'RSA' }])(
  'refuses %j as a key',
  (value) => {
    expect(() => readDeviceKey(value)).toThrow('not an Ed25519 private key');
  },
);
