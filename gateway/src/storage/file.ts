import type { FileObject } from '@zerogpu/protocol';
import type { StoredObject } from './object-storage.ts';

export type FilePurpose = FileObject['purpose'];

/** A row of `files`, as far as callers are concerned. */
export interface FileRow {
  readonly id: string;
  readonly project_id: string;
  readonly purpose: FilePurpose;
  readonly filename: string;
  /** Text, because the driver gives bigints so. */
  readonly bytes: string;
  readonly is_error: boolean;
  readonly created_at: Date;
  readonly expires_at: Date;
}

export const FILE_COLUMNS =
  'id, project_id, purpose, filename, bytes::text AS bytes, is_error, created_at, expires_at';

/** What is stored of a file, as its row says. */
export interface StoredRow {
  /** Text, because the driver gives bigints so. */
  readonly bytes: string;
  readonly block_hashes: Buffer;
}

/** A file with what it takes to read it. */
export type ReadableFile = FileRow & StoredRow;

export const STORED_COLUMNS = 'bytes::text AS bytes, block_hashes';

export function storedOf({ bytes, block_hashes: blockHashes }: StoredRow): StoredObject {
  return { bytes: Number(bytes), blockHashes };
}

/** Those that callers may see: stored, not deleted, not expired. $1 is the project, $2 now. */
export const THERE = "project_id = $1 AND state = 'stored' AND deleted_at IS NULL AND expires_at > $2";

/** Where its bytes lie in the storage. */
export function objectName(projectId: string, fileId: string): string {
  return `${projectId}/${fileId}`;
}

/** As callers see it. */
export function shownFile(row: FileRow): FileObject {
  return {
    id: row.id,
    object: 'file',
    bytes: Number(row.bytes),
    created_at: seconds(row.created_at),
    filename: row.filename,
    purpose: row.purpose,
    status: 'processed',
    expires_at: seconds(row.expires_at),
    ...(row.is_error ? { is_error: true as const } : {}),
  };
}

const seconds = (time: Date) => Math.floor(time.getTime() / 1000);
