/** A text answer in pieces, such as an export or a file's content: as long as the server's records are, so it is never held whole. */
import { ZeroGPUError } from './errors.ts';
import type { Watch } from './watch.ts';

/** The longest line that is read, in UTF-16 code units, so that memory is bounded. */
const MAX_LINE_LENGTH = 64 * 1024 * 1024;
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

  /**
   * Line by line, without what ends them, and without empty ones.
   * @throws as `text()`
   */
  async *lines(): AsyncGenerator<string, void, undefined> {
    let begun: string[] = [];
    let length = 0;
    for await (const piece of this) {
      const [first = '', ...others] = piece.split('\n');
      begun.push(first);
      length += first.length;
      if (length > MAX_LINE_LENGTH) throw new ZeroGPUError('A line of the text is too long to be held');
      for (const next of others) {
        yield* whole(begun);
        begun = [next];
        length = next.length;
      }
    }
    yield* whole(begun);
  }

  /** The bytes as they come; for what takes streams, such as a `Response` of one's own. */
  stream(): ReadableStream<Uint8Array> {
    const pieces = this.#bytes();
    return new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { done, value } = await pieces.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await pieces.return(undefined);
      },
    });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string, void, undefined> {
    const decoder = new TextDecoder();
    for await (const bytes of this.#bytes()) yield decoder.decode(bytes, { stream: true });
    yield decoder.decode();
  }

  async *#bytes(): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#taken) throw new TypeError('A text can be read only once');
    this.#taken = true;
    const reader = this.#body?.getReader();
    try {
      while (reader !== undefined) {
        this.#watch.restart();
        const { done, value } = await reader.read();
        this.#watch.pause();
        if (done) break;
        yield value;
      }
    } catch (error) {
      throw this.#watch.explain(error);
    } finally {
      this.#watch.end(true);
    }
  }
}

function* whole(pieces: readonly string[]): Generator<string, void, undefined> {
  const line = pieces.join('');
  const text = line.endsWith('\r') ? line.slice(0, -1) : line;
  if (text !== '') yield text;
}
