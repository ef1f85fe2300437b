/** What is known of files: their rows, behind the fence of the project that asks. */
import type { ClientBase, Pool } from 'pg';
import { FILE_COLUMNS, type FileRow, type ReadableFile, THERE } from '../storage/file.ts';
import type { StoredObject } from '../storage/object-storage.ts';
import { inTenant, type TenantScope } from '../store/tenant-fence.ts';

/** Whose files; every statement names the project besides the fence. */
export interface FileScope extends TenantScope {
  readonly projectId: string;
}

export interface NewFile {
  readonly id: string;
  readonly filename: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly expiresAt: number;
}

export interface ListQuestion {
  readonly purpose: string | null;
  readonly order: 'asc' | 'desc';
  /** Null begins at the beginning. */
  readonly after: string | null;
  readonly limit: number;
}

/**
 * Who stores a file says so again and again; when a gateway has not for so long, it has ended. Many times the longest
 * pause of a process that lives.
 */
export const HELD_MS = 5 * 60_000;

const GET = `SELECT ${FILE_COLUMNS}, block_hashes FROM files WHERE ${THERE} AND id = $3`;
const DELETE = `UPDATE files SET deleted_at = $2 WHERE ${THERE} AND id = $3 RETURNING id`;
const BEGIN = `
INSERT INTO files (project_id, id, state, purpose, filename, bytes, block_hashes, created_at, expires_at, held_until)
VALUES ($1, $2, 'storing', 'batch', $3, 0, '', $4, $5, $6)`;
/** Not when a sweeper took it for abandoned: then its bytes are about to go. */
const FINISH = `
UPDATE files SET state = 'stored', bytes = $3, block_hashes = $4, expires_at = $5, held_until = NULL
WHERE project_id = $1 AND id = $2 AND state = 'storing' AND deleted_at IS NULL RETURNING ${FILE_COLUMNS}`;
const HOLD = `UPDATE files SET held_until = $2 WHERE id = $1 AND state = 'storing' AND deleted_at IS NULL`;
/** From here on it can no longer become a file. */
const GIVE_UP = `
UPDATE files SET deleted_at = coalesce(deleted_at, $2) WHERE id = $1 AND state = 'storing'`;
const FORGET = `DELETE FROM files WHERE id = $1 AND state = 'storing'`;

const list = (order: 'asc' | 'desc') => `
SELECT ${FILE_COLUMNS} FROM files WHERE ${THERE}
  AND ($3::text IS NULL OR purpose = $3) AND ($4::text IS NULL OR id ${order === 'asc' ? '>' : '<'} $4)
ORDER BY id ${order} LIMIT $5`;
const LISTS = { asc: list('asc'), desc: list('desc') };

export class FileStore {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  async list(scope: FileScope, asked: ListQuestion, now: number): Promise<FileRow[]> {
    const { purpose, order, after, limit } = asked;
    const values = [scope.projectId, new Date(now), purpose, after, limit];
    return this.#rows(scope, LISTS[order], values);
  }

  /** @returns null when there is none for this caller */
  async get(scope: FileScope, id: string, now: number): Promise<ReadableFile | null> {
    const rows = await this.#rows<ReadableFile>(scope, GET, [scope.projectId, new Date(now), id]);
    return rows[0] ?? null;
  }

  /** @returns whether it was there. Its bytes are the sweeper's, when no batch reads them any more. */
  async delete(scope: FileScope, id: string, now: number): Promise<boolean> {
    const rows = await this.#rows(scope, DELETE, [scope.projectId, new Date(now), id]);
    return rows.length > 0;
  }

  /** Before a byte is stored: whatever dies afterwards, a sweeper finds what is left. */
  async begin(scope: FileScope, file: NewFile): Promise<void> {
    const { id, filename, createdAt, expiresAt } = file;
    const times = [createdAt, expiresAt, createdAt + HELD_MS].map((time) => new Date(time));
    await this.#rows(scope, BEGIN, [scope.projectId, id, filename, ...times]);
  }

  /** Its gateway lives, and stores it still. */
  async hold(id: string, now: number): Promise<void> {
    await this.#pool.query(HOLD, [id, new Date(now + HELD_MS)]);
  }

  /** In a transaction of the tenant. @returns null when a sweeper took it for abandoned */
  async finish(
    db: ClientBase,
    { projectId }: FileScope,
    { id, expiresAt }: NewFile,
    { bytes, blockHashes }: StoredObject,
  ): Promise<FileRow | null> {
    const values = [projectId, id, bytes, blockHashes, new Date(expiresAt)];
    const { rows } = await db.query<FileRow>(FINISH, values);
    return rows[0] ?? null;
  }

  /** @returns false when it has become a file: then its bytes are to stay */
  async giveUp(id: string, now: number): Promise<boolean> {
    const { rowCount } = await this.#pool.query(GIVE_UP, [id, new Date(now)]);
    return rowCount === 1;
  }

  /** After `giveUp`, and when its bytes are gone. */
  async forget(id: string): Promise<void> {
    await this.#pool.query(FORGET, [id]);
  }

  #rows<Row extends { id: string } = FileRow>(
    scope: FileScope,
    text: string,
    values: unknown[],
  ): Promise<Row[]> {
    return inTenant(this.#pool, scope, async (db) => (await db.query<Row>(text, values)).rows);
  }
}
