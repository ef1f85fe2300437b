import { type Hello, type Inference, plainInference } from '@zerogpu/protocol';
import type { NodeView } from '../flow.ts';
import type { Admittance } from '../nodes/node-directory.ts';
import { signatureIsGood } from '../nodes/node-directory.ts';
import { NodeRegistry } from '../nodes/registry.ts';
import { factsOf } from './facts.ts';
import { listenForNodes, ScriptedNode, SUMMARY } from './scripted-node.ts';

/** A registry behind a real socket, with a clock that only a test moves. */
export class NodeFloor {
  readonly registry: NodeRegistry;
  readonly clock = { now: 1_000_000 };
  /** What the router was told last, by model and node. */
  readonly #told = new Map<string, NodeView>();
  readonly #listener: Awaited<ReturnType<typeof listenForNodes>>;
  readonly #nodes: ScriptedNode[] = [];

  /** @param admit who is admitted; by default everybody who signed well, with an id made of the key */
  static async open(admit?: (hello: Hello, nonce: string) => Promise<Admittance>): Promise<NodeFloor> {
    const opening: { floor?: NodeFloor } = {};
    const listener = await listenForNodes((socket) => opening.floor?.registry.connect(socket));
    opening.floor = new NodeFloor(listener, admit ?? admitSigned);
    return opening.floor;
  }

  private constructor(
    listener: Awaited<ReturnType<typeof listenForNodes>>,
    admit: (hello: Hello, nonce: string) => Promise<Admittance>,
  ) {
    this.#listener = listener;
    const index = {
      put: (model: string, view: NodeView) => this.#told.set(`${model} ${view.id}`, view),
      remove: (model: string, id: string) => this.#told.delete(`${model} ${id}`),
    };
    this.registry = new NodeRegistry({ admit, index, heartbeatMs: 5000, now: () => this.clock.now });
  }

  /** What the router goes by. */
  toldOf(model: string, id: string): NodeView | undefined {
    return this.#told.get(`${model} ${id}`);
  }

  /** What the router goes by, and what is so: equal at every moment, but for failures, which are forgotten with time. */
  told(models: readonly string[]): { readonly told: object; readonly true: object } {
    const views = models.flatMap((model) =>
      this.registry.views(model).map((view): [string, NodeView] => [`${model} ${view.id}`, view]),
    );
    const plain = (all: Iterable<[string, NodeView]>) =>
      Object.fromEntries([...all].map(([key, view]) => [key, { ...view, failures: 0 }]));
    return { told: plain(this.#told), true: plain(views) };
  }

  node(
    ...rest: ConstructorParameters<typeof ScriptedNode> extends [string, ...infer R] ? R : never
  ): ScriptedNode {
    const node = new ScriptedNode(this.#listener.url, ...rest);
    this.#nodes.push(node);
    return node;
  }

  async close(): Promise<void> {
    this.registry.close();
    for (const node of this.#nodes) await node.close();
    await this.#listener.close();
  }
}

export async function admitSigned(hello: Hello, nonce: string): Promise<Admittance> {
  if (await signatureIsGood(hello, nonce))
    return { kind: 'admitted', facts: factsOf(`node_${hello.publicKey.slice(0, 8)}`) };
  return { kind: 'refused', code: 'signature_invalid', message: 'no' };
}

/** A plain inference, but for what is given. */
export function inference(changes: Partial<Inference> = {}): Inference {
  const plain = plainInference(SUMMARY, changes.text ?? 'The sky is blue.');
  return { ...plain, maxOutputTokens: 100, ...changes };
}
