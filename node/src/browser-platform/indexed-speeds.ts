import type { MeasuredSpeed, SpeedCache } from '../speed.ts';
import { answerOf, committed } from './database.ts';

const NAME = 'all';

/** How quick this browser was at each model, so that it is not tried again at each visit. */
export function indexedSpeeds(database: IDBDatabase): SpeedCache {
  return {
    async read() {
      const asking = database.transaction('speeds').objectStore('speeds').get(NAME);
      return (await answerOf<ReadonlyMap<string, MeasuredSpeed> | undefined>(asking)) ?? new Map();
    },
    async write(speeds) {
      const transaction = database.transaction('speeds', 'readwrite', { durability: 'relaxed' });
      const done = committed(transaction);
      transaction.objectStore('speeds').put(new Map(speeds), NAME);
      await done;
    },
  };
}
