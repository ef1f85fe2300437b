import type { CatalogueModel, ModelManifest } from '@zerogpu/protocol';
import type { LoadedModels } from './loaded-models.ts';
import { changedModels, groupsOf, updatedManifests } from './model-update.ts';

export interface CatalogueFollowerOptions {
  /** As the software was made. */
  readonly manifests: readonly ModelManifest[];
  readonly models: Pick<LoadedModels, 'replace'>;
  /** Called after models changed their versions. */
  updated(ids: readonly string[]): void;
  /** Called with words for the owner. */
  tell(line: string): void;
}

/** A gateway whose files do not come, or do not load, is asked again after so long; then after twice as long. */
const RETRY_MS = 60_000;
const SLOWEST_RETRY_MS = 60 * 60_000;

/** Brings models to the versions that the gateway's catalogue has. What cannot be brought there serves on as it is. */
export class CatalogueFollower {
  readonly #options: CatalogueFollowerOptions;
  #now: ReadonlyMap<string, ModelManifest>;
  #wanted: ReadonlyMap<string, ModelManifest>;
  #working = false;
  #stopped = false;
  #failures = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;

  constructor(options: CatalogueFollowerOptions) {
    this.#options = options;
    this.#now = byId(options.manifests);
    this.#wanted = this.#now;
  }

  /** @param catalogue null when the gateway does not tell: the software's own versions are right then */
  follow(catalogue: readonly CatalogueModel[] | null): void {
    this.#wanted = byId(updatedManifests(this.#options.manifests, catalogue ?? []));
    this.#failures = 0;
    this.#work();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
  }

  #work(): void {
    clearTimeout(this.#retry);
    if (this.#working || this.#stopped) return;
    this.#working = true;
    void this.#bring().then((all) => {
      this.#working = false;
      if (!all) this.#workLater();
    });
  }

  #workLater(): void {
    if (this.#stopped) return;
    const ms = Math.min(SLOWEST_RETRY_MS, RETRY_MS * 2 ** Math.min(this.#failures++, 10));
    this.#retry = setTimeout(() => this.#work(), ms);
  }

  /** False when some models stayed as they were. */
  async #bring(): Promise<boolean> {
    let wanted: ReadonlyMap<string, ModelManifest>;
    let all = true;
    do {
      // What is wanted may change while files are on their way.
      wanted = this.#wanted;
      all = true;
      for (const group of groupsOf(changedModels(this.#now, wanted), wanted)) {
        if (!this.#stopped && wanted === this.#wanted) all = (await this.#replace(group, wanted)) && all;
      }
    } while (wanted !== this.#wanted && !this.#stopped);
    return all;
  }

  async #replace(group: readonly string[], wanted: ReadonlyMap<string, ModelManifest>): Promise<boolean> {
    const next = new Map(this.#now);
    for (const id of group) next.set(id, wanted.get(id) ?? next.get(id)!);
    const changed = group.filter((id) => this.#now.get(id)?.version !== next.get(id)?.version);
    try {
      await this.#options.models.replace([...next.values()]);
    } catch (error) {
      const { cause = error } = Object(error);
      const reason = cause instanceof Error ? cause.message : String(cause);
      for (const id of changed) this.#options.tell(this.#inWords(id, next, `not possible: ${reason}`));
      return false;
    }
    for (const id of changed) this.#options.tell(this.#inWords(id, next, 'done'));
    this.#now = next;
    this.#options.updated(group);
    return true;
  }

  #inWords(id: string, next: ReadonlyMap<string, ModelManifest>, outcome: string): string {
    const [before, after] = [this.#now, next].map((manifests) => manifests.get(id)?.version);
    return `Update of ${id} from version ${before} to ${after}: ${outcome}`;
  }
}

function byId(manifests: readonly ModelManifest[]): Map<string, ModelManifest> {
  return new Map(manifests.map((manifest) => [manifest.id, manifest]));
}
