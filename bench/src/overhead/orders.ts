/** What the race's main process asks of the load generator, and what it gets. */

export interface Load {
  readonly name: string;
  readonly port: number;
  /** The whole request, as it goes over the wire. */
  readonly request: Uint8Array;
}

/** One connection to each; every turn sends one request to each, in a random order, one after the other. */
export interface PairedOrder {
  readonly type: 'paired';
  readonly loads: readonly Load[];
  readonly warmup: number;
  readonly turns: number;
  readonly seed: number;
}

/** Many connections to each; requests fall due at random moments and go to the loads in turn, mixed. */
export interface PacedOrder {
  readonly type: 'paced';
  readonly loads: readonly Load[];
  readonly connections: number;
  /** Requests per second to each load. */
  readonly rate: number;
  readonly requests: number;
  readonly seed: number;
}

/** As many requests as go, to one load, each connection always busy. */
export interface FlatOutOrder {
  readonly type: 'flat-out';
  readonly load: Load;
  readonly connections: number;
  readonly seconds: number;
}

export type Order = PairedOrder | PacedOrder | FlatOutOrder;

export interface LatenciesReport {
  readonly type: 'latencies';
  /** Milliseconds; one array per load, in the order of the order. */
  readonly latencies: readonly Float64Array[];
  /** Milliseconds between when a request fell due and when it was sent; empty for a paired order. */
  readonly lateness: Float64Array;
}

export interface FlatOutReport {
  readonly type: 'flat-out';
  readonly requests: number;
  readonly seconds: number;
  readonly latencies: Float64Array;
}

export interface FailedReport {
  readonly type: 'failed';
  readonly message: string;
}

export type Report = LatenciesReport | FlatOutReport | FailedReport;
