import { checkedSha256, type ModelStore, type StoredFile, StoreFull, WrongHash } from '../model-store.ts';
import { sha256Hex } from '../sha256.ts';
import { answerOf, committed } from './database.ts';

/** A row of `files`; its bytes lie in `parts` under [sha256, where they begin]. */
interface FileRow {
  readonly bytes: number;
  readonly complete: boolean;
  readonly lastUsedAt: number;
}

/** A store of models' files in IndexedDB: the only place for megabytes that a page has without TLS too. */
export class IndexedStore implements ModelStore {
  readonly #database: IDBDatabase;

  constructor(database: IDBDatabase) {
    this.#database = database;
  }

  async list(): Promise<StoredFile[]> {
    const files = this.#begin('readonly').objectStore('files');
    const [names, rows] = await Promise.all([answerOf(files.getAllKeys()), answerOf(files.getAll())]);
    return rows.map((row: FileRow, i) => ({ sha256: String(names[i]), ...row }));
  }

  async read(sha256: string): Promise<Uint8Array<ArrayBuffer> | null> {
    const name = checkedSha256(sha256);
    const transaction = this.#begin('readwrite');
    const row = await rowOf(transaction, name);
    if (!row?.complete) return null;
    const used: FileRow = { ...row, lastUsedAt: Date.now() };
    transaction.objectStore('files').put(used, name);
    return joined(await partsOf(transaction, name), row.bytes);
  }

  async beginning(sha256: string): Promise<number> {
    const row = await rowOf(this.#begin('readonly'), checkedSha256(sha256));
    return row && !row.complete ? row.bytes : 0;
  }

  async append(sha256: string, at: number, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const name = checkedSha256(sha256);
    const transaction = this.#begin('readwrite');
    const done = committed(transaction);
    try {
      await this.#write(transaction, name, at, bytes);
      await done;
    } catch (error) {
      // Its own failure is said by what is thrown.
      done.catch(() => undefined);
      throw isQuota(error) || isQuota(transaction.error) ? storeFull() : error;
    }
  }

  async complete(sha256: string): Promise<void> {
    const name = checkedSha256(sha256);
    const reading = this.#begin('readonly');
    const row = await rowOf(reading, name);
    if (!row || row.complete) throw new Error(`There is no beginning of the file ${name}`);
    const found = await sha256Hex(joined(await partsOf(reading, name), row.bytes));
    if (found !== name) {
      await this.remove(name);
      throw new WrongHash(`The file that came has the SHA-256 ${found}, not ${name}`);
    }
    const writing = this.#begin('readwrite');
    const done = committed(writing);
    writing.objectStore('files').put({ ...row, complete: true, lastUsedAt: Date.now() }, name);
    await done;
  }

  async remove(sha256: string): Promise<void> {
    const name = checkedSha256(sha256);
    const transaction = this.#begin('readwrite');
    const done = committed(transaction);
    transaction.objectStore('files').delete(name);
    transaction.objectStore('parts').delete(allParts(name));
    await done;
  }

  async #write(
    transaction: IDBTransaction,
    name: string,
    at: number,
    bytes: Uint8Array<ArrayBuffer>,
  ): Promise<void> {
    const row = await rowOf(transaction, name);
    const there = row && !row.complete ? row.bytes : 0;
    if (at !== 0 && at !== there) {
      transaction.abort();
      throw new Error(`The beginning of ${name} has ${there} bytes; nothing can be added at ${at}`);
    }
    if (at === 0) transaction.objectStore('parts').delete(allParts(name));
    // A view is stored with the whole buffer behind it.
    transaction.objectStore('parts').put(bytes.slice(), [name, at]);
    const written: FileRow = { bytes: at + bytes.length, complete: false, lastUsedAt: Date.now() };
    transaction.objectStore('files').put(written, name);
  }

  /** What a crash of the machine forgets of a model is fetched again, so that no write waits for the disk. */
  #begin(mode: IDBTransactionMode): IDBTransaction {
    return this.#database.transaction(['files', 'parts'], mode, { durability: 'relaxed' });
  }
}

async function rowOf(transaction: IDBTransaction, name: string): Promise<FileRow | undefined> {
  return answerOf<FileRow | undefined>(transaction.objectStore('files').get(name));
}

function partsOf(transaction: IDBTransaction, name: string): Promise<Uint8Array[]> {
  return answerOf(transaction.objectStore('parts').getAll(allParts(name)));
}

/** In the order of where they begin. */
function allParts(name: string): IDBKeyRange {
  return IDBKeyRange.bound([name, 0], [name, Number.POSITIVE_INFINITY]);
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function isQuota(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'QuotaExceededError';
}

function storeFull(): StoreFull {
  return new StoreFull(
    'The browser gives this page no more room on this device. Free some, allow fewer models, or use a window that is not private',
  );
}
