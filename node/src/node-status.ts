import type { DeviceClass, Place } from '@zerogpu/protocol';

/** What a node shows its owner. It holds nothing of a request. */
export interface NodeStatus {
  readonly connection: ConnectionStatus;
  readonly name: string;
  readonly deviceClass: DeviceClass;
  /** Null when its owner did not say where it stands. */
  readonly place: Place | null;
  readonly models: readonly ModelStatus[];
  readonly runs: RunCounts;
  readonly cpu: CpuStatus;
  readonly memory: { readonly usedBytes: number; readonly limitBytes: number };
  /** Why it takes no runs at the moment; null while it does. */
  readonly paused: PauseReason | null;
  /** What the gateway said lately, newest last. */
  readonly notices: readonly Notice[];
  /** In words how to get newer software, when the gateway told of any. */
  readonly updateHint: string | null;
}

export type ConnectionStatus =
  | { readonly state: 'connecting'; readonly gateway: string }
  | {
      readonly state: 'connected';
      readonly gateway: string;
      readonly nodeId: string;
      /** Why the gateway gives it no work; null while it does. */
      readonly held: 'draining' | 'quarantined' | null;
    }
  /** Lost, or never made; the next attempt comes in so long. */
  | {
      readonly state: 'waiting';
      readonly gateway: string;
      readonly reason: string;
      readonly retryInMs: number;
    }
  /** For good. */
  | { readonly state: 'refused'; readonly gateway: string; readonly code: string; readonly message: string }
  | { readonly state: 'ended'; readonly gateway: string };

export interface ModelStatus {
  readonly id: string;
  readonly version: string;
  /**
   * `idle`: offered, loaded at its first run. `downloading`: its files are on their way. `loading`: on its way into
   * memory. `ready`: in memory. `failed`: it did not load, and is tried again in a while. `not_allowed`: its owner does
   * not offer it.
   */
  readonly state: 'idle' | 'downloading' | 'loading' | 'ready' | 'failed' | 'not_allowed';
  /** Of the files on their way; null when there are none. */
  readonly download: { readonly bytes: number; readonly totalBytes: number } | null;
  /** In words, when it failed. */
  readonly problem: string | null;
  readonly slots: number;
  readonly inFlight: number;
  readonly done: number;
  /** Measured on this device; null before. */
  readonly speed: { readonly baseMs: number; readonly perThousandMs: number } | null;
}

export interface RunCounts {
  readonly inFlight: number;
  readonly done: number;
  /** Without those that the gateway cancelled. */
  readonly failed: number;
  readonly cancelled: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export interface CpuStatus {
  /** Of one core's time, more than 0 and at most 1, as its owner chose. */
  readonly share: number;
  /** Milliseconds that runs waited because of it. */
  readonly restedMs: number;
  /** The device runs timers late, as a browser does in a hidden tab: the platform says so. */
  readonly throttled: boolean;
}

/** `owner`: who paused it. `busy`: the device is wanted for other things. `draining`: it is about to end. */
export type PauseReason = 'owner' | 'busy' | 'draining';

/** Something that the gateway tells the owner of a node. */
export interface Notice {
  /** Such as `draining`, `quarantined`, `serving`; a newer gateway may know others. */
  readonly kind: string;
  readonly message: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}
