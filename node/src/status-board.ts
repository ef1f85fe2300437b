import type { ConnectionStatus, ModelStatus, Notice } from './node-status.ts';

/** Of what the gateway said; the older ones go. */
const MAX_NOTICES = 20;
/** By the kind of a notice. */
const HELD: ReadonlyMap<string, 'draining' | 'quarantined' | null> = new Map([
  ['draining', 'draining'],
  ['quarantined', 'quarantined'],
  ['serving', null],
]);

/** What a node remembers for the eyes of its owner, and who wants to know when it changes. */
export class StatusBoard {
  readonly #listeners = new Set<() => void>();
  readonly #downloads = new Map<string, NonNullable<ModelStatus['download']>>();
  #notices: readonly Notice[] = [];
  #connection: ConnectionStatus;
  #updateHint: string | null = null;
  #throttled = false;
  #telling = false;

  constructor(connection: ConnectionStatus) {
    this.#connection = connection;
  }

  get connection(): ConnectionStatus {
    return this.#connection;
  }

  set connection(connection: ConnectionStatus) {
    this.#connection = connection;
    this.changed();
  }

  get notices(): readonly Notice[] {
    return this.#notices;
  }

  get updateHint(): string | null {
    return this.#updateHint;
  }

  set updateHint(hint: string | null) {
    this.#updateHint = hint;
    this.changed();
  }

  get throttled(): boolean {
    return this.#throttled;
  }

  set throttled(throttled: boolean) {
    this.#throttled = throttled;
    this.changed();
  }

  downloadOf(model: string): ModelStatus['download'] {
    return this.#downloads.get(model) ?? null;
  }

  /** A download that has all its bytes is over. */
  downloading(model: string, bytes: number, totalBytes: number): void {
    if (bytes < totalBytes) this.#downloads.set(model, { bytes, totalBytes });
    else this.#downloads.delete(model);
    this.changed();
  }

  downloadOver(model: string): void {
    if (this.#downloads.delete(model)) this.changed();
  }

  notice(kind: string, message: string, at: number): void {
    this.#notices = [...this.#notices, { kind, message, at }].slice(-MAX_NOTICES);
    const held = HELD.get(kind);
    if (held !== undefined && this.#connection.state === 'connected') {
      this.#connection = { ...this.#connection, held };
    }
    this.changed();
  }

  /** @returns what ends it */
  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Tells everybody once, however much changes at the same moment. */
  changed(): void {
    if (this.#telling) return;
    this.#telling = true;
    queueMicrotask(() => {
      this.#telling = false;
      for (const listener of this.#listeners) listener();
    });
  }
}
