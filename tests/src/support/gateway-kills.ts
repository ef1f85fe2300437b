/** A gateway that is killed again and again while it is busy, and what must be true afterwards. */
import { setTimeout as sleep } from 'node:timers/promises';
import { openGateway, readConfig, silentLog } from '@zerogpu/gateway';
import { checkInvariants, type Violation } from '@zerogpu/ledger';
import type { Pool } from 'pg';
import { startPlatform } from './platform.ts';

export interface KillsOptions {
  readonly kills: number;
  /** Callers that send one request after the other. */
  readonly callers: number;
}

export interface KillsReport {
  /** Requests in flight at each kill, as their callers saw it. */
  readonly inFlight: readonly number[];
  /** Ids of requests whose whole answer, or whole stream with its final event, was received. */
  readonly answered: readonly string[];
  /** Of the answered ones: not in the log as answered, or not charged exactly once. */
  readonly unsettled: readonly string[];
  readonly settledTwice: number;
  readonly violations: readonly Violation[];
  /** Money held by nobody, after the holds of killed requests were given back. */
  readonly heldAfterwards: bigint;
}

const MODEL = 'zlm-v1-summary-cloud';
const TEXT =
  'The harbour bridge will close for repairs on Monday. Engineers found cracks in two of its cables in March. ' +
  'Drivers are asked to take the tunnel. The city expects the work to last eleven weeks and to cost nine million euros.';
const BETWEEN_KILLS_MS = 400;
const DEADLINE_MS = 2_000;
/** Deadline, the grace of a hold, and a round of the sweeper. */
const HOLDS_GONE_MS = 60_000;

/** Runs load against a real gateway process with two nodes and kills the gateway with SIGKILL while it works. */
export async function killGatewayUnderLoad(options: KillsOptions): Promise<KillsReport> {
  const platform = await startPlatform({ nodes: 2, env: { ZEROGPU_DEADLINE_MS: String(DEADLINE_MS) } });
  try {
    const load = new Load(platform.url, platform.apiKey, options.callers);
    const inFlight: number[] = [];
    for (let kill = 0; kill < options.kills; kill++) {
      await load.busy();
      await sleep(BETWEEN_KILLS_MS * Math.random());
      inFlight.push(load.inFlight);
      await platform.gateway.killHard();
      await platform.startGateway();
    }
    await load.busy();
    await load.stop();
    await platform.gateway.stop(30_000);
    return { inFlight, answered: load.answered, ...(await audit(platform.dataDir, load.answered)) };
  } finally {
    await platform.stop();
  }
}

/** Callers who ask again and again, half of them streaming, and remember what was answered to the end. */
class Load {
  readonly answered: string[] = [];
  inFlight = 0;
  #stopped = false;
  readonly #callers: Promise<void>[];
  readonly #url: string;
  readonly #apiKey: string;

  constructor(url: string, apiKey: string, callers: number) {
    this.#url = url;
    this.#apiKey = apiKey;
    this.#callers = Array.from({ length: callers }, (_, i) => this.#call(i % 2 === 0));
  }

  /** Resolves when answers are coming in. */
  async busy(): Promise<void> {
    const before = this.answered.length;
    while (this.answered.length < before + this.#callers.length) await sleep(5);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#callers);
  }

  async #call(stream: boolean): Promise<void> {
    while (!this.#stopped) {
      this.inFlight++;
      const id = await this.#ask(stream).catch(() => null);
      this.inFlight--;
      if (id === null) await sleep(20);
      else this.answered.push(id);
    }
  }

  /** The request's id when all of its answer arrived; null when the server said no. */
  async #ask(stream: boolean): Promise<string | null> {
    const response = await fetch(`${this.#url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'x-api-key': this.#apiKey, 'content-type': 'application/json' },
      body: JSON.stringify({ model: MODEL, messages: [{ role: 'user', content: TEXT }], stream }),
    });
    const text = await response.text();
    const whole = stream ? text.endsWith('data: [DONE]\n\n') : text.endsWith('}');
    return response.status === 200 && whole ? response.headers.get('x-request-id') : null;
  }
}

type Audit = Omit<KillsReport, 'inFlight' | 'answered'>;

/** Opens the data directory once more and compares what callers received with what was settled. */
async function audit(dataDir: string, answered: readonly string[]): Promise<Audit> {
  const config = readConfig({ ZEROGPU_DATA_DIR: dataDir, PORT: '0' });
  const gateway = await openGateway(config, silentLog);
  try {
    const heldAfterwards = await waitForNoHolds(gateway.pool);
    return {
      unsettled: await unsettledOf(gateway.pool, answered),
      settledTwice: await chargedTwice(gateway.pool),
      violations: await checkInvariants(gateway.pool),
      heldAfterwards,
    };
  } finally {
    await gateway.close(1_000);
  }
}

async function unsettledOf(pool: Pool, answered: readonly string[]): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(
    `SELECT id FROM unnest($1::text[]) AS answered (id)
     WHERE (SELECT count(*) FROM requests r WHERE r.id = answered.id AND r.status = 200) <> 1
       OR (SELECT count(*) FROM ledger.postings p WHERE p.kind = 'charge' AND p.request_id = answered.id) <> 1`,
    [answered],
  );
  return rows.map((row) => row.id);
}

async function chargedTwice(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM (
       SELECT request_id FROM ledger.postings WHERE kind = 'charge' GROUP BY request_id HAVING count(*) > 1) twice`,
  );
  return rows[0]!.count;
}

async function waitForNoHolds(pool: Pool): Promise<bigint> {
  const until = Date.now() + HOLDS_GONE_MS;
  for (;;) {
    const { rows } = await pool.query<{ held: bigint }>(
      'SELECT sum(held)::bigint AS held FROM ledger.accounts',
    );
    const held = rows[0]!.held;
    if (held === 0n || Date.now() > until) return held;
    await sleep(500);
  }
}
