/**
 * Thousands of nodes in one process: real sockets, real handshakes, the real pauses before they come back, and no model. Each
 * tells its load as often as a node does, and answers what it is asked at once.
 */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { MANIFESTS } from '@zerogpu/catalogue';
import { backoffDelay } from '@zerogpu/node';
import { CHALLENGE_CONTEXT, isRecord, NODE_CONNECT_PATH, NODE_SUBPROTOCOL } from '@zerogpu/protocol';
import { WebSocket } from 'ws';
import { seededRandom } from '../support/random.ts';

export interface IdleReport {
  readonly type: 'report';
  readonly connected: number;
  /** Sockets that ended since the last report. */
  readonly lost: number;
  /** Connections that were tried since the last report. */
  readonly tries: number;
  /** Sent away because too many came at once. */
  readonly turnedAway: number;
  /** Milliseconds between two pings of the gateway, of every node. */
  readonly gaps: Float64Array;
  /** Milliseconds after the last order to connect, or the first loss since, until each was welcome. */
  readonly welcomes: Float64Array;
}

/** What our own node announces: every built-in, with what it found of its speed. */
const MODELS = MANIFESTS.filter(({ runtime }) => runtime === 'zlm').map(({ id, version }) => {
  return { id, version, slots: 16, resident: false, speed: { baseMs: 0.2, perThousandMs: 3 } };
});
/** Nodes come from as many addresses: one alone may have 500 sockets that have not said who they are. */
const ADDRESSES = 40;

interface Counts {
  lost: number;
  tries: number;
  turnedAway: number;
  gaps: number[];
  welcomes: number[];
}

const blank = (): Counts => ({ lost: 0, tries: 0, turnedAway: 0, gaps: [], welcomes: [] });
const random = seededRandom(1);
const nodes: IdleNode[] = [];
let counts = blank();
let since = performance.now();
let toBegin: IdleNode[] = [];

class IdleNode {
  connected = false;
  readonly #number: number;
  readonly #url: string;
  readonly #token: string;
  readonly #publicKey: string;
  readonly #privateKey: KeyObject;
  #socket: WebSocket | null = null;
  #heart: NodeJS.Timeout | undefined;
  #pingedAt = 0;
  #attempt = 0;

  constructor(number: number, url: string, token: string) {
    this.#number = number;
    this.#url = url;
    this.#token = token;
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    this.#publicKey = String(publicKey.export({ format: 'jwk' }).x);
    this.#privateKey = privateKey;
  }

  connect(): void {
    counts.tries++;
    const localAddress = `127.0.1.${1 + (this.#number % ADDRESSES)}`;
    const socket = new WebSocket(this.#url, NODE_SUBPROTOCOL, { perMessageDeflate: false, localAddress });
    this.#socket = socket;
    socket.on('error', () => undefined);
    socket.on('message', (data) => this.#heard(JSON.parse(String(data))));
    socket.on('ping', () => this.#pinged());
    socket.on('close', (code) => this.#closed(code));
  }

  #heard(frame: unknown): void {
    if (!isRecord(frame)) return;
    if (frame['type'] === 'challenge') this.#greet(String(frame['nonce']));
    else if (frame['type'] === 'welcome') this.#welcomed(Number(frame['heartbeatMs']));
    else if (frame['type'] === 'run') this.#answer(String(frame['id']));
    else if (frame['type'] === 'refused') throw new Error(JSON.stringify(frame));
  }

  #greet(nonce: string): void {
    const signature = sign(null, Buffer.from(CHALLENGE_CONTEXT + nonce), this.#privateKey).toString(
      'base64url',
    );
    const device = { cores: 4, memoryBytes: 8e9, platform: 'linux x64', timeZone: 'Europe/Zurich' };
    const about = { name: `idle ${this.#number}`, agent: 'bench', capabilities: device, models: MODELS };
    this.#send({ type: 'hello', publicKey: this.#publicKey, signature, joinToken: this.#token, ...about });
  }

  #welcomed(heartbeatMs: number): void {
    this.connected = true;
    this.#attempt = 0;
    this.#pingedAt = 0;
    counts.welcomes.push(performance.now() - since);
    this.#heart = setInterval(
      () => this.#send({ type: 'load', models: MODELS, residentBytes: 0 }),
      heartbeatMs,
    );
    beginNext();
  }

  #pinged(): void {
    const now = performance.now();
    if (this.#pingedAt > 0) counts.gaps.push(now - this.#pingedAt);
    this.#pingedAt = now;
  }

  #answer(id: string): void {
    const text = 'All nodes are idle.';
    const numbers = { inputTokens: 10, outputTokens: 5, loadMs: 0, modelMs: 0.1 };
    this.#send({ type: 'done', id, text, reasoning: null, finishReason: 'stop', ...numbers });
  }

  #closed(code: number): void {
    clearInterval(this.#heart);
    this.#socket = null;
    if (code === 1013) counts.turnedAway++;
    if (this.connected) {
      if (counts.lost++ === 0) since = performance.now();
      this.connected = false;
    }
    setTimeout(() => this.connect(), backoffDelay(this.#attempt++, random()));
  }

  #send(frame: object): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }
}

function beginNext(): void {
  toBegin.pop()?.connect();
}

function begin({ url, token, count, atOnce }: Record<string, unknown>): void {
  const address = `${String(url).replace(/^http/, 'ws')}${NODE_CONNECT_PATH}`;
  for (let i = nodes.length; i < Number(count); i++) nodes.push(new IdleNode(i, address, String(token)));
  toBegin = nodes.filter(({ connected }) => !connected);
  since = performance.now();
  for (let i = 0; i < Number(atOnce); i++) beginNext();
}

function report(): IdleReport {
  const { gaps, welcomes, ...others } = counts;
  counts = blank();
  return {
    type: 'report',
    connected: nodes.filter(({ connected }) => connected).length,
    ...others,
    gaps: Float64Array.from(gaps),
    welcomes: Float64Array.from(welcomes),
  };
}

process.on('message', (message: unknown) => {
  if (!isRecord(message)) return;
  if (message['type'] === 'begin') begin(message);
  else if (message['type'] === 'report') process.send?.(report());
  else if (message['type'] === 'count') {
    const connected = nodes.filter((node) => node.connected).length;
    process.send?.({ type: 'count', connected });
  }
});
process.on('disconnect', () => process.exit(0));
process.send?.({ type: 'ready' });
