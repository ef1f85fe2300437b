/** A storage that does what a test says in place of what it should. */
import { type ByteRange, type ObjectStorage, StorageError } from '../storage/object-storage.ts';

export interface StorageCall {
  readonly op: 'put' | 'read' | 'exists' | 'remove' | 'sweep';
  /** Empty for a sweep. */
  readonly name: string;
  /** How many calls of this kind there were before. */
  readonly before: number;
}

export interface StorageFault {
  /** What the call throws. */
  readonly fails?: StorageError['kind'];
  /** So many bytes of a put or a read go through first. */
  readonly afterBytes?: number;
  /** Of a read: the byte at this place of the object is another than was stored. */
  readonly damages?: number;
  /** Waited for at the call, and before each chunk of a put or a read: slow, or held until a test lets it go. */
  readonly wait?: () => Promise<unknown>;
}

/** Asked at every call; null lets it be. */
export type StoragePlan = (call: StorageCall) => StorageFault | null;

const NO_FAULT: StorageFault = {};

export function faultyStorage(storage: ObjectStorage, plan: StoragePlan): ObjectStorage {
  const counts = new Map<string, number>();
  const faultOf = (op: StorageCall['op'], name: string): StorageFault => {
    const before = counts.get(op) ?? 0;
    counts.set(op, before + 1);
    return plan({ op, name, before }) ?? NO_FAULT;
  };
  const call = async <T>(op: StorageCall['op'], name: string, act: () => Promise<T>): Promise<T> => {
    const { fails, wait } = faultOf(op, name);
    await wait?.();
    if (fails !== undefined) throw failure(fails);
    return await act();
  };
  return {
    put: async (name, source) => await storage.put(name, through(source, faultOf('put', name))),
    read: (name, range) => damagedAt(storage, name, range, faultOf('read', name)),
    exists: async (name) => await call('exists', name, () => storage.exists(name)),
    remove: async (name) => await call('remove', name, () => storage.remove(name)),
    sweep: async (before) => await call('sweep', '', () => storage.sweep(before)),
    close: async () => await storage.close(),
  };
}

const failure = (kind: StorageError['kind']) => new StorageError(kind, `A test wants the storage ${kind}`);

/** Thrown here, it reaches whoever put as what the source throws: nothing is left behind. */
async function* through<T extends Uint8Array>(
  source: AsyncIterable<T>,
  { fails, afterBytes = 0, wait }: StorageFault,
): AsyncGenerator<T> {
  let passed = 0;
  const check = () => {
    if (fails !== undefined && passed >= afterBytes) throw failure(fails);
  };
  await wait?.();
  check();
  for await (const chunk of source) {
    await wait?.();
    yield chunk;
    passed += chunk.length;
    check();
  }
}

async function* damagedAt(
  storage: ObjectStorage,
  name: string,
  range: ByteRange,
  fault: StorageFault,
): AsyncGenerator<Buffer> {
  let position = range.start;
  for await (const chunk of through(storage.read(name, range), fault)) {
    const place = (fault.damages ?? -1) - position;
    if (place >= 0 && place < chunk.length) chunk[place] = ~(chunk[place] ?? 0);
    position += chunk.length;
    yield chunk;
  }
}
