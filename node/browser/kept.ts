/** What the page keeps in this browser; in memory alone where the browser keeps nothing for it. */

class Kept {
  readonly #storage: Storage | null;
  readonly #inMemory = new Map<string, string>();

  /** @param open throws where the owner has forbidden pages to keep data */
  constructor(open: () => Storage) {
    try {
      this.#storage = open();
    } catch {
      this.#storage = null;
    }
  }

  get(name: string): string | null {
    return this.#inMemory.get(name) ?? this.#storage?.getItem(name) ?? null;
  }

  set(name: string, text: string): void {
    try {
      if (this.#storage === null) throw new Error('nothing is kept here');
      this.#storage.setItem(name, text);
      this.#inMemory.delete(name);
    } catch {
      // Forbidden, or full: it holds until the page is closed.
      this.#inMemory.set(name, text);
    }
  }

  remove(name: string): void {
    this.#inMemory.delete(name);
    this.#storage?.removeItem(name);
  }
}

/** As long as the owner does not remove it. */
export const keptHere = new Kept(() => localStorage);
/** As long as the tab. */
export const keptInTab = new Kept(() => sessionStorage);
