import type { Run } from '@zerogpu/protocol';
import { type Refusal, Session, type SessionEnd, type SessionOptions, type Welcome } from './session.ts';
import type { RunPort } from './work.ts';

export interface ConnectionEvents {
  welcomed(welcome: Welcome): void;
  run(run: Run, port: RunPort): void;
  cancel(id: string, port: RunPort): void;
  notice(kind: string, message: string): void;
  ignored(): void;
  /** What the port asked for is void; the next attempt comes by itself. */
  lost(port: RunPort, reason: string, retryInMs: number): void;
  /** The gateway will not have this node, however often it asks: there is no next attempt. */
  refused(code: Refusal, message: string): void;
}

/** Refusals that the same node cannot mend by asking again. */
const FINAL_REFUSALS: ReadonlySet<Refusal> = new Set(['token_invalid', 'revoked', 'version_unsupported']);
/** Welcome for so long and the next loss counts as the first. */
const STABLE_MS = 10_000;

/** Keeps one session with the gateway alive: connects, and connects again whenever it is lost. */
export class Connection {
  readonly #options: SessionOptions;
  readonly #backoff: (attempt: number) => number;
  readonly #events: ConnectionEvents;
  #session: Session | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #attempt = 0;
  #stopped = false;

  /** @param backoff milliseconds to wait after so many connections failed since the last stable one */
  constructor(options: SessionOptions, backoff: (attempt: number) => number, events: ConnectionEvents) {
    this.#options = options;
    this.#backoff = backoff;
    this.#events = events;
  }

  start(): void {
    const session: Session = new Session(this.#options, {
      welcomed: (welcome) => this.#events.welcomed(welcome),
      run: (run, port) => this.#events.run(run, port),
      cancel: (id) => this.#events.cancel(id, session),
      notice: (kind, message) => this.#events.notice(kind, message),
      ignored: () => this.#events.ignored(),
      ended: (end) => this.#ended(session, end),
    });
    this.#session = session;
  }

  sendLoad(): void {
    this.#session?.sendLoad();
  }

  sendDraining(): void {
    this.#session?.sendDraining();
  }

  /** Closes for good; resolves when what was sent has left, or never will. */
  async stop(reason: string): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#retry);
    this.#session?.close(reason);
    await this.#session?.closed;
  }

  #ended(session: Session, { reason, refusal, welcomeMs }: SessionEnd): void {
    if (refusal !== null && FINAL_REFUSALS.has(refusal.code)) {
      this.#stopped = true;
      this.#events.refused(refusal.code, refusal.message);
    }
    if (this.#stopped) return;
    if (welcomeMs >= STABLE_MS) this.#attempt = 0;
    const delay = this.#backoff(this.#attempt++);
    this.#retry = setTimeout(() => this.start(), delay);
    this.#events.lost(session, reason, delay);
  }
}
