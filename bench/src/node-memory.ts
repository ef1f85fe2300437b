/**
 * Resident memory of a node with every built-in model in memory: a gateway and a node as real processes, the node warm, then
 * after requests to every model: `npm run bench:memory [-- --requests 50]`. Writes `bench/results/node-memory.md`.
 */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { exampleInferences, MANIFESTS } from '@zerogpu/catalogue';
import type { Inference } from '@zerogpu/protocol';
import { newsText } from './model-speed/texts.ts';
import { credential } from './overhead/racers.ts';
import { Children, isRecord, messageFrom } from './support/children.ts';
import { circumstances, circumstancesLine } from './support/machine.ts';
import { seededRandom } from './support/random.ts';
import { markdownTable } from './support/table.ts';

const { values: options } = parseArgs({
  options: { seed: { type: 'string', default: '1' }, requests: { type: 'string', default: '50' } },
});
const ROOT = path.join(import.meta.dirname, '../..');
const RESULTS = path.join(import.meta.dirname, '../results');
/** Embedded PostgreSQL makes its data directory on the first start. */
const START_MS = 120_000;
/** For what the engine gives back by itself. */
const SETTLE_MS = 5_000;
const GOAL_MB = 250;
/** About 300 tokens: within every model's limit. */
const CHARACTERS = 1_200;
const seed = Number(options.seed);

interface Memory {
  readonly when: string;
  readonly residentMb: number;
  readonly peakMb: number;
}

/** From Linux's /proc, in units of 10^6 bytes. */
function memoryOf(pid: number, when: string): Memory {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const read = (name: string) =>
    (Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? Number.NaN) * 1024) / 1e6;
  return { when, residentMb: read('VmRSS'), peakMb: read('VmHWM') };
}

interface Ready {
  readonly url: string;
  readonly nodeTokenFile: string;
  readonly credentialsFile: string;
}

function gatewayReady(message: unknown): Ready | null {
  if (!isRecord(message) || message['type'] !== 'ready') return null;
  const { url, nodeTokenFile, credentialsFile } = message;
  const isWhole =
    typeof url === 'string' && typeof nodeTokenFile === 'string' && typeof credentialsFile === 'string';
  return isWhole ? { url, nodeTokenFile, credentialsFile } : null;
}

function nodeReady(message: unknown): string[] | null {
  if (!isRecord(message) || message['type'] !== 'ready' || !Array.isArray(message['models'])) return null;
  return message['models'].map(String);
}

async function ask(url: string, apiKey: string, { model, instructions, metadata }: Inference, input: string) {
  const response = await fetch(`${url}/v1/responses`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': apiKey },
    body: JSON.stringify({ model, input, metadata, ...(instructions === null ? {} : { instructions }) }),
  });
  const body = await response.text();
  if (!response.ok) throw new Error(`${model} answered ${response.status}: ${body}`);
}

async function measure(dataDir: string): Promise<{ models: string[]; memory: Memory[] }> {
  await using children = new Children();
  const gateway = children.start('gateway', path.join(ROOT, 'gateway/src/main.ts'), {
    env: { HOST: '127.0.0.1', PORT: '0', ZEROGPU_DATA_DIR: dataDir },
  });
  const ready = await messageFrom(gateway, gatewayReady, START_MS);
  const flags = [
    '--gateway',
    ready.url,
    '--token-file',
    ready.nodeTokenFile,
    '--state',
    path.join(dataDir, 'node'),
  ];
  const node = children.start('node', path.join(ROOT, 'node/src/main.ts'), {
    args: [...flags, '--name', 'memory'],
    // As `npm start` does.
    env: { NODE_COMPILE_CACHE: path.join(ROOT, 'node_modules/.cache/compiled') },
  });
  const models = await messageFrom(node, nodeReady, START_MS);
  const pid = node.pid ?? 0;
  const memory = [memoryOf(pid, 'ready: every model loaded and warm')];
  await sleep(SETTLE_MS);
  memory.push(memoryOf(pid, `${SETTLE_MS / 1000} s later`));
  const apiKey = credential(readFileSync(ready.credentialsFile, 'utf8'), 'ZEROGPU_API_KEY');
  const random = seededRandom(seed);
  const inferences = MANIFESTS.filter(({ id }) => models.includes(id)).flatMap(exampleInferences);
  for (let i = 0; i < Number(options.requests); i++) {
    for (const inference of inferences) {
      await ask(ready.url, apiKey, inference, newsText(CHARACTERS, random).slice(0, CHARACTERS));
    }
  }
  memory.push(
    memoryOf(pid, `after ${Number(options.requests) * inferences.length} requests to all models in turn`),
  );
  await sleep(SETTLE_MS);
  memory.push(memoryOf(pid, `${SETTLE_MS / 1000} s later`));
  return { models, memory };
}

function markdownOf({ models, memory }: Awaited<ReturnType<typeof measure>>): string {
  const rows = memory.map(({ when, residentMb, peakMb }) => [when, residentMb.toFixed(0), peakMb.toFixed(0)]);
  const builtIn = MANIFESTS.filter(({ family }) => family === 'built-in').map(({ id }) => id);
  const missing = builtIn.filter((id) => !models.includes(id));
  return `# Memory of a node with all built-in models

${circumstancesLine(circumstances(seed))}

One node process, joined to a gateway, with ${models.length} models in memory: ${models.join(', ')}.
${missing.length > 0 ? `Not there: ${missing.join(', ')}.\n` : ''}\
Resident memory in MB (10^6 bytes); the goal is under ${GOAL_MB} MB.

${markdownTable(['', 'resident', 'highest so far'], rows)}
`;
}

const dataDir = mkdtempSync(path.join(tmpdir(), 'node-memory-'));
// As root the database runs as another user, who has to pass through.
chmodSync(dataDir, 0o711);
try {
  // The second start finds the code compiled, as every start of `npm start` but the first.
  await measure(dataDir);
  const markdown = markdownOf(await measure(dataDir));
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(path.join(RESULTS, 'node-memory.md'), markdown);
  console.log(markdown);
} finally {
  rmSync(dataDir, { recursive: true, force: true });
}
