import type { ModelManifest } from '@zerogpu/protocol';
import { type Log, reasonOf } from '../store/log.ts';
import { NOTHING_SHOWN, type TrackRecord, trustAt } from './trust-state.ts';
import type { Change, TrackRecordOf, TrustStore, WrongAnswer } from './trust-store.ts';

interface Page {
  quarantined: boolean;
  /** Milliseconds since 1970. */
  loadedAt: number;
  /** By model, version and runtime. */
  readonly records: Map<string, TrackRecordOf>;
  /** Of `records`, those that the store does not know yet, as it last had them. */
  readonly unwritten: Map<string, TrackRecordOf>;
}

export interface TrustBookServices {
  readonly store: TrustStore;
  readonly log: Log;
  /** Whether the node's socket is here. */
  connected(nodeId: string): boolean;
  /** It is believed otherwise than before. */
  changed(nodeId: string): void;
  now(): number;
}

/** Between being loaded and being connected there is the rest of the greeting. */
const GREETING_MS = 60_000;
/** Of one write: a thousand that changed in one second are far more than a gateway sees; the rest goes with the next. */
const MAX_WRITTEN = 1000;

/**
 * What strangers' nodes have shown: in memory for those connected here, in the store for good. Counts are written behind,
 * once a second; a quarantine counts at once here, and is written at once, again and again until it stands there.
 */
export class TrustBook {
  readonly #services: TrustBookServices;
  readonly #pages = new Map<string, Page>();
  /** Not in the store yet. */
  readonly #wrong: WrongAnswer[] = [];
  #writing: Promise<void> = Promise.resolve();

  constructor(services: TrustBookServices) {
    this.#services = services;
  }

  /** Must have ended before the node is given work. */
  async load(nodeId: string): Promise<void> {
    const { quarantined, records } = await this.#services.store.load(nodeId);
    const known = this.#pages.get(nodeId);
    const loadedAt = this.#services.now();
    if (known && !this.#isWritten(nodeId, known)) {
      known.loadedAt = loadedAt;
      known.quarantined ||= quarantined;
      return;
    }
    const byKey = new Map(records.map((record) => [keyOf(record), record]));
    this.#pages.set(nodeId, { quarantined, loadedAt, records: byKey, unwritten: new Map() });
  }

  /** @returns null for a node that was not loaded */
  isQuarantined(nodeId: string): boolean | null {
    return this.#pages.get(nodeId)?.quarantined ?? null;
  }

  record(nodeId: string, manifest: ModelManifest): TrackRecord {
    return this.#pages.get(nodeId)?.records.get(keyOfModel(manifest)) ?? NOTHING_SHOWN;
  }

  change(nodeId: string, manifest: ModelManifest, change: (record: TrackRecord) => TrackRecord): void {
    const page = this.#pages.get(nodeId);
    if (!page) return;
    const key = keyOfModel(manifest);
    const { id: model, version, runtime } = manifest;
    const before = page.records.get(key) ?? { ...NOTHING_SHOWN, model, version, runtime };
    const after = { ...before, ...change(before) };
    page.records.set(key, after);
    if (!page.unwritten.has(key)) page.unwritten.set(key, before);
    const trustOf = (record: TrackRecord) => trustAt('public', page.quarantined, record);
    if (trustOf(before) !== trustOf(after)) this.#services.changed(nodeId);
  }

  /** Counts from now on; resolves when it is written, or was tried and is tried again by `flush`. */
  quarantine(wrong: WrongAnswer): Promise<void> {
    const page = this.#pages.get(wrong.nodeId);
    if (page) page.quarantined = true;
    this.#wrong.push(wrong);
    return this.flush();
  }

  /** Writes what is not written. Never throws: what could not be written is tried with the next. */
  flush(): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      try {
        await this.#writeWrong();
        await this.#writeCounts();
      } catch (error) {
        this.#services.log.warn({ reason: reasonOf(error) }, 'What nodes have shown was not written down');
      }
      this.#forget();
    });
    return this.#writing;
  }

  /**
   * Nodes here whose quarantine began or ended elsewhere: at another gateway, or by the operator.
   * @returns them, after it is taken over
   */
  async refresh(): Promise<{ readonly nodeId: string; readonly quarantined: boolean }[]> {
    if (this.#pages.size === 0) return [];
    const there = await this.#services.store.quarantined([...this.#pages.keys()]);
    const changed = [];
    for (const [nodeId, quarantined] of there) {
      const page = this.#pages.get(nodeId);
      if (!page || page.quarantined === quarantined || this.#hasUnwrittenWrong(nodeId)) continue;
      page.quarantined = quarantined;
      if (!quarantined) beginAnew(page);
      changed.push({ nodeId, quarantined });
    }
    return changed;
  }

  async #writeWrong(): Promise<void> {
    while (this.#wrong[0]) {
      await this.#services.store.writeWrong(this.#wrong[0]);
      this.#wrong.shift();
    }
  }

  async #writeCounts(): Promise<void> {
    const changes = this.#takeUnwritten();
    if (changes.length === 0) return;
    try {
      await this.#services.store.writeCounts(changes);
    } catch (error) {
      for (const { nodeId, before } of changes) this.#pages.get(nodeId)?.unwritten.set(keyOf(before), before);
      throw error;
    }
  }

  #takeUnwritten(): Change[] {
    const changes: Change[] = [];
    for (const [nodeId, { records, unwritten }] of this.#pages) {
      for (const [key, before] of unwritten) {
        if (changes.length >= MAX_WRITTEN) return changes;
        unwritten.delete(key);
        changes.push({ nodeId, before, now: records.get(key) ?? before });
      }
    }
    return changes;
  }

  #hasUnwrittenWrong(nodeId: string): boolean {
    return this.#wrong.some((wrong) => wrong.nodeId === nodeId);
  }

  #isWritten(nodeId: string, page: Page): boolean {
    return page.unwritten.size === 0 && !this.#hasUnwrittenWrong(nodeId);
  }

  /** Who is gone, as soon as all is written. */
  #forget(): void {
    const before = this.#services.now() - GREETING_MS;
    for (const [nodeId, page] of this.#pages) {
      if (page.loadedAt > before || this.#services.connected(nodeId)) continue;
      if (this.#isWritten(nodeId, page)) this.#pages.delete(nodeId);
    }
  }
}

const keyOf = ({ model, version, runtime }: Pick<TrackRecordOf, 'model' | 'version' | 'runtime'>) =>
  JSON.stringify([model, version, runtime]);
const keyOfModel = ({ id, version, runtime }: ModelManifest) => keyOf({ model: id, version, runtime });

function beginAnew(page: Page): void {
  for (const [key, record] of page.records) page.records.set(key, { ...record, rightInRow: 0 });
}
