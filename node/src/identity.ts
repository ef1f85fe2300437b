import { CHALLENGE_CONTEXT } from '@zerogpu/protocol';

/** An Ed25519 key pair as a JSON Web Key (RFC 8037); `d` is the secret half and never leaves the device. */
export interface DeviceKey {
  readonly kty: 'OKP';
  readonly crv: 'Ed25519';
  /** Public key, raw 32 bytes, base64url. */
  readonly x: string;
  /** Private key, raw 32 bytes, base64url. */
  readonly d: string;
}

/** Who a node is: its public key, and the proof that it holds the private one. */
export interface Identity {
  /** Raw 32 bytes, base64url. */
  readonly publicKey: string;
  /** The signature over CHALLENGE_CONTEXT followed by the nonce, base64url. */
  sign(nonce: string): Promise<string>;
}

const ALGORITHM = 'Ed25519';

/** A new key of this device. */
export async function makeDeviceKey(): Promise<DeviceKey> {
  const pair = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  if (!('privateKey' in pair)) throw new Error('Ed25519 gave no key pair');
  return readDeviceKey(await crypto.subtle.exportKey('jwk', pair.privateKey));
}

/** @throws Error when the value is no Ed25519 private key */
export function readDeviceKey(value: unknown): DeviceKey {
  const { kty, crv, x, d } = Object(value);
  const isKey = kty === 'OKP' && crv === 'Ed25519' && isRawKey(x) && isRawKey(d);
  if (!isKey) throw new Error('not an Ed25519 private key in JSON Web Key form');
  return { kty, crv, x, d };
}

/** @throws Error when the two halves do not belong together */
export async function identityOf(key: DeviceKey): Promise<Identity> {
  const privateKey = await crypto.subtle.importKey('jwk', { ...key }, ALGORITHM, false, ['sign']);
  return {
    publicKey: key.x,
    async sign(nonce) {
      const message = new TextEncoder().encode(CHALLENGE_CONTEXT + nonce);
      return base64url(new Uint8Array(await crypto.subtle.sign(ALGORITHM, privateKey, message)));
    },
  };
}

function isRawKey(text: unknown): boolean {
  return typeof text === 'string' && /^[\w-]{43}$/.test(text);
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}
