import { findManifest } from '@zerogpu/catalogue';
import { withoutSecrets } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import type { Settlement } from '../flow.ts';
import { AFTER_RUN_WAITS_MS, blamesItem, isRepeat, retryTransient } from '../store/database-errors.ts';
import { Grouped } from '../store/grouped.ts';
import { latencyCount } from '../store/latency-histogram.ts';
import { KEY_KEPT_MS, sealAnswer } from '../store/sealed-answer.ts';
import type { Secrets } from '../store/secrets.ts';

/** A request could not be settled, so it must not be answered. */
export class SettlementError extends Error {
  override readonly name = 'SettlementError';
  /** `hold_lost`: its money went back before it finished, so nothing was written. `database`: nobody knows yet. */
  readonly kind: 'hold_lost' | 'database';

  constructor(kind: 'hold_lost' | 'database', message: string, cause?: unknown) {
    super(message, { cause });
    this.kind = kind;
  }
}

export interface SettlerOptions {
  readonly pool: Pool;
  readonly secrets: Secrets;
  /** Rollups are kept per gateway, so that two gateways never write one row. */
  readonly gatewayName: string;
  /** Groups at the same time. Default 1. */
  readonly concurrency?: number;
}

/** Requests of one transaction: enough to hide the disk, few enough to stay under a few milliseconds. */
const MAX_GROUP = 256;

/**
 * One call, one transaction: the function's body is in migrations/0006_request_log.sql. One JSON text instead of 34
 * arrays, because JSON.stringify is the cheapest serializer that Node has.
 */
const SETTLE = {
  name: 'settle.requests',
  text: 'SELECT settle_requests($1::json, $2, $3) AS outcomes',
};

type Outcome = 'settled' | 'already_settled' | 'hold_lost';

/** Charges, logs, rolls up and stores the answer of requests, grouped with their neighbours. */
export class Settler {
  readonly #options: SettlerOptions;
  readonly #queue: Grouped<Settlement, Outcome>;
  /** Ids that wait or are under way: the same id again shares the result instead of racing it. */
  readonly #underWay = new Map<string, Promise<Outcome>>();

  constructor(options: SettlerOptions) {
    this.#options = options;
    this.#queue = new Grouped({
      flush: (group) => this.#flush(group),
      maxGroup: MAX_GROUP,
      concurrency: options.concurrency ?? 1,
      blamesItem,
    });
  }

  /** Requests that wait for their group. */
  get waiting(): number {
    return this.#queue.waiting;
  }

  /**
   * Resolves when the settlement is durable. A request id settles once, however often it is tried.
   * @throws SettlementError
   */
  async settle(settlement: Settlement): Promise<void> {
    const id = settlement.requestId;
    if (!settlement.held && settlement.cost !== 0n) {
      throw new SettlementError('hold_lost', `Request ${id} has a cost and never held money`);
    }
    const outcome = await (this.#underWay.get(id) ?? this.#enqueue(settlement));
    if (outcome === 'hold_lost') {
      throw new SettlementError('hold_lost', `The money held for request ${id} expired before it finished`);
    }
  }

  /** Refuses new settlements and answers those that wait. */
  close(): Promise<void> {
    return this.#queue.close();
  }

  #enqueue(settlement: Settlement): Promise<Outcome> {
    const id = settlement.requestId;
    const outcome = this.#queue.add(settlement).then(
      (result) => {
        this.#underWay.delete(id);
        return result;
      },
      (cause: unknown) => {
        this.#underWay.delete(id);
        const reason = cause instanceof Error ? cause.message : String(cause);
        throw new SettlementError('database', `Request ${id} could not be settled: ${reason}`, cause);
      },
    );
    this.#underWay.set(id, outcome);
    return outcome;
  }

  /** A commit whose answer was lost on the way is tried again, and finds itself settled. */
  #flush(group: readonly Settlement[]): Promise<Outcome[]> {
    const { secrets, gatewayName } = this.#options;
    const now = Date.now();
    const batch = JSON.stringify(group.map((s) => settlementRow(s, gatewayName, secrets, now)));
    return retryTransient(async (failures) => {
      try {
        return await this.#call(batch, now, failures > 0);
      } catch (error) {
        if (!isRepeat(error)) throw error;
        return this.#call(batch, now, true);
      }
    }, AFTER_RUN_WAITS_MS);
  }

  /** @param repeats some may be there already: looks first, which costs every request a little */
  async #call(batch: string, now: number, repeats: boolean): Promise<Outcome[]> {
    const values = [batch, new Date(now), repeats];
    const { rows } = await this.#options.pool.query<{ outcomes: Outcome[] }>({ ...SETTLE, values });
    return rows[0]!.outcomes;
  }
}

/** The composite type `settlement` of the database, as JSON. */
export function settlementRow(s: Settlement, gatewayName: string, secrets: Secrets, now: number): object {
  return {
    project_id: s.caller.projectId,
    id: s.requestId,
    created_at: new Date(s.startedAt),
    key_id: s.caller.keyId,
    gateway_id: gatewayName,
    endpoint: s.endpoint,
    requested_model: storable(s.requestedModel === null ? null : withoutSecrets(s.requestedModel)),
    served_model: s.servedModel,
    known_model: s.servedModel ?? findManifest(s.requestedModel ?? '')?.id,
    status: s.status,
    error_code: s.errorCode,
    finish_reason: s.finishReason,
    streamed: s.streamed,
    half_price: s.tier === 'batch',
    replay_of: s.replayOf,
    input_tokens: s.inputTokens,
    output_tokens: s.outputTokens,
    cost: s.cost.toString(),
    route_kind: s.route?.kind,
    route_target: storable(s.route?.target ?? null),
    route_class: s.routeClass,
    region: s.route?.region,
    why: s.route?.why,
    attempts: s.route?.attempts,
    fallback: s.route?.fallback,
    hedged: s.route?.hedged ?? false,
    queue_ms: s.route?.queueMs,
    network_ms: s.route?.networkMs,
    model_ms: s.route?.modelMs,
    total_ms: s.totalMs,
    held: s.held,
    latency_histogram: latencyCount(s.totalMs),
    ...answerColumns(s, secrets, now),
  };
}

function answerColumns(s: Settlement, secrets: Secrets, now: number): object {
  if (!s.idempotency) return {};
  return {
    idempotency_key: s.idempotency.key,
    answer: sealAnswer(secrets, s.caller.projectId, s.idempotency.answer).toString('base64'),
    answer_expires_at: new Date(now + KEY_KEPT_MS),
  };
}

/** A caller's spelling may hold what PostgreSQL's text cannot: NUL and halves of surrogate pairs. */
function storable(text: string | null): string | null {
  return text === null ? null : text.toWellFormed().replaceAll('\0', '\ufffd');
}
