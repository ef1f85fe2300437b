/** A file of a project as an upload leaves it, however large, put there without one. */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open } from 'node:fs/promises';
import path from 'node:path';
import { newId } from '@zerogpu/protocol';
import type { Project, TestGateway } from './test-gateway.ts';

/** As `files.block_hashes` has them. */
const BLOCK_BYTES = 256 * 1024;

export interface StoredFile {
  readonly id: string;
  readonly path: string;
  readonly bytes: number;
}

/** @param pieces never held together */
export async function storeFile(
  gateway: TestGateway,
  { projectId }: Project,
  pieces: Iterable<Uint8Array | string>,
): Promise<StoredFile> {
  const id = newId('file');
  const folder = path.join(gateway.gateway.dataDir, 'files', projectId);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = path.join(folder, id);
  const { bytes, hashes } = await write(file, pieces);
  await gateway.pool.query(
    `INSERT INTO files (id, project_id, state, purpose, filename, bytes, block_hashes, created_at, expires_at)
     VALUES ($1, $2, 'stored', 'batch', $3, $4, $5, now(), now() + interval '30 days')`,
    [id, projectId, `${randomUUID()}.jsonl`, bytes, hashes],
  );
  return { id, path: file, bytes };
}

async function write(file: string, pieces: Iterable<Uint8Array | string>) {
  const handle = await open(file, 'wx', 0o600);
  const hashes: Buffer[] = [];
  let bytes = 0;
  try {
    for (const block of inBlocks(pieces)) {
      hashes.push(createHash('sha256').update(block).digest());
      bytes += block.length;
      await handle.appendFile(block);
    }
  } finally {
    await handle.close();
  }
  return { bytes, hashes: Buffer.concat(hashes) };
}

function* inBlocks(pieces: Iterable<Uint8Array | string>): Generator<Buffer> {
  let gathered: Buffer[] = [];
  let bytes = 0;
  for (const piece of pieces) {
    gathered.push(Buffer.from(piece));
    bytes += Buffer.byteLength(piece);
    if (bytes < BLOCK_BYTES) continue;
    let rest = Buffer.concat(gathered);
    for (; rest.length >= BLOCK_BYTES; rest = rest.subarray(BLOCK_BYTES)) yield rest.subarray(0, BLOCK_BYTES);
    gathered = [rest];
    bytes = rest.length;
  }
  if (bytes > 0) yield Buffer.concat(gathered);
}
