import type { Pool } from 'pg';
import { objectName, STORED_COLUMNS, type StoredRow, storedOf } from '../../storage/file.ts';
import { makeKept } from '../../storage/kept.ts';
import { StorageError, type StoredObject } from '../../storage/object-storage.ts';
import type { VerifiedReader } from '../../storage/verified-reader.ts';
import type { ClaimedLine } from './line-store.ts';

/** Hashes of 200 MB are 25 KB: of as many files as are worked on in turn, at most 2 MB. */
const MOST_FILES = 64;

const FIND = {
  name: 'lines.input-file',
  text: `SELECT ${STORED_COLUMNS} FROM files WHERE id = $1 AND project_id = $2 AND removed_at IS NULL`,
};

/** Where the texts of lines are: parts of input files, checked. */
export interface InputTexts {
  /** @throws StorageError; what the database throws */
  read(line: ClaimedLine): Promise<Buffer>;
}

/** What was stored never changes, so that it is asked for once for many lines. */
export function makeInputTexts(pool: Pool, reader: VerifiedReader): InputTexts {
  const files = makeKept<StoredObject>(MOST_FILES);
  return {
    async read(line) {
      const name = objectName(line.projectId, line.inputFileId);
      const { start, length } = line;
      const stored = await files.get(name, () => findStored(pool, line));
      const text = await reader.read(name, stored, { start, end: start + length });
      if (text.length === length) return text;
      throw new StorageError('damaged', `The stored object ${name} ends before byte ${start + length}`);
    },
  };
}

async function findStored(pool: Pool, { inputFileId, projectId }: ClaimedLine): Promise<StoredObject> {
  const values = [inputFileId, projectId];
  const { rows } = await pool.query<StoredRow>({ ...FIND, values });
  const row = rows[0];
  if (row === undefined) throw new StorageError('missing', `No file ${inputFileId} in its project`);
  return storedOf(row);
}
