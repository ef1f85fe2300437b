import { getPublicKey, hashes, sign, utils } from '@noble/ed25519';
import { sha512 } from '@noble/hashes/sha2.js';
import { CHALLENGE_CONTEXT } from '@zerogpu/protocol';
import type { Identity } from '../identity.ts';
import { answerOf, committed } from './database.ts';

/** The key of this device as the browser keeps it. */
export interface KeptIdentity {
  readonly identity: Identity;
  /** `sealed`: the browser signs with it and shows it to nobody. `readable`: whoever reads this page's data can copy it. */
  readonly kept: 'sealed' | 'readable';
}

type KeyRow =
  | { readonly kind: 'sealed'; readonly publicKey: string; readonly privateKey: CryptoKey }
  | { readonly kind: 'readable'; readonly secret: Uint8Array };

const NAME = 'device';
const ALGORITHM = 'Ed25519';

hashes.sha512 = sha512;

/** The device's key, made at first. Of two tabs that make one at once, the first one's counts. */
export async function deviceIdentityIn(database: IDBDatabase): Promise<KeptIdentity> {
  const row = (await readKey(database)) ?? (await makeKey(database));
  return row.kind === 'sealed' ? sealed(row.publicKey, row.privateKey) : readable(row.secret);
}

function readKey(database: IDBDatabase): Promise<KeyRow | undefined> {
  return answerOf(database.transaction('keys').objectStore('keys').get(NAME));
}

async function makeKey(database: IDBDatabase): Promise<KeyRow> {
  const made = await newSealedKey();
  // Browsers that cannot keep such a key say so only when it is written.
  if (made !== null && (await keepKey(database, made))) return keyThere(database);
  await keepKey(database, { kind: 'readable', secret: utils.randomSecretKey() });
  return keyThere(database);
}

async function keyThere(database: IDBDatabase): Promise<KeyRow> {
  const row = await readKey(database);
  if (row === undefined) throw new Error('This browser does not keep the key of this device');
  return row;
}

/** Null where the page came without TLS, or the browser does not know such keys (before 2025 many did not). */
async function newSealedKey(): Promise<KeyRow | null> {
  const subtle = crypto.subtle as SubtleCrypto | undefined;
  if (!subtle) return null;
  try {
    const pair = await subtle.generateKey(ALGORITHM, false, ['sign', 'verify']);
    if (!('privateKey' in pair)) return null;
    const raw = new Uint8Array(await subtle.exportKey('raw', pair.publicKey));
    return { kind: 'sealed', publicKey: base64url(raw), privateKey: pair.privateKey };
  } catch {
    return null;
  }
}

/** True when a key is there afterwards, this one or another tab's. */
async function keepKey(database: IDBDatabase, row: KeyRow): Promise<boolean> {
  try {
    const transaction = database.transaction('keys', 'readwrite', { durability: 'strict' });
    const done = committed(transaction);
    transaction.objectStore('keys').add(row, NAME);
    await done;
    return true;
  } catch (error) {
    return error instanceof DOMException && error.name === 'ConstraintError';
  }
}

function sealed(publicKey: string, key: CryptoKey): KeptIdentity {
  const identity: Identity = {
    publicKey,
    sign: async (nonce) =>
      base64url(new Uint8Array(await crypto.subtle.sign(ALGORITHM, key, challenge(nonce)))),
  };
  return { identity, kept: 'sealed' };
}

function readable(secret: Uint8Array): KeptIdentity {
  const identity: Identity = {
    publicKey: base64url(getPublicKey(secret)),
    sign: async (nonce) => base64url(sign(challenge(nonce), secret)),
  };
  return { identity, kept: 'readable' };
}

function challenge(nonce: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(CHALLENGE_CONTEXT + nonce);
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}
