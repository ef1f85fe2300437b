/** The part of the server's logger that the store needs. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** For callers without a logger. */
export const silentLog: Log = { info() {}, warn() {}, error() {} };
