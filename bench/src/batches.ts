/**
 * A batch of 50,000 lines on built-in models, what interactive callers feel of it, and files at their limits:
 * `npm run bench:batches [-- --lines 50000 --only batch|worker|files --profile <folder> --write]`.
 * With `--write` the results go to `bench/results/batches.md`.
 */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { CallersReport } from './batches/callers.ts';
import { writeFilled, writeInput } from './batches/input.ts';
import { completed, create, type Platform, startPlatform, upload, warmUp } from './batches/platform.ts';
import { peakMb, residentMb, type Used, watch } from './batches/watch.ts';
import { Children, isRecord, messageFrom } from './support/children.ts';
import { circumstances, circumstancesLine } from './support/machine.ts';
import { seededRandom } from './support/random.ts';
import { percentile } from './support/statistics.ts';
import { figure, markdownTable } from './support/table.ts';

const { values: options } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    lines: { type: 'string', default: '50000' },
    rate: { type: 'string', default: '50' },
    only: { type: 'string' },
    profile: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});
const RESULTS = path.join(import.meta.dirname, '../results');
const seed = Number(options.seed);
const LINES = Number(options.lines);
const RATE = Number(options.rate);
/** Long enough for some 1,500 requests: the worst hundredth is then fifteen. */
const IDLE_MS = 30_000;
/** For what the engine gives back by itself, and the database's own work after so many rows. */
const SETTLE_MS = 5_000;
const UPLOAD_BYTES = 100 * 2 ** 20;
const LIMIT_BYTES = 209_715_200;
const LIMIT_LINES = 50_000;

type Part = 'batch' | 'worker' | 'files';

interface BatchRun {
  readonly name: string;
  readonly uploadSeconds: number;
  readonly validationSeconds: number;
  /** From when the batch was asked for until it was seen to be completed. */
  readonly seconds: number;
  readonly failed: number;
  readonly used: Used;
}

interface Feeling {
  readonly name: string;
  readonly requests: number;
  /** p50, p90, p99, the worst; milliseconds. */
  readonly ms: readonly [number, number, number, number];
}

interface FileRun {
  readonly name: string;
  readonly megabytes: number;
  readonly uploadSeconds: number;
  readonly validationSeconds: number | null;
  readonly residentBefore: number;
  readonly highestInUpload: number;
  readonly highest: number;
}

interface Measured {
  readonly told: string;
  readonly runs: readonly BatchRun[];
  readonly felt: readonly Feeling[];
}

interface Results {
  readonly batch?: Measured;
  readonly worker?: Measured;
  readonly files?: { readonly told: string; readonly runs: readonly FileRun[] };
}

const told = () =>
  `${circumstancesLine(circumstances(seed))} Load average of the machine before: ${figure(loadavg()[1] ?? 0)}.`;

async function timed<T>(act: () => Promise<T>): Promise<[T, number]> {
  const startedAt = performance.now();
  const value = await act();
  return [value, (performance.now() - startedAt) / 1000];
}

async function withFolder<T>(act: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(path.join(tmpdir(), 'zerogpu-bench-'));
  // As root the database runs as another user, who has to pass through.
  chmodSync(folder, 0o711);
  try {
    return await act(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runBatch(name: string, platform: Platform, file: string): Promise<BatchRun> {
  const [fileId, uploadSeconds] = await timed(() => upload(platform, file));
  const stop = watch(platform.pids);
  const startedAt = performance.now();
  const [batchId, validationSeconds] = await timed(() => create(platform, fileId));
  const counts = await completed(platform, batchId);
  const seconds = (performance.now() - startedAt) / 1000;
  const used = stop();
  const run = { name, uploadSeconds, validationSeconds, seconds, failed: counts.failed, used };
  console.log(
    `${name}: ${figure(seconds)} s, ${figure(counts.total / seconds)} lines/s, validated in ${figure(validationSeconds)} s, ` +
      `gateway at most ${figure(used.highestResident)} MB; cores: ${JSON.stringify(used.cores)}`,
  );
  return run;
}

/** Interactive callers begin; the function ends them and tells. */
async function call(platform: Platform, children: Children, name: string): Promise<() => Promise<Feeling>> {
  const process = children.start('callers', path.join(import.meta.dirname, 'batches/callers.ts'));
  await messageFrom(process, (message) => (isRecord(message) ? message : null), 10_000);
  const { port, apiKey } = platform;
  process.send({ type: 'begin', port, apiKey, rate: RATE, seed });
  return async () => {
    const answer = messageFrom(process, reportOf, 60_000);
    process.send({ type: 'stop' });
    const { latencies, failed, complaint } = await answer;
    process.disconnect();
    if (failed > 0) console.log(`${name}: ${failed} requests failed, the first with ${complaint}`);
    const at = (p: number) => percentile(latencies, p);
    const felt = { name, requests: latencies.length, ms: [at(0.5), at(0.9), at(0.99), at(1)] } as const;
    console.log(
      `${name}: ${felt.requests} requests, p50/p90/p99/worst ${felt.ms.map(figure).join(' / ')} ms`,
    );
    return felt;
  };
}

function reportOf(message: unknown): CallersReport | null {
  if (!isRecord(message) || message['type'] !== 'called') return null;
  const { latencies, failed, complaint } = message;
  if (!(latencies instanceof Float64Array) || typeof failed !== 'number') return null;
  return { type: 'called', latencies, failed, complaint: typeof complaint === 'string' ? complaint : null };
}

async function idle(platform: Platform, children: Children, name: string): Promise<Feeling> {
  await sleep(SETTLE_MS);
  const end = await call(platform, children, name);
  await sleep(IDLE_MS);
  return end();
}

/** Idle, busy and idle again, so that a machine that grows slower shows. */
function measureBatch(worker: boolean): Promise<Measured> {
  return withFolder(async (folder) => {
    const file = path.join(folder, 'lines.jsonl');
    await writeInput(file, LINES, seed);
    await using children = new Children();
    const nodeArgs = options.profile ? ['--cpu-prof', `--cpu-prof-dir=${path.resolve(options.profile)}`] : [];
    const platform = await startPlatform(children, { dataDir: folder, node: true, worker, nodeArgs });
    await warmUp(platform, seededRandom(seed));
    const circumstances = told();
    const alone = await runBatch('alone', platform, file);
    const before = await idle(platform, children, 'idle, before');
    const end = await call(platform, children, 'during the batch');
    const beside = await runBatch(`beside ${RATE} requests a second`, platform, file);
    const during = await end();
    const after = await idle(platform, children, 'idle, after');
    return { told: circumstances, runs: [alone, beside], felt: [before, during, after] };
  });
}

/** Each on a gateway that has just been started, which answers no lines. */
async function measureFiles(): Promise<NonNullable<Results['files']>> {
  const circumstances = told();
  const upload100 = await measureFile('an upload at its limit', LIMIT_LINES, UPLOAD_BYTES, false);
  const input200 = await measureFile('an input file at its limits', LIMIT_LINES, LIMIT_BYTES, true);
  return { told: circumstances, runs: [upload100, input200] };
}

function measureFile(name: string, lines: number, bytes: number, validate: boolean): Promise<FileRun> {
  return withFolder(async (folder) => {
    const file = path.join(folder, 'lines.jsonl');
    await writeFilled(file, lines, bytes);
    await using children = new Children();
    const env = { ZEROGPU_MAX_UPLOAD_BYTES: String(LIMIT_BYTES), ZEROGPU_BATCH_CONCURRENCY: '0' };
    const platform = await startPlatform(children, { dataDir: folder, node: false, env });
    await sleep(SETTLE_MS);
    const pid = platform.pids.gateway;
    const residentBefore = residentMb(pid);
    const [fileId, uploadSeconds] = await timed(() => upload(platform, file));
    const highestInUpload = peakMb(pid);
    const validationSeconds = validate ? (await timed(() => create(platform, fileId)))[1] : null;
    const run = {
      name,
      megabytes: bytes / 1e6,
      uploadSeconds,
      validationSeconds,
      residentBefore,
      highestInUpload,
      highest: peakMb(pid),
    };
    console.log(JSON.stringify(run));
    return run;
  });
}

function batchSection(title: string, { told, runs, felt }: Measured): string {
  const rows = runs.map(({ name, uploadSeconds, validationSeconds, seconds, used }) => [
    name,
    ...[uploadSeconds, validationSeconds, seconds, LINES / seconds].map(figure),
    ...[used.medianResident, used.highestResident, used.highestProportional].map(figure),
    ...[used.cores.gateway, used.cores.worker, used.cores.node, used.cores.database].map(figure),
  ]);
  const [before, during, after] = felt.map(({ ms }) => ms[2]);
  const times = (during ?? 0) / Math.min(before ?? 0, after ?? 0);
  return [
    `## ${title}`,
    told,
    'Goals: completed in less than 60 s; the gateway below 400 MB throughout; p99 of interactive requests less than twice that of an idle server.',
    markdownTable(
      [
        'batch',
        'upload, s',
        'validation, s',
        'created to completed, s',
        'lines/s',
        'gateway, MB, median',
        'highest',
        'highest (PSS)',
        'cores: gateway',
        'worker',
        'node',
        'database',
      ],
      rows,
    ),
    markdownTable(
      ['interactive requests', 'requests', 'p50, ms', 'p90, ms', 'p99, ms', 'worst, ms'],
      felt.map(({ name, requests, ms }) => [name, requests.toLocaleString('en-US'), ...ms.map(figure)]),
    ),
    `p99 during the batch is ${figure(times)} times the lesser of the two idle ones.`,
  ].join('\n\n');
}

function filesSection({ told, runs }: NonNullable<Results['files']>): string {
  return [
    '## Files at their limits',
    told,
    'Each on a gateway just started, which answers no lines. Goal: below 256 MB while 100 MB are uploaded. MB are 10^6 bytes.',
    markdownTable(
      ['', 'MB', 'upload, s', 'validation, s', 'gateway before, MB', 'highest in the upload', 'highest'],
      runs.map((run) => [
        run.name,
        figure(run.megabytes),
        figure(run.uploadSeconds),
        run.validationSeconds === null ? '' : figure(run.validationSeconds),
        ...[run.residentBefore, run.highestInUpload, run.highest].map(figure),
      ]),
    ),
  ].join('\n\n');
}

const INTRODUCTION = `# Batches

A gateway and one local node as \`npm start\` runs them (lines are worked on in the gateway unless told), on the embedded database; texts of about 60 to 400 tokens from a seed,
for \`zlm-v1-iab-classify-edge\`. Callers, sampler and platform share the machine. An interactive request asks the same model;
requests fall due at random moments, ${RATE} a second, and a latency counts from then. Made by \`npm run bench:batches -- --write\`.`;

/** What was measured last of each part, so that one may be measured again by itself. */
function kept(): Results {
  const file = path.join(RESULTS, 'batches.json');
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
}

const wanted = (part: Part) => options.only === undefined || options.only === part;
const results: Results = {
  ...kept(),
  ...(wanted('batch') ? { batch: await measureBatch(false) } : {}),
  ...(wanted('worker') ? { worker: await measureBatch(true) } : {}),
  ...(wanted('files') ? { files: await measureFiles() } : {}),
};
const many = LINES.toLocaleString('en-US');
const sections = [
  ...(results.batch ? [batchSection(`${many} lines`, results.batch)] : []),
  ...(results.worker ? [batchSection(`${many} lines by a worker beside the gateway`, results.worker)] : []),
  ...(results.files ? [filesSection(results.files)] : []),
];
const markdown = `${[INTRODUCTION, ...sections].join('\n\n')}\n`;
console.log(markdown);
if (options.write) {
  writeFileSync(path.join(RESULTS, 'batches.json'), `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(path.join(RESULTS, 'batches.md'), markdown);
}
