/** What a run on a node would take. Pure. */
import type { NodePool, Place, PrivacyTier, Tier } from '@zerogpu/protocol';
import type { NodeView, Speed } from '../flow.ts';
import { distanceKm, rttOfKm, UNMEASURED_MS } from './distance.ts';

/** What is to be run, as far as the choice of a node hangs on it. */
export interface RouteAsk {
  readonly model: string;
  readonly tier: Tier;
  /** Of the input, counted by us. */
  readonly tokens: number;
  /** Where nearness is counted from; null counts the measured round trips alone. */
  readonly place: Place | null;
  readonly organizationId: string;
  readonly privacy: PrivacyTier;
  /** Strangers' nodes come into question: the project is of the public tier, and the model a built-in that gives the same bytes everywhere. */
  readonly strangersMay: boolean;
}

/** A node that may have the run, and what it is predicted to take there, in milliseconds. */
export interface Candidate {
  readonly id: string;
  readonly pool: NodePool;
  readonly networkMs: number;
  /** Until a slot is free. */
  readonly queueMs: number;
  readonly serviceMs: number;
  readonly loadMs: number;
  /** For failures of late. */
  readonly penaltyMs: number;
  readonly totalMs: number;
}

/** Of a node that neither announced how quick it is nor has run anything: about what a nano model needs. */
const UNKNOWN_SPEED: Speed = { baseMs: 2, perThousandMs: 0 };
/**
 * What a run costs that stands before another on a node of which nothing is known: it is tried by one at a time while
 * others are known. Taken to be as quick as a guess, a new device drew every request until its first answer was back.
 */
const UNPROVEN_MS = 1_000;
/** Reading and unpacking a built-in model's weights, as measured on a laptop. */
const UNKNOWN_LOAD_MS = 150;
/**
 * What a node's failures weigh, each: a node that fails at once always looks idle, and would draw every request.
 * More than a few say nothing new, and a fleet that fails as a whole is still told apart by its load.
 */
const FAILURE_MS = 250;
const MAX_FAILURES = 8;

/** So many failures in a row are no chance: such a node has no room, though it is asked when nobody else is left. */
const FAILING = 3;
export const isFailing = ({ failures }: NodeView): boolean => failures >= FAILING;

/** Of the inputs of the runs that are there already, which nobody asks again. */
const USUAL_TOKENS = 256;

/** What a node's runs cost wherever the ask comes from, and however long it is: a straight line over its tokens. */
export interface Costs {
  readonly queueMs: number;
  readonly loadMs: number;
  readonly penaltyMs: number;
  readonly baseMs: number;
  readonly perThousandMs: number;
}

export function costsOf(view: NodeView): Costs {
  const { baseMs, perThousandMs } =
    view.speed ?? (view.serviceMs === null ? UNKNOWN_SPEED : { baseMs: view.serviceMs, perThousandMs: 0 });
  return {
    queueMs: queueMs(view, view.speed ? baseMs + (perThousandMs * USUAL_TOKENS) / 1000 : view.serviceMs),
    loadMs: view.resident ? 0 : (view.loadMs ?? UNKNOWN_LOAD_MS),
    penaltyMs: Math.min(view.failures, MAX_FAILURES) * FAILURE_MS,
    baseMs,
    perThousandMs,
  };
}

/**
 * Until a slot is free, and what the runs beside it cost while it runs: slots say how many a node works on at once, not that
 * it has a thread for each. Until it has shown what each adds, it is taken to have one.
 * @param aloneMs of a run that has the node to itself; null when nothing is known of it
 */
function queueMs({ inFlight, slots, crowdMs }: NodeView, aloneMs: number | null): number {
  const crowd = crowdMs ?? aloneMs ?? UNPROVEN_MS;
  const beside = Math.min(inFlight, slots - 1);
  const before = inFlight - beside;
  return crowd * beside + (before / slots) * ((aloneMs ?? UNPROVEN_MS) + crowd * (slots - 1));
}

/**
 * The part of the measured round trip that the distance does not explain: a phone's radio, a satellite. It is the same from
 * wherever the ask comes, so that a measurement from here corrects every distance.
 * @param home where the round trip was measured from; without it, what was measured says more than any place: the run goes
 * through this gateway
 */
export function networkMs(view: NodeView, from: Place | null, home: Place | null): number {
  const { place, rttMs } = view;
  if (place === null || (home === null && rttMs > 0)) return rttMs === 0 ? UNMEASURED_MS : rttMs;
  const fromHome = home === null ? UNMEASURED_MS : rttOfKm(distanceKm(home, place));
  const seen = rttMs === 0 ? fromHome : rttMs;
  return from === null ? seen : Math.max(0, rttOfKm(distanceKm(from, place)) + seen - fromHome);
}

/** The prediction for one node, from all that is known of it. */
export function predicted(view: NodeView, ask: RouteAsk, home: Place | null = null): Candidate {
  const { queueMs, loadMs, penaltyMs, baseMs, perThousandMs } = costsOf(view);
  const serviceMs = baseMs + (perThousandMs * ask.tokens) / 1000;
  const network = networkMs(view, ask.place ?? home, home);
  const totalMs = network + queueMs + serviceMs + loadMs + penaltyMs;
  const { id, pool } = view;
  return { id, pool, networkMs: network, queueMs, serviceMs, loadMs, penaltyMs, totalMs };
}

/** A batch run waits behind the batch runs that wait already. */
export function asBatch(view: NodeView): NodeView {
  return { ...view, inFlight: Math.max(view.inFlight, view.slots - view.batchRoom) };
}
