import type { IncomingHttpHeaders } from 'node:http';
import { API_KEY_PREFIX, ApiError, isWellFormedSecret } from '@zerogpu/protocol';
import { type Caller, type PayloadPolicy, type Reach, RefusedKey, type ScopeLimits } from '../flow.ts';

/** What the database knows of a key. */
export interface KeyRecord extends Reach {
  readonly keyId: string;
  readonly projectId: string;
  readonly projectActive: boolean;
  readonly walletId: string;
  /** Those that both the project and the key allow; null allows all. */
  readonly allowedModels: readonly string[] | null;
  readonly limits: ScopeLimits;
  readonly standIns: boolean | null;
  readonly payloadPolicy: PayloadPolicy;
  readonly payloadDays: number;
  /** Revoked or past its expiry. */
  readonly ended: boolean;
}

export interface KeyFinder {
  /** The record of a key, at most one second old; null when there is none. */
  find(key: string, now: number): Promise<KeyRecord | null>;
  /** The same by the key's id: for what was begun with it and goes on without its caller. */
  findById(keyId: string, now: number): Promise<KeyRecord | null>;
}

/**
 * Step 1: whose key, from the headers alone, before any of the body is read.
 * @throws ApiError invalid_api_key, invalid_project
 */
export async function authenticate(
  keys: Pick<KeyFinder, 'find'>,
  headers: IncomingHttpHeaders,
  now: number,
): Promise<Caller> {
  const key = keyOf(headers);
  if (key === null) {
    throw new ApiError('invalid_api_key', {
      message: 'No API key: send it as x-api-key, or as authorization: Bearer <key>',
    });
  }
  if (!isWellFormedSecret(API_KEY_PREFIX, key)) {
    throw new ApiError('invalid_api_key', {
      message: `The API key is mistyped or cut off: a key is ${API_KEY_PREFIX} and 38 letters and digits`,
    });
  }
  const record = await keys.find(key, now);
  if (record === null)
    throw new ApiError('invalid_api_key', { message: 'No such API key: another server or database made it' });
  return admitted(record, headers['x-project-id']);
}

/**
 * The same for a line of a batch, by the key that made the batch.
 * @throws ApiError invalid_api_key, invalid_project
 */
export async function authenticateById(
  keys: Pick<KeyFinder, 'findById'>,
  keyId: string,
  now: number,
): Promise<Caller> {
  const record = await keys.findById(keyId, now);
  if (record === null) throw new ApiError('invalid_api_key', { message: 'The API key is no longer there' });
  return admitted(record, undefined);
}

function admitted(record: KeyRecord, project: string | string[] | undefined): Caller {
  const cause = new RefusedKey(record);
  if (record.ended)
    throw new ApiError('invalid_api_key', { message: 'The API key is revoked or expired', cause });
  if (project !== undefined && String(project).toLowerCase() !== record.projectId)
    throw new ApiError('invalid_project', { cause });
  if (!record.projectActive) {
    throw new ApiError('invalid_project', { message: 'The project of this API key is archived', cause });
  }
  return {
    keyId: record.keyId,
    projectId: record.projectId,
    organizationId: record.organizationId,
    privacy: record.privacy,
    upstreams: record.upstreams,
    walletId: record.walletId,
    allowedModels: record.allowedModels === null ? null : new Set(record.allowedModels),
    limits: record.limits,
    standIns: record.standIns,
    payloadPolicy: record.payloadPolicy,
    payloadDays: record.payloadDays,
  };
}

/** `x-api-key` wins: clients of the older kind put a dummy into the bearer. */
function keyOf(headers: IncomingHttpHeaders): string | null {
  const own = headers['x-api-key'];
  if (typeof own === 'string' && own !== '') return own;
  const match = /^bearer +(\S+) *$/i.exec(headers.authorization ?? '');
  return match?.[1] ?? null;
}
