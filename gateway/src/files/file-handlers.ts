import { type fileRoutes, idForm, isId } from '@zerogpu/protocol';
import type { ClientBase } from 'pg';
import { notThere } from '../admin/access.ts';
import { boundedRead } from '../admin/bounded-read.ts';
import type { Handlers } from '../admin/handler.ts';
import { limitOf, pageOf, placeOf } from '../admin/paging.ts';
import { Places } from '../admin/places.ts';
import { FILE_COLUMNS, type FileRow, type ReadableFile, THERE } from '../storage/file.ts';
import type { ObjectStorage } from '../storage/object-storage.ts';
import { download } from './download.ts';

export interface FileAdminServices {
  readonly storage: Pick<ObjectStorage, 'read'>;
}

/** Of one gateway: each holds two blocks of 256 KiB, and its share of the disk. */
const MOST_DOWNLOADS = 16;
const DOWNLOADS_OF_ORGANIZATION = 4;

const FILE_ID = idForm('file');

const LIST = `
SELECT ${FILE_COLUMNS} FROM files WHERE ${THERE}
  AND ($3::text IS NULL OR id < $3) AND ($4::text IS NULL OR purpose = $4)
ORDER BY id DESC LIMIT $5`;
const GET = `SELECT ${FILE_COLUMNS} FROM files WHERE ${THERE} AND id = $3`;
const WITH_HASHES = `SELECT ${FILE_COLUMNS}, block_hashes FROM files WHERE ${THERE} AND id = $3`;
/** Its bytes are the sweeper's, when no batch reads them any more. */
const DELETE = `UPDATE files SET deleted_at = $2 WHERE ${THERE} AND id = $3 RETURNING ${FILE_COLUMNS}`;

export function makeFileHandlers({ storage }: FileAdminServices): Handlers<keyof typeof fileRoutes> {
  const places = new Places(MOST_DOWNLOADS, DOWNLOADS_OF_ORGANIZATION, 'downloads');
  return {
    async listFiles({ projectId, query, now, tenant }) {
      const limit = limitOf(query);
      const [before] = placeOf(query, [FILE_ID]) ?? [null];
      const { purpose = null } = query;
      const values = [projectId, new Date(now), before, purpose, limit + 1];
      const { rows } = await boundedRead(tenant, (db) => db.query<FileRow>(LIST, values));
      return pageOf(rows, limit, shown, ({ id }) => [id]);
    },

    async getFile({ projectId, params, now, tenant }) {
      return shown(await tenant((db) => one<FileRow>(db, GET, projectId, params.fileId, now)));
    },

    async getFileContent({ organizationId, projectId, params, now, tenant }) {
      const row = await tenant((db) => one<ReadableFile>(db, WITH_HASHES, projectId, params.fileId, now));
      const text = await download({ storage, places }, organizationId, row);
      return { content: 'application/jsonl', filename: safeName(row.filename), text };
    },

    async deleteFile({ projectId, params, now, tenant, audit }) {
      await tenant(async (db) => {
        const { id, filename } = await one<FileRow>(db, DELETE, projectId, params.fileId, now);
        await audit(db, { kind: 'file', id, details: { filename } });
      });
    },
  };
}

async function one<Row extends FileRow>(
  db: ClientBase,
  text: string,
  projectId: string,
  fileId: string,
  now: number,
): Promise<Row> {
  // A NUL in a path would be an error of the database.
  if (!isId('file', fileId)) throw notThere('file');
  const { rows } = await db.query<Row>(text, [projectId, new Date(now), fileId]);
  if (rows[0] === undefined) throw notThere('file');
  return rows[0];
}

/** In a header, whatever the file is called: a caller named it. */
function safeName(filename: string): string {
  return filename.replaceAll(/[^\w.-]+/g, '_').slice(0, 100);
}

function shown({ id, project_id, filename, purpose, bytes, is_error, created_at, expires_at }: FileRow) {
  return {
    ...{ id, project_id, filename, purpose, is_error },
    bytes: Number(bytes),
    created_at: created_at.toISOString(),
    expires_at: expires_at.toISOString(),
  };
}
