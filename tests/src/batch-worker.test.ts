/** Workers beside a gateway that leaves all lines to them, as processes of their own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BATCH_ENDPOINT } from '@zerogpu/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BatchClient } from './support/batch-client.ts';
import { chatBody, TEXTS } from './support/batch-lines.ts';
import { describeOnServer, makeDatabase } from './support/database-server.ts';
import { ManagedProcess } from './support/managed-process.ts';
import { Platform } from './support/platform.ts';
import { TestGateway } from './support/test-gateway.ts';

/** Guards against hanging. */
const READY_MS = 60_000;
const PATIENCE_MS = 120_000;
const STOP_MS = 30_000;
const TIMEOUT_MS = 240_000;

let gateway: TestGateway;
let client: BatchClient;
const workers: ManagedProcess[] = [];

beforeEach(async () => {
  gateway = await TestGateway.start({ ZEROGPU_BATCH_CONCURRENCY: '0' });
  client = new BatchClient({ url: gateway.url, apiKey: gateway.first.apiKey });
}, READY_MS);
afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.stop(STOP_MS);
  await gateway.stop();
}, STOP_MS);

function spawnWorker(env: Readonly<Record<string, string>> = {}): ManagedProcess {
  const worker = new ManagedProcess({
    name: 'worker',
    program: 'gateway/src/worker.ts',
    env: {
      PATH: process.env['PATH'],
      ZEROGPU_DATA_DIR: gateway.gateway.dataDir,
      // As the gateway's own setting is, which a worker shares under `npm start`.
      ZEROGPU_BATCH_CONCURRENCY: '0',
      ...env,
    },
  });
  workers.push(worker);
  return worker;
}

const customIds = (lines: number) => Array.from({ length: lines }, (_, i) => `line-${i}`);

function fileOf(lines: number): string {
  const rows = customIds(lines).map((custom_id, i) => {
    const body = chatBody(TEXTS[i % TEXTS.length]!);
    return JSON.stringify({ custom_id, method: 'POST', url: BATCH_ENDPOINT, body });
  });
  return `${rows.join('\n')}\n`;
}

/** What stands in the books of all half-price requests: how many, how often charged, by which kind of target. */
async function books() {
  const { rows } = await gateway.pool.query(`
    SELECT count(*)::int AS logged, count(*) FILTER (WHERE cost > 0)::int AS paid,
      count(DISTINCT route_target)::int AS targets, min(route_target) AS target, min(route_kind) AS kind,
      (SELECT count(*)::int FROM ledger.postings p WHERE p.kind = 'charge'
        AND p.request_id IN (SELECT id FROM requests WHERE half_price)) AS charges
    FROM requests WHERE half_price AND status = 200`);
  return rows[0];
}

async function expectWhole(batchId: string, lines: number): Promise<void> {
  const batch = await client.ended(batchId, PATIENCE_MS);
  expect(batch.status).toBe('completed');
  expect(batch.request_counts).toEqual({ total: lines, completed: lines, failed: 0 });
  const output = (await client.content(batch.output_file_id ?? '')).toString().trimEnd().split('\n');
  expect(output.map((line) => JSON.parse(line).custom_id)).toEqual(customIds(lines));
  const paid = await books();
  expect([paid.logged, paid.paid, paid.charges]).toEqual([lines, lines, lines]);
  expect(await gateway.violations()).toEqual([]);
}

test(
  'a worker answers a batch by the nodes of the gateway, and the log says which',
  async () => {
    await gateway.spawnNode();
    const worker = spawnWorker();
    expect(await worker.ready(READY_MS)).toMatchObject({ type: 'ready', gateways: 1 });
    const { id } = await client.begin(fileOf(300));
    await expectWhole(id, 300);
    const node = (await gateway.pool.query('SELECT id FROM nodes')).rows[0];
    expect(await books()).toMatchObject({ targets: 1, target: node.id, kind: 'node' });
    expect(await worker.stop(STOP_MS)).toEqual({ code: 0, signal: null });
    const left =
      'SELECT (SELECT count(*)::int FROM batch_lines) AS lines, count(*)::int AS running FROM batch_workers';
    // The gateway itself is one that validates and ends batches.
    expect((await gateway.pool.query(left)).rows[0]).toEqual({ lines: 0, running: 1 });
  },
  TIMEOUT_MS,
);

test(
  'a worker that is killed in the middle takes no line with it and pays none twice',
  async () => {
    await gateway.spawnNode();
    const [first] = [spawnWorker(), spawnWorker()];
    await Promise.all(workers.map((worker) => worker.ready(READY_MS)));
    const lines = 4_000;
    const { id } = await client.begin(fileOf(lines));
    await client.progressed(id, 200, PATIENCE_MS);
    await first?.killHard();
    await client.progressed(id, 700, PATIENCE_MS);
    for (const worker of workers) await worker.killHard();
    expect(await client.look(id)).toMatchObject({ status: 'in_progress' });
    await spawnWorker().ready(READY_MS);
    await expectWhole(id, lines);
  },
  TIMEOUT_MS,
);

test(
  'a worker that ends in order gives its lines back',
  async () => {
    await gateway.spawnNode();
    const worker = spawnWorker();
    await worker.ready(READY_MS);
    const lines = 2_000;
    const { id } = await client.begin(fileOf(lines));
    await client.progressed(id, 100, PATIENCE_MS);
    expect(await worker.stop(STOP_MS)).toEqual({ code: 0, signal: null });
    const running = "SELECT count(*)::int AS lines FROM batch_lines WHERE state = 'running'";
    expect((await gateway.pool.query(running)).rows[0].lines).toBe(0);
    await spawnWorker().ready(READY_MS);
    await expectWhole(id, lines);
  },
  TIMEOUT_MS,
);

test(
  'without a node lines wait as they do for a caller; when one comes they are answered',
  async () => {
    // Named by its address as nodes write it, instead of found in the database.
    const worker = spawnWorker({ ZEROGPU_GATEWAY_URL: gateway.url.replace('http', 'ws') });
    await worker.ready(READY_MS);
    const { id } = await client.begin(fileOf(20));
    await gateway.spawnNode();
    await expectWhole(id, 20);
  },
  TIMEOUT_MS,
);

test(
  'a worker without a running gateway says so, and ends',
  async () => {
    const nowhere = await mkdtemp(path.join(tmpdir(), 'zerogpu-test-'));
    try {
      const worker = spawnWorker({ ZEROGPU_DATA_DIR: nowhere });
      expect(await worker.exited).toEqual({ code: 1, signal: null });
      expect(worker.output).toMatch(
        /^No gateway runs on the data directory .*\. Start one first \(npm start\), or name its database with DATABASE_URL\n$/,
      );
    } finally {
      await rm(nowhere, { recursive: true });
    }
  },
  TIMEOUT_MS,
);

test(
  'a worker with another secret ends for good',
  async () => {
    const worker = spawnWorker({ ZEROGPU_SECRET: 'another secret that is long enough for it' });
    expect(await worker.exited).toEqual({ code: 2, signal: null });
    expect(worker.output).toMatch(/another server secret/);
  },
  TIMEOUT_MS,
);

test(
  'a gateway that is killed with its database, and comes back: the worker beside it goes on',
  async () => {
    const platform = await Platform.start({ env: { ZEROGPU_BATCH_CONCURRENCY: '0' } });
    try {
      const worker = spawnWorker({ ZEROGPU_DATA_DIR: platform.dataDir });
      await worker.ready(READY_MS);
      const caller = new BatchClient(platform);
      const lines = 3_000;
      const { id } = await caller.begin(fileOf(lines));
      await caller.progressed(id, 300, PATIENCE_MS);
      await platform.gateway.killHard();
      await platform.startGateway();
      const batch = await caller.ended(id, PATIENCE_MS);
      expect(batch).toMatchObject({
        status: 'completed',
        request_counts: { total: lines, completed: lines, failed: 0 },
      });
      const output = (await caller.content(batch.output_file_id ?? '')).toString().trimEnd().split('\n');
      expect(output.map((line) => JSON.parse(line).custom_id)).toEqual(customIds(lines));
      expect(worker.running).toBe(true);
    } finally {
      for (const worker of workers.splice(0)) await worker.stop(STOP_MS);
      await platform.stop();
    }
  },
  TIMEOUT_MS,
);

describeOnServer('a worker with a database by address', () => {
  test(
    'leaves an empty one as it is, and works on no files but those of the gateways',
    async () => {
      const database = await makeDatabase();
      const elsewhere = await mkdtemp(path.join(tmpdir(), 'zerogpu-test-'));
      const secret = 'the same secret on all gateways of the database';
      const env = { DATABASE_URL: database.url, ZEROGPU_DATA_DIR: elsewhere, ZEROGPU_SECRET: secret };
      try {
        const early = spawnWorker(env);
        expect(await early.exited).toEqual({ code: 1, signal: null });
        expect(early.output).toMatch(/^No gateway runs /);
        const tables = "SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace";
        expect((await database.pool.query(tables)).rowCount).toBe(0);
        const beside = await TestGateway.start({ DATABASE_URL: database.url, ZEROGPU_SECRET: secret });
        try {
          const lost = spawnWorker(env);
          expect(await lost.exited).toEqual({ code: 1, signal: null });
          expect(lost.output).toMatch(/^The gateway's files are not in .* Set ZEROGPU_DATA_DIR /);
          const right = spawnWorker({ ...env, ZEROGPU_DATA_DIR: beside.gateway.dataDir });
          expect(await right.ready(READY_MS)).toMatchObject({ gateways: 1 });
          await right.stop(STOP_MS);
        } finally {
          await beside.stop();
        }
      } finally {
        await database.drop();
        await rm(elsewhere, { recursive: true });
      }
    },
    TIMEOUT_MS,
  );
});
