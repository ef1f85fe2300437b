/** What administrators do while requests run: credit that comes by drops, refunds, and budgets that come, change and go. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { credit, refund, removeBudget, type SpenderKind } from '@zerogpu/ledger';
import type { Pool, PoolClient } from 'pg';
import type { Buyer } from './money-faults-tenants.ts';
import type { Random } from './seeded-inferences.ts';

/** Whoever may have a budget. */
export interface Spender {
  readonly kind: SpenderKind;
  readonly spenderId: string;
  readonly organizationId: string;
  /** Null for an organization. */
  readonly projectId: string | null;
  readonly walletId: string;
}

export function spendersOf(buyers: readonly Buyer[]): Spender[] {
  const all = buyers.flatMap(({ walletId, organizationId, projectId, keyId }): Spender[] => [
    { kind: 'organization', spenderId: organizationId, organizationId, projectId: null, walletId },
    { kind: 'project', spenderId: projectId, organizationId, projectId, walletId },
    { kind: 'key', spenderId: keyId, organizationId, projectId, walletId },
  ]);
  return [...new Map(all.map((spender) => [spender.spenderId, spender])).values()];
}

/** A change of somebody's money now and then, faster than anybody administers. */
const EVERY_MS = 40;
/** Of changes. */
const CREDITS = 0.4;
const REFUNDS = 0.05;
/** Of changes of a budget. */
const REMOVALS = 0.3;
/** About ten requests: less than what is asked of a tight wallet meanwhile. */
const MOST_CREDIT = 600_000;
/** From less than what is held to a second of requests. */
const LEAST_ROOM = -300_000;
const MOST_ROOM = 4_000_000;

export class Turmoil {
  readonly done = { credits: 0, refunds: 0, budgetsSet: 0, budgetsRemoved: 0 };
  readonly #pool: Pool;
  readonly #random: Random;
  readonly #tight: readonly string[];
  readonly #spenders: readonly Spender[];
  #stopped = false;
  #running: Promise<void> = Promise.resolve();

  constructor(pool: Pool, buyers: readonly Buyer[], random: Random) {
    this.#pool = pool;
    this.#random = random;
    this.#tight = [...new Set(buyers.filter(({ kind }) => kind === 'tight').map(({ walletId }) => walletId))];
    this.#spenders = spendersOf(buyers.filter(({ kind }) => kind === 'budgeted'));
  }

  /** @param failed told when a change failed, which ends the turmoil */
  start(failed: (error: Error) => void): void {
    this.#running = this.#run().catch(failed);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      await this.#change();
      await sleep(EVERY_MS * this.#random());
    }
  }

  #change(): Promise<void> {
    const point = this.#random();
    if (point < CREDITS) return this.#credit();
    if (point < CREDITS + REFUNDS) return this.#refund();
    return this.#changeBudget();
  }

  /** A third of them twice at once under one reference, as a webhook that is delivered twice. */
  async #credit(): Promise<void> {
    const given = {
      walletId: this.#pick(this.#tight),
      amount: BigInt(1 + Math.floor(MOST_CREDIT * this.#random())),
      reference: randomUUID(),
      description: 'A drop',
      at: Date.now(),
    };
    const times = this.#random() < 1 / 3 ? 2 : 1;
    const results = await Promise.all(Array.from({ length: times }, () => credit(this.#pool, given)));
    if (results.filter(Boolean).length !== 1) throw new Error('A reference was not credited exactly once');
    this.done.credits++;
  }

  async #refund(): Promise<void> {
    const result = await refund(this.#pool, {
      walletId: this.#pick(this.#tight),
      amount: BigInt(1 + Math.floor((MOST_CREDIT / 2) * this.#random())),
      reference: randomUUID(),
      description: 'A drop back',
      at: Date.now(),
    });
    if (result === 'refunded') this.done.refunds++;
  }

  async #changeBudget(): Promise<void> {
    const spender = this.#pick(this.#spenders);
    if (this.#random() < REMOVALS) {
      if (await removeBudget(this.#pool, spender)) this.done.budgetsRemoved++;
      return;
    }
    const room = Math.floor(LEAST_ROOM + this.#random() * (MOST_ROOM - LEAST_ROOM));
    await setRoom(this.#pool, spender, BigInt(room));
    this.done.budgetsSet++;
  }

  #pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#random() * items.length)]!;
  }
}

/**
 * Gives a spender a budget that leaves this much above what is spent; below zero, less than what is spent. By the
 * function that administrators' requests end in.
 */
export async function setRoom(pool: Pool, spender: Spender, room: bigint): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query(ENTER, [spender.organizationId, spender.projectId ?? '']);
    const spent = await spentThisMonth(client, spender);
    const limit = spent + room > 0n ? spent + room : 0n;
    const { rows } = await client.query(SET, [spender.kind, spender.spenderId, limit, new Date()]);
    if (rows[0]?.set !== true) throw new Error('There is no such spender');
    await client.query('COMMIT');
    client.release();
  } catch (error) {
    client.release(true);
    throw error;
  }
}

const ENTER =
  "SELECT set_config('zerogpu.organization_id', $1, true), set_config('zerogpu.project_id', $2, true)";
const SET = 'SELECT set_tenant_budget($1, $2, $3, $4) AS set';

const SPENT: Readonly<Record<SpenderKind, string>> = {
  organization: 'project_id IN (SELECT id FROM projects WHERE organization_id = $1)',
  project: 'project_id = $1',
  key: 'key_id = $1',
};

async function spentThisMonth(client: PoolClient, { kind, spenderId }: Spender): Promise<bigint> {
  const { rows } = await client.query<{ spent: bigint }>(
    `SELECT coalesce(sum(cost), 0)::bigint AS spent FROM usage_rollups
     WHERE resolution = 'hour' AND bucket >= date_trunc('month', now(), 'UTC') AND ${SPENT[kind]}`,
    [spenderId],
  );
  return rows[0]!.spent;
}
