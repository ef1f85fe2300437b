import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isErrno, readFileIfThere, writePrivateFileOnce } from './private-files.ts';

/** A secret cannot be used; says what to do. */
export class SecretError extends Error {
  override readonly name = 'SecretError';
}

/** The data directory cannot be written or read; says what to do. */
export class DataDirError extends Error {
  override readonly name = 'DataDirError';
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const MIN_SECRET_LENGTH = 32;

/** All that is done with the server secret; the same on every gateway of one database. */
export class Secrets {
  readonly #secret: string;
  readonly #answerKey: Uint8Array;
  readonly #peopleKey: Uint8Array;
  readonly #internalKey: Uint8Array;
  readonly #askedKey: Uint8Array;

  /** @param secret at least 32 characters */
  constructor(secret: string) {
    if (secret.length < MIN_SECRET_LENGTH) {
      throw new SecretError(`The server secret must have at least ${MIN_SECRET_LENGTH} characters`);
    }
    this.#secret = secret;
    this.#answerKey = new Uint8Array(hkdfSync('sha256', secret, '', 'zerogpu stored answers', 32));
    this.#peopleKey = new Uint8Array(hkdfSync('sha256', secret, '', 'zerogpu sessions and links', 32));
    this.#internalKey = new Uint8Array(hkdfSync('sha256', secret, '', 'zerogpu internal calls', 32));
    this.#askedKey = new Uint8Array(hkdfSync('sha256', secret, '', 'zerogpu what was asked', 32));
  }

  /** HMAC-SHA256 of an API key or join token: how it is stored and found. */
  hashKey(text: string): Buffer {
    return createHmac('sha256', this.#secret).update(text).digest();
  }

  /** HMAC-SHA256 of the token of a session or of a link: how it is stored and found. */
  hashToken(text: string): Buffer {
    return createHmac('sha256', this.#peopleKey).update(text).digest();
  }

  /** HMAC-SHA256 by which a gateway and a worker beside it know each other's words. */
  seal(text: string): Buffer {
    return createHmac('sha256', this.#internalKey).update(text).digest();
  }

  /** HMAC-SHA256 of what a person asked the admin API: how it is told apart, also where it could be guessed. */
  hashAsked(text: string): Buffer {
    return createHmac('sha256', this.#askedKey).update(text).digest();
  }

  /** Kept in the database, so that a wrong secret is told at start instead of refusing every key. */
  fingerprint(): Buffer {
    return createHmac('sha256', this.#secret).update('zerogpu secret fingerprint').digest();
  }

  /** AES-256-GCM: nonce, ciphertext and tag in one. @param context bound to the ciphertext, and needed again */
  encrypt(plain: string, context: string): Buffer {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#answerKey, nonce).setAAD(Buffer.from(context));
    return Buffer.concat([nonce, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  }

  /** @throws SecretError when it was made with another secret or context, or was changed */
  decrypt(sealed: Uint8Array, context: string): string {
    if (sealed.length < NONCE_BYTES + TAG_BYTES) throw new SecretError('The stored text is cut off');
    const nonce = sealed.subarray(0, NONCE_BYTES);
    const body = sealed.subarray(NONCE_BYTES, sealed.length - TAG_BYTES);
    const decipher = createDecipheriv('aes-256-gcm', this.#answerKey, nonce)
      .setAAD(Buffer.from(context))
      .setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
    try {
      return Buffer.concat([decipher.update(body), decipher.final()]).toString('utf8');
    } catch (cause) {
      throw new SecretError('The stored text was encrypted with another secret, or changed', { cause });
    }
  }
}

/**
 * The server secret: as configured, else the one in `<dataDir>/secret`, which is made (0600) when it is missing.
 * @param configured ZEROGPU_SECRET, or null
 * @throws SecretError, DataDirError
 */
export async function loadSecrets(dataDir: string, configured: string | null): Promise<Secrets> {
  const path = join(dataDir, 'secret');
  const text = await secretText(dataDir, path, configured).catch((cause: unknown) => {
    throw explainDataDirError(cause, dataDir);
  });
  if (configured !== null) return new Secrets(configured);
  if (text.length < MIN_SECRET_LENGTH) {
    throw new SecretError(
      `The server secret in ${path} is cut off. Put the file back from a backup, or set ZEROGPU_SECRET`,
    );
  }
  return new Secrets(text);
}

/** The folder is made in any case: credentials and tokens are kept there, whoever keeps the secret and the database. */
async function secretText(dataDir: string, path: string, configured: string | null): Promise<string> {
  await mkdir(dataDir, { recursive: true });
  if (configured !== null) return configured;
  await writePrivateFileOnce(path, `${randomBytes(32).toString('hex')}\n`);
  return ((await readFileIfThere(path)) ?? '').trim();
}

/** The first file that a gateway touches tells whether the folder is of any use. */
function explainDataDirError(cause: unknown, dataDir: string): unknown {
  const orElse = 'or choose another with ZEROGPU_DATA_DIR';
  const refused = ['EACCES', 'EPERM', 'EROFS'].some((code) => isErrno(cause, code));
  if (refused) {
    const told = `This user may not read and write the data directory ${dataDir}. Give it to this user, ${orElse}`;
    return new DataDirError(told, { cause });
  }
  if (!isErrno(cause, 'EEXIST') && !isErrno(cause, 'ENOTDIR')) return cause;
  return new DataDirError(`The data directory ${dataDir} is no folder. Move what is there away, ${orElse}`, {
    cause,
  });
}
