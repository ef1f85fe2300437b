/** `/v1/files` and what is below it. */
import { ApiError, type FileDeleted, isId } from '@zerogpu/protocol';
import { Places } from '../admin/places.ts';
import type { CallerRequest, CallerRoute } from '../caller-route.ts';
import { type ReadableFile, shownFile } from '../storage/file.ts';
import type { ObjectStorage } from '../storage/object-storage.ts';
import { fileContent } from './file-content.ts';
import { FileStore } from './file-store.ts';
import { listFiles } from './list-files.ts';
import { type UploadServices, upload } from './upload.ts';

export interface FileServices extends Omit<UploadServices, 'files' | 'storage' | 'places'> {
  readonly storage: Pick<ObjectStorage, 'put' | 'remove' | 'read'>;
}

/** Of one gateway: each holds 0.5 MiB, 10 MiB where files go to S3, which is 320 MiB in all. */
const MOST_UPLOADS = 32;
const UPLOADS_OF_ORGANIZATION = 16;
/** Each holds two blocks of 256 KiB. */
const MOST_DOWNLOADS = 64;
const DOWNLOADS_OF_ORGANIZATION = 32;

export interface FileRoutes {
  readonly routes: readonly CallerRoute[];
  /** Waits for uploads to end, once the server has ended their connections: what they stored is then gone. */
  close(): Promise<void>;
}

export function makeFileRoutes(services: FileServices): FileRoutes {
  const files = new FileStore(services.pool);
  const uploads = new Places(MOST_UPLOADS, UPLOADS_OF_ORGANIZATION, 'uploads');
  const downloads = new Places(MOST_DOWNLOADS, DOWNLOADS_OF_ORGANIZATION, 'downloads');
  const uploading = { ...services, files, places: uploads };
  const running = new Set<Promise<unknown>>();
  const reading = { ...services, places: downloads };
  const routes: CallerRoute[] = [
    { method: 'POST', path: '/v1/files', answer: (request) => during(running, upload(uploading, request)) },
    { method: 'GET', path: '/v1/files', answer: (request) => listFiles(files, request) },
    {
      method: 'GET',
      path: FILE,
      answer: async (request) => json(shownFile(await one(files, request))),
    },
    { method: 'DELETE', path: FILE, answer: async (request) => json(await remove(files, request)) },
    {
      method: 'GET',
      path: `${FILE}/content`,
      answer: async (request) => fileContent(reading, request, await one(files, request)),
    },
  ];
  return { routes, close: async () => void (await Promise.allSettled(running)) };
}

/** Known as running until it has ended. */
async function during<T>(running: Set<Promise<unknown>>, work: Promise<T>): Promise<T> {
  running.add(work);
  try {
    return await work;
  } finally {
    running.delete(work);
  }
}

const FILE = '/v1/files/:fileId';

const json = (body: object) => ({ kind: 'json', body }) as const;

async function one(files: FileStore, { caller, params, now }: CallerRequest): Promise<ReadableFile> {
  const id = params['fileId'] ?? '';
  const file = isId('file', id) ? await files.get(caller, id, now) : null;
  if (file === null) throw notFound(id);
  return file;
}

async function remove(files: FileStore, { caller, params, now }: CallerRequest): Promise<FileDeleted> {
  const id = params['fileId'] ?? '';
  const removed = isId('file', id) && (await files.delete(caller, id, now));
  if (!removed) throw notFound(id);
  return { id, object: 'file', deleted: true };
}

/** The same whether it never was, is another project's, was deleted or has expired. */
function notFound(id: string): ApiError {
  return new ApiError('file_not_found', { message: `File ${id.slice(0, 200)} not found` });
}
