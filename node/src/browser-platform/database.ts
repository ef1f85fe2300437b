/** The browser's own database, which is there with and without TLS: IndexedDB. */

/** Bigger than one of ours and the page is of an older version than what another tab left. */
const VERSION = 1;
const DEFAULT_NAME = 'zerogpu-node';

export type StoreName = 'keys' | 'files' | 'parts' | 'speeds';

/** @throws Error in words for the owner when the browser keeps nothing (some do so in private windows) */
export function openDatabase(name = DEFAULT_NAME): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(name, VERSION);
    opening.onupgradeneeded = () => {
      for (const store of ['keys', 'files', 'parts', 'speeds'] satisfies StoreName[]) {
        opening.result.createObjectStore(store);
      }
    };
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(cannotOpen(opening.error));
    opening.onblocked = () =>
      reject(new Error('Another tab has an older version of this page open: close it'));
  });
}

/** Forgets everything: the key and the models. Resolves when it is gone. */
export function deleteDatabase(name = DEFAULT_NAME): Promise<void> {
  return answerOf(indexedDB.deleteDatabase(name)).then(() => undefined);
}

export function answerOf<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Resolves when the transaction is in the database; rejects with what it failed of. */
export function committed(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new Error('The browser gave up a write'));
  });
}

function cannotOpen(error: DOMException | null): Error {
  const reason = error?.message || 'no reason given';
  return new Error(`This browser keeps no data for this page (${reason}); a private window may be why`);
}
