/** A node down to the bytes: a bare TCP connection that speaks as much WebSocket as a test wants, well or badly. */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { findManifest } from '@zerogpu/catalogue';
import {
  type AnnouncedModel,
  CHALLENGE_CONTEXT,
  isRecord,
  NODE_CONNECT_PATH,
  NODE_SUBPROTOCOL,
} from '@zerogpu/protocol';

export interface Heard {
  readonly type: string;
  readonly [field: string]: unknown;
}

export interface DeviceKeys {
  readonly publicKey: string;
  readonly privateKey: KeyObject;
}

export function deviceKeys(): DeviceKeys {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  return { publicKey: String(publicKey.export({ format: 'jwk' }).x), privateKey };
}

export const OPCODES = { more: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export function announcedAs(id: string, changes: Partial<AnnouncedModel> = {}): AnnouncedModel {
  return { id, version: findManifest(id)?.version ?? '1', slots: 4, resident: true, ...changes };
}

export class RawNode {
  readonly keys: DeviceKeys;
  /** Every text that the gateway sent, in order. */
  readonly heard: string[] = [];
  /** Every run that came. */
  readonly runs: Heard[] = [];
  onRun: (run: Heard, node: RawNode) => void = () => undefined;
  /** Resolves with the code of the gateway's goodbye, or null when it hung up without one. */
  readonly closed: Promise<number | null>;
  isClosed = false;
  readonly #socket: Socket;
  readonly #frames: Heard[] = [];
  readonly #waiting: ((frame: Heard | null) => void)[] = [];
  readonly #upgraded = Promise.withResolvers<string>();
  #bytes = Buffer.alloc(0);
  #isUpgraded = false;
  #code: number | null = null;

  /** Resolves when the gateway has switched to the WebSocket. */
  static async open(url: string, keys = deviceKeys(), from?: string): Promise<RawNode> {
    const node = new RawNode(url, keys, from);
    node.write(
      [
        `GET ${NODE_CONNECT_PATH} HTTP/1.1`,
        'host: gateway.example',
        'upgrade: websocket',
        'connection: upgrade',
        'sec-websocket-version: 13',
        `sec-websocket-key: ${randomBytes(16).toString('base64')}`,
        `sec-websocket-protocol: ${NODE_SUBPROTOCOL}`,
        '\r\n',
      ].join('\r\n'),
    );
    await node.#upgraded.promise;
    return node;
  }

  /** A connection that has said nothing yet. */
  constructor(url: string, keys = deviceKeys(), from?: string) {
    this.keys = keys;
    const { hostname, port } = new URL(url);
    const to = { port: Number(port), host: hostname };
    this.#socket = connect(from === undefined ? to : { ...to, localAddress: from });
    this.#socket.on('data', (bytes) => this.#read(bytes));
    this.#socket.on('error', () => undefined);
    this.#upgraded.promise.catch(() => undefined);
    this.closed = new Promise((resolve) => {
      this.#socket.on('close', () => {
        this.isClosed = true;
        this.#upgraded.reject(new Error('The gateway hung up'));
        for (const waiting of this.#waiting.splice(0)) waiting(null);
        resolve(this.#code);
      });
    });
  }

  /** @returns false when the operating system's buffer is full */
  write(bytes: string | Buffer): boolean {
    return this.#socket.destroyed ? false : this.#socket.write(bytes);
  }

  /** Resolves when what was written has left, or the gateway hung up. */
  async drained(): Promise<void> {
    if (this.#socket.destroyed || this.#socket.writableLength === 0) return;
    await Promise.race([new Promise((resolve) => this.#socket.once('drain', resolve)), this.closed]);
  }

  frame(opcode: number, payload: Buffer, { fin = true, length = payload.length } = {}): boolean {
    return this.write(encoded(opcode, payload, fin, length));
  }

  say(value: unknown): boolean {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    return this.frame(OPCODES.text, Buffer.from(text));
  }

  /** The next frame but runs; null when the gateway hung up instead. */
  async next(): Promise<Heard | null> {
    const frame = this.#frames.shift();
    if (frame || this.isClosed) return frame ?? null;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  hello(nonce: unknown, models: readonly AnnouncedModel[], changes: object = {}): Heard {
    const { publicKey, privateKey } = this.keys;
    const signed = sign(null, Buffer.from(`${CHALLENGE_CONTEXT}${nonce}`), privateKey);
    const capabilities = { cores: 1, memoryBytes: 1, platform: 'test', timeZone: 'UTC' };
    const who = { publicKey, signature: signed.toString('base64url'), name: 'raw', agent: 'raw/1' };
    return { type: 'hello', ...who, capabilities, models, ...changes };
  }

  /** The greeting. @returns what the gateway said to it: welcome or refused; null when it hung up */
  async join(models: readonly AnnouncedModel[], changes: object = {}): Promise<Heard | null> {
    const challenge = await this.next();
    if (challenge === null) return null;
    this.say(this.hello(challenge['nonce'], models, changes));
    return this.next();
  }

  done(id: unknown, text: string, changes: object = {}): void {
    const end = {
      reasoning: null,
      finishReason: 'stop',
      inputTokens: 1,
      outputTokens: 1,
      loadMs: 0,
      modelMs: 1,
    };
    this.say({ type: 'done', id, text, ...end, ...changes });
  }

  /** As one that was frozen: whatever comes lies unread. */
  freeze(): void {
    this.#socket.pause();
  }

  async hangUp(): Promise<void> {
    this.#socket.destroy();
    await this.closed;
  }

  #read(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    if (!this.#isUpgraded) this.#readHead();
    if (!this.#isUpgraded) return;
    for (let frame = this.#take(); frame !== null; frame = this.#take()) this.#handle(frame);
  }

  #readHead(): void {
    const end = this.#bytes.indexOf('\r\n\r\n');
    if (end < 0) return;
    const head = this.#bytes.subarray(0, end).toString();
    if (!head.startsWith('HTTP/1.1 101 ')) {
      this.#upgraded.reject(new Error(head.split('\r\n', 1)[0]));
      return;
    }
    this.#bytes = this.#bytes.subarray(end + 4);
    this.#isUpgraded = true;
    this.#upgraded.resolve(head);
  }

  /** A gateway's frames are whole and not masked. */
  #take(): { readonly opcode: number; readonly payload: Buffer } | null {
    const bytes = this.#bytes;
    if (bytes.length < 2) return null;
    const short = bytes[1]! & 0x7f;
    const from = short === 127 ? 10 : short === 126 ? 4 : 2;
    if (bytes.length < from) return null;
    const length =
      short === 127 ? Number(bytes.readBigUInt64BE(2)) : short === 126 ? bytes.readUInt16BE(2) : short;
    if (bytes.length < from + length) return null;
    this.#bytes = bytes.subarray(from + length);
    return { opcode: bytes[0]! & 0x0f, payload: bytes.subarray(from, from + length) };
  }

  #handle({ opcode, payload }: { readonly opcode: number; readonly payload: Buffer }): void {
    if (opcode === OPCODES.close) {
      this.#code = payload.length >= 2 ? payload.readUInt16BE(0) : null;
      this.frame(OPCODES.close, payload);
    }
    if (opcode === OPCODES.ping) this.frame(OPCODES.pong, payload);
    if (opcode !== OPCODES.text) return;
    const text = payload.toString();
    this.heard.push(text);
    const value: unknown = JSON.parse(text);
    if (!isRecord(value) || typeof value['type'] !== 'string') throw new Error('The gateway sent no frame');
    this.#sort({ ...value, type: value['type'] });
  }

  #sort(frame: Heard): void {
    if (frame.type === 'run') {
      this.runs.push(frame);
      this.onRun(frame, this);
      return;
    }
    if (frame.type === 'cancel' || frame.type === 'beat') return;
    const waiting = this.#waiting.shift();
    if (waiting) waiting(frame);
    else this.#frames.push(frame);
  }
}

/** @param length that the header claims */
function encoded(opcode: number, payload: Buffer, fin: boolean, length: number): Buffer {
  const mask = randomBytes(4);
  const size =
    length < 126
      ? Buffer.from([0x80 | length])
      : length < 65_536
        ? Buffer.concat([Buffer.from([0x80 | 126]), uint(length, 2)])
        : Buffer.concat([Buffer.from([0x80 | 127]), uint(length, 8)]);
  const masked = Buffer.from(payload);
  for (let i = 0; i < masked.length; i++) masked[i] = masked[i]! ^ mask[i % 4]!;
  return Buffer.concat([Buffer.from([(fin ? 0x80 : 0) | opcode]), size, mask, masked]);
}

function uint(value: number, bytes: 2 | 8): Buffer {
  const buffer = Buffer.alloc(bytes);
  if (bytes === 2) buffer.writeUInt16BE(value);
  else buffer.writeBigUInt64BE(BigInt(value));
  return buffer;
}
