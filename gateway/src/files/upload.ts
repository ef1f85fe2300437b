/** `POST /v1/files`: a form whose file goes to the storage while it comes. */
import { createHash } from 'node:crypto';
import { ApiError, newId } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import type { Places } from '../admin/places.ts';
import type { CallerRequest } from '../caller-route.ts';
import type { CreateOnce, JsonAnswer, KeepAnswer } from '../create-once.ts';
import { objectName, shownFile } from '../storage/file.ts';
import type { FileRoom } from '../storage/file-room.ts';
import type { ObjectStorage, StoredObject } from '../storage/object-storage.ts';
import { inTenant } from '../store/tenant-fence.ts';
import { type FileStore, HELD_MS, type NewFile } from './file-store.ts';
import { expiryOf, purposeOf } from './form-fields.ts';
import { boundaryOf, type FormFile, readForm } from './read-form.ts';
import { told } from './storage-fault.ts';
import { checkLength, readUpload, upTo } from './upload-body.ts';

export interface UploadServices {
  readonly pool: Pool;
  readonly files: FileStore;
  readonly storage: Pick<ObjectStorage, 'put' | 'remove'>;
  readonly createOnce: CreateOnce;
  /** Uploads under way. */
  readonly places: Places;
  readonly room: Pick<FileRoom, 'check'>;
  readonly maxBytes: number;
  /** A file goes after so many days. */
  readonly days: number;
  /** An upload without a byte for so long is broken off. */
  readonly stallMs: number;
  now(): number;
  /** For the operator: what went wrong on our side, and needs no caller to be told. */
  report(requestId: string, cause: unknown): void;
}

/** A file whose bytes are stored, or on their way; nobody sees it before it is finished. */
interface Upload extends NewFile {
  /** As the form says; null has its id for one. */
  readonly named: string | null;
  readonly stored: StoredObject;
}

/** Renewed this often while it is stored. */
const HOLD_EVERY_MS = HELD_MS / 5;
/** To write one row; another attempt with the same Idempotency-Key waits as long. */
const FINISH_MS = 30_000;
const ABANDONED = 'The upload was taken for abandoned; upload the file again';

/**
 * @throws ApiError invalid_content_type, invalid_multipart, invalid_purpose, missing_file, empty_file, file_too_large,
 * invalid_value, request_timeout, rate_limit_exceeded, storage_error, those of `CreateOnce`; and nothing is left then
 */
export async function upload(services: UploadServices, request: CallerRequest): Promise<JsonAnswer> {
  const { headers, caller } = request;
  const boundary = boundaryOf(headers['content-type'], headers['content-encoding']);
  checkLength(headers['content-length'], services.maxBytes);
  await services.room.check(caller.organizationId);
  const body = readUpload(request.body, services);
  const begun: NewFile[] = [];
  try {
    const form = await readForm(
      services.places.during(caller.organizationId, body),
      boundary,
      (file, before) => {
        // A form that begins with a wrong purpose is not stored first.
        if (before.has('purpose')) purposeOf(before);
        return store(services, request, begun, file);
      },
    );
    purposeOf(form.fields);
    const lifeMs = expiryOf(form.fields, services.days);
    if (form.file === null) throw new ApiError('missing_file', { param: 'file' });
    if (form.file.stored.bytes === 0) throw new ApiError('empty_file', { param: 'file' });
    const answer = await finish(services, request, form.file, lifeMs);
    if (answer.replayed) await undo(services, request, begun);
    return answer;
  } catch (thrown) {
    await undo(services, request, begun);
    throw told(thrown);
  }
}

async function store(
  { files, storage, maxBytes, days, now }: UploadServices,
  { caller }: CallerRequest,
  begun: NewFile[],
  { filename: named, content }: FormFile,
): Promise<Upload> {
  const createdAt = now();
  const id = newId('file', createdAt);
  const file = { id, filename: named ?? `${id}.jsonl`, createdAt, expiresAt: createdAt + days * DAY_MS };
  await files.begin(caller, file);
  begun.push(file);
  // What cannot be written now is written at the next time, or the sweeper takes it for abandoned.
  const holding = setInterval(() => void files.hold(id, now()).catch(() => {}), HOLD_EVERY_MS);
  try {
    const stored = await storage.put(objectName(caller.projectId, id), upTo(maxBytes, content));
    return { ...file, named, stored };
  } finally {
    clearInterval(holding);
  }
}

/** Makes it a file, and keeps the answer for its Idempotency-Key, in one transaction. */
function finish(
  services: UploadServices,
  { caller, headers, requestId, hangup }: CallerRequest,
  file: Upload,
  lifeMs: number,
): Promise<JsonAnswer> {
  const { pool, files, createOnce } = services;
  const finished = { ...file, expiresAt: file.createdAt + lifeMs };
  const make = (keep: KeepAnswer) =>
    inTenant(pool, caller, async (db): Promise<JsonAnswer> => {
      const row = await files.finish(db, caller, finished, file.stored);
      if (row === null) throw new ApiError('storage_error', { message: ABANDONED });
      const answer = { kind: 'json', body: shownFile(row) } as const;
      await keep(db, answer);
      return answer;
    });
  const fingerprint = fingerprintOf(file, lifeMs);
  const creation = { caller, headers, requestId, hangup, route: 'files', fingerprint, deadlineMs: FINISH_MS };
  return createOnce(creation, make);
}

/** What the caller sent, and nothing that was made up for it here. */
function fingerprintOf({ named, stored }: Upload, lifeMs: number): Buffer {
  const said = JSON.stringify(['batch', named, stored.bytes, lifeMs]);
  return createHash('sha256').update(said).update(stored.blockHashes).digest();
}

/** Bytes and row of an upload that comes to nothing. What cannot be removed now, the sweeper removes. */
async function undo(
  { files, storage, now, report }: UploadServices,
  { caller, requestId }: CallerRequest,
  begun: readonly NewFile[],
): Promise<void> {
  for (const { id } of begun) {
    try {
      // Where it is not known whether the transaction happened that made it a file, this tells.
      if (!(await files.giveUp(id, now()))) continue;
      await storage.remove(objectName(caller.projectId, id));
      await files.forget(id);
    } catch (cause) {
      report(requestId, cause);
    }
  }
}

const DAY_MS = 24 * 60 * 60 * 1000;
