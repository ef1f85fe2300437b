import { newId } from '@zerogpu/protocol';
import fc from 'fast-check';
import type { Pool } from 'pg';
import { expect, it } from 'vitest';
import type { Payload, PayloadPolicy } from '../flow.ts';
import { sweep } from '../metering/sweeper.ts';
import { onEveryPostgres } from '../testing/postgres.ts';
import { makeTenant } from '../testing/tenant.ts';
import { silentLog } from './log.ts';
import { MAX_PAYLOAD_BYTES, PayloadWriter, readPayload } from './payloads.ts';
import { SecretError, Secrets } from './secrets.ts';

const secrets = new Secrets('a secret of the tests, long enough');
const DAY = 24 * 60 * 60 * 1_000;

async function setUp(pool: Pool, options: { maxWaitingBytes?: number; logDays?: number } = {}) {
  const { caller } = await makeTenant(pool, secrets);
  const lost = { count: 0 };
  const told: string[] = [];
  const log = {
    ...silentLog,
    warn: (fields: object, message: string) => told.push(JSON.stringify([fields, message])),
  };
  const writer = new PayloadWriter({
    pool,
    secrets,
    log,
    logDays: 396,
    lost: () => void lost.count++,
    ...options,
  });
  const payload = (
    changes: Partial<Payload> = {},
    payloadPolicy: PayloadPolicy = 'all',
    days = 30,
  ): Payload => ({
    requestId: newId('request'),
    startedAt: Date.now(),
    caller: { ...caller, payloadPolicy, payloadDays: days },
    status: 200,
    request: Buffer.from('{"input":"What?"}'),
    answer: 'That.',
    ...changes,
  });
  const keep = async (one: Payload) => {
    writer.offer(one);
    await writer.drain();
    return readPayload(pool, secrets, caller.projectId, one.requestId);
  };
  return { caller, writer, payload, keep, lost, told };
}

onEveryPostgres('payloads', (database) => {
  it('are kept as the project says', async () => {
    const pool = await database();
    const { keep, payload } = await setUp(pool);
    const kept = async (policy: PayloadPolicy, status: number) =>
      (await keep(payload({ status }, policy))) !== null;
    const policies = ['none', 'errors', 'all'] as const;
    const found = await Promise.all(
      policies.map((policy) => Promise.all([kept(policy, 200), kept(policy, 400), kept(policy, 499)])),
    );
    expect(found).toEqual([
      [false, false, false],
      [false, true, true],
      [true, true, true],
    ]);
  });

  it('come back as they were, whatever they hold, and lie encrypted', async () => {
    const pool = await database();
    const { keep, payload } = await setUp(pool);
    await fc.assert(
      fc.asyncProperty(
        fc.option(fc.string({ unit: 'binary', maxLength: 200 })),
        fc.option(fc.string({ unit: 'binary', maxLength: 200 })),
        async (request, answer) => {
          const found = await keep(
            payload({ request: request === null ? null : Buffer.from(request), answer }),
          );
          expect(found).toMatchObject({ request, answer, requestTruncated: false, answerTruncated: false });
        },
      ),
      { numRuns: 30 },
    );
    await keep(payload({ request: Buffer.from('planted-question'), answer: 'planted-answer' }));
    const { rows } = await pool.query(
      "SELECT encode(request, 'escape') || encode(answer, 'escape') AS all FROM request_payloads",
    );
    expect(rows.map((row) => row.all).join()).not.toContain('planted');
  });

  it('are cut at 64 KB, at the end of a character', async () => {
    const pool = await database();
    const { keep, payload } = await setUp(pool);
    for (const [text, length] of [
      ['x'.repeat(MAX_PAYLOAD_BYTES), MAX_PAYLOAD_BYTES],
      ['x'.repeat(MAX_PAYLOAD_BYTES + 1), MAX_PAYLOAD_BYTES],
      [`${'x'.repeat(MAX_PAYLOAD_BYTES - 1)}é`, MAX_PAYLOAD_BYTES - 1],
      [`${'x'.repeat(MAX_PAYLOAD_BYTES - 3)}🦉`, MAX_PAYLOAD_BYTES - 3],
      ['é'.repeat(MAX_PAYLOAD_BYTES), MAX_PAYLOAD_BYTES / 2],
    ] as const) {
      const found = await keep(payload({ request: Buffer.from(text), answer: text }));
      const truncated = text.length > length;
      const cut = text.slice(0, length);
      expect([found?.requestTruncated, found?.answerTruncated]).toEqual([truncated, truncated]);
      expect(found?.request === cut && found.answer === cut).toBe(true);
    }
  });

  it('cannot be read as another request’s or another project’s, or with another secret', async () => {
    const pool = await database();
    const { caller, keep, payload } = await setUp(pool);
    const [one, other] = [payload(), payload()];
    await keep(one);
    await keep(other);
    const { caller: stranger } = await makeTenant(pool, secrets);
    expect(await readPayload(pool, secrets, stranger.projectId, one.requestId)).toBeNull();
    const strange = new Secrets('x'.repeat(40));
    await expect(readPayload(pool, strange, caller.projectId, one.requestId)).rejects.toThrow(SecretError);
    await pool.query(
      'UPDATE request_payloads p SET answer = o.answer FROM request_payloads o WHERE p.request_id = $1 AND o.request_id = $2',
      [one.requestId, other.requestId],
    );
    await expect(readPayload(pool, secrets, caller.projectId, one.requestId)).rejects.toThrow(SecretError);
    await pool.query('UPDATE request_payloads SET answer = request');
    await expect(readPayload(pool, secrets, caller.projectId, other.requestId)).rejects.toThrow(SecretError);
  });

  it('are gone when their days are over, or those of the log, and are deleted by the sweeper', async () => {
    const pool = await database();
    const { keep, payload } = await setUp(pool, { logDays: 10 });
    const at = (days: number) => Date.now() - days * DAY;
    expect(await keep(payload({ startedAt: at(2.9) }, 'all', 3))).not.toBeNull();
    expect(await keep(payload({ startedAt: at(3.1) }, 'all', 3))).toBeNull();
    expect(await keep(payload({ startedAt: at(10.1) }, 'all', 30))).toBeNull();
    expect(await sweep(pool, silentLog, Date.now())).toEqual({ holds: 0, answers: 0, payloads: 2 });
    expect((await pool.query('SELECT 1 FROM request_payloads')).rowCount).toBe(1);
  });

  it('that are too many at once are lost and counted, and memory is free again afterwards', async () => {
    const pool = await database();
    const { writer, keep, payload, lost } = await setUp(pool, { maxWaitingBytes: 10_000 });
    const big = () => payload({ request: Buffer.alloc(3_000, 'x'), answer: null });
    for (let i = 0; i < 5; i++) writer.offer(big());
    expect(lost.count).toBe(2);
    await writer.drain();
    expect((await pool.query('SELECT 1 FROM request_payloads')).rowCount).toBe(3);
    expect(await keep(big())).not.toBeNull();
    expect(lost.count).toBe(2);
  });

  it('that cannot be written are lost alone, and no word of them is told', async () => {
    const pool = await database();
    const { writer, keep, payload, lost, told } = await setUp(pool);
    const good = payload();
    writer.offer(payload({ requestId: 'planted \0 id', answer: 'planted answer' }));
    expect(await keep(good)).not.toBeNull();
    expect(lost.count).toBe(1);
    expect(told).toHaveLength(1);
    expect(told.join()).not.toContain('planted');
  });
});
