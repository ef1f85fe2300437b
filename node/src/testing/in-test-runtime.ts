/** A runtime whose models do what a test tells them to, and a node that runs it. */
import { setImmediate as nextRound } from 'node:timers/promises';
import type { Inference, ModelManifest } from '@zerogpu/protocol';
import type { Piece, RunEnd, Runtime } from '@zerogpu/runtimes';
import { deferred } from '../deferred.ts';
import { EdgeNode, type EdgeNodeOptions } from '../edge-node.ts';
import { identityOf, makeDeviceKey } from '../identity.ts';
import { connectWs } from '../node-platform/ws-transport.ts';

export type Behaviour = (
  inference: Inference,
  signal: AbortSignal,
) => AsyncGenerator<Piece, RunEnd, undefined>;

export const END: RunEnd = { finishReason: 'stop', inputTokens: 3, outputTokens: 2 };

/** Answers with the text's words, a piece each. */
export async function* echo(inference: Inference): AsyncGenerator<Piece, RunEnd, undefined> {
  for (const word of inference.text.split(/(?<= )/)) yield { kind: 'text', text: word };
  return END;
}

/** Never answers and never looks at its signal. */
export async function* hang(): AsyncGenerator<Piece, RunEnd, undefined> {
  await new Promise<never>(() => undefined);
  return END;
}

/** Answers when the test opens it; stops when told to. */
export class Gate {
  readonly #open = deferred<void>();
  started = 0;

  get opened(): Promise<void> {
    return this.#open.promise;
  }

  open(): void {
    this.#open.resolve();
  }

  readonly behaviour: Behaviour = (_inference, signal) => this.#answer(signal);

  async *#answer(signal: AbortSignal): AsyncGenerator<Piece, RunEnd, undefined> {
    this.started++;
    const aborted = new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    await Promise.race([this.#open.promise, aborted]);
    yield { kind: 'text', text: 'after the gate' };
    return END;
  }
}

export interface Loads {
  readonly runtime: Runtime;
  /** Ids of the models in the order in which they were loaded. */
  readonly loaded: string[];
  readonly unloaded: string[];
  /** Id → ids of the models that it was given to work with. */
  readonly needed: Map<string, string[]>;
}

/** @param load may wait or throw before a model is in memory */
export function runtimeOf(
  behaviours: Readonly<Record<string, Behaviour>>,
  load: (id: string) => Promise<void> = () => Promise.resolve(),
): Loads {
  const loaded: string[] = [];
  const unloaded: string[] = [];
  const needed = new Map<string, string[]>();
  const runtime: Runtime = {
    name: 'zlm',
    async load(manifest, _files, models) {
      loaded.push(manifest.id);
      needed.set(
        manifest.id,
        models.map((model) => model.manifest.id),
      );
      await load(manifest.id);
      const run = behaviours[manifest.id] ?? echo;
      return {
        manifest,
        residentBytes: manifest.memoryBytes,
        run,
        unload: () => void unloaded.push(manifest.id),
      };
    },
  };
  return { runtime, loaded, unloaded, needed };
}

export function makeManifest(id: string, memoryBytes = 100): ModelManifest {
  return {
    id,
    task: 'summarization',
    family: 'built-in',
    version: '1',
    runtime: 'zlm',
    description: 'a model of a test',
    params: null,
    maxTokens: 100,
    errorOnMaxToken: false,
    maxOutputTokens: 100,
    price: { inputPerToken: 1n, outputPerToken: 1n },
    tokenizer: 'zlm',
    routes: ['responses'],
    deterministic: true,
    licence: { id: 'Apache-2.0', notice: null },
    files: [],
    needs: [],
    hub: null,
    standIn: null,
    memoryBytes,
  };
}

export const noFiles = () => ({ read: () => Promise.reject(new Error('this test has no files')) });

/** A node on the Node platform whose models behave as told; it reconnects without waiting. */
export async function makeNode(
  gatewayUrl: string,
  behaviours: Readonly<Record<string, Behaviour>>,
  options: Partial<EdgeNodeOptions> = {},
): Promise<EdgeNode> {
  return new EdgeNode({
    gatewayUrl,
    connect: connectWs,
    identity: await identityOf(await makeDeviceKey()),
    joinToken: () => Promise.resolve('a join token'),
    slowestRetryMs: 30_000,
    name: 'test node',
    agent: 'test',
    capabilities: { cores: 1, memoryBytes: 1000, platform: 'test', timeZone: 'UTC' },
    manifests: Object.keys(behaviours).map((id) => makeManifest(id)),
    runtimes: new Map([['zlm', runtimeOf(behaviours).runtime]]),
    files: noFiles,
    slots: 4,
    memoryBytes: 1000,
    warmUpRuns: 0,
    pause: nextRound,
    now: () => performance.now(),
    random: () => 0,
    log: () => undefined,
    ...options,
  });
}
