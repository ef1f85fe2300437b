/**
 * What an error of the database says about trying again. Codes: PostgreSQL's appendix A, and Node's for sockets.
 */
import { setTimeout as sleep } from 'node:timers/promises';

/** An embedded server that was killed is back within a second or two; before a request runs, that is worth a wait. */
const BEFORE_RUN_WAITS_MS = [50, 100, 200, 400, 800];
/** A request that ran is worth more: a failover of a server may take a little longer. */
export const AFTER_RUN_WAITS_MS: readonly number[] = [...BEFORE_RUN_WAITS_MS, 1_600, 3_200];

/**
 * Tries again while the error is one that passes.
 * @param work safe to do twice; told how often it failed before
 * @param waits milliseconds before each further try
 */
export async function retryTransient<Result>(
  work: (failures: number) => Promise<Result>,
  waits: readonly number[] = BEFORE_RUN_WAITS_MS,
): Promise<Result> {
  for (let failures = 0; ; failures++) {
    try {
      return await work(failures);
    } catch (error) {
      const wait = waits[failures];
      if (wait === undefined || !isTransient(error)) throw error;
      await sleep(wait);
    }
  }
}

/** The connection or the server went away, or lost a race with another transaction: the same may work in a moment. */
export function isTransient(error: unknown): boolean {
  const code = codeOf(error);
  if (code === null) return isConnectionMessage(error);
  return (
    code.startsWith('08') ||
    ['57P01', '57P02', '57P03', '53300', '40001', '40P01'].includes(code) ||
    ['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'EPIPE', 'ETIMEDOUT', 'EAI_AGAIN', 'ENOTFOUND'].includes(code)
  );
}

/**
 * The database does not do what it is asked for a reason of its own: it is away, full, overloaded, starting, locked. What
 * can wait asks again when it may be over.
 */
export function isDatabaseTrouble(error: unknown): boolean {
  // Class 25: no writes at the moment, 53: no room, 55: locked, 57: an operator's or the clock's, 58 and XX: its system.
  return isTransient(error) || /^(25|53|55|57|58|XX)[0-9A-Z]{3}$/.test(codeOf(error) ?? '');
}

/** True for errors that one row of many may have caused: wrong data, broken rules. */
export function blamesItem(error: unknown): boolean {
  const code = codeOf(error);
  // Class 22: data, 23: constraints, P0: raised by our functions. Everything else would hit every row.
  return code !== null && (code.startsWith('22') || code.startsWith('23') || code.startsWith('P0'));
}

/** A row that must be unique is there already. */
export function isRepeat(error: unknown): boolean {
  return codeOf(error) === '23505';
}

function codeOf(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}

/** `pg` gives these without a code. */
function isConnectionMessage(error: unknown): boolean {
  return (
    error instanceof Error &&
    /connection (terminated|timeout|ended)|timeout exceeded|not queryable/i.test(error.message)
  );
}
