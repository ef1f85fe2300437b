/** Random requests of a project's log, settled as a gateway settles them. */
import { newId } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import type { Caller, Settlement } from '../flow.ts';
import { Settler } from '../metering/settle.ts';
import type { Secrets } from '../store/secrets.ts';
import { makeSettlement } from './tenant.ts';

type Random = () => number;

const pick = <T>(values: readonly [T, ...T[]], random: Random): T =>
  values[Math.floor(random() * values.length)] ?? values[0];

/**
 * A request that fits nothing but itself: few values of everything, so that filters meet.
 * @param from, to milliseconds since 1970
 */
export function randomSettlement(caller: Caller, from: number, to: number, random: Random): Settlement {
  const startedAt = Math.floor(from + random() * (to - from));
  const status = pick([200, 200, 200, 400, 429, 503], random);
  const model = pick(['zlm-v1-summary-cloud', 'zlm-v1-zeroshot-edge', 'made-up=model'], random);
  const routed = status !== 400 && status !== 429;
  return makeSettlement(caller, {
    requestId: newId('request', startedAt),
    startedAt,
    endpoint: pick(['responses', 'chat/completions'], random),
    requestedModel: random() < 0.1 ? null : model,
    servedModel: status === 200 ? 'zlm-v1-summary-cloud' : null,
    status,
    errorCode: status === 200 ? null : pick(['invalid_value', 'no_capacity'], random),
    inputTokens: Math.floor(random() * 100),
    outputTokens: Math.floor(random() * 100),
    cost: 0n,
    held: false,
    ...(routed ? {} : { route: null }),
    routeClass: routed ? pick(['edge', 'own', 'cloud'], random) : null,
    totalMs: Math.floor(2 ** (random() * 12)),
  });
}

export async function settleAll(
  pool: Pool,
  secrets: Secrets,
  settlements: readonly Settlement[],
  gatewayName = 'gateway-1',
): Promise<void> {
  const settler = new Settler({ pool, secrets, gatewayName });
  await Promise.all(settlements.map((settlement) => settler.settle(settlement)));
  await settler.close();
}
