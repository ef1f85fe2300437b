/** A proxy in front of a gateway that counts what is asked for, and can spoil or break off what is answered. */
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** What becomes of an answer's body, chunk by chunk; null breaks the connection. */
export type Meddle = (path: string, chunk: Buffer, at: number) => Buffer | null;

export class WatchingProxy {
  readonly #server: Server;
  readonly #target: URL;
  readonly #sockets = new Set<Duplex>();
  /** Every path that was asked for, and the range if any. */
  readonly asked: { path: string; range: string | undefined }[] = [];
  meddle: Meddle = (_path, chunk) => chunk;

  private constructor(target: string) {
    this.#target = new URL(target);
    this.#server = createServer((incoming, response) => this.#pass(incoming, response));
    this.#server.on('upgrade', (incoming, socket, head) => this.#upgrade(incoming, socket, head));
  }

  static async open(target: string): Promise<WatchingProxy> {
    const proxy = new WatchingProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #pass(incoming: IncomingMessage, response: ServerResponse): void {
    const path = incoming.url ?? '/';
    this.asked.push({ path, range: incoming.headers.range });
    const { hostname, port } = this.#target;
    const { method = 'GET', headers } = incoming;
    const outgoing = request({ hostname, port, path, method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      let at = 0;
      answer.on('data', (chunk: Buffer) => {
        const passed = this.meddle(path, chunk, at);
        at += chunk.length;
        if (passed === null) {
          answer.destroy();
          response.destroy();
        } else response.write(passed);
      });
      answer.on('end', () => response.end());
      answer.on('error', () => response.destroy());
    });
    outgoing.on('error', () => response.destroy());
    incoming.pipe(outgoing);
  }

  /** Sockets pass as they are. */
  #upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.asked.push({ path: incoming.url ?? '/', range: undefined });
    const lines = [`${incoming.method} ${incoming.url} HTTP/1.1`];
    for (let i = 0; i < incoming.rawHeaders.length; i += 2) {
      lines.push(`${incoming.rawHeaders[i]}: ${incoming.rawHeaders[i + 1]}`);
    }
    const through: Socket = connect(Number(this.#target.port), this.#target.hostname, () => {
      through.write(`${lines.join('\r\n')}\r\n\r\n`);
      through.write(head);
      through.pipe(socket).pipe(through);
    });
    for (const end of [through, socket]) {
      this.#sockets.add(end);
      end.on('error', () => undefined);
      end.on('close', () => {
        this.#sockets.delete(end);
        through.destroy();
        socket.destroy();
      });
    }
  }
}
