/** HTTP by hand: sends any bytes at all, and reads what comes back. */
import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

const PATIENCE_MS = 30_000;

/** One TCP connection to a server. */
export class RawConnection {
  /** Resolves when the connection is gone, whoever ended it. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #ended = false;
  #wake: () => void = () => undefined;

  static async open(url: string): Promise<RawConnection> {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new RawConnection(socket);
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#ended = true;
        this.#wake();
        resolve();
      });
    });
  }

  /** Resolves when the bytes are with the system, or never will be. */
  write(bytes: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      if (this.#ended) resolve();
      else
        this.#socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes, () => resolve());
    });
  }

  /** Says that nothing more will be sent. */
  end(): void {
    this.#socket.end();
  }

  /** Hangs up: nothing more is sent or read. */
  destroy(): void {
    this.#socket.destroy();
  }

  /**
   * The next whole answer; null when the connection ends without one. Interim answers (1xx) are passed over.
   * @param head the answer has no body, whatever its headers say
   */
  async answer({ head = false } = {}): Promise<RawAnswer | null> {
    for (;;) {
      const parsed = parseAnswer(this.#received, this.#ended, head);
      if (parsed !== null) {
        this.#received = this.#received.subarray(parsed.length);
        if (parsed.answer.status < 200) continue;
        return parsed.answer;
      }
      if (this.#ended) return null;
      await this.#more();
    }
  }

  /** Everything received and not yet taken, once it holds `text`. */
  async until(text: string): Promise<string> {
    while (!this.#received.includes(text)) {
      if (this.#ended)
        throw new Error(`The connection ended before ${JSON.stringify(text)}: ${this.#received}`);
      await this.#more();
    }
    return this.#received.toString();
  }

  async #more(): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(
      () => late.reject(new Error(`Nothing more came. So far: ${this.#received}`)),
      PATIENCE_MS,
    );
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    await Promise.race([woken, late.promise]).finally(() => clearTimeout(timer));
  }
}

/** Sends bytes on a connection of their own; the answer, or null when the server hung up without one. */
export async function exchange(
  url: string,
  bytes: string | Uint8Array,
  options: { readonly head?: boolean } = {},
): Promise<RawAnswer | null> {
  const connection = await RawConnection.open(url);
  try {
    await connection.write(bytes);
    return await connection.answer(options);
  } finally {
    connection.destroy();
    await connection.closed;
  }
}

function parseAnswer(
  bytes: Buffer,
  ended: boolean,
  head: boolean,
): { answer: RawAnswer; length: number } | null {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd < 0) return null;
  const [statusLine = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n');
  const headers = new Map(
    lines.map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(statusLine)?.[1]);
  const start = headEnd + 4;
  const bodiless = head || status < 200 || status === 204 || status === 304;
  const body = bodiless ? { text: '', end: start } : parseBody(bytes, start, headers, ended);
  return body && { answer: { status, headers, body: body.text }, length: body.end };
}

interface ParsedBody {
  readonly text: string;
  readonly end: number;
}

function parseBody(
  bytes: Buffer,
  start: number,
  headers: ReadonlyMap<string, string>,
  ended: boolean,
): ParsedBody | null {
  if (headers.get('transfer-encoding') === 'chunked') return parseChunks(bytes, start);
  const declared = headers.get('content-length');
  if (declared === undefined)
    return ended ? { text: bytes.toString('utf8', start), end: bytes.length } : null;
  const end = start + Number(declared);
  return bytes.length < end ? null : { text: bytes.toString('utf8', start, end), end };
}

function parseChunks(bytes: Buffer, start: number): ParsedBody | null {
  const parts: Buffer[] = [];
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return null;
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    const next = lineEnd + 2 + size + 2;
    if (bytes.length < next) return null;
    if (size === 0) return { text: Buffer.concat(parts).toString(), end: next };
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = next;
  }
}
