/** A bucket, as far as the storage asks for it; every method throws what the library throws. */
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  type MultipartUpload,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { type ByteRange, isName } from './object-storage.ts';
import { isMissing } from './s3-errors.ts';
import type { S3Location } from './s3-url.ts';

export interface S3Options {
  /** A connection on which nothing moves for so long is given up. */
  readonly idleMs: number;
}

/** An upload in parts; its parts are numbered from 1. */
export interface Upload {
  /** @returns the part's mark, which the end names again */
  send(part: Buffer, number: number, signal: AbortSignal): Promise<string>;
  end(marks: readonly string[]): Promise<void>;
  abort(): Promise<void>;
}

/** Once more after a moment, and once more: what lasts longer is for whoever asked. */
const ATTEMPTS = 3;
/** A server on the same network answers in milliseconds, one across an ocean in less than a second. */
const CONNECT_MS = 5_000;
/** More than the readers and writers that a gateway lets in at once; a slow reader keeps one. */
const MOST_SOCKETS = 256;
/** A thousand uploads each: far more than ends without us within a day. */
const MOST_PAGES = 100;

export class Bucket {
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;

  constructor(location: S3Location, { idleMs }: S3Options) {
    this.#bucket = location.bucket;
    this.#prefix = location.prefix;
    this.#client = new S3Client({
      endpoint: location.endpoint,
      region: location.region,
      forcePathStyle: location.pathStyle,
      ...(location.credentials === null ? {} : { credentials: location.credentials }),
      maxAttempts: ATTEMPTS,
      // Checksums in AWS's newest form, which other servers store as a part of the object, or refuse; ours are by block.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler: {
        connectionTimeout: CONNECT_MS,
        // From the first byte sent to the first that is answered: a part of 5 MiB and its storing.
        requestTimeout: 2 * idleMs,
        throwOnRequestTimeout: true,
        socketTimeout: idleMs,
        httpAgent: { maxSockets: MOST_SOCKETS },
        httpsAgent: { maxSockets: MOST_SOCKETS },
      },
    });
  }

  /** All that the storage does to an object; the last question needs the right to be told that something is missing. */
  async tryOut(): Promise<void> {
    const name = `.trial-${randomUUID()}`;
    await this.putWhole(name, Buffer.from('Written to try it out; may be removed.\n'));
    await this.has(name);
    await this.remove(name);
    await this.has(name);
  }

  async putWhole(name: string, bytes: Buffer): Promise<void> {
    await this.#client.send(
      new PutObjectCommand({ ...this.#at(name), Body: bytes, ContentLength: bytes.length }),
    );
  }

  async beginUpload(name: string): Promise<Upload> {
    const begun = await this.#client.send(new CreateMultipartUploadCommand(this.#at(name)));
    const upload = { ...this.#at(name), UploadId: begun.UploadId };
    return {
      send: async (Body, PartNumber, abortSignal) => {
        const sent = await this.#client.send(
          new UploadPartCommand({ ...upload, PartNumber, Body, ContentLength: Body.length }),
          { abortSignal },
        );
        return sent.ETag ?? '';
      },
      end: async (marks) => {
        const Parts = marks.map((ETag, index) => ({ ETag, PartNumber: index + 1 }));
        await this.#client.send(
          new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }),
        );
      },
      abort: async () => {
        await this.#client.send(new AbortMultipartUploadCommand(upload));
      },
    };
  }

  /** The bytes of a range that is not empty, until the connection breaks. */
  async open(name: string, { start, end }: ByteRange): Promise<AsyncIterable<Buffer>> {
    const Range = `bytes=${start}-${end - 1}`;
    const { Body } = await this.#client.send(new GetObjectCommand({ ...this.#at(name), Range }));
    if (Body instanceof Readable) return Body;
    throw new Error('The answer has no body');
  }

  async has(name: string): Promise<boolean> {
    try {
      await this.#client.send(new HeadObjectCommand(this.#at(name)));
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }

  async remove(name: string): Promise<void> {
    await this.#client.send(new DeleteObjectCommand(this.#at(name)));
  }

  /** Ends uploads that began before then. Others may use the same bucket: only names of ours are touched. */
  async sweep(before: Date): Promise<void> {
    let page: ListMultipartUploadsCommandOutput | null = null;
    for (let pages = 0; pages < MOST_PAGES; pages++) {
      page = await this.#listUploads(page);
      for (const upload of page.Uploads ?? []) if (this.#isOurs(upload, before)) await this.#end(upload);
      if (page.IsTruncated !== true) return;
    }
  }

  close(): void {
    this.#client.destroy();
  }

  async #listUploads(after: ListMultipartUploadsCommandOutput | null) {
    return await this.#client.send(
      new ListMultipartUploadsCommand({
        Bucket: this.#bucket,
        Prefix: this.#prefix,
        ...(after === null
          ? {}
          : { KeyMarker: after.NextKeyMarker, UploadIdMarker: after.NextUploadIdMarker }),
      }),
    );
  }

  #isOurs({ Key = '', Initiated }: MultipartUpload, before: Date): boolean {
    const ours = Key.startsWith(this.#prefix) && isName(Key.slice(this.#prefix.length));
    return ours && Initiated !== undefined && Initiated < before;
  }

  async #end({ Key, UploadId }: MultipartUpload): Promise<void> {
    await this.#client.send(new AbortMultipartUploadCommand({ Bucket: this.#bucket, Key, UploadId }));
  }

  #at(name: string) {
    return { Bucket: this.#bucket, Key: this.#prefix + name };
  }
}
