import { randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';

const N = 16_384;
const R = 16;
const P = 1;
const KEY_BYTES = 64;
/** scrypt needs 128 × N × r bytes; Node refuses above its own limit unless told. */
const MAX_MEMORY = 128 * N * R * 2;

const derive = promisify<string, string, number, object, Buffer>(scrypt);

/**
 * The form that better-auth keeps and checks: `saltHex:keyHex`, where the salt given to scrypt is the hexadecimal
 * text itself and the password is in normal form KC.
 */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16).toString('hex');
  const options = { N, r: R, p: P, maxmem: MAX_MEMORY };
  const key = await derive(password.normalize('NFKC'), salt, KEY_BYTES, options);
  return `${salt}:${key.toString('hex')}`;
}
