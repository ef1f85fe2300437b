import { ApiError } from '@zerogpu/protocol';
import type { CreateOnce, Creation, JsonAnswer, KeepAnswer } from '../create-once.ts';
import { claimKey, hashOf, keyOf, TOOK_OVER } from './claim.ts';
import type { IdempotencyStore } from './idempotency-store.ts';

type CreationStore = Pick<IdempotencyStore, 'claimCreation' | 'keep' | 'release'>;

/** One answer per Idempotency-Key, also of calls that make something and ask no model: see `CreateOnce`. */
export function makeCreateOnce(store: CreationStore): CreateOnce {
  return async (creation, make) => {
    const key = keyOf(creation.headers);
    if (key === null) return make(async () => {});
    const claim = await claimKey((request) => store.claimCreation(request), {
      ...creation,
      projectId: creation.caller.projectId,
      key,
      bodyHash: hashOf(creation.route, creation.fingerprint),
    });
    if (claim.kind === 'replay') return { ...claim.stored, replayed: true };
    return claimed(store, creation, key, make);
  };
}

/** Whatever becomes of it, nobody waits for a lock to run out: released is only what has no answer. */
async function claimed(
  store: CreationStore,
  { caller: { projectId }, requestId }: Creation,
  key: string,
  make: (keep: KeepAnswer) => Promise<JsonAnswer>,
): Promise<JsonAnswer> {
  try {
    return await make(async (db, answer) => {
      const kept = await store.keep(db, projectId, key, requestId, answer);
      if (!kept) throw new ApiError('upstream_timeout', { message: TOOK_OVER });
    });
  } catch (error) {
    // The error is what the caller must hear; a database that is away leaves the key locked for a while.
    await store.release(projectId, key, requestId).catch(() => {});
    throw error;
  }
}
