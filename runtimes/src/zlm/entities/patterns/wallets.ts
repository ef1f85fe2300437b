/** Addresses of crypto currencies, held to their checksums where they have one. */
import { sha256 } from './sha256.ts';

const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
const BECH32 = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
const ADDRESS_BYTES = 25;
/** Version bytes of Bitcoin, Litecoin, Dogecoin, Dash and Tron. */
const VERSIONS = new Set([0x00, 0x05, 0x30, 0x32, 0x1e, 0x16, 0x4c, 0x10, 0x41]);

/** A version, 20 bytes and four of a double SHA-256, in base 58. */
export function isBase58Address(value: string): boolean {
  const bytes = new Uint8Array(ADDRESS_BYTES);
  for (const sign of value) {
    let carry = BASE58.indexOf(sign);
    if (carry < 0) return false;
    for (let i = ADDRESS_BYTES - 1; i >= 0; i--) {
      carry += bytes[i]! * 58;
      bytes[i] = carry & 0xff;
      carry >>= 8;
    }
    if (carry !== 0) return false;
  }
  const check = sha256(sha256(bytes.subarray(0, 21)));
  return VERSIONS.has(bytes[0]!) && [0, 1, 2, 3].every((i) => check[i] === bytes[21 + i]);
}

const GENERATORS = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];

function polymod(values: readonly number[]): number {
  let check = 1;
  for (const value of values) {
    const top = check >>> 25;
    check = ((check & 0x1ffffff) << 5) ^ value;
    for (let bit = 0; bit < 5; bit++) if ((top >> bit) & 1) check ^= GENERATORS[bit]!;
  }
  return check;
}

/** Segwit addresses: bech32 and bech32m. */
export function isBech32Address(value: string): boolean {
  const one = value.lastIndexOf('1');
  const prefix = [...value.slice(0, one)].map((sign) => sign.charCodeAt(0));
  const data = [...value.slice(one + 1)].map((sign) => BECH32.indexOf(sign));
  if (data.includes(-1)) return false;
  const check = polymod([...prefix.map((unit) => unit >> 5), 0, ...prefix.map((unit) => unit & 31), ...data]);
  return check === 1 || check === 0x2bc830a3;
}
