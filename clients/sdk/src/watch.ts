/** Ends a try when its caller aborts it or its time is over, and says afterwards which of the two it was. */
import { AbortedError, ConnectionError, TimeoutError, ZeroGPUError } from './errors.ts';

export interface Watch {
  /** For `fetch`: fires on the caller's abort, on timeout, and on `end(true)`. */
  readonly signal: AbortSignal;
  /** Starts the time anew. */
  restart(): void;
  /** Stops the time, until `restart`. */
  pause(): void;
  /** Aborts on the caller's behalf: what then fails is an AbortedError. */
  cancel(): void;
  /** Lets go of timer and listener; `abort` cancels what still runs. Safe to call twice. */
  end(abort: boolean): void;
  /** The typed error for whatever was thrown under this watch. */
  explain(error: unknown): ZeroGPUError;
}

/**
 * @param timeout milliseconds
 * @param origin named in messages
 */
export function startWatch(signal: AbortSignal | undefined, timeout: number, origin: string): Watch {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let timedOut = false;
  let cancelled = false;
  const onAbort = (): void => controller.abort();
  const onTimeout = (): void => {
    timedOut = true;
    controller.abort();
  };
  const pause = (): void => clearTimeout(timer);
  const restart = (): void => {
    pause();
    timer = setTimeout(onTimeout, timeout);
  };
  if (signal?.aborted) controller.abort();
  else signal?.addEventListener('abort', onAbort, { once: true });
  const end = (abort: boolean): void => {
    pause();
    signal?.removeEventListener('abort', onAbort);
    if (abort) controller.abort();
  };
  restart();
  return {
    signal: controller.signal,
    restart,
    pause,
    cancel() {
      cancelled = true;
      end(true);
    },
    end,
    explain(error) {
      if (error instanceof ZeroGPUError) return error;
      if (signal?.aborted) return aborted(signal.reason);
      if (cancelled) return aborted(undefined);
      if (timedOut) return new TimeoutError(`No answer from ${origin} within ${timeout} ms`);
      return connectionError(error, origin);
    },
  };
}

function aborted(reason: unknown): AbortedError {
  return new AbortedError('The call was aborted', { cause: reason });
}

/** Node's fetch hides the reason in `cause`; browsers tell none. */
function connectionError(error: unknown, origin: string): ConnectionError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : null;
  const reason = typeof code === 'string' ? code : cause instanceof Error ? cause.message : 'no reason given';
  return new ConnectionError(`Connection to ${origin} failed: ${reason.slice(0, 200)}`, { cause: error });
}

/** Waits, or throws an AbortedError as soon as the signal fires. */
export function sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(aborted(signal.reason));
      return;
    }
    const onAbort = (): void => {
      clearTimeout(timer);
      if (signal) reject(aborted(signal.reason));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, milliseconds);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
