/** A text answer in pieces, such as an export: as long as the server's records are, so it is never held whole. */
import { ZeroGPUError } from './errors.ts';
import type { Watch } from './watch.ts';

/** More is not for one string: read it in pieces. */
const MAX_TEXT_LENGTH = 256 * 1024 * 1024;

/**
 * `for await (const piece of text)`, or `await text.text()` where it is short. Can be read once; leaving the loop early
 * cancels the request.
 */
export class TextStream implements AsyncIterable<string> {
  /** Such as `text/csv; charset=utf-8`. */
  readonly contentType: string;
  /** What a browser would save it as. */
  readonly filename: string | null;
  /** `x-request-id` of the answer. */
  readonly requestId: string | null;
  readonly #body: ReadableStream<Uint8Array> | null;
  readonly #watch: Watch;
  #taken = false;

  constructor({ headers, body }: Response, watch: Watch) {
    watch.pause();
    this.contentType = headers.get('content-type') ?? '';
    this.filename = /filename="([^"]*)"/.exec(headers.get('content-disposition') ?? '')?.[1] ?? null;
    this.requestId = headers.get('x-request-id');
    this.#body = body;
    this.#watch = watch;
  }

  /** @throws ZeroGPUError when it breaks off, is silent for too long, or is longer than 256 million characters */
  async text(): Promise<string> {
    const pieces: string[] = [];
    let length = 0;
    for await (const piece of this) {
      length += piece.length;
      if (length > MAX_TEXT_LENGTH)
        throw new ZeroGPUError('The text is too long to be held; read it in pieces');
      pieces.push(piece);
    }
    return pieces.join('');
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string, void, undefined> {
    if (this.#taken) throw new TypeError('A text can be read only once');
    this.#taken = true;
    const decoder = new TextDecoder();
    const reader = this.#body?.getReader();
    try {
      while (reader !== undefined) {
        this.#watch.restart();
        const { done, value } = await reader.read();
        this.#watch.pause();
        if (done) break;
        yield decoder.decode(value, { stream: true });
      }
      yield decoder.decode();
    } catch (error) {
      throw this.#watch.explain(error);
    } finally {
      this.#watch.end(true);
    }
  }
}
