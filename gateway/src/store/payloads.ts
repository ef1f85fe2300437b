/** What was sent and said, for projects that keep it: encrypted, cut, written after the answer, forgotten in time. */
import type { Pool, PoolClient } from 'pg';
import type { Payload } from '../flow.ts';
import { AFTER_RUN_WAITS_MS, blamesItem, retryTransient } from './database-errors.ts';
import { Grouped } from './grouped.ts';
import type { Log } from './log.ts';
import type { Secrets } from './secrets.ts';

/** Of each body: a long prompt or answer whole, and a table that no single request can fill. */
export const MAX_PAYLOAD_BYTES = 64 * 1024;
const DAY_MS = 24 * 60 * 60 * 1_000;
/** Bodies of one statement: at their largest 8 MB. */
const MAX_GROUP = 64;
/** In memory behind a slow database; beyond it bodies are lost, and counted. */
const MAX_WAITING_BYTES = 32 * 1024 * 1024;

export interface KeptPayload {
  /** Null when the body was never read. */
  readonly request: string | null;
  readonly answer: string | null;
  /** Only the first 64 KB are there. */
  readonly requestTruncated: boolean;
  readonly answerTruncated: boolean;
  readonly expiresAt: Date;
}

/** In the order of the project's primary key. */
const READ = `
SELECT request, answer, request_truncated, answer_truncated, expires_at
FROM request_payloads WHERE project_id = $1 AND request_id = $2 AND expires_at > now()`;

interface Row {
  readonly request: Buffer | null;
  readonly answer: Buffer | null;
  readonly request_truncated: boolean;
  readonly answer_truncated: boolean;
  readonly expires_at: Date;
}

/**
 * The bodies of one request; null when none are kept, or no more.
 * @throws SecretError when they were encrypted with another server secret
 */
export async function readPayload(
  db: Pool | PoolClient,
  secrets: Secrets,
  projectId: string,
  requestId: string,
): Promise<KeptPayload | null> {
  const { rows } = await db.query<Row>(READ, [projectId, requestId]);
  const row = rows[0];
  if (!row) return null;
  const open = (part: 'request' | 'answer') => {
    const sealed = row[part];
    return sealed === null ? null : secrets.decrypt(sealed, context(projectId, requestId, part));
  };
  return {
    request: open('request'),
    answer: open('answer'),
    requestTruncated: row.request_truncated,
    answerTruncated: row.answer_truncated,
    expiresAt: row.expires_at,
  };
}

/** Bound to its place: a body cannot be read as another request's, or as the other half of its own. */
function context(projectId: string, requestId: string, part: 'request' | 'answer'): string {
  return `payload of ${projectId} ${requestId}: ${part}`;
}

export interface PayloadWriterOptions {
  readonly pool: Pool;
  readonly secrets: Secrets;
  readonly log: Log;
  /** Bodies are not kept longer than the log that leads to them. */
  readonly logDays: number;
  /** One was not written: too many waited, or the database failed. */
  lost(): void;
  /** Default 32 MB. */
  readonly maxWaitingBytes?: number;
}

interface Waiting {
  readonly projectId: string;
  readonly requestId: string;
  readonly expiresAt: string;
  readonly request: Cut | null;
  readonly answer: Cut | null;
  readonly bytes: number;
}

/** Writes bodies in groups, behind the answers: no request waits for it, and none fails with it. */
export class PayloadWriter {
  readonly #options: PayloadWriterOptions;
  readonly #queue: Grouped<Waiting, undefined>;
  #waitingBytes = 0;

  constructor(options: PayloadWriterOptions) {
    this.#options = options;
    this.#queue = new Grouped({ flush: (group) => this.#write(group), maxGroup: MAX_GROUP, blamesItem });
  }

  /** Takes the bodies if their project wants them. */
  offer(payload: Payload): void {
    if (!wanted(payload)) return;
    const waiting = cutOf(payload, this.#options.logDays);
    if (this.#waitingBytes + waiting.bytes > (this.#options.maxWaitingBytes ?? MAX_WAITING_BYTES)) {
      this.#options.lost();
      return;
    }
    this.#waitingBytes += waiting.bytes;
    this.#queue
      .add(waiting)
      .catch((error: unknown) => {
        this.#options.lost();
        this.#options.log.warn({ reason: nameOf(error) }, 'The bodies of a request were not kept');
      })
      .finally(() => {
        this.#waitingBytes -= waiting.bytes;
      });
  }

  /** Resolves when all that was taken is written or lost. */
  drain(): Promise<void> {
    return this.#queue.drain();
  }

  close(): Promise<void> {
    return this.#queue.close();
  }

  async #write(group: readonly Waiting[]): Promise<undefined[]> {
    const { pool, secrets } = this.#options;
    const sealed = (part: 'request' | 'answer') =>
      group.map(({ projectId, requestId, [part]: cut }) =>
        cut === null ? null : secrets.encrypt(cut.text, context(projectId, requestId, part)),
      );
    const values = [
      group.map((one) => one.projectId),
      group.map((one) => one.requestId),
      group.map((one) => one.expiresAt),
      sealed('request'),
      sealed('answer'),
      group.map((one) => one.request?.truncated ?? false),
      group.map((one) => one.answer?.truncated ?? false),
    ];
    // Written twice after an answer that was lost on the way: the first is as good.
    await retryTransient(() => pool.query({ ...WRITE, values }), AFTER_RUN_WAITS_MS);
    return group.map(() => undefined);
  }
}

const WRITE = {
  name: 'payloads.write',
  text: `
INSERT INTO request_payloads (project_id, request_id, expires_at, request, answer, request_truncated, answer_truncated)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::bytea[], $5::bytea[], $6::boolean[], $7::boolean[])
ON CONFLICT DO NOTHING`,
};

/** Never its text: an error of the database may quote what it was given. */
function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  return 'code' in error ? `${error.name} ${String(error.code)}` : error.name;
}

function wanted({ caller, status }: Payload): boolean {
  return caller.payloadPolicy === 'all' || (caller.payloadPolicy === 'errors' && status >= 400);
}

function cutOf({ requestId, startedAt, caller, request, answer }: Payload, logDays: number): Waiting {
  const days = Math.min(caller.payloadDays, logDays);
  const halves = {
    request: request === null ? null : cutBytes(request),
    // A character has at least one byte: what lies beyond so many characters is cut in any case.
    answer: answer === null ? null : cutBytes(Buffer.from(answer.slice(0, MAX_PAYLOAD_BYTES + 1))),
  };
  return {
    projectId: caller.projectId,
    requestId,
    expiresAt: new Date(startedAt + days * DAY_MS).toISOString(),
    ...halves,
    bytes: (halves.request?.text.length ?? 0) + (halves.answer?.text.length ?? 0),
  };
}

interface Cut {
  readonly text: string;
  readonly truncated: boolean;
}

/** At the end of a character. A copy: a piece of the buffer would keep all of it in memory. */
function cutBytes(bytes: Uint8Array): Cut {
  let end = Math.min(bytes.length, MAX_PAYLOAD_BYTES);
  const truncated = end < bytes.length;
  while (truncated && end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  return { text: new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, end)), truncated };
}
