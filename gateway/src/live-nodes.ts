/** Nodes that are connected to this gateway, as people see and change them. */
import type { Place } from '@zerogpu/protocol';
import type { NodeFacts } from './flow.ts';

/** Why a node that is connected gets no runs: people drain it, or it gave a wrong answer. */
export interface Standing {
  readonly draining: boolean;
  readonly quarantined: boolean;
}

/** One model on a node, as people see it. */
export interface ModelReport {
  readonly id: string;
  readonly version: string;
  readonly slots: number;
  readonly resident: boolean;
  readonly in_flight: number;
  /** As the gateway saw it; null until there was a run. */
  readonly service_ms: number | null;
  /** As the node found when it tried the model; null when it does not say. */
  readonly speed: { readonly base_ms: number; readonly per_thousand_ms: number } | null;
}

/** A node and its socket. */
export interface LiveNode {
  readonly id: string;
  readonly facts: NodeFacts;
  standing: Standing;
  /** Which of the node's sockets this is, counted from its first; and since when, in milliseconds since 1970. */
  readonly session: number;
  readonly connectedAt: number;
  /** Runs of this socket that were answered, and those that the node is to blame for. */
  readonly runs: { readonly done: number; readonly failed: number };
  readonly rttMs: number;
  /** Counts up with whatever may make `report` another than it was when the node was let in. */
  readonly changes: number;
  /** What it has, whether it gets runs or not. */
  report(): readonly ModelReport[];
  /** It is where people say. */
  move(place: Place, region: string | null): void;
  /** Tells it that it was removed, and ends its socket. */
  remove(): void;
}

export interface LiveNodes {
  nodes(): Iterable<LiveNode>;
  find(id: string): LiveNode | undefined;
}
