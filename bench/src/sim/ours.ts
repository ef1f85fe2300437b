/**
 * The gateway's own way of choosing, run on the simulated fleet: the real FleetIndex and chooseNodes, what a Lane learns of
 * its node, and the real budget of hedges. Nothing of it is written again here.
 */
import {
  chooseNodes,
  FleetIndex,
  Hedging,
  Lane,
  type RouteAsk,
  type RunKind,
  type Speed,
} from '@zerogpu/gateway';
import type { DeviceClass, NodePool, Place } from '@zerogpu/protocol';
import type { Asking, FleetState, Policy, PolicyMaker } from './simulation.ts';

/** Of a node, what the simulation itself has no use for. */
export interface Told {
  readonly pool: NodePool;
  readonly organizationId: string | null;
  readonly deviceClass: DeviceClass;
  /** Where the gateway believes it to be; null when nothing tells. */
  readonly place: Place | null;
  /** As pings measure it, from where the gateway is. */
  readonly rttMs: number;
  /** Milliseconds of a mean run, as the node found when it tried the model; null when it does not say. */
  readonly announcedMs: number | null;
}

export interface OursOptions {
  readonly told: readonly Told[];
  /** Where the gateway is. */
  readonly home: Place | null;
  /** Of the callers' cities; nothing where the gateway's own place counts. */
  readonly places: readonly (Place | null)[] | null;
  readonly hedged: boolean;
  readonly ask?: Partial<RouteAsk>;
  /** Length of each request, which its work goes along with. */
  readonly tokens?: (request: number) => number;
}

const MODEL = 'm';
const TOKENS = 400;
const ASK: RouteAsk = {
  model: MODEL,
  tier: 'interactive',
  tokens: TOKENS,
  place: null,
  organizationId: 'org',
  privacy: 'public',
  strangersMay: true,
};

export function ours(options: OursOptions): PolicyMaker {
  return (fleet, draw) => new Ours(fleet, draw, options);
}

class Ours implements Policy {
  readonly #fleet: FleetState;
  readonly #random: () => number;
  readonly #options: OursOptions;
  readonly #index: FleetIndex;
  readonly #lanes: (Lane | undefined)[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #hedging: Hedging | null;
  /** Who was found to give a late run company. */
  #company: { readonly request: number; readonly node: number } | null = null;

  constructor(fleet: FleetState, random: () => number, options: OursOptions) {
    this.#fleet = fleet;
    this.#random = random;
    this.#options = options;
    this.#index = new FleetIndex({ home: options.home });
    this.#hedging = options.hedged ? new Hedging() : null;
    for (const [node, { name }] of fleet.nodes.entries()) this.#numbers.set(name, node);
  }

  choose(request: Asking): number {
    const company = this.#company;
    this.#company = null;
    return company?.request === request.index ? company.node : this.#best(request);
  }

  #best({ index, city, tried }: Asking): number {
    const { places, ask, tokens } = this.#options;
    const place = places?.[city] ?? null;
    const length = tokens?.(index) ?? TOKENS;
    const asked = { ...ASK, ...ask, place, tokens: length };
    const names = new Set(tried.map((node) => this.#fleet.nodes[node]?.name ?? ''));
    const options = { limit: 1, random: this.#random, tried: names, now: this.#fleet.now };
    const [best] = chooseNodes(this.#index, asked, options);
    return best === undefined ? -1 : (this.#numbers.get(best.id) ?? -1);
  }

  changed(node: number): void {
    const { name = '' } = this.#fleet.nodes[node] ?? {};
    if (this.#fleet.isConnected(node)) {
      this.#put(node);
      return;
    }
    // A lane lives as long as its socket.
    this.#lanes[node] = undefined;
    this.#index.remove(MODEL, name);
  }

  observed(node: number, elapsedMs: number, roundTripMs: number): void {
    const slots = this.#fleet.nodes[node]?.slots ?? 1;
    const beside = Math.min(slots, this.#fleet.inFlight(node)) - 1;
    this.#lanes[node]?.observe(elapsedMs, 'interactive', roundTripMs, Math.max(0, beside));
  }

  lateAfter(request: Asking): number | null {
    this.#hedging?.begun(MODEL);
    return this.#hedging?.lateAfter(this.#kind(request)) ?? null;
  }

  /** As dispatch does: only where the next best has a free slot, and there is a hedge to spend. */
  mayHedge(request: Asking, times: number): boolean {
    const node = this.#best(request);
    if (node < 0 || this.#fleet.inFlight(node) >= (this.#fleet.nodes[node]?.slots ?? 0)) return false;
    if (this.#hedging?.take(MODEL, times) !== true) return false;
    this.#company = { request: request.index, node };
    return true;
  }

  answered(request: Asking, elapsedMs: number): void {
    this.#hedging?.took(this.#kind(request), elapsedMs);
  }

  #newLane(slots: number, { announcedMs }: Told): Lane {
    const lane = new Lane(slots, true);
    if (announcedMs !== null) lane.pace.expect(announcedMs);
    return lane;
  }

  #kind({ index }: Asking): RunKind {
    return { model: MODEL, stream: false, tokens: this.#options.tokens?.(index) ?? TOKENS };
  }

  #put(node: number): void {
    const spec = this.#fleet.nodes[node];
    const told = this.#options.told[node];
    if (!spec || !told) throw new RangeError(`Nothing is told of node ${node}`);
    const lane = this.#lanes[node] ?? this.#newLane(spec.slots, told);
    this.#lanes[node] = lane;
    const inFlight = this.#fleet.inFlight(node);
    const { announcedMs, ...facts } = told;
    this.#index.put(MODEL, {
      ...facts,
      id: spec.name,
      region: null,
      slots: spec.slots,
      inFlight,
      batchRoom: spec.slots - inFlight,
      resident: true,
      serviceMs: lane.serviceMs,
      failures: lane.failures(this.#fleet.now),
      speed: speedOf(lane.pace.aloneMs ?? announcedMs),
      crowdMs: lane.pace.crowdMs,
      closedUntil: lane.closedUntil,
    });
  }
}

/** What was learnt counts more than what was announced. */
function speedOf(ms: number | null): Speed | null {
  return ms === null ? null : { baseMs: ms, perThousandMs: 0 };
}
