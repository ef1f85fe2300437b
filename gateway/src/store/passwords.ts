import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const N = 16_384;
const R = 16;
const P = 1;
const KEY_BYTES = 64;
/** scrypt needs 128 × N × r bytes; Node refuses above its own limit unless told. */
const MAX_MEMORY = 128 * N * R * 2;

const derive = promisify<string, string, number, object, Buffer>(scrypt);

/**
 * A form that others know too (better-auth keeps it so): `saltHex:keyHex`, where the salt given to scrypt is the
 * hexadecimal text itself and the password is in normal form KC.
 */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16).toString('hex');
  return `${salt}:${(await keyOf(password, salt)).toString('hex')}`;
}

/**
 * Takes as long, whatever is wrong.
 * @param kept what `hashPassword` gave; null when there is no such account
 */
export async function checkPassword(password: string, kept: string | null): Promise<boolean> {
  const [salt = '', key = ''] = (kept ?? NOBODYS).split(':');
  const expected = Buffer.from(key, 'hex');
  const given = await keyOf(password, salt);
  return given.length === expected.length && timingSafeEqual(given, expected) && kept !== null;
}

/** Of an account that does not exist; no password is known to give it. */
const NOBODYS = `${'0'.repeat(32)}:${'0'.repeat(2 * KEY_BYTES)}`;

function keyOf(password: string, salt: string): Promise<Buffer> {
  const options = { N, r: R, p: P, maxmem: MAX_MEMORY };
  return derive(password.normalize('NFKC'), salt, KEY_BYTES, options);
}
