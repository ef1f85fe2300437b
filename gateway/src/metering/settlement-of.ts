import type { Answer, ApiError } from '@zerogpu/protocol';
import type { Admission, Caller, Settlement, StoredAnswer, Trail } from '../flow.ts';
import { type Metered, meter } from './meter.ts';

/** A request whose caller is known: only those are settled. */
export type OwnedTrail = Trail & { readonly caller: Caller };

export function isOwned(trail: Trail): trail is OwnedTrail {
  return trail.caller !== null;
}

/**
 * What is written of an answered request.
 * @param now milliseconds since 1970
 */
export function settlementOfAnswer(trail: OwnedTrail, { answer, cost }: Metered, now: number): Settlement {
  const { requestId, startedAt, claimedKey } = trail;
  const stored = { requestId, answer, createdAt: startedAt };
  return {
    ...common(trail, now),
    ...usageOf(answer),
    status: 200,
    finishReason: answer.finishReason,
    cost,
    idempotency: claimedKey === null ? null : { key: claimedKey, answer: stored },
  };
}

/**
 * What is written of a request that ended with an error. It costs nothing, but for a caller who goes away in the
 * middle of a stream, who pays for what was produced.
 * @param streamed what the caller was sent; null when nothing was
 * @param now milliseconds since 1970
 */
export function settlementOfFailure(
  trail: OwnedTrail,
  error: ApiError,
  streamed: Pick<Answer, 'text' | 'reasoning'> | null,
  now: number,
): Settlement {
  const failure = { ...common(trail, now), status: error.row.status, errorCode: error.code };
  if (error.code !== 'client_closed_request' || streamed === null || trail.admission === null) return failure;
  const { answer, cost } = produced(trail.admission, streamed);
  return { ...failure, ...usageOf(answer), cost };
}

/**
 * What is written of a retry that was given the first answer again: that it was, and that it cost nothing.
 * @param now milliseconds since 1970
 */
export function settlementOfReplay(trail: OwnedTrail, stored: StoredAnswer, now: number): Settlement {
  const { model, finishReason } = stored.answer;
  const free = { servedModel: model, status: 200, finishReason, replayOf: stored.requestId };
  return { ...common(trail, now), ...free };
}

function produced(admission: Admission, streamed: Pick<Answer, 'text' | 'reasoning'>): Metered {
  return meter(admission, { ...streamed, toolCalls: [], finishReason: 'stop', usage: null });
}

function usageOf({ model, usage }: Answer): Pick<Settlement, 'servedModel' | 'inputTokens' | 'outputTokens'> {
  return { servedModel: model, inputTokens: usage.inputTokens, outputTokens: usage.outputTokens };
}

/** The same however a request ends. */
function common(trail: OwnedTrail, now: number): Omit<Settlement, 'status'> {
  const { requestId, startedAt, caller, endpoint, inference, admission, route } = trail;
  return {
    requestId,
    startedAt,
    caller,
    endpoint,
    requestedModel: inference?.model ?? null,
    servedModel: null,
    errorCode: null,
    inputTokens: 0,
    outputTokens: 0,
    finishReason: null,
    streamed: inference?.stream ?? false,
    tier: trail.tier,
    replayOf: null,
    cost: 0n,
    held: admission !== null,
    route,
    routeClass: route?.class ?? null,
    totalMs: Math.max(0, now - startedAt),
    idempotency: null,
  };
}
