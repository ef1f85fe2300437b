import { MemoryStore } from './memory-store.ts';
import { modelStoreCases } from './testing/model-store-cases.ts';

modelStoreCases('a store in memory', async () => {
  const store = new MemoryStore();
  // Its ground is the program: it knows no restart.
  return { store, reopen: () => Promise.resolve(store), close: () => Promise.resolve() };
});
