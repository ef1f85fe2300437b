/** Starts what takes part in the race: the upstream, our gateway with all its duties, the rival. */
import type { ChildProcess } from 'node:child_process';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { AS_STARTED, type Children, isRecord, messageFrom } from '../support/children.ts';
import { postBytes, WireConnection } from '../support/wire.ts';
import type { Load } from './orders.ts';

const ROOT = path.join(import.meta.dirname, '../../..');
const RIVALS = path.join(ROOT, 'bench/rivals');
const PATH = '/v1/chat/completions';
/** Embedded PostgreSQL makes its data directory on the first start. */
const START_MS = 120_000;

/** About 120 tokens: a short article's first paragraph and what to do with it. */
const QUESTION = `Summarize in one sentence. ${'The city council voted on Tuesday to rebuild the old harbour bridge, which has been closed to heavy traffic since cracks were found in two of its piers. Work begins in May and is to take two years. '.repeat(2)}`;

export interface Racer {
  readonly name: string;
  readonly process: ChildProcess;
  readonly load: Load;
}

export function chatBody(model: string): string {
  return JSON.stringify({
    model,
    messages: [{ role: 'user', content: QUESTION }],
    max_tokens: 64,
    temperature: 0,
  });
}

export async function startUpstream(children: Children): Promise<Racer> {
  const child = children.start('upstream', path.join(import.meta.dirname, 'upstream.ts'));
  const port = await messageFrom(child, portOf, START_MS);
  return {
    name: 'direct',
    process: child,
    load: { name: 'direct', port, request: postBytes(port, PATH, {}, chatBody('bench-model')) },
  };
}

/**
 * @param nodeArgs for the gateway's process, such as a profiler
 * @param dataDir where it keeps its database, keys and log
 */
export async function startGateway(
  children: Children,
  upstreamPort: number,
  dataDir: string,
  nodeArgs: readonly string[],
): Promise<Racer> {
  const model = 'llama-3.1-8b-instruct-fast';
  const upstream = {
    name: 'bench',
    url: `http://127.0.0.1:${upstreamPort}/v1`,
    trusted: true,
    models: { [model]: 'bench-model' },
  };
  const child = children.start('gateway', path.join(ROOT, 'gateway/src/main.ts'), {
    nodeArgs: [...AS_STARTED, ...nodeArgs],
    env: {
      NODE_ENV: 'production',
      HOST: '127.0.0.1',
      PORT: '0',
      ZEROGPU_DATA_DIR: dataDir,
      ZEROGPU_UPSTREAMS: JSON.stringify([upstream]),
    },
  });
  const ready = await messageFrom(child, gatewayReady, START_MS);
  const port = Number(new URL(ready.url).port);
  const key = credential(readFileSync(ready.credentialsFile, 'utf8'), 'ZEROGPU_API_KEY');
  const request = postBytes(port, PATH, { 'x-api-key': key }, chatBody(model));
  return { name: 'ours', process: child, load: { name: 'ours', port, request } };
}

export async function startRival(children: Children, upstreamPort: number): Promise<Racer> {
  const program = path.join(RIVALS, 'node_modules/@portkey-ai/gateway/build/start-server.js');
  if (!existsSync(program)) {
    console.log('Installing the rival into bench/rivals/node_modules');
    execFileSync('npm', ['ci', '--ignore-scripts'], { cwd: RIVALS, stdio: 'inherit' });
  }
  const port = await freePort();
  const child = children.start('rival', program, {
    args: ['--headless', `--port=${port}`],
    cwd: RIVALS,
    env: { NODE_ENV: 'production' },
  });
  const headers = {
    authorization: 'Bearer none',
    'x-portkey-provider': 'openai',
    'x-portkey-custom-host': `http://127.0.0.1:${upstreamPort}/v1`,
  };
  const request = postBytes(port, PATH, headers, chatBody('bench-model'));
  return { name: 'Portkey', process: child, load: { name: 'Portkey', port, request } };
}

/** Asks until the racer answers as the upstream does. @throws Error with its last complaint */
export async function proveAnswers(racer: Racer): Promise<void> {
  let complaint: unknown;
  for (let attempt = 0; attempt < 100; attempt++) {
    try {
      const connection = await WireConnection.open(racer.load.port);
      const answer = await connection.send(Buffer.from(racer.load.request));
      connection.close();
      if (!answer.includes('rebuild the bridge')) throw new Error(`${racer.name} gave another answer`);
      return;
    } catch (error) {
      complaint = error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  throw new Error(`${racer.name} does not answer`, { cause: complaint });
}

/** The value of an `export NAME=value` line, without its quotes. */
export function credential(text: string, name: string): string {
  const value = new RegExp(`^export ${name}=(['"]?)(.*)\\1$`, 'm').exec(text)?.[2];
  if (value === undefined) throw new Error(`The credentials have no ${name}`);
  return value;
}

function portOf(message: unknown): number | null {
  return isRecord(message) && typeof message['port'] === 'number' ? message['port'] : null;
}

function gatewayReady(message: unknown): { url: string; credentialsFile: string } | null {
  if (!isRecord(message) || message['type'] !== 'ready') return null;
  const { url, credentialsFile } = message;
  return typeof url === 'string' && typeof credentialsFile === 'string' ? { url, credentialsFile } : null;
}

/** The rival takes no port 0. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('No free port');
  return address.port;
}
