import { type CursorListing, cursorListing, idInPath } from './listing.ts';
import type { CallOptions } from './options.ts';
import type { TextStream } from './text-stream.ts';
import type { Transport, WithRequestId } from './transport.ts';
import type { FileDeleted, FileList, FileObject, FilePurpose } from './types.ts';
import { type FileSource, uploadOf } from './upload.ts';

/** What `files.create` takes. */
export interface NewFile {
  readonly file: FileSource;
  /** Only `batch`. */
  readonly purpose: 'batch';
  /** Defaults to the name of a `File`, else `upload.jsonl`. */
  readonly filename?: string | undefined;
}

export interface FileQuery {
  readonly purpose?: FilePurpose | undefined;
  /** By time; `desc`, newest first, when absent. */
  readonly order?: 'asc' | 'desc' | undefined;
  /** The `last_id` of the page before. */
  readonly after?: string | undefined;
  /** From 1 to 10000, which is the default. */
  readonly limit?: number | undefined;
}

/** 100 MB take a quarter of an hour at a megabit a second. */
const UPLOAD_TIMEOUT_MS = 15 * 60_000;

export class Files {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * `POST /v1/files`. A stream goes as it comes where this is a process (a browser gathers it first), and is not sent
   * twice: then the call is not tried again.
   *
   * @example
   * await client.files.create({ file: await openAsBlob('requests.jsonl'), purpose: 'batch' });
   * @throws ZeroGPUError, one class per kind of failure; what the stream throws
   */
  async create(
    { file, purpose, filename }: NewFile,
    options: CallOptions = {},
  ): Promise<WithRequestId<FileObject>> {
    const upload = await uploadOf(file, filename, { purpose });
    const call = { method: 'POST', path: '/v1/files', upload, options } as const;
    try {
      return await this.#transport.json<FileObject>({ ...call, leastTimeout: UPLOAD_TIMEOUT_MS });
    } catch (error) {
      throw upload.failure() ?? error;
    } finally {
      upload.end();
    }
  }

  /** `GET /v1/files`: newest first unless told. */
  list(query: FileQuery = {}, options: CallOptions = {}): CursorListing<FileList> {
    return cursorListing<FileList>(this.#transport, '/v1/files', { ...query }, options);
  }

  /** `GET /v1/files/{id}`. */
  async retrieve(id: string, options: CallOptions = {}): Promise<WithRequestId<FileObject>> {
    return this.#transport.json({ method: 'GET', path: `/v1/files/${idInPath('file', id)}`, options });
  }

  /**
   * `GET /v1/files/{id}/content`, never held whole unless you ask for it.
   *
   * @example
   * for await (const line of (await client.files.content(id)).lines()) console.log(JSON.parse(line));
   */
  async content(id: string, options: CallOptions = {}): Promise<TextStream> {
    return this.#transport.text({
      method: 'GET',
      path: `/v1/files/${idInPath('file', id)}/content`,
      options,
    });
  }

  /** `DELETE /v1/files/{id}`. Batches that read it go on. */
  async delete(id: string, options: CallOptions = {}): Promise<WithRequestId<FileDeleted>> {
    return this.#transport.json({ method: 'DELETE', path: `/v1/files/${idInPath('file', id)}`, options });
  }
}
