/** A gateway and one local node as `npm start` runs them, on the embedded database, and a caller of batches. */
import type { ChildProcess } from 'node:child_process';
import { openAsBlob, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BATCH_ENDPOINT, type BatchObject } from '@zerogpu/protocol';
import { credential } from '../overhead/racers.ts';
import { AS_STARTED, type ChildOptions, type Children, isRecord, messageFrom } from '../support/children.ts';
import { chatBody, someText } from './input.ts';
import type { Watched } from './watch.ts';

const ROOT = path.join(import.meta.dirname, '../../..');
const COMPILED = path.join(ROOT, 'node_modules/.cache/compiled');
/** Embedded PostgreSQL makes its data directory on the first start. */
const START_MS = 120_000;
const LOOK_MS = 100;
const WARM_UP = 300;

export interface Platform {
  readonly port: number;
  readonly apiKey: string;
  readonly gateway: ChildProcess;
  readonly pids: Watched;
}

export interface PlatformOptions {
  readonly dataDir: string;
  readonly node: boolean;
  /** A worker process works on the lines, in place of the gateway. */
  readonly worker?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** For the gateway's process and the worker's, such as a profiler. */
  readonly nodeArgs?: readonly string[];
}

export async function startPlatform(children: Children, options: PlatformOptions): Promise<Platform> {
  const { dataDir } = options;
  const nodeArgs = [...AS_STARTED, ...(options.nodeArgs ?? [])];
  const lines = options.worker === true ? { ZEROGPU_BATCH_CONCURRENCY: '0' } : {};
  const env = { NODE_COMPILE_CACHE: COMPILED, ZEROGPU_DATA_DIR: dataDir, ...lines, ...options.env };
  const gateway = children.start('gateway', path.join(ROOT, 'gateway/src/main.ts'), {
    nodeArgs,
    env: { HOST: '127.0.0.1', PORT: '0', ...env },
  });
  const ready = await messageFrom(gateway, readyMessage, START_MS);
  const url = String(ready['url']);
  const node = options.node ? await startNode(children, url, String(ready['nodeTokenFile']), dataDir) : null;
  const worker = options.worker === true ? await startWorker(children, { env, nodeArgs }) : null;
  const apiKey = credential(readFileSync(String(ready['credentialsFile']), 'utf8'), 'ZEROGPU_API_KEY');
  const [postmaster] = readFileSync(path.join(dataDir, 'postgres/data/postmaster.pid'), 'utf8').split('\n');
  const pids = {
    gateway: gateway.pid ?? 0,
    node: node?.pid ?? null,
    database: Number(postmaster),
    worker: worker?.pid ?? null,
  };
  return { port: Number(new URL(url).port), apiKey, gateway, pids };
}

async function startNode(
  children: Children,
  url: string,
  token: string,
  dataDir: string,
): Promise<ChildProcess> {
  const state = path.join(dataDir, 'node-1');
  const node = children.start('node', path.join(ROOT, 'node/src/main.ts'), {
    nodeArgs: AS_STARTED,
    args: ['--gateway', url, '--token-file', token, '--state', state, '--name', 'local node 1'],
    env: { NODE_COMPILE_CACHE: COMPILED },
  });
  await messageFrom(node, readyMessage, START_MS);
  return node;
}

async function startWorker(children: Children, options: ChildOptions): Promise<ChildProcess> {
  const worker = children.start('worker', path.join(ROOT, 'gateway/src/worker.ts'), options);
  await messageFrom(worker, readyMessage, START_MS);
  return worker;
}

function readyMessage(message: unknown): Readonly<Record<string, unknown>> | null {
  return isRecord(message) && message['type'] === 'ready' ? message : null;
}

/** Until every path is compiled and every pool has its size. */
export async function warmUp(platform: Platform, random: () => number): Promise<void> {
  for (let i = 0; i < WARM_UP; i++) await post(platform, BATCH_ENDPOINT, chatBody(someText(random)));
}

/** @returns the file's id */
export async function upload(platform: Platform, file: string): Promise<string> {
  const form = new FormData();
  form.set('purpose', 'batch');
  // Read from the disk as it goes out: this process shares the machine with what it measures.
  form.set('file', await openAsBlob(file), 'lines.jsonl');
  const answer = await call(platform, '/v1/files', { method: 'POST', body: form });
  return String(answer['id']);
}

/** Validates the whole file before it answers. @returns the batch's id */
export async function create(platform: Platform, fileId: string): Promise<string> {
  const asked = { input_file_id: fileId, endpoint: BATCH_ENDPOINT, completion_window: '24h' };
  return String((await post(platform, '/v1/batches', asked))['id']);
}

/** @throws Error when it ends otherwise */
export async function completed(platform: Platform, batchId: string): Promise<BatchObject['request_counts']> {
  for (;;) {
    const batch = await call(platform, `/v1/batches/${batchId}`, {});
    const { status, request_counts: counts } = batch;
    if (status === 'completed' && isRecord(counts)) {
      return {
        total: Number(counts['total']),
        completed: Number(counts['completed']),
        failed: Number(counts['failed']),
      };
    }
    if (status !== 'in_progress' && status !== 'finalizing') throw new Error(JSON.stringify(batch));
    await sleep(LOOK_MS);
  }
}

function post(platform: Platform, route: string, body: object): Promise<Record<string, unknown>> {
  const headers = { 'content-type': 'application/json' };
  return call(platform, route, { method: 'POST', headers, body: JSON.stringify(body) });
}

async function call(platform: Platform, route: string, init: RequestInit): Promise<Record<string, unknown>> {
  const headers = { 'x-api-key': platform.apiKey, ...Object(init.headers) };
  const response = await fetch(`http://127.0.0.1:${platform.port}${route}`, { ...init, headers });
  const text = await response.text();
  if (!response.ok) throw new Error(`${route} answered ${response.status}: ${text.slice(0, 1_000)}`);
  return JSON.parse(text);
}
