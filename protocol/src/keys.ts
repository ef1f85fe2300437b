/**
 * The text form of secrets that people paste: `zgpu-api-<32 random><6 checksum>` and `zgpu-join-…`, base 62.
 * The checksum tells a typing error from an unknown key without a look at the database.
 */

export const API_KEY_PREFIX = 'zgpu-api-';
export const JOIN_TOKEN_PREFIX = 'zgpu-join-';
/** Of somebody who is signed in. */
export const SESSION_PREFIX = 'zgpu-session-';
/** In links: sets a new password once. */
export const RESET_PREFIX = 'zgpu-reset-';
/** In links: makes somebody a member once. */
export const INVITATION_PREFIX = 'zgpu-invite-';
export type SecretPrefix =
  | typeof API_KEY_PREFIX
  | typeof JOIN_TOKEN_PREFIX
  | typeof SESSION_PREFIX
  | typeof RESET_PREFIX
  | typeof INVITATION_PREFIX;

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const RANDOM_LENGTH = 32;
const CHECKSUM_LENGTH = 6;
/** The largest multiple of 62 in a byte: bytes from here up are thrown away, so that no letter is likelier. */
const UNBIASED = 248;

/** A new secret with 190 bits of randomness. Shown once, then kept only as a hash. */
export function makeSecret(
  prefix: SecretPrefix,
  random: (bytes: Uint8Array<ArrayBuffer>) => void = (bytes) => crypto.getRandomValues(bytes),
): string {
  let text = '';
  const bytes = new Uint8Array(RANDOM_LENGTH * 2);
  while (text.length < RANDOM_LENGTH) {
    random(bytes);
    for (const byte of bytes) {
      if (byte < UNBIASED && text.length < RANDOM_LENGTH) text += BASE62[byte % 62];
    }
  }
  return prefix + text + checksum(prefix + text);
}

/** True when the form and the checksum are right; says nothing on whether the key exists. */
export function isWellFormedSecret(prefix: SecretPrefix, text: string): boolean {
  if (!text.startsWith(prefix) || text.length !== prefix.length + RANDOM_LENGTH + CHECKSUM_LENGTH)
    return false;
  const body = text.slice(0, -CHECKSUM_LENGTH);
  return checksum(body) === text.slice(-CHECKSUM_LENGTH);
}

/** `zgpu-api-4fGh…Xy9Z`: enough for its owner to know it by, useless to anybody else. */
export function maskSecret(text: string): string {
  const prefix = text.startsWith(JOIN_TOKEN_PREFIX) ? JOIN_TOKEN_PREFIX : API_KEY_PREFIX;
  return `${prefix}${text.slice(prefix.length, prefix.length + 4)}…${text.slice(-4)}`;
}

/** Ours, signing secrets of webhooks (ours and Stripe's), Stripe's secret keys. Shorter is no secret but a word. */
const SECRETS =
  /(zgpu-(?:api|join|session|reset|invite)-|whsec_|(?:sk|rk)_(?:live|test)_)[0-9A-Za-z+/=_%-]{8,}/g;

/**
 * A text that somebody else wrote, before it is logged or said back: who puts a key where a model's name belongs must
 * not find it in a log. `zgpu-api-4fGh…` becomes `zgpu-api-…`; a masked one stays as it is.
 */
export function withoutSecrets(text: string): string {
  return text.replace(SECRETS, '$1…');
}

function checksum(text: string): string {
  let rest = crc32(text);
  let out = '';
  for (let i = 0; i < CHECKSUM_LENGTH; i++) {
    out = BASE62[rest % 62] + out;
    rest = Math.floor(rest / 62);
  }
  return out;
}

/** CRC-32 (IEEE 802.3) over the low bytes of the characters. */
function crc32(text: string): number {
  let crc = 0xffffffff;
  for (let i = 0; i < text.length; i++) {
    crc ^= text.charCodeAt(i) & 0xff;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}
