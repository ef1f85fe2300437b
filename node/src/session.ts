import {
  type CatalogueModel,
  catalogueModels,
  type GatewayFrame,
  type Hello,
  type Load,
  MAX_FRAME_BYTES,
  NODE_PROTOCOLS,
  type NodeFrame,
  type Run,
  readGatewayFrame,
  VERSION,
} from '@zerogpu/protocol';
import type { Identity } from './identity.ts';
import { printable } from './printable.ts';
import type { Connect, Transport } from './transport.ts';
import type { RunPort } from './work.ts';

type WelcomeFrame = Extract<GatewayFrame, { type: 'welcome' }>;
export type Refusal = Extract<GatewayFrame, { type: 'refused' }>['code'];

/** What a node tells of itself; the session adds the proof of identity and what it speaks. */
export type Introduction = Pick<Hello, 'name' | 'agent' | 'capabilities' | 'models'>;

/** What a gateway told when it took the node in. */
export interface Welcome {
  readonly nodeId: string;
  /** Of newer software; null when there is none. */
  readonly updateHint: string | null;
  /** What the gateway's catalogue has; null when it does not tell. */
  readonly catalogue: readonly CatalogueModel[] | null;
}

export interface SessionOptions {
  readonly url: string;
  readonly connect: Connect;
  readonly identity: Identity;
  /** Read anew for every connection, because an operator may replace it; null when the node has none. */
  joinToken(): Promise<string | null>;
  introduction(): Introduction;
  load(): Load;
  now(): number;
}

export interface SessionEnd {
  /** In words, for the log. */
  readonly reason: string;
  readonly refusal: { readonly code: Refusal; readonly message: string } | null;
  /** Milliseconds that it was welcome for; 0 when it never was. */
  readonly welcomeMs: number;
}

export interface SessionEvents {
  welcomed(welcome: Welcome): void;
  run(run: Run, port: RunPort): void;
  cancel(id: string): void;
  notice(kind: string, message: string): void;
  /** A message that is no frame, or none for this moment; it was ignored. */
  ignored(): void;
  /** Comes once and last. */
  ended(end: SessionEnd): void;
}

/** From opening the socket to being welcome. */
const GREETING_TIMEOUT_MS = 10_000;
/** Slower than this and a dead gateway would go unnoticed. */
const MAX_HEARTBEAT_MS = 60_000;
/** The gateway pings once a heartbeat: after so many without a sign of life it is gone, whatever its socket believes. */
const MISSED_HEARTBEATS = 3;
/** Written and not yet sent: past this a stream waits. */
const HIGH_WATER_BYTES = 1024 * 1024;
const BUFFER_POLL_MS = 5;
/** A gateway that asks and does not read would fill our memory: ten of the longest answers wait, and no more. */
const MAX_BUFFERED_BYTES = 10 * MAX_FRAME_BYTES;
/** Frames that are ignored one by one; of so many within one heartbeat none is by chance or of a newer gateway. */
const MAX_IGNORED = 10_000;

/** One connection to a gateway, from opening to closing. */
export class Session implements RunPort {
  readonly #options: SessionOptions;
  readonly #events: SessionEvents;
  readonly #transport: Transport;
  #state: 'opening' | 'greeting' | 'welcome' | 'ended' = 'opening';
  #timer: ReturnType<typeof setTimeout>;
  #lastHeardAt: number;
  #welcomedAt = 0;
  #ignored = 0;
  #closed: () => void = () => undefined;
  /** Resolves when the socket is closed and all that was sent has left, or never will. */
  readonly closed: Promise<void>;

  constructor(options: SessionOptions, events: SessionEvents) {
    this.#options = options;
    this.#events = events;
    this.#lastHeardAt = options.now();
    this.closed = new Promise((resolve) => {
      this.#closed = resolve;
    });
    this.#timer = setTimeout(() => this.close('no welcome in time'), GREETING_TIMEOUT_MS);
    this.#transport = options.connect(options.url, {
      message: (text) => this.#heard(text),
      alive: () => this.#alive(),
      closed: (reason) => {
        this.#end(reason);
        this.#closed();
      },
    });
  }

  send(frame: NodeFrame): void {
    if (this.#state === 'ended') return;
    if (this.#transport.bufferedBytes > MAX_BUFFERED_BYTES) this.close('the gateway does not read answers');
    else this.#transport.send(JSON.stringify(frame));
  }

  async drained(signal: AbortSignal): Promise<void> {
    const full = () => this.#transport.bufferedBytes > HIGH_WATER_BYTES;
    while (this.#state !== 'ended' && !signal.aborted && full()) await sleep(BUFFER_POLL_MS);
  }

  /** Says how the node is, if it is welcome; part of every heartbeat. */
  sendLoad(): void {
    if (this.#state === 'welcome') this.send(this.#options.load());
  }

  sendDraining(): void {
    if (this.#state === 'welcome') this.send({ type: 'draining' });
  }

  close(reason: string): void {
    this.#transport.close(reason);
    this.#end(reason);
  }

  #alive(): void {
    this.#lastHeardAt = this.#options.now();
  }

  #heard(text: string | null): void {
    if (this.#state === 'ended') return;
    this.#alive();
    const frame = text === null ? null : readGatewayFrame(text);
    if (frame === null || !this.#accepts(frame)) this.#ignore();
    else this.#handle(frame);
  }

  #ignore(): void {
    this.#events.ignored();
    if (++this.#ignored >= MAX_IGNORED) this.close('the gateway sends what is no frame');
  }

  /** Whether this is the moment for such a frame. */
  #accepts({ type }: GatewayFrame): boolean {
    if (type === 'challenge') return this.#state === 'opening';
    if (type === 'welcome') return this.#state === 'greeting';
    return type === 'refused' || this.#state === 'welcome';
  }

  #handle(frame: GatewayFrame): void {
    switch (frame.type) {
      case 'challenge':
        this.#state = 'greeting';
        this.#sayHello(frame.nonce).catch((error: unknown) => this.close(`cannot say hello: ${error}`));
        break;
      case 'welcome':
        this.#welcomed(frame);
        break;
      case 'refused':
        this.#refused(frame.code, printable(frame.message));
        break;
      case 'run':
        this.#events.run(frame, this);
        break;
      case 'cancel':
        this.#events.cancel(frame.id);
        break;
      case 'notice':
        this.#events.notice(printable(frame.kind), printable(frame.message));
        break;
      case 'beat':
        this.send({ type: 'alive', ...(frame.nonce === undefined ? {} : { nonce: frame.nonce }) });
        break;
    }
  }

  async #sayHello(nonce: string): Promise<void> {
    const [signature, joinToken] = await Promise.all([
      this.#options.identity.sign(nonce),
      this.#options.joinToken(),
    ]);
    const { publicKey } = this.#options.identity;
    const proof = { publicKey, signature, protocols: NODE_PROTOCOLS, software: VERSION };
    const hello: Hello = { type: 'hello', ...proof, ...this.#options.introduction() };
    this.send(joinToken === null ? hello : { ...hello, joinToken });
  }

  #refused(code: Refusal, message: string): void {
    this.#end(message, { code, message });
    this.#transport.close('refused');
  }

  #welcomed(frame: WelcomeFrame): void {
    const { nodeId, heartbeatMs, protocol = 1, update, models } = frame;
    if (protocol < NODE_PROTOCOLS.oldest || protocol > NODE_PROTOCOLS.newest) {
      this.close(`the gateway speaks version ${protocol} of the protocol, which this node does not`);
      return;
    }
    clearTimeout(this.#timer);
    this.#state = 'welcome';
    this.#welcomedAt = this.#options.now();
    const everyMs = Math.min(heartbeatMs, MAX_HEARTBEAT_MS);
    this.#timer = setInterval(() => this.#beat(everyMs), everyMs);
    this.#events.welcomed({
      nodeId: printable(nodeId),
      updateHint: update ? printable(update.message) : null,
      catalogue: models === undefined ? null : catalogueModels(frame),
    });
    // What changed since hello was said.
    this.sendLoad();
  }

  #beat(heartbeatMs: number): void {
    this.#ignored = 0;
    const silentMs = this.#options.now() - this.#lastHeardAt;
    if (silentMs > MISSED_HEARTBEATS * heartbeatMs) this.close('the gateway went silent');
    else this.sendLoad();
  }

  #end(reason: string, refusal: SessionEnd['refusal'] = null): void {
    if (this.#state === 'ended') return;
    const welcomeMs = this.#state === 'welcome' ? this.#options.now() - this.#welcomedAt : 0;
    this.#state = 'ended';
    clearTimeout(this.#timer);
    this.#events.ended({ reason, refusal, welcomeMs });
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
