/** The part of the server's logger that the store needs. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Long enough for any driver's message, and bounded: an error may quote a whole statement. */
const MAX_REASON = 200;

/** Why something failed, as the log says it. */
export const reasonOf = (error: unknown): string => String(error).slice(0, MAX_REASON);

/** For callers without a logger. */
export const silentLog: Log = { info() {}, warn() {}, error() {} };
