import type { Pool } from 'pg';
import { type LogOwner, type RefusedCall, RefusedKey, type Settlement } from '../flow.ts';
import type { Log } from '../store/log.ts';
import { isUuid } from '../store/tenant-fence.ts';

/** Of one project, in one minute and gateway: enough to see what goes wrong, too few to fill a log with. */
const MAX_PER_MINUTE = 60;
const MINUTE_MS = 60_000;
/** What a flood costs the database: one look a second at so many names. */
const LOOK_EVERY_MS = 1_000;
const MAX_WAITING = 1_000;
/** Names that exist, 100 bytes each. Projects are archived and never deleted, so they need no expiry. */
const MAX_KNOWN = 10_000;

export interface RefusedCallsOptions {
  readonly pool: Pool;
  readonly log: Log;
  settle(settlement: Settlement): Promise<void>;
  now(): number;
  /** For tests. Default a second. */
  readonly everyMs?: number;
}

interface Waiting {
  readonly owner: LogOwner;
  readonly call: RefusedCall;
}

/**
 * Calls that were refused before it was known whose they are (401, 403): logged with the project that they name, when
 * there is such a project. Written behind the answer, so that it takes no longer for a name that exists.
 */
export class RefusedCalls {
  readonly #options: RefusedCallsOptions;
  readonly #known = new Set<string>();
  #waiting: Waiting[] = [];
  #minute = 0;
  /**
   * Of this minute: taken in, by project. Names that turned out to be none are taken out again, so that it holds no more
   * than wait, and the projects that were called wrongly; while the database is away, what waited in a minute.
   */
  readonly #taken = new Map<string, number>();
  #working: Promise<void> | null = null;
  readonly #timer: NodeJS.Timeout;

  constructor(options: RefusedCallsOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.flush(), options.everyMs ?? LOOK_EVERY_MS);
    this.#timer.unref();
  }

  /** Takes a call to be logged, unless its project has had its share or too many wait. */
  offer(call: RefusedCall): void {
    const owner = ownerOf(call);
    if (owner === null || this.#waiting.length >= MAX_WAITING || !this.#take(owner.projectId)) return;
    this.#waiting.push({ owner, call });
  }

  /** Looks which projects exist, and logs. Runs by itself; public for tests and for the end. */
  flush(): Promise<void> {
    this.#working ??= this.#flush().finally(() => {
      this.#working = null;
    });
    return this.#working;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#working;
    await this.flush();
  }

  #take(projectId: string): boolean {
    const minute = Math.floor(this.#options.now() / MINUTE_MS);
    if (minute !== this.#minute) this.#taken.clear();
    this.#minute = minute;
    const taken = this.#taken.get(projectId) ?? 0;
    if (taken >= MAX_PER_MINUTE) return false;
    this.#taken.set(projectId, taken + 1);
    return true;
  }

  async #flush(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    if (waiting.length === 0) return;
    try {
      await this.#learn(new Set(waiting.map(({ owner }) => owner.projectId)));
      const real = waiting.filter(({ owner }) => this.#known.has(owner.projectId));
      await Promise.all(real.map((one) => this.#options.settle(settlementOf(one))));
    } catch (error) {
      this.#options.log.warn({ reason: String(error) }, 'Refused calls were not logged');
    }
  }

  async #learn(names: ReadonlySet<string>): Promise<void> {
    const unknown = [...names].filter((name) => !this.#known.has(name));
    if (unknown.length === 0) return;
    const { rows } = await this.#options.pool.query<{ id: string }>(
      'SELECT id FROM projects WHERE id = ANY ($1::uuid[])',
      [unknown],
    );
    for (const { id } of rows) this.#known.add(id);
    for (const name of unknown) if (!this.#known.has(name)) this.#taken.delete(name);
    // The oldest goes first; a Set keeps the order of insertion. Not those that are about to be logged.
    for (const oldest of this.#known) {
      if (this.#known.size <= MAX_KNOWN) break;
      if (!names.has(oldest)) this.#known.delete(oldest);
    }
  }
}

/** The project that the call names, else the key's own; the key only in the log of its own project. */
function ownerOf({ project, error }: RefusedCall): LogOwner | null {
  const key = error.cause instanceof RefusedKey ? error.cause : null;
  const projectId = project === null ? key?.projectId : project.toLowerCase();
  if (projectId === undefined || !isUuid(projectId)) return null;
  return { projectId, keyId: key?.projectId === projectId ? key.keyId : null };
}

function settlementOf({ owner, call }: Waiting): Settlement {
  const { requestId, startedAt, endpoint, error, totalMs } = call;
  return {
    requestId,
    startedAt,
    caller: owner,
    endpoint,
    requestedModel: null,
    servedModel: null,
    status: error.row.status,
    errorCode: error.code,
    inputTokens: 0,
    outputTokens: 0,
    finishReason: null,
    streamed: false,
    tier: 'interactive',
    replayOf: null,
    cost: 0n,
    held: false,
    route: null,
    routeClass: null,
    totalMs,
    idempotency: null,
  };
}
