/** A node for tests: a real socket and a real Ed25519 handshake, and otherwise whatever a test makes it say. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { findManifest } from '@zerogpu/catalogue';
import { type AnnouncedModel, CHALLENGE_CONTEXT, isRecord, NODE_SUBPROTOCOL } from '@zerogpu/protocol';
import { WebSocket, WebSocketServer } from 'ws';

export const SUMMARY = 'zlm-v1-summary-cloud';
export const IAB = 'zlm-v1-iab-classify-edge';
export const CHAT = 'llama-3.1-8b-instruct-fast';

export interface Frame {
  readonly type: string;
  readonly [field: string]: unknown;
}

export function announced(id: string, slots = 1, changes: Partial<AnnouncedModel> = {}): AnnouncedModel {
  return { id, version: findManifest(id)?.version ?? '1', slots, resident: true, ...changes };
}

export interface DeviceKeys {
  readonly publicKey: string;
  readonly privateKey: KeyObject;
}

export function deviceKeys(): DeviceKeys {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  return { publicKey: String(publicKey.export({ format: 'jwk' }).x), privateKey };
}

/** Frames come out in the order in which the gateway sent them. */
export class ScriptedNode {
  readonly keys: DeviceKeys;
  readonly socket: WebSocket;
  /** What the gateway said last. */
  last: Frame | null = null;
  readonly #frames: Frame[] = [];
  readonly #waiting: ((frame: Frame) => void)[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;

  /** @param autoPong whether pings are answered without being asked to */
  constructor(url: string, keys = deviceKeys(), headers: Record<string, string> = {}, autoPong = true) {
    this.keys = keys;
    this.socket = new WebSocket(url, NODE_SUBPROTOCOL, { headers, perMessageDeflate: false, autoPong });
    this.socket.on('error', () => undefined);
    this.socket.on('message', (data) => this.#heard(JSON.parse(String(data))));
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => resolve({ code, reason: String(reason) }));
    });
  }

  /** The next frame, which must be of this type. */
  async next(type: string): Promise<Frame> {
    const frame =
      this.#frames.shift() ?? (await new Promise<Frame>((resolve) => this.#waiting.push(resolve)));
    if (frame.type !== type) throw new Error(`Expected ${type}, got ${JSON.stringify(frame)}`);
    return frame;
  }

  send(frame: Frame | string): void {
    this.socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  hello(nonce: unknown, models: readonly AnnouncedModel[], changes: object = {}): Frame {
    const { publicKey, privateKey } = this.keys;
    const signature = sign(null, Buffer.from(`${CHALLENGE_CONTEXT}${nonce}`), privateKey).toString(
      'base64url',
    );
    const capabilities = { cores: 1, memoryBytes: 1, platform: 'test', timeZone: 'UTC' };
    return {
      type: 'hello',
      publicKey,
      signature,
      name: 'n',
      agent: 'test',
      capabilities,
      models,
      ...changes,
    };
  }

  /** The whole greeting; the node's id. */
  async join(models: readonly AnnouncedModel[], changes: object = {}): Promise<string> {
    const { nonce } = await this.next('challenge');
    this.send(this.hello(nonce, models, changes));
    return String((await this.next('welcome'))['nodeId']);
  }

  done(id: unknown, text: string, changes: object = {}): void {
    const times = { loadMs: 0, modelMs: 1 };
    const counts = { inputTokens: 1, outputTokens: 1 };
    const end = { reasoning: null, finishReason: 'stop' };
    this.send({ type: 'done', id, text, ...end, ...counts, ...times, ...changes });
  }

  /** Resolves when the gateway has read everything that was sent before. */
  async heard(): Promise<void> {
    const pong = new Promise((resolve) => this.socket.once('pong', resolve));
    this.socket.ping();
    await pong;
  }

  async close(): Promise<void> {
    this.socket.terminate();
    await this.closed;
  }

  #heard(value: unknown): void {
    if (!isRecord(value) || typeof value['type'] !== 'string') throw new Error('The gateway sent no frame');
    const frame: Frame = { ...value, type: value['type'] };
    this.last = frame;
    const waiting = this.#waiting.shift();
    if (waiting) waiting(frame);
    else this.#frames.push(frame);
  }
}

/** A bare WebSocket server on a free port of the loopback. */
export async function listenForNodes(connect: (socket: WebSocket) => void): Promise<NodeListener> {
  const server = createServer();
  const sockets = new WebSocketServer({ server, maxPayload: 4 * 1024 * 1024, autoPong: false });
  sockets.on('connection', connect);
  return { url: `ws://${await listen(server)}`, close: () => closeListener(server, sockets) };
}

export interface NodeListener {
  readonly url: string;
  close(): Promise<void>;
}

/** `127.0.0.1:<free port>` */
export async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return `127.0.0.1:${port}`;
}

async function closeListener(server: Server, sockets: WebSocketServer): Promise<void> {
  for (const socket of sockets.clients) socket.terminate();
  sockets.close();
  await new Promise((resolve) => server.close(resolve));
}
