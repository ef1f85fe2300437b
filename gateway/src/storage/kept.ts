/** What was asked for last, and is not asked for again as long as it is kept. */
export interface Kept<T> {
  /** Who asks for what is being loaded waits for the same; what could not be loaded is not kept. */
  get(key: string, load: () => Promise<T>): Promise<T>;
}

/** @param most are kept; the one that nobody asked for longest goes first */
export function makeKept<T>(most: number): Kept<T> {
  // A Map keeps the order in which it was filled.
  const kept = new Map<string, Promise<T>>();
  return {
    get(key, load) {
      const one = kept.get(key) ?? load();
      kept.delete(key);
      kept.set(key, one);
      one.catch(() => kept.get(key) === one && kept.delete(key));
      for (const oldest of kept.keys()) if (kept.size > most) kept.delete(oldest);
      return one;
    },
  };
}
