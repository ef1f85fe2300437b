/** Files and batches as a caller uses them, over HTTP, also while gateways are being killed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { BATCH_ENDPOINT, type BatchObject, type FileObject } from '@zerogpu/protocol';
import type { Json } from './test-gateway.ts';

export interface BatchAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
  /** Null when it is none. */
  readonly json: Json;
}

/** Where a gateway is; a getter may change it. */
export interface BatchDoor {
  readonly url: string;
  readonly apiKey: string;
}

const LOOK_MS = 100;
const ENDED: ReadonlySet<string> = new Set(['completed', 'failed', 'cancelled', 'expired']);

export class BatchClient {
  readonly #door: BatchDoor;

  constructor(door: BatchDoor) {
    this.#door = door;
  }

  async call(route: string, init: RequestInit = {}): Promise<BatchAnswer> {
    const headers = { 'x-api-key': this.#door.apiKey, ...Object(init.headers) };
    const response = await fetch(this.#door.url + route, { ...init, headers });
    const bytes = Buffer.from(await response.arrayBuffer());
    // Not what a file's lines are: application/jsonl.
    const isJson = /^application\/json(;|$)/.test(response.headers.get('content-type') ?? '');
    const { status } = response;
    return { status, headers: response.headers, bytes, json: isJson ? JSON.parse(bytes.toString()) : null };
  }

  post(route: string, body: object, headers: Readonly<Record<string, string>> = {}): Promise<BatchAnswer> {
    const all = { 'content-type': 'application/json', ...headers };
    return this.call(route, { method: 'POST', body: JSON.stringify(body), headers: all });
  }

  upload(content: string | Uint8Array<ArrayBuffer>): Promise<BatchAnswer> {
    const form = new FormData();
    form.set('purpose', 'batch');
    form.set('file', new Blob([content]), 'lines.jsonl');
    return this.call('/v1/files', { method: 'POST', body: form });
  }

  create(fileId: string, endpoint = BATCH_ENDPOINT): Promise<BatchAnswer> {
    return this.post('/v1/batches', { input_file_id: fileId, endpoint, completion_window: '24h' });
  }

  /** Uploads and begins; an answer that is not 200 throws. */
  async begin(content: string | Uint8Array<ArrayBuffer>): Promise<BatchObject> {
    const file: FileObject = good(await this.upload(content));
    return good(await this.create(file.id));
  }

  /** Null while nobody answers as wanted, as between a kill and the next start. */
  async look(batchId: string): Promise<BatchObject | null> {
    const answer = await this.call(`/v1/batches/${batchId}`).catch(() => null);
    return answer?.status === 200 ? answer.json : null;
  }

  /** Looks until the batch has ended. @throws when it takes longer */
  async ended(batchId: string, patienceMs: number): Promise<BatchObject> {
    const until = Date.now() + patienceMs;
    for (;;) {
      const batch = await this.look(batchId);
      if (batch !== null && ENDED.has(batch.status)) return batch;
      if (Date.now() > until) throw new Error(`The batch has not ended: ${JSON.stringify(batch)}`);
      await sleep(LOOK_MS);
    }
  }

  /** Looks until so many lines are done, or it has ended. */
  async progressed(batchId: string, done: number, patienceMs: number): Promise<BatchObject> {
    const until = Date.now() + patienceMs;
    for (;;) {
      const batch = await this.look(batchId);
      if (batch !== null && (ENDED.has(batch.status) || doneOf(batch) >= done)) return batch;
      if (Date.now() > until) throw new Error(`The batch does not get to ${done}: ${JSON.stringify(batch)}`);
      await sleep(LOOK_MS);
    }
  }

  async file(fileId: string): Promise<FileObject> {
    return good(await this.call(`/v1/files/${fileId}`));
  }

  async content(fileId: string): Promise<Buffer> {
    const answer = await this.call(`/v1/files/${fileId}/content`);
    if (answer.status !== 200) throw new Error(`${answer.status} ${answer.bytes}`);
    return answer.bytes;
  }
}

export const doneOf = ({ request_counts }: BatchObject) => request_counts.completed + request_counts.failed;

/** The body of an answer that must be 200. */
export function good(answer: BatchAnswer): Json {
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.bytes.toString('utf8', 0, 2_000)}`);
  return answer.json;
}
