/** The judges of the money tests, judged: books that are right pass, and each way of being wrong is found. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readBalance, refund } from '@zerogpu/ledger';
import type { Pool, PoolClient } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeOnServer, makeDatabase, type ScratchDatabase } from './support/database-server.ts';
import { installAudit } from './support/money-faults-audit.ts';
import {
  checkAll,
  checkTables,
  installOrders,
  keepOrders,
  replayNotes,
} from './support/money-faults-checks.ts';
import { Load, type Surprise } from './support/money-faults-load.ts';
import { MODEL, readOrder } from './support/money-faults-orders.ts';
import { type BookEvent, type Fault, replay } from './support/money-faults-replay.ts';
import { type Buyer, makeTenants } from './support/money-faults-tenants.ts';
import { setRoom, spendersOf, Turmoil } from './support/money-faults-turmoil.ts';
import { type CountingUpstream, startCountingUpstream } from './support/money-faults-upstream.ts';
import { upstreamSetting } from './support/scripted-upstream.ts';
import { mulberry32 } from './support/seeded-inferences.ts';
import { TestGateway } from './support/test-gateway.ts';

type Bare = BookEvent extends infer Event
  ? Event extends BookEvent
    ? Omit<Event, 'sequence' | 'transaction'> & { readonly transaction?: string }
    : never
  : never;

const NOVEMBER = '2026-11';
const PURSES = ['wallet', 'organization', 'project', 'key'];

const put = (amount: bigint): Bare => ({ kind: 'added', purse: 'wallet', amount });
const budget = (purse: string, limit: bigint | null): Bare => ({ kind: 'limit', purse, limit });
const held = (requestId: string, amount: bigint): Bare => ({ kind: 'held', requestId, amount });
const freed = (requestId: string, transaction = 'settles'): Bare => ({
  kind: 'freed',
  requestId,
  transaction,
});
const asked = (
  requestId: string,
  amount: bigint,
  refusedBy: string | null = null,
  month = NOVEMBER,
): Bare => ({
  kind: 'asked',
  requestId,
  purses: PURSES,
  amount,
  refusedBy,
  month,
});
const charged = (requestId: string, amount: bigint, month = NOVEMBER, transaction = 'settles'): Bare => ({
  kind: 'charged',
  requestId,
  amount,
  month,
  transaction,
});
const granted = (requestId: string, amount: bigint): Bare[] => [
  held(requestId, amount),
  asked(requestId, amount),
];
const settled = (requestId: string, amount: bigint): Bare[] => [freed(requestId), charged(requestId, amount)];

function play(events: readonly Bare[], dead: readonly string[] = []) {
  const full = events.map((event, i) => ({ transaction: String(i), ...event, sequence: i }));
  return replay(full, new Set(dead));
}

describe('the replay of the books', () => {
  test('finds nothing in books that are right, and adds them up', async () => {
    const { findings, purses, refused, holds } = await play([
      put(100n),
      ...granted('a', 60n),
      asked('b', 50n, 'wallet'),
      ...settled('a', 45n),
      { kind: 'limit', purse: 'key', limit: 60n, counted: { month: NOVEMBER, spent: 45n, held: 0n } },
      asked('c', 16n, 'key'),
      ...granted('d', 15n),
      // The same request again holds nothing more.
      asked('d', 15n),
      budget('key', 10n),
      budget('key', null),
      ...granted('e', 40n),
      put(-0n),
    ]);
    expect(findings).toEqual([]);
    expect([...refused]).toEqual(['b', 'c']);
    expect(holds).toBe(2);
    expect(purses.get('wallet')).toMatchObject({ limit: 100n, spent: 45n, held: 55n });
  });

  test('a budget begins anew with the month, a wallet never', async () => {
    const december = '2026-12';
    const right = [put(100n), budget('key', 50n), ...granted('a', 50n), ...settled('a', 50n)];
    const next = [held('b', 50n), asked('b', 50n, null, december)];
    expect((await play([...right, ...next])).findings).toEqual([]);
    const over = await play([...right, held('b', 51n), asked('b', 51n, null, december)]);
    // Once of the budget, once of the wallet.
    expect(over.findings.map(({ fault }) => fault)).toEqual(['overspend', 'overspend']);
  });

  test('money of killed gateways may refuse, and is told apart', async () => {
    const events = [put(100n), ...granted('a', 60n), asked('b', 50n, 'wallet'), freed('a')];
    expect(await play(events, ['a'])).toMatchObject({ findings: [], refusedForDead: 1 });
    expect(await play(events)).toMatchObject({ findings: [], refusedForDead: 0 });
  });

  const wrong: readonly [string, Fault, readonly Bare[]][] = [
    ['granted above the balance', 'overspend', [put(10n), ...granted('a', 11n)]],
    ['granted what another holds', 'overspend', [put(10n), ...granted('a', 6n), ...granted('b', 6n)]],
    ['granted above a budget', 'overspend', [put(10n), budget('project', 5n), ...granted('a', 6n)]],
    [
      'granted below a lowered budget',
      'overspend',
      [put(99n), budget('key', 50n), ...granted('a', 50n), budget('key', 10n), ...granted('b', 1n)],
    ],
    ['refunded what is held', 'overspend', [put(10n), ...granted('a', 6n), put(-5n)]],
    ['refused with money', 'false_rejection', [put(10n), asked('a', 10n, 'wallet')]],
    ['refused by the wrong purse', 'false_rejection', [put(1n), budget('key', 99n), asked('a', 2n, 'key')]],
    [
      'refused by a budget that is gone',
      'false_rejection',
      [put(10n), budget('key', 1n), budget('key', null), asked('a', 2n, 'key')],
    ],
    ['refused by what does not exist', 'false_rejection', [put(1n), asked('a', 2n, 'nobody')]],
    [
      'charged twice',
      'double_charge',
      [put(10n), ...granted('a', 5n), ...settled('a', 2n), charged('a', 2n)],
    ],
    ['charged without a hold', 'charge_without_hold', [put(10n), charged('a', 2n)]],
    [
      'charged after the hold went back',
      'charge_without_hold',
      [put(10n), ...granted('a', 5n), freed('a', 'the sweeper'), charged('a', 2n)],
    ],
    ['charged above the hold', 'charge_above_hold', [put(10n), ...granted('a', 5n), ...settled('a', 6n)]],
    ['held by nobody’s decision', 'hold_without_decision', [put(10n), held('a', 5n)]],
    ['refused and held', 'hold_without_decision', [put(1n), held('a', 5n), asked('a', 5n, 'wallet')]],
    ['granted and not held', 'decision_without_hold', [put(10n), asked('a', 5n)]],
    ['held less than granted', 'decision_without_hold', [put(10n), held('a', 4n), asked('a', 5n)]],
    [
      'begun with too little',
      'budget_miscounted',
      [
        put(10n),
        ...granted('a', 5n),
        ...settled('a', 4n),
        { kind: 'limit', purse: 'key', limit: 9n, counted: { month: NOVEMBER, spent: 3n, held: 0n } },
      ],
    ],
  ];
  test.for(wrong)('%s: %s', async ([, fault, events]) => {
    const { findings } = await play(events);
    expect(findings.map((finding) => finding.fault)).toEqual([fault]);
  });
});

describe('what callers see', () => {
  /** What a server says to this order, which it was asked for `asked` times before. */
  type Lie = (order: { name: string; usage: object }, asked: number) => { status: number; body: object };
  let server: Server;
  let lie: Lie;
  /** How often each order was asked for, by name. */
  let asks: Map<string, number>;

  beforeAll(async () => {
    server = createServer(async (request, response) => {
      let text = '';
      for await (const chunk of request) text += chunk;
      const { name = '', inputTokens = 0, outputTokens = 0 } = readOrder(text) ?? {};
      const usage = { input_tokens: inputTokens, output_tokens: outputTokens };
      const asked = asks.get(name) ?? 0;
      asks.set(name, asked + 1);
      const { status, body } = lie({ name, usage }, asked);
      const said = JSON.stringify(body);
      // Only an answer is streamed: a refusal comes before the stream would begin.
      const streamed = status === 200 && text.includes('"stream":true');
      response.writeHead(status).end(streamed ? `data: ${said}\n\n` : said);
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const honest: Lie = ({ name, usage }) => ({ status: 200, body: { name, usage } });
  const refusal = { status: 420, body: { error: { code: 'insufficient_quota' } } };
  const usage = { input_tokens: 1, output_tokens: 1 };

  // Each lies to some and only once: whoever must know the end of an order asks until there is one.
  const lies: readonly [Surprise['what'], Lie][] = [
    ['usage that the upstream did not report', ({ name }) => ({ status: 200, body: { name, usage } })],
    ['another answer to the same key', (order, asked) => ({ status: 200, body: { ...order, asked } })],
    [
      'a generous buyer refused',
      (order, asked) => (/^generous-\d*0$/.test(order.name) ? refusal : honest(order, asked)),
    ],
    ['an answered order refused', (order, asked) => (asked === 1 ? refusal : honest(order, asked))],
    [
      'an error of the platform',
      (order, asked) =>
        asked === 0 && /0$/.test(order.name) ? { status: 500, body: {} } : honest(order, asked),
    ],
  ];
  test.for([['nothing', honest] as const, ...lies])('%s', async ([what, told]) => {
    lie = told;
    asks = new Map();
    const { port } = server.address() as AddressInfo;
    const ids = { organizationId: 'o', walletId: 'w', projectId: 'p', apiKey: 'key' };
    const kinds = ['generous', 'tight', 'budgeted'] as const;
    const load = new Load({
      fleet: { up: [{ port }] },
      // Keys apart: orders are named by their key.
      buyers: kinds.map((kind) => ({ ...ids, kind, keyId: kind, orders: 0 })),
      random: mulberry32(1),
      answers: 400,
      callers: 4,
      lockMs: 0,
      keep: async () => undefined,
    });
    await load.run();
    const seen = load.surprises.map((surprise) => surprise.what);
    if (what === 'nothing') expect(seen).toEqual([]);
    else expect(seen).toContain(what);
  });
});

describeOnServer('the tables of a real run', () => {
  let database: ScratchDatabase;
  let upstream: CountingUpstream;
  let gateway: TestGateway;
  let buyers: Buyer[];
  const secret = 'a server secret for tests, which is long enough';
  const random = mulberry32(7);
  const refusals: string[] = [];

  beforeAll(async () => {
    database = await makeDatabase();
    upstream = await startCountingUpstream(random);
    gateway = await TestGateway.start({
      DATABASE_URL: database.url,
      ZEROGPU_SECRET: secret,
      ZEROGPU_UPSTREAMS: upstreamSetting(upstream, MODEL),
    });
    await installAudit(database.pool);
    await installOrders(database.pool);
    buyers = await makeTenants(database.pool, secret);
    const turmoil = new Turmoil(database.pool, buyers, random);
    turmoil.start((error) => {
      throw error;
    });
    await ask(200);
    await turmoil.stop();
  });

  afterAll(async () => {
    await gateway?.stop();
    await upstream?.stop();
    await database?.drop();
  });

  async function ask(answers: number): Promise<Load> {
    const fleet = { up: [{ port: Number(new URL(gateway.url).port) }] };
    const keep = keepOrders.bind(null, database.pool);
    const load = new Load({ fleet, buyers, random, answers, callers: 16, lockMs: 1_000, keep });
    await load.run();
    await gateway.eventually('the settlements of those who left', async () =>
      (await gateway.holds()) === 0 ? true : null,
    );
    refusals.push(...load.refusals);
    return load;
  }

  test('are right as they are', async () => {
    const { misfits, replay } = await checkAll(database.pool, refusals);
    expect(misfits).toEqual([]);
    expect(replay.findings).toEqual([]);
    expect(replay.granted).toBeGreaterThanOrEqual(200);
    expect(replay.holds).toBe(0);
  });

  test('a refusal that the ledger knows nothing of', async () => {
    const { misfits } = await checkAll(database.pool, [...refusals, 'req_of_nobody']);
    expect(misfits.map(({ rule }) => rule)).toEqual(['refused without a decision of the ledger']);
  });

  const ONE = '(SELECT id FROM requests WHERE status = 200 AND cost > 0 ORDER BY id LIMIT 1)';
  const PLAIN =
    "(SELECT request_id FROM audit.orders WHERE kind = 'answered' AND request_id IS NOT NULL LIMIT 1)";
  const ANY = '(SELECT id FROM ledger.accounts WHERE balance > 0 LIMIT 1)';
  const doctored: readonly [rule: string, sql: string][] = [
    ['answered without an order', `DELETE FROM audit.orders WHERE request_id = ${PLAIN}`],
    ['answered and not settled', `DELETE FROM requests WHERE id = ${PLAIN}`],
    [
      'answered twice',
      `INSERT INTO requests SELECT (jsonb_populate_record(r, '{"id": "req_twice"}')).* FROM requests r WHERE id = ${ONE}`,
    ],
    ['not answered and settled', `UPDATE audit.orders SET kind = 'refused' WHERE request_id = ${PLAIN}`],
    ['settled with a wrong cost', `UPDATE requests SET cost = cost + 1 WHERE id = ${ONE}`],
    ['settled under another id', `UPDATE requests SET id = 'req_other' WHERE id = ${PLAIN}`],
    ['charged without a log row', `DELETE FROM requests WHERE id = ${ONE}`],
    [
      'charged twice',
      `INSERT INTO ledger.postings (created_at, kind, from_account, to_account, amount, request_id)
       SELECT created_at, kind, from_account, to_account, amount, request_id FROM ledger.postings WHERE request_id = ${ONE}`,
    ],
    ['an error that was charged', `UPDATE requests SET status = 503 WHERE id = ${ONE}`],
    ['charged other than logged', `UPDATE ledger.postings SET amount = amount - 1 WHERE request_id = ${ONE}`],
    [
      'rollup other than the log',
      'UPDATE usage_rollups SET requests = requests + 1 WHERE resolution = $$minute$$',
    ],
    ['rollup other than the log', 'UPDATE usage_rollups SET cost = cost + 1 WHERE resolution = $$hour$$'],
    ['money held by nobody', `UPDATE ledger.accounts SET held = 1 WHERE id = ${ANY}`],
    [
      'a hold left',
      `INSERT INTO ledger.holds (request_id, account_id, amount, expires_at) VALUES ('left', ${ANY}, 1, now())`,
    ],
    ['balances_sum_to_zero', `UPDATE ledger.accounts SET balance = balance - 1 WHERE id = ${ANY}`],
  ];
  test.for(doctored)('%s', async ([rule, sql]) => {
    const rules = await undone(database.pool, async (client) => {
      // Neither triggers nor indexes may stand in the way of a forger.
      await client.query(
        'SET LOCAL session_replication_role = replica; DROP INDEX ledger.postings_one_charge',
      );
      await client.query(sql);
      return (await checkTables(client)).map((misfit) => misfit.rule);
    });
    expect(rules).toContain(rule);
  });

  test('a wallet and a budget that moved without a note', async () => {
    await setRoom(database.pool, spendersOf(buyers.slice(-1))[0]!, 1_000n);
    await database.pool.query(
      `UPDATE ledger.budgets SET spent = spent + 1;
       UPDATE ledger.accounts SET balance = balance + CASE kind WHEN 'wallet' THEN 1 ELSE -1 END WHERE kind <> 'earnings'`,
    );
    const rules = (await checkAll(database.pool, refusals)).misfits.map(({ rule }) => rule);
    expect(rules).toContain('a wallet other than its notes');
    expect(rules).toContain('a budget other than its notes');
  });

  // Last, because what they do stays done.
  test('a ledger that grants without looking overspends', async () => {
    for (const { kind, walletId } of buyers) {
      const available = (await readBalance(database.pool, walletId))?.available ?? 0n;
      if (kind !== 'tight' || available < 2n) continue;
      const given = {
        walletId,
        amount: available - 1n,
        reference: null,
        description: 'all but one',
        at: Date.now(),
      };
      await refund(database.pool, given);
    }
    await database.pool.query(GRANT_ALL);
    await ask(100);
    const { findings } = await replayNotes(database.pool);
    expect(new Set(findings.map(({ fault }) => fault))).toEqual(new Set(['overspend']));
  });

  test('a ledger that refuses at random rejects falsely', async () => {
    const before = (await replayNotes(database.pool)).findings.length;
    await database.pool.query(REFUSE_AT_RANDOM);
    const load = await ask(100);
    expect(load.surprises.map(({ what }) => what)).toContain('a generous buyer refused');
    const { findings } = await replayNotes(database.pool);
    expect(findings.slice(before).map(({ fault }) => fault)).toContain('false_rejection');
  });
});

async function undone<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    return await work(client);
  } finally {
    await client.query('ROLLBACK');
    client.release();
  }
}

const SIGNATURE = `request_ids text[], account_ids uuid[], project_ids uuid[], key_ids uuid[], amounts bigint[],
  expiries timestamptz[], at timestamptz`;

/** Holds whatever is asked, as a ledger would that trusts its callers. Without budgets, to be short. */
const GRANT_ALL = `
DELETE FROM ledger.budgets;
UPDATE ledger.accounts SET budgeted = false WHERE budgeted;
DO $$
DECLARE
  rule record;
BEGIN
  FOR rule IN SELECT conname FROM pg_constraint WHERE conrelid = 'ledger.accounts'::regclass AND contype = 'c' LOOP
    EXECUTE format('ALTER TABLE ledger.accounts DROP CONSTRAINT %I', rule.conname);
  END LOOP;
END $$;
CREATE OR REPLACE FUNCTION ledger.take_holds_unwatched(${SIGNATURE}) RETURNS text[] LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM ledger.accounts WHERE id = ANY (account_ids) ORDER BY id FOR NO KEY UPDATE;
  INSERT INTO ledger.holds (request_id, account_id, amount, expires_at, project_id, key_id)
    SELECT * FROM unnest(request_ids, account_ids, amounts, expiries, project_ids, key_ids);
  UPDATE ledger.accounts a SET held = a.held + d.amount FROM (
    SELECT id, sum(amount)::bigint AS amount FROM unnest(account_ids, amounts) AS r (id, amount) GROUP BY id
  ) d WHERE a.id = d.id;
  RETURN array_fill('held'::text, ARRAY[cardinality(request_ids)]);
END $$`;

/** Half of the time a whole group is told that there is no money. */
const REFUSE_AT_RANDOM = `
ALTER FUNCTION ledger.take_holds_unwatched RENAME TO take_holds_really;
CREATE FUNCTION ledger.take_holds_unwatched(${SIGNATURE}) RETURNS text[] LANGUAGE plpgsql AS $$
BEGIN
  IF random() < 0.5 THEN RETURN array_fill('balance'::text, ARRAY[cardinality(request_ids)]); END IF;
  RETURN ledger.take_holds_really(request_ids, account_ids, project_ids, key_ids, amounts, expiries, at);
END $$`;
