import {
  type GatewayFrame,
  type Hello,
  type Load,
  type NodeFrame,
  type Run,
  readGatewayFrame,
} from '@zerogpu/protocol';
import type { Identity } from './identity.ts';
import type { Connect, Transport } from './transport.ts';
import type { RunPort } from './work.ts';

type Welcome = Extract<GatewayFrame, { type: 'welcome' }>;
export type Refusal = Extract<GatewayFrame, { type: 'refused' }>['code'];

/** What a node tells of itself; the session adds the proof of identity. */
export type Introduction = Omit<Hello, 'type' | 'publicKey' | 'signature' | 'joinToken'>;

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
  welcomed(nodeId: string): void;
  run(run: Run, port: RunPort): void;
  cancel(id: string): void;
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

/** One connection to a gateway, from opening to closing. */
export class Session implements RunPort {
  readonly #options: SessionOptions;
  readonly #events: SessionEvents;
  readonly #transport: Transport;
  #state: 'opening' | 'greeting' | 'welcome' | 'ended' = 'opening';
  #timer: ReturnType<typeof setTimeout>;
  #lastHeardAt: number;
  #welcomedAt = 0;
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
    if (this.#state !== 'ended') this.#transport.send(JSON.stringify(frame));
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
    if (frame === null || !this.#accepts(frame)) this.#events.ignored();
    else this.#handle(frame);
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
        this.#end(frame.message, frame);
        this.#transport.close('refused');
        break;
      case 'run':
        this.#events.run(frame, this);
        break;
      case 'cancel':
        this.#events.cancel(frame.id);
        break;
      case 'beat':
        this.send({ type: 'alive' });
        break;
    }
  }

  async #sayHello(nonce: string): Promise<void> {
    const [signature, joinToken] = await Promise.all([
      this.#options.identity.sign(nonce),
      this.#options.joinToken(),
    ]);
    const { publicKey } = this.#options.identity;
    const hello: Hello = { type: 'hello', publicKey, signature, ...this.#options.introduction() };
    this.send(joinToken === null ? hello : { ...hello, joinToken });
  }

  #welcomed({ nodeId, heartbeatMs }: Welcome): void {
    clearTimeout(this.#timer);
    this.#state = 'welcome';
    this.#welcomedAt = this.#options.now();
    const everyMs = Math.min(heartbeatMs, MAX_HEARTBEAT_MS);
    this.#timer = setInterval(() => this.#beat(everyMs), everyMs);
    this.#events.welcomed(nodeId);
    // What changed since hello was said.
    this.sendLoad();
  }

  #beat(heartbeatMs: number): void {
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
