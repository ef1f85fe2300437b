/** Server-sent events from text that arrives in pieces of any size. Pure; follows the HTML standard, 9.2.6. */

export interface ServerSentEvent {
  /** The `event` field; `message` when the stream names none. */
  readonly event: string;
  /** The `data` lines joined by line feeds. */
  readonly data: string;
}

/** The longest event that is read, in UTF-16 code units; a longer one is refused, so that memory is bounded. */
export const MAX_EVENT_LENGTH = 16 * 1024 * 1024;

/**
 * Turns pieces of a stream into events. A piece may end anywhere, also between CR and LF. What follows the
 * last blank line never becomes an event.
 *
 * @example
 * const parser = new SseParser();
 * parser.push('data: {"a"')   // []
 * parser.push(':1}\n\ndata:') // [{ event: 'message', data: '{"a":1}' }]
 */
export class SseParser {
  readonly #maxLength: number;
  /** A line that has begun and not yet ended. */
  #line = '';
  /** The last piece ended with CR: an LF at the start of the next one belongs to it. */
  #skipLineFeed = false;
  #event = '';
  #data: string[] = [];
  /** Code units held in `#line` and `#data`. */
  #held = 0;

  constructor(maxLength: number = MAX_EVENT_LENGTH) {
    this.#maxLength = maxLength;
  }

  /** @throws RangeError when one event grows beyond the bound */
  push(piece: string): ServerSentEvent[] {
    const events: ServerSentEvent[] = [];
    let start = this.#skipLineFeed && piece.startsWith('\n') ? 1 : 0;
    if (piece !== '') this.#skipLineFeed = false;
    const ends = /\r\n|\r|\n/g;
    ends.lastIndex = start;
    for (let end = ends.exec(piece); end !== null; end = ends.exec(piece)) {
      this.#hold(piece.slice(start, end.index));
      this.#endLine(events);
      start = ends.lastIndex;
      this.#skipLineFeed = end[0] === '\r' && start === piece.length;
    }
    this.#hold(piece.slice(start));
    return events;
  }

  #hold(text: string): void {
    this.#held += text.length;
    if (this.#held > this.#maxLength) {
      throw new RangeError(`An event of the stream is longer than ${this.#maxLength} characters`);
    }
    this.#line += text;
  }

  #endLine(events: ServerSentEvent[]): void {
    const line = this.#line;
    this.#line = '';
    if (line === '') this.#dispatch(events);
    else this.#field(line);
  }

  #field(line: string): void {
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    if (name === 'data' || name === 'event') {
      const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
      if (name === 'data') this.#data.push(value);
      else this.#event = value;
    } else {
      this.#held -= line.length;
    }
  }

  #dispatch(events: ServerSentEvent[]): void {
    if (this.#data.length > 0) {
      events.push({ event: this.#event === '' ? 'message' : this.#event, data: this.#data.join('\n') });
    }
    this.#event = '';
    this.#data = [];
    this.#held = 0;
  }
}
