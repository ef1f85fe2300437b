/** Any bytes as an input file: refused with the first fault, or each custom_id comes out exactly once; never a 5xx. */
import { LINE_ERROR_CODES } from '@zerogpu/protocol';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BatchClient } from './support/batch-client.ts';
import {
  CUT,
  hostileInputs,
  INPUT_LIMITS,
  type InputVerdict,
  naiveVerdict,
} from './support/hostile-inputs.ts';
import { type CallAnswer, type Project, TestGateway } from './support/test-gateway.ts';

/** ZEROGPU_TEST_FUZZ_CASES=100000 is what a release is held to. */
const CASES = Number(process.env['ZEROGPU_TEST_FUZZ_CASES'] ?? 150);
/** Given to run the same again. */
const SEED = Number(process.env['ZEROGPU_TEST_FUZZ_SEED'] ?? Date.now() % 1_000_000_000);
/** A batch takes its time to begin and end, of which little is work. */
const CALLERS = 32;
/** Files between two looks at the books. */
const STAGE = 2_000;
const PATIENCE_MS = 60_000;

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start({
    ZEROGPU_BATCH_MAX_LINES: String(INPUT_LIMITS.maxLines),
    ZEROGPU_BATCH_MAX_LINE_BYTES: String(INPUT_LIMITS.maxLineBytes),
    ZEROGPU_BATCH_MAX_BYTES: String(INPUT_LIMITS.maxFileBytes),
  });
  await gateway.join();
});
afterAll(() => gateway.stop());

test(`${CASES} hostile input files of seed ${SEED}`, { timeout: 12 * 60 * 60_000 }, async () => {
  const ends: Record<string, number> = {};
  for (let done = 0; done < CASES; done += STAGE) {
    const numRuns = Math.min(STAGE, CASES - done);
    const files = fc.sample(hostileInputs, { numRuns, seed: SEED + done });
    const left = [...files.entries()];
    const ended = await Promise.allSettled(Array.from({ length: CALLERS }, () => work(left, done, ends)));
    for (const each of ended) if (each.status === 'rejected') throw each.reason;
    await expectQuiet();
  }
  console.log(`${CASES} hostile input files of seed ${SEED}, by end: ${JSON.stringify(ends)}`);
  // The generator still makes files of both kinds.
  if (CASES >= 150) expect(Math.min(ends['begun'] ?? 0, ends['refused'] ?? 0)).toBeGreaterThan(CASES / 10);
});

/** Takes one file after the other. A wallet of its own, so that no stage ends for want of money. */
async function work(left: [number, Buffer][], before: number, ends: Record<string, number>): Promise<void> {
  const project = await gateway.newProject();
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const [i, file] = next;
    const end = await put(project, file).catch((error: Error) => {
      left.length = 0;
      throw new Error(`File ${before + i} of seed ${SEED}: ${error.message}\n${shown(file)}`);
    });
    ends[end] = (ends[end] ?? 0) + 1;
  }
}

async function put(project: Project, file: Buffer): Promise<InputVerdict['kind']> {
  const client = new BatchClient({ url: gateway.url, apiKey: project.apiKey });
  const verdict = naiveVerdict(file);
  const uploaded = await client.upload(new Uint8Array(file));
  expect(uploaded.status, uploaded.bytes.toString()).toBe(200);
  expect(uploaded.json.bytes).toBe(file.length);
  const body = {
    input_file_id: uploaded.json.id,
    endpoint: '/v1/chat/completions',
    completion_window: '24h',
  };
  const created = await gateway.call('/v1/batches', body, { key: project.apiKey });
  if (verdict.kind === 'refused') expectRefused(created, verdict);
  else await expectWhole(client, created, verdict.customIds);
  return verdict.kind;
}

function expectRefused(
  { status, json, text }: CallAnswer,
  verdict: InputVerdict & { kind: 'refused' },
): void {
  expect(status, text).toBe(400);
  expect(json.error.line ?? null, text).toBe(verdict.line);
  const [start = '', end] = verdict.message.split(CUT);
  const message: string = json.error.message;
  if (end === undefined) expect(message).toBe(start);
  else
    expect(message.startsWith(start) && message.endsWith(end), `${message} for ${start}…${end}`).toBe(true);
}

async function expectWhole(
  client: BatchClient,
  created: CallAnswer,
  customIds: readonly string[],
): Promise<void> {
  expect(created.status, created.text).toBe(200);
  const batch = await client.ended(created.json.id, PATIENCE_MS);
  const read = async (id: string | null) => (id === null ? [] : rowsOf(await client.content(id)));
  const [output, error] = [await read(batch.output_file_id), await read(batch.error_file_id)];
  expect(batch.status).toBe('completed');
  expect([...output, ...error].map(({ custom_id }) => custom_id).sort()).toEqual([...customIds].sort());
  const counts = { total: customIds.length, completed: output.length, failed: error.length };
  expect(batch.request_counts).toEqual(counts);
  for (const row of output) expect(row.response.status_code).toBe(200);
  for (const { error: told } of error) {
    expect(LINE_ERROR_CODES).toContain(told.code);
    expect(told.message).toMatch(/^\[legacy:\w+\] ./);
    // That would be our fault, whatever was asked.
    expect(told.code, told.message).not.toBe('internal_error');
  }
}

async function expectQuiet(): Promise<void> {
  expect(gateway.told).toEqual([]);
  expect(gateway.strayings).toEqual([]);
  expect(await gateway.violations()).toEqual([]);
  await gateway.eventually('all holds to be given back', async () =>
    (await gateway.holds()) === 0 ? true : null,
  );
  const { rows } = await gateway.pool.query(
    'SELECT (SELECT count(*)::int FROM batch_lines) AS lines, (SELECT count(*)::int FROM batch_results) AS results',
  );
  expect(rows).toEqual([{ lines: 0, results: 0 }]);
}

const rowsOf = (content: Buffer) =>
  content
    .toString()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

/** To be put into a test as it is. */
const shown = (file: Buffer) => `Buffer.from('${file.toString('base64')}', 'base64')`;
