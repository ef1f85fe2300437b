/** A node that says what a test tells it to: a real socket, a real handshake, no model. */
import type { webcrypto } from 'node:crypto';
import { findManifest } from '@zerogpu/catalogue';
import {
  type AnnouncedModel,
  CHALLENGE_CONTEXT,
  type GatewayFrame,
  type Hello,
  MODERATION_CATEGORIES,
  NODE_CONNECT_PATH,
  NODE_SUBPROTOCOL,
  type NodeFrame,
  type Run,
  readGatewayFrame,
} from '@zerogpu/protocol';

export const SUMMARY = 'zlm-v1-summary-cloud';
export const IAB = 'zlm-v1-iab-classify-edge';
export const EMBED = 'zlm-v1-embed-edge';
export const MODERATION = 'zlm-v1-moderation-edge';
export const EXTRACT = 'zlm-v1-extract-edge';
export const PII = 'zlm-v1-pii-edge';
/** At least one of every route. */
export const ALL_ROUTES = [SUMMARY, IAB, EMBED, MODERATION, EXTRACT, PII];

/** What the node does with a run; says nothing when it returns nothing. */
export type Behaviour = (run: Run, node: ScriptedNode) => void;

export type DeviceKeys = webcrypto.CryptoKeyPair;

export interface ScriptedNodeOptions {
  readonly url: string;
  readonly joinToken: string;
  /** Both built-ins with 16 slots unless told. */
  readonly models?: readonly AnnouncedModel[];
  /** Answers with `wordsOf` the text unless told. */
  readonly behaviour?: Behaviour;
  /** What it calls itself. */
  readonly name?: string;
  /** Of its device; new ones unless told. */
  readonly keys?: DeviceKeys;
  /** Over those of a small server. */
  readonly capabilities?: Partial<Hello['capabilities']>;
}

export function announced(id: string, slots = 16): AnnouncedModel {
  return { id, version: findManifest(id)?.version ?? '', slots, resident: true };
}

/** The answer of a node that was not told otherwise: a function of the text alone, as a deterministic model's is. */
export function wordsOf(text: string): string {
  const words = text.toWellFormed().match(/[\p{L}\p{N}]+/gu) ?? [];
  return words.length === 0 ? '-' : words.slice(0, 12).join(' ');
}

/** A vector of four numbers in base64. */
const VECTOR = Buffer.from(new Float32Array(4).buffer).toString('base64');
const each = <T>(value: T) => Object.fromEntries(MODERATION_CATEGORIES.map((name) => [name, value]));
const HARMLESS = {
  flagged: false,
  categories: each(false),
  category_scores: each(0),
  category_applied_input_types: each(['text']),
};

/** An answer in the form of the model's task, as far as a route of its own needs one. */
function inForm({ model, text, texts }: Run['inference']): string {
  switch (findManifest(model)?.task) {
    case 'embedding':
      return JSON.stringify(texts?.map(() => VECTOR) ?? [0]);
    case 'moderation':
      return JSON.stringify(texts?.map(() => HARMLESS) ?? HARMLESS);
    case 'iab-classification':
      return JSON.stringify({ audience: [], content: { iab_1_0: [], iab_2_2: [] } });
    case 'extraction':
      return JSON.stringify({ entities: {} });
    case 'pii':
      return JSON.stringify({ entities: [], entities_by_label: {} });
    default:
      return wordsOf(text);
  }
}

/** Answers at once; in two pieces when streamed. */
export const answering: Behaviour = ({ id, inference }, node) => {
  const text = inForm(inference);
  const half = text.length >> 1;
  if (inference.stream) for (const part of [text.slice(0, half), text.slice(half)]) node.piece(id, part);
  node.done(id, text);
};

/** What a device makes for itself when it starts for the first time. */
export async function deviceKeys(): Promise<DeviceKeys> {
  const keys = await crypto.subtle.generateKey('Ed25519', true, ['sign']);
  if (!('privateKey' in keys)) throw new Error('No key pair');
  return keys;
}

/** Never answers. */
export const silent: Behaviour = () => undefined;

export class ScriptedNode {
  readonly runs: Run[] = [];
  readonly cancelled: string[] = [];
  /** Every frame that the gateway sent it, as it came. */
  readonly frames: string[] = [];
  /** What it was told for its owner's eyes, kind by kind. */
  readonly notices: string[] = [];
  /** Why it was sent away; null when it was not. */
  refusal: string | null = null;
  nodeId = '';
  behaviour: Behaviour;
  readonly closed: Promise<void>;
  readonly #socket: WebSocket;
  readonly #options: ScriptedNodeOptions;
  readonly #welcome = Promise.withResolvers<string>();
  readonly #watchers = new Set<() => void>();

  /** Resolves when the gateway welcomed it and will give it work. */
  static async join(options: ScriptedNodeOptions): Promise<ScriptedNode> {
    const node = new ScriptedNode(options);
    await node.#welcome.promise;
    return node;
  }

  private constructor(options: ScriptedNodeOptions) {
    this.#options = options;
    this.behaviour = options.behaviour ?? answering;
    const address = new URL(NODE_CONNECT_PATH, options.url);
    address.protocol = 'ws:';
    this.#socket = new WebSocket(address, NODE_SUBPROTOCOL);
    this.#socket.onmessage = ({ data }) => {
      this.frames.push(String(data));
      this.#heard(readGatewayFrame(String(data)));
    };
    this.closed = new Promise((resolve) => {
      this.#socket.onclose = () => {
        this.#welcome.reject(new Error('The gateway closed the socket before it welcomed the node'));
        resolve();
      };
    });
  }

  piece(id: string, text: string): void {
    this.#say({ type: 'piece', id, kind: 'text', text });
  }

  done(id: string, text: string, finishReason: 'stop' | 'length' = 'stop'): void {
    const counts = { inputTokens: 1, outputTokens: 1, loadMs: 0, modelMs: 1 };
    this.#say({ type: 'done', id, text, reasoning: null, finishReason, ...counts });
  }

  failed(id: string, code: Extract<NodeFrame, { type: 'failed' }>['code'], message = 'scripted'): void {
    this.#say({ type: 'failed', id, code, message, param: null });
  }

  /** Waits until `count` runs have come since the beginning. */
  async ran(count: number): Promise<Run> {
    await this.#until(() => this.runs.length >= count);
    return this.runs[count - 1]!;
  }

  /** Waits until it was told this. */
  async noticed(kind: string): Promise<void> {
    await this.#until(() => this.notices.at(-1) === kind);
  }

  /** Waits until the run was cancelled. */
  async cancels(id: string): Promise<void> {
    await this.#until(() => this.cancelled.includes(id));
  }

  async leave(): Promise<void> {
    this.#socket.close();
    await this.closed;
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#watchers.add(resolve);
      });
    }
  }

  #heard(frame: GatewayFrame | null): void {
    if (frame?.type === 'challenge') this.#greet(frame.nonce).catch(this.#welcome.reject);
    else if (frame?.type === 'welcome') {
      this.nodeId = frame.nodeId;
      this.#welcome.resolve(frame.nodeId);
    } else if (frame?.type === 'refused') {
      this.refusal = frame.code;
      this.#welcome.reject(new Error(frame.message));
    } else if (frame?.type === 'notice') this.notices.push(frame.kind);
    else if (frame?.type === 'cancel') this.cancelled.push(frame.id);
    else if (frame?.type === 'run') {
      this.runs.push(frame);
      this.behaviour(frame, this);
    }
    for (const watcher of this.#watchers) watcher();
    this.#watchers.clear();
  }

  async #greet(nonce: string): Promise<void> {
    const keys = this.#options.keys ?? (await deviceKeys());
    const message = new TextEncoder().encode(CHALLENGE_CONTEXT + nonce);
    const signature = await crypto.subtle.sign('Ed25519', keys.privateKey, message);
    const publicKey = await crypto.subtle.exportKey('raw', keys.publicKey);
    this.#say({
      type: 'hello',
      publicKey: Buffer.from(publicKey).toString('base64url'),
      signature: Buffer.from(signature).toString('base64url'),
      joinToken: this.#options.joinToken,
      name: this.#options.name ?? 'scripted',
      agent: 'scripted/1',
      capabilities: {
        ...{ cores: 1, memoryBytes: 2 ** 30, platform: 'test', timeZone: 'UTC' },
        ...this.#options.capabilities,
      },
      models: [...(this.#options.models ?? [announced(SUMMARY), announced(IAB)])],
    });
  }

  #say(frame: NodeFrame): void {
    this.#socket.send(JSON.stringify(frame));
  }
}
