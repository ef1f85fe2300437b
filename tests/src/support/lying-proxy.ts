/** Stands between a real node and its gateway and changes what the node answers: a liar with a true node's keys and manners. */
import type { AddressInfo } from 'node:net';
import { NODE_CONNECT_PATH, NODE_SUBPROTOCOL } from '@zerogpu/protocol';
import { WebSocket, WebSocketServer } from 'ws';

export interface Lying {
  /** Of the answers, by chance. */
  readonly share: number;
  /** Answers that are true before the first lie may be one. */
  readonly honestFor: number;
}

export interface Lie {
  readonly model: string;
  readonly text: string;
  readonly at: number;
  /** True answers of the model that were given before. */
  readonly trueBefore: number;
}

interface Run {
  readonly model: string;
  readonly lies: boolean;
  /** Nothing that can be changed was said yet. */
  untouched: boolean;
}

// biome-ignore lint/suspicious/noExplicitAny: frames of either end, of which only what a lie needs is looked at
type Frame = any;

export class LyingProxy {
  readonly lies: Lie[] = [];
  /** Answers that went to the gateway, lies too. */
  answers = 0;
  /** Answers and lies when the gateway said that the node is in quarantine; null before. */
  caught: { readonly at: number; readonly answers: number; readonly lies: number } | null = null;
  /** Runs that it was sent after that. */
  runsAfterwards = 0;
  readonly #target: string;
  readonly #lying: Lying;
  readonly #random: () => number;
  readonly #server: WebSocketServer;
  readonly #runs = new Map<string, Run>();
  readonly #trueOf = new Map<string, number>();

  private constructor(gateway: string, lying: Lying, random: () => number) {
    this.#target = gateway.replace('http', 'ws') + NODE_CONNECT_PATH;
    this.#lying = lying;
    this.#random = random;
    this.#server = new WebSocketServer({
      host: '127.0.0.1',
      port: 0,
      handleProtocols: () => NODE_SUBPROTOCOL,
    });
    this.#server.on('connection', (socket) => this.#connected(socket));
  }

  static async open(gateway: string, lying: Lying, random: () => number): Promise<LyingProxy> {
    const proxy = new LyingProxy(gateway, lying, random);
    await new Promise((resolve) => proxy.#server.once('listening', resolve));
    return proxy;
  }

  /** Of its answers that are lies. */
  get share(): number {
    return this.#lying.share;
  }

  /** What the node takes for its gateway. */
  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #connected(node: WebSocket): void {
    const gateway = new WebSocket(this.#target, NODE_SUBPROTOCOL);
    const early: string[] = [];
    const toGateway = (text: string) => {
      if (gateway.readyState === gateway.CONNECTING) early.push(text);
      else gateway.send(text, () => undefined);
    };
    gateway.on('open', () => early.splice(0).forEach(toGateway));
    gateway.on('message', (data) => {
      this.#heardGateway(JSON.parse(String(data)));
      node.send(String(data), () => undefined);
    });
    node.on('message', (data) => toGateway(JSON.stringify(this.#said(JSON.parse(String(data))))));
    join(node, gateway);
    join(gateway, node);
  }

  #heardGateway(frame: Frame): void {
    if (frame.type === 'run') {
      if (this.caught !== null) this.runsAfterwards++;
      const lies = this.answers >= this.#lying.honestFor && this.#random() < this.#lying.share;
      this.#runs.set(frame.id, { model: frame.inference.model, lies, untouched: true });
    }
    if (frame.type === 'notice' && frame.kind === 'quarantined') {
      this.caught ??= { at: Date.now(), answers: this.answers, lies: this.lies.length };
    }
  }

  #said(frame: Frame): Frame {
    const run = this.#runs.get(frame.id);
    if (run === undefined) return frame;
    if (frame.type === 'piece' && run.lies && run.untouched) {
      run.untouched = altered(frame.text) === frame.text;
      return { ...frame, text: altered(frame.text) };
    }
    if (frame.type === 'done') return this.#done(frame, run);
    if (frame.type === 'failed') this.#runs.delete(frame.id);
    return frame;
  }

  #done(frame: Frame, { model, lies }: Run): Frame {
    this.#runs.delete(frame.id);
    this.answers++;
    const trueBefore = this.#trueOf.get(model) ?? 0;
    const text = lies ? altered(frame.text) : frame.text;
    if (text === frame.text) this.#trueOf.set(model, trueBefore + 1);
    else this.lies.push({ model, text, at: Date.now(), trueBefore });
    return { ...frame, text };
  }
}

/** As plausible as the truth: one letter is another. The same of the first piece that has one as of the whole. */
function altered(text: string): string {
  return text.replace(/[a-z]/, (letter) =>
    letter === 'z' ? 'a' : String.fromCharCode(letter.charCodeAt(0) + 1),
  );
}

/** When one end is gone, so is the other. */
function join(one: WebSocket, other: WebSocket): void {
  one.on('error', () => one.terminate());
  one.on('close', (code, reason) => {
    const speakable = code >= 1000 && ![1004, 1005, 1006, 1015].includes(code);
    if (speakable && other.readyState === other.OPEN) other.close(code, reason);
    else other.terminate();
  });
}
