import type { FileObject } from '@zerogpu/protocol';

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
