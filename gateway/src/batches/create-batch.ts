/** Makes a batch: looks its file up, validates it while it is read, and hands its lines to the workers. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError, type BatchError, errorEnvelope, newId } from '@zerogpu/protocol';
import type { ClientBase, Pool } from 'pg';
import type { Notify } from '../admin/event.ts';
import { Turns } from '../admin/turns.ts';
import type { JsonAnswer, KeepAnswer } from '../create-once.ts';
import type { Caller } from '../flow.ts';
import { readVerified } from '../storage/blocks.ts';
import { objectName } from '../storage/file.ts';
import type { FileRoom } from '../storage/file-room.ts';
import { type ObjectStorage, StorageError, type StoredObject } from '../storage/object-storage.ts';
import { AFTER_RUN_WAITS_MS, retryTransient } from '../store/database-errors.ts';
import { inTenant } from '../store/tenant-fence.ts';
import { inTransaction } from '../store/transaction.ts';
import { type BatchRow, shownBatch } from './batch.ts';
import { batchEvent } from './batch-event.ts';
import { type BegunBatch, beginBatch, findInput } from './batch-store.ts';
import type { NewBatch } from './read-new-batch.ts';
import { validateBatch } from './validate-batch.ts';
import { type InputLimits, quoted } from './validate-input.ts';
import { failBatch, insertLines, readBatch, startBatch } from './validating-store.ts';

export interface CreationServices {
  readonly pool: Pool;
  readonly storage: Pick<ObjectStorage, 'read'>;
  readonly room: Pick<FileRoom, 'checkBatches'>;
  readonly limits: InputLimits;
  /** Whose sign of life says that a batch is still being validated. */
  readonly workerId: string;
  readonly notify: Notify;
  /** There are lines to work on. */
  wake(): void;
  /** Milliseconds since 1970. */
  now(): number;
  /** For the operator: what went wrong on our side. */
  report(requestId: string, cause: unknown): void;
  /** Between tries to write down that a batch has failed; default 5 s. */
  readonly retryMs?: number;
}

export interface Asked {
  readonly caller: Caller;
  readonly requestId: string;
  readonly batch: NewBatch;
  /** While it waits for its turn; once begun it goes on without its caller. */
  readonly hangup: AbortSignal;
  readonly keep: KeepAnswer;
}

/**
 * Each holds a block of its file, a line of it and hashes of ids: 10 MB at the usual limits. More at once would only
 * share the one processor that checks them.
 */
const TURNS = {
  most: 4,
  mostOfOrganization: 2,
  mostWaiting: 200,
  mostWaitingOfOrganization: 50,
  full: {
    message: 'As many batches are being created as this gateway takes; try again in a moment',
    retryAfterSeconds: 5,
  },
};
const DAY_MS = 24 * 60 * 60 * 1000;
const RETRY_MS = 5_000;
const CLOSED = 'The server was stopped while it read the input file; create the batch again';
const LOST = 'The batch was taken for abandoned while its input file was read; create it again';

/** What is done for one batch. */
interface Creating extends Asked {
  readonly begun: BegunBatch;
  readonly input: StoredObject;
}

export class BatchCreation {
  readonly #services: CreationServices;
  readonly #turns = new Turns(TURNS);
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<unknown>>();

  constructor(services: CreationServices) {
    this.#services = services;
  }

  /**
   * @returns the batch, or how the first fault of its file is told
   * @throws ApiError file_not_found, rate_limit_exceeded, storage_error, no_capacity, client_closed_request, internal_error
   */
  async create(asked: Asked): Promise<JsonAnswer> {
    const signal = AbortSignal.any([asked.hangup, this.#closing.signal]);
    await this.#services.room.checkBatches(asked.caller.organizationId);
    const create = () => this.#during(this.#createNow(asked));
    return this.#turns.during(asked.caller.organizationId, create, signal);
  }

  /** Those that are being validated fail, and say why. */
  async close(): Promise<void> {
    this.#closing.abort(new ApiError('internal_error', { message: CLOSED }));
    await Promise.allSettled(this.#running);
  }

  async #createNow(asked: Asked): Promise<JsonAnswer> {
    const creating = await this.#begin(asked);
    try {
      const started = await this.#start(creating, await this.#validate(creating));
      this.#services.wake();
      return { kind: 'json', body: shownBatch(started) };
    } catch (thrown) {
      return this.#fail(creating, faultOf(thrown, asked.batch));
    }
  }

  /** @throws ApiError file_not_found: then there is no batch */
  async #begin(asked: Asked): Promise<Creating> {
    const { pool, workerId, now } = this.#services;
    const { caller, batch } = asked;
    const createdAt = now();
    const begun: BegunBatch = {
      ...batch,
      id: newId('batch', createdAt),
      projectId: caller.projectId,
      keyId: caller.keyId,
      createdAt,
      expiresAt: createdAt + DAY_MS,
      workerId,
    };
    const begin = async (db: ClientBase) => {
      const found = await findInput(db, caller.projectId, batch.inputFileId, createdAt);
      if (found !== null) await beginBatch(db, begun);
      return found;
    };
    const input = await retryTransient(() => inTenant(pool, caller, begin));
    if (input === null) throw noFile(`Input file not found: ${quoted(batch.inputFileId)}`);
    return { ...asked, begun, input };
  }

  #validate({ begun, input }: Creating): Promise<number> {
    const { pool, storage, limits } = this.#services;
    const name = objectName(begun.projectId, begun.inputFileId);
    return validateBatch({
      endpoint: begun.endpoint,
      limits,
      bytes: input.bytes,
      read: () => readVerified(storage, name, input, { start: 0, end: input.bytes }),
      keep: (lines) => retryTransient(() => insertLines(pool, begun, lines)),
      signal: this.#closing.signal,
    });
  }

  /** Waits for the disk: whatever is known of the batch from here on stays so. */
  async #start({ begun, keep }: Creating, total: number): Promise<BatchRow> {
    const { pool, now } = this.#services;
    return retryTransient(async (failures) => {
      const started = await inTransaction(pool, async (db) => {
        const row = await startBatch(db, begun, total, now());
        if (row !== null) await keep(db, { kind: 'json', body: shownBatch(row) });
        return row;
      });
      if (started !== null) return started;
      // A connection that broke does not say whether it had happened.
      const found = failures > 0 ? await readBatch(pool, begun.id) : null;
      if (found === null || found.in_progress_at === null)
        throw new ApiError('internal_error', { message: LOST });
      return found;
    });
  }

  /**
   * A fault of the file is the answer, the same for who asks again under one Idempotency-Key; what is ours is thrown.
   * @throws ApiError
   */
  async #fail(creating: Creating, error: ApiError): Promise<JsonAnswer> {
    const answer: JsonAnswer = { kind: 'json', status: error.row.status, body: errorEnvelope(error) };
    const isFault = error.row.status === 400;
    const keep = isFault ? creating.keep : undefined;
    try {
      await retryTransient(() => this.#writeFailure(creating, error, keep), AFTER_RUN_WAITS_MS);
    } catch (cause) {
      this.#services.report(creating.requestId, cause);
      void this.#during(this.#writeLater(creating, error));
      throw error;
    }
    if (!isFault) throw error;
    return answer;
  }

  async #writeFailure({ begun, caller }: Creating, error: ApiError, keep?: KeepAnswer): Promise<void> {
    const { pool, notify, now } = this.#services;
    const { code, message, line, param } = error;
    const errors: BatchError[] = [{ code, message, line, param }];
    await inTransaction(pool, async (db) => {
      const row = await failBatch(db, begun, JSON.stringify(errors), now());
      if (row === null) return;
      await notify(db, batchEvent(row, caller.organizationId));
      await keep?.(db, { kind: 'json', status: error.row.status, body: errorEnvelope(error) });
    });
  }

  /** The database is away for long. Until it is back or this worker ends, which ends the batch too. */
  async #writeLater(creating: Creating, error: ApiError): Promise<void> {
    const { signal } = this.#closing;
    const { retryMs = RETRY_MS } = this.#services;
    while (!signal.aborted) {
      await sleep(retryMs, undefined, { signal, ref: false }).catch(() => undefined);
      const written = await this.#writeFailure(creating, error).then(
        () => true,
        () => false,
      );
      if (written) return;
    }
  }

  /** `close` waits for it. */
  async #during<T>(work: Promise<T>): Promise<T> {
    this.#running.add(work);
    try {
      return await work;
    } finally {
      this.#running.delete(work);
    }
  }
}

function faultOf(thrown: unknown, { inputFileId }: NewBatch): ApiError {
  if (thrown instanceof ApiError) return thrown;
  if (!(thrown instanceof StorageError)) return new ApiError('internal_error', { cause: thrown });
  if (thrown.kind === 'missing') return noFile(`Input file object missing: ${quoted(inputFileId)}`);
  return new ApiError('storage_error', { cause: thrown });
}

const noFile = (message: string) => new ApiError('file_not_found', { message, param: 'input_file_id' });
