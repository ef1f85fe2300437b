import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';

/** Of bytes that are there as a whole, in 64 lower-case hex digits; by the platform's own code where it has any. */
export async function sha256Hex(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  // Absent, whatever its type says, on pages that came without TLS. The library takes 8 ms a megabyte there.
  const subtle: typeof crypto.subtle | undefined = crypto.subtle;
  return bytesToHex(subtle ? new Uint8Array(await subtle.digest('SHA-256', bytes)) : sha256(bytes));
}
