/** The embedded database is killed while requests are under way: it comes back, and nothing answered is unpaid. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SUMMARY } from './support/scripted-node.ts';
import { type CallAnswer, TestGateway } from './support/test-gateway.ts';

const KILLS = 3;
const CALLERS = 16;
const ASK = { model: SUMMARY, input: 'The sky is blue.', max_output_tokens: 16 };

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start();
  await gateway.join();
});
afterAll(() => gateway.stop());

test(`${KILLS} kills under load`, async () => {
  const answers: CallAnswer[] = [];
  let done = false;
  const call = async () => {
    while (!done) answers.push(await gateway.call('/v1/responses', ASK));
  };
  const callers = Array.from({ length: CALLERS }, call);
  const answered = (since: number) => answers.slice(since).filter(({ status }) => status === 200).length;
  try {
    for (let kill = 0; kill < KILLS; kill++) {
      const before = answers.length;
      await gateway.eventually('requests to be answered', async () => (answered(before) > 50 ? true : null));
      process.kill(await databasePid(), 'SIGKILL');
      const since = answers.length;
      await gateway.eventually('the database to be back', async () => (answered(since) > 50 ? true : null));
    }
  } finally {
    done = true;
    await Promise.all(callers);
  }
  // Either the answer, or our fault: never anything that blames the caller. A hold that a killed server had not yet
  // written to the disk is lost, and its request, which nobody can charge any more, ends with 504.
  const statuses = [...new Set(answers.map(({ status }) => status))];
  expect(statuses.filter((status) => ![200, 500, 503, 504].includes(status))).toEqual([]);
  await expectPaid(answers.filter(({ status }) => status === 200));
  expect((await gateway.call('/health')).json.components.database.status).toBe('ok');
});

/** Every answer is in the log and was charged once; what was held for the others comes back. */
async function expectPaid(answers: readonly CallAnswer[]): Promise<void> {
  const ids = answers.map(({ requestId }) => requestId);
  const { rows } = await gateway.pool.query<{ logged: number; charged: number }>(
    `SELECT (SELECT count(*)::int FROM requests WHERE id = ANY ($1) AND status = 200) AS logged,
       (SELECT count(*)::int FROM ledger.postings WHERE kind = 'charge' AND request_id = ANY ($1)) AS charged`,
    [ids],
  );
  expect(rows[0]).toEqual({ logged: ids.length, charged: ids.length });
  expect(await gateway.violations()).toEqual([]);
  await gateway.pool.query('UPDATE ledger.holds SET expires_at = now()');
  await gateway.eventually('holds to be given back', async () =>
    (await gateway.holds()) === 0 ? true : null,
  );
  expect(await gateway.violations()).toEqual([]);
}

async function databasePid(): Promise<number> {
  const text = await readFile(
    path.join(gateway.gateway.dataDir, 'postgres', 'data', 'postmaster.pid'),
    'utf8',
  );
  const pid = Number(text.split('\n')[0]);
  if (!(pid > 1)) throw new Error('The database does not run');
  return pid;
}
