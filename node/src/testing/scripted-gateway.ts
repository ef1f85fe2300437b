/** The gateway's end of the wire for tests: a real WebSocket server that says what the test tells it to. */
import { createPublicKey, randomBytes, verify } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CHALLENGE_CONTEXT,
  type GatewayFrame,
  type Hello,
  type Inference,
  NODE_CONNECT_PATH,
  type NodeFrame,
  plainInference,
} from '@zerogpu/protocol';
import { type WebSocket, WebSocketServer } from 'ws';

type FrameOf<T extends NodeFrame['type']> = Extract<NodeFrame, { type: T }>;

export class ScriptedGateway {
  readonly port: number;
  /** Answers what is asked over HTTP; at first there is nothing. */
  answer: RequestListener = (_request, response) => response.writeHead(404).end();
  readonly #http: Server;
  readonly #server: WebSocketServer;
  /** Sockets that nodes opened, in order, for the test to take with `accept`. */
  readonly #arrivals: NodeSocket[] = [];
  readonly #waiting: ((socket: NodeSocket) => void)[] = [];

  private constructor(http: Server, server: WebSocketServer) {
    this.#http = http;
    this.#server = server;
    this.port = (http.address() as AddressInfo).port;
    http.on('request', (request, response) => this.answer(request, response));
    server.on('connection', (socket) => {
      const arrival = new NodeSocket(socket);
      const taker = this.#waiting.shift();
      if (taker) taker(arrival);
      else this.#arrivals.push(arrival);
    });
  }

  static async start(port = 0): Promise<ScriptedGateway> {
    const http = createServer();
    const server = new WebSocketServer({ server: http, path: NODE_CONNECT_PATH, autoPong: true });
    http.listen(port, '127.0.0.1');
    await once(http, 'listening');
    return new ScriptedGateway(http, server);
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}${NODE_CONNECT_PATH}`;
  }

  /** The next node that connects, before anything was said. */
  accept(): Promise<NodeSocket> {
    const arrived = this.#arrivals.shift();
    if (arrived) return Promise.resolve(arrived);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The next node that connects, greeted and welcome. */
  async welcome(heartbeatMs = 60_000, more: object = {}): Promise<NodeSocket> {
    const node = await this.accept();
    await node.greet();
    node.send({ type: 'welcome', nodeId: 'node_test', heartbeatMs, ...more });
    return node;
  }

  async stop(): Promise<void> {
    for (const client of this.#server.clients) client.terminate();
    this.#server.close();
    this.#http.close();
    this.#http.closeAllConnections();
    await once(this.#http, 'close');
  }
}

/** One node's socket, with everything that it said kept until the test asks for it. */
export class NodeSocket {
  readonly frames: NodeFrame[] = [];
  readonly closed: Promise<number>;
  readonly #socket: WebSocket;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => this.frames.push(JSON.parse(String(data))));
    socket.on('error', () => undefined);
    this.closed = once(socket, 'close').then(([code]) => code);
  }

  get subprotocol(): string {
    return this.#socket.protocol;
  }

  send(frame: GatewayFrame): void {
    this.#socket.send(JSON.stringify(frame));
  }

  /** A frame that is none of today's. */
  sendAny(frame: object): void {
    this.#socket.send(JSON.stringify(frame));
  }

  /** Reads nothing that the node says. */
  deaf(): void {
    this.#socket.pause();
  }

  sendRaw(data: string | Buffer): void {
    this.#socket.send(data);
  }

  ping(): void {
    this.#socket.ping();
  }

  close(): void {
    this.#socket.close();
  }

  /** Takes the first frame of a type (and, if given, of a run), waiting for it. */
  async next<T extends NodeFrame['type']>(type: T, id?: string): Promise<FrameOf<T>> {
    for (;;) {
      const at = this.frames.findIndex(
        (frame) => frame.type === type && (id === undefined || ('id' in frame && frame.id === id)),
      );
      if (at >= 0) return this.frames.splice(at, 1)[0] as FrameOf<T>;
      await sleep(2);
    }
  }

  /** Challenges the node and checks its signature. */
  async greet(): Promise<Hello> {
    const nonce = randomBytes(32).toString('base64url');
    this.send({ type: 'challenge', nonce });
    const hello = await this.next('hello');
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: hello.publicKey }, format: 'jwk' });
    const signed = verify(
      null,
      Buffer.from(CHALLENGE_CONTEXT + nonce),
      key,
      Buffer.from(hello.signature, 'base64url'),
    );
    if (!signed) throw new Error('the hello is not signed with the key that it shows');
    return hello;
  }

  run(
    id: string,
    inference: Partial<Inference> & { readonly model: string },
    deadlineMs = 60_000,
    priority?: 'batch',
  ): void {
    const frame = { type: 'run', id, deadlineMs, inference: makeInference(inference) } as const;
    this.send({ ...frame, ...(priority ? { priority } : {}) });
  }
}

/** A plain inference, but for what is given. */
function makeInference(given: Partial<Inference> & { readonly model: string }): Inference {
  return { ...plainInference(given.model, given.text ?? 'Some text.'), ...given };
}
