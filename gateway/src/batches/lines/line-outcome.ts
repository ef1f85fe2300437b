import type { ApiError, LineError, LineErrorCode } from '@zerogpu/protocol';
import { type LineOutcome, RateLimited } from '../../flow.ts';
import { isDatabaseTrouble } from '../../store/database-errors.ts';

/** What is to be written of one run of a line. */
export type Verdict =
  /** For good. `body` is JSON: what a caller would have been sent, or a `LineError`. */
  | { readonly outcome: 'done'; readonly succeeded: boolean; readonly body: string }
  /** It failed, and is tried once more after `waitMs`. */
  | { readonly outcome: 'again'; readonly waitMs: number }
  /** It was no attempt: it comes back, and its batch waits for `waitMs`. Nothing is logged. */
  | { readonly outcome: 'back'; readonly waitMs: number };

/** The contract's: the fourth attempt that fails is the last. */
export const MOST_ATTEMPTS = 4;

/**
 * At least, after the first, second and third attempt, and at most twice as much: together longer than a node or a gateway
 * crashes that needs a minute to come to itself, and little within a batch's day. Wide apart, so that lines which failed
 * together come back one by one: of those that were lost with what one of them killed, few meet that one again.
 */
export const WAITS_MS = [2_000, 15_000, 60_000] as const;
/** Of a batch whose lines found no room, when nobody said for how long. */
const PAUSE_MS = 1_000;
/** Bounds what an upstream can ask for. */
const LONGEST_WAIT_MS = 60_000;

/**
 * @param attempt which one this was, from 1
 * @param random from 0 to before 1: lines that failed together do not come back together
 */
export function verdictOf(outcome: LineOutcome, attempt: number, random: () => number): Verdict {
  if (outcome.kind === 'answered') return { outcome: 'done', succeeded: true, body: outcome.body };
  const { error } = outcome;
  if (error.code === 'client_closed_request') return { outcome: 'back', waitMs: 0 };
  if (foundNoRoom(error)) return { outcome: 'back', waitMs: Math.max(PAUSE_MS, retryAfterMs(error)) };
  if (!error.row.retryable || error.row.fault === 'caller') return failed(lineErrorOf(error));
  if (attempt >= MOST_ATTEMPTS) return failed(exhausted(error, attempt));
  const wait = WAITS_MS[Math.max(0, attempt - 1)] ?? WAITS_MS[2];
  return { outcome: 'again', waitMs: Math.max(Math.round(wait * (1 + random())), retryAfterMs(error)) };
}

/** Nobody here has its model: others may take the line at once, who reach somebody. */
export const LEAVE_TO_OTHERS: Verdict = { outcome: 'back', waitMs: 0 };

/** A line that cannot be asked at all, because its text is not there any more or is not what was stored. */
export function failedForGood(message: string): Verdict {
  return failed({ code: 'internal_error', message: `[legacy:http_500] ${message}`, param: null });
}

/** What stands for a line whose worker died each time that it was handed out; JSON. */
export const WORKERS_DIED = JSON.stringify({
  code: 'internal_error',
  message: `[legacy:dlq_exhausted] The gateway ended ${MOST_ATTEMPTS} times while it worked on this line`,
  param: null,
} satisfies LineError);

/** Limits, capacity and the database: the same line will do as soon as they allow it. */
function foundNoRoom(error: ApiError): boolean {
  if (error instanceof RateLimited) return !error.never;
  if (error.code === 'no_capacity') return true;
  return error.code === 'internal_error' && isDatabaseTrouble(error.cause);
}

const retryAfterMs = (error: ApiError) => Math.min(LONGEST_WAIT_MS, (error.retryAfterSeconds ?? 0) * 1000);

function failed(error: LineError): Verdict {
  return { outcome: 'done', succeeded: false, body: JSON.stringify(error) };
}

function lineErrorOf(error: ApiError): LineError {
  const [code, legacy] = wordsOf(error);
  return { code, message: `[legacy:${legacy}] ${error.message}`, param: error.param };
}

function exhausted({ message, param }: ApiError, attempts: number): LineError {
  const tried = `[legacy:retries_exhausted] ${message} (${attempts} attempts)`;
  return { code: 'internal_error', message: tried, param };
}

/** The code of the contract, and that of older clients. */
function wordsOf({ code, row: { status } }: ApiError): readonly [LineErrorCode, string] {
  if (code === 'context_length_exceeded') return ['context_length_exceeded', 'http_400'];
  if (code === 'insufficient_quota') return ['insufficient_quota', 'http_420'];
  if (code === 'rate_limit_exceeded') return ['rate_limit_exceeded', 'http_429'];
  // It was there when the batch was made.
  if (code === 'invalid_api_key') return ['authentication_error', 'api_key_unavailable'];
  if (status === 401 || status === 403) return ['authentication_error', `http_${status}`];
  if (status === 404) return ['not_found_error', 'http_404'];
  if (status === 413) return ['request_too_large', 'http_413'];
  if (status >= 500) return ['internal_error', `http_${status}`];
  return ['invalid_request_error', 'http_400'];
}
