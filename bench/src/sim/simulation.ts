/**
 * A fleet, a gateway's view of it and a stream of requests, event by event. Pure but for its own state: the same specs,
 * workload and randomness give the same outcome.
 *
 * As in the gateway, runs wait there for one of a node's slots; a slot is taken from sending until the answer is back, so a
 * far node's slots are taken longer. On the node, runs share its cores when there are more of them than cores.
 * Times are milliseconds of the simulated world.
 */
import { EventQueue } from './event-queue.ts';

/** How a session of a node ends. */
export type Leaving =
  /** It says so before: no new runs, and it finishes what it has. */
  | 'drained'
  /** Its socket breaks, which the gateway sees at once. */
  | 'broken'
  /** Nothing is said: the lid was shut. The gateway finds out by itself. */
  | 'silent';

export interface Session {
  readonly from: number;
  readonly to: number;
  readonly leaving: Leaving;
}

export interface Slowdown {
  readonly from: number;
  readonly to: number;
  /** How many times longer everything takes. */
  readonly factor: number;
}

export interface NodeSpec {
  readonly name: string;
  /** Nodes of one group are equals: what they are given is compared. */
  readonly group: string;
  readonly city: number;
  readonly slots: number;
  readonly cores: number;
  /** Work a millisecond on one core; 1 is a server. */
  readonly speed: number;
  /** In order; a node is away between them. */
  readonly sessions: readonly Session[];
  readonly slowdowns: readonly Slowdown[];
}

export interface Workload {
  /** Ascending. */
  readonly arrivals: Float64Array;
  /** Milliseconds on one core of speed 1. */
  readonly works: Float64Array;
  /** Where the callers are. */
  readonly cities: Int16Array;
  readonly meanWork: number;
  /** Requests that arrive before are not counted: the fleet is still empty. */
  readonly warmUpMs: number;
  /** A request that has no answer after so long has failed. */
  readonly deadlineMs: number;
}

export interface Rules {
  /** One request is given to at most this many nodes, as router/targets.ts has it. */
  readonly tries: number;
  /** After so long without a sign of life a node is taken for gone. */
  readonly silentMs: number;
  /** A run stands still now and then: with this probability it takes so many times longer. */
  readonly stalls: { readonly probability: number; readonly factor: number };
}

export const RULES: Rules = { tries: 4, silentMs: 2_000, stalls: { probability: 0, factor: 1 } };

/** What a policy may know: what a gateway knows. */
export interface FleetState {
  readonly nodes: readonly NodeSpec[];
  readonly now: number;
  /** Nodes that count as connected. */
  readonly connected: readonly number[];
  isConnected(node: number): boolean;
  /** Sent there and not yet answered, and waiting for its slots. */
  inFlight(node: number): number;
  /** Round trip between a caller and a node. */
  roundTrip(city: number, node: number): number;
}

export interface Policy {
  /** @returns a connected node that is not in `tried`; -1 when there is none */
  choose(request: Asking): number;
  /** The node has come or gone, or its load has changed. */
  changed?(node: number): void;
  /** A run was answered so long after it was sent to the node; so much of it is the way, as a ping from there measures it. */
  observed?(node: number, elapsedMs: number, roundTripMs: number): void;
  failed?(node: number): void;
  /** Milliseconds after the arrival when a second node is to be asked as well; null for never. */
  lateAfter?(request: Asking): number | null;
  /**
   * The request is late: is a second node to be asked now?
   * @param times that it was late before; each time it has waited twice as long
   */
  mayHedge?(request: Asking, times: number): boolean;
  /** The request has its answer. */
  answered?(request: Asking, elapsedMs: number): void;
}

export interface Asking {
  readonly index: number;
  readonly city: number;
  readonly tried: readonly number[];
}

export type PolicyMaker = (fleet: FleetView, random: () => number) => Policy;

/** What only a clairvoyant knows, on top. */
export interface FleetView extends FleetState {
  /** Milliseconds until this request would be answered by this node, as things stand; infinite when it will be lost. */
  completion(request: number, node: number): number;
}

export interface Outcome {
  /** Milliseconds; NaN where there was no answer. */
  readonly latencies: Float64Array;
  /** Requests from this one on count. */
  readonly firstCounted: number;
  /** Runs beyond the first of each request, because that failed. */
  readonly retries: number;
  readonly hedges: number;
  /** Work done for answers that nobody waited for any more, of all work. */
  readonly wastedShare: number;
  /** Answers given by each node. */
  readonly answers: Int32Array;
}

const ARRIVAL = 0;
const REACHED = 1;
const FINISHED = 2;
const RETURNED = 3;
const JOINED = 4;
const LEFT = 5;
const NOTICED = 6;
const SLOWED = 7;
const CANCELLED = 8;
const HEDGE = 9;
const DEADLINE = 10;

/** After so many doublings a run that is late is nearly at its deadline. */
const MOST_TIMES_LATE = 8;

const WAITING = 0;
const ON_ITS_WAY = 1;
const RUNNING = 2;
const RETURNING = 3;
const OVER = 4;

/** One request given to one node. */
interface Run {
  request: number;
  node: number;
  state: number;
  /** Nobody waits for it any more. */
  abandoned: boolean;
  sentAt: number;
  halfTrip: number;
  /** Work that is left, and that there was. */
  left: number;
  work: number;
  /** Events that name it and are still to come. */
  events: number;
}

function blankRun(): Run {
  const times = { sentAt: 0, halfTrip: 0, left: 0, work: 0 };
  return { request: 0, node: 0, state: WAITING, abandoned: false, ...times, events: 0 };
}

class NodeState {
  connected = false;
  /** The device is there, whatever the gateway thinks. */
  up = false;
  draining = false;
  session = 0;
  slotsTaken = 0;
  inFlight = 0;
  rate: number;
  sharedAt = 0;
  finishesAt = -1;
  finishes = -1;
  readonly running: number[] = [];
  /** On their way there or back. */
  readonly travelling = new Set<number>();
  readonly waiting: number[] = [];
  firstWaiting = 0;

  constructor(spec: NodeSpec) {
    this.rate = spec.speed;
  }
}

export interface World {
  readonly nodes: readonly NodeSpec[];
  readonly workload: Workload;
  readonly rules: Rules;
  roundTrip(city: number, node: number): number;
}

/** Runs the whole workload. @param random for the world's own chances, and for the policy */
export function simulate(
  world: World,
  makePolicy: PolicyMaker,
  random: { readonly world: () => number; readonly policy: () => number },
): Outcome {
  return new Simulation(world, makePolicy, random).run();
}

class Simulation implements FleetView {
  readonly nodes: readonly NodeSpec[];
  readonly connected: number[] = [];
  now = 0;
  readonly #world: World;
  readonly #random: () => number;
  readonly #policy: Policy;
  readonly #events = new EventQueue();
  readonly #states: NodeState[];
  readonly #places: Int32Array;
  readonly #runs: Run[] = [];
  readonly #freeRuns: number[] = [];
  readonly #latencies: Float64Array;
  /** 1 while a request waits for its answer. */
  readonly #open: Uint8Array;
  readonly #openRuns: Uint8Array;
  readonly #timesLate: Uint8Array;
  readonly #lateAfter: Float64Array;
  /** Only of those requests that were given to somebody. */
  readonly #tried: (number[] | undefined)[] = [];
  readonly #answers: Int32Array;
  #retries = 0;
  #hedges = 0;
  #work = 0;
  #wasted = 0;

  constructor(
    world: World,
    makePolicy: PolicyMaker,
    random: { readonly world: () => number; readonly policy: () => number },
  ) {
    const { nodes, workload } = world;
    const requests = workload.arrivals.length;
    this.nodes = nodes;
    this.#world = world;
    this.#random = random.world;
    this.#states = nodes.map((spec) => new NodeState(spec));
    this.#places = new Int32Array(nodes.length).fill(-1);
    this.#latencies = new Float64Array(requests).fill(Number.NaN);
    this.#open = new Uint8Array(requests);
    this.#openRuns = new Uint8Array(requests);
    this.#timesLate = new Uint8Array(requests);
    this.#lateAfter = new Float64Array(requests);
    this.#answers = new Int32Array(nodes.length);
    this.#policy = makePolicy(this, random.policy);
    for (const [node, spec] of nodes.entries()) this.#plan(spec, node);
    if (requests > 0) this.#events.push(workload.arrivals[0] ?? 0, ARRIVAL, 0);
  }

  run(): Outcome {
    let unanswered = this.#latencies.length;
    const events = this.#events;
    // What nodes do after the last answer is nobody's business.
    while (unanswered > 0 && events.take()) {
      this.now = events.time;
      unanswered -= this.#happen(events.kind, events.subject);
    }
    const { arrivals, warmUpMs } = this.#world.workload;
    const firstCounted = arrivals.findIndex((at) => at >= warmUpMs);
    return {
      latencies: this.#latencies,
      firstCounted: Math.max(0, firstCounted),
      retries: this.#retries,
      hedges: this.#hedges,
      wastedShare: this.#work === 0 ? 0 : this.#wasted / this.#work,
      answers: this.#answers,
    };
  }

  isConnected(node: number): boolean {
    return this.#states[node]?.connected === true;
  }

  inFlight(node: number): number {
    return this.#state(node).inFlight;
  }

  roundTrip(city: number, node: number): number {
    return this.#world.roundTrip(city, node);
  }

  completion(request: number, node: number): number {
    const state = this.#state(node);
    const spec = this.#spec(node);
    if (!state.up || state.draining) return Number.POSITIVE_INFINITY;
    const own = this.roundTrip(this.#world.workload.cities[request] ?? 0, node);
    const work = this.#world.workload.works[request] ?? 0;
    const total =
      own + (spec.slots > spec.cores ? this.#shared(state, spec, work) : this.#queued(state, spec, work));
    const leavesAt = spec.sessions[state.session]?.to ?? Number.POSITIVE_INFINITY;
    return this.now + total < leavesAt ? total : Number.POSITIVE_INFINITY;
  }

  /** Where runs share the cores, each that is there takes from this one as much as both have left. */
  #shared(state: NodeState, spec: NodeSpec, work: number): number {
    const done = (this.now - state.sharedAt) * this.#pace(state, spec);
    let before = 0;
    for (const index of state.running) before += Math.min(work, Math.max(0, this.#run(index).left - done));
    for (const index of state.travelling) {
      const run = this.#run(index);
      if (run.state === ON_ITS_WAY) before += Math.min(work, run.left);
    }
    for (let i = state.firstWaiting; i < state.waiting.length; i++) {
      const run = this.#run(state.waiting[i] ?? 0);
      if (run.state === WAITING) before += run.left;
    }
    return Math.max(work, (before + work) / spec.cores) / state.rate;
  }

  /** Where each slot has a core: until the first is free, and the work. */
  #queued(state: NodeState, spec: NodeSpec, work: number): number {
    return Math.min(...this.#slotEnds(state, spec)) + work / state.rate;
  }

  /** Milliseconds until each slot is free, those who wait for them served first. */
  #slotEnds(state: NodeState, spec: NodeSpec): number[] {
    const ends = new Array<number>(spec.slots).fill(0);
    let slot = 0;
    const elapsed = this.now - state.sharedAt;
    for (const index of state.running) {
      const run = this.#run(index);
      ends[slot++ % spec.slots] = Math.max(0, run.left / state.rate - elapsed) + run.halfTrip;
    }
    for (const index of state.travelling) {
      const run = this.#run(index);
      ends[slot++ % spec.slots] =
        run.state === RETURNING ? run.halfTrip / 2 : 1.5 * run.halfTrip + run.left / state.rate;
    }
    for (let i = state.firstWaiting; i < state.waiting.length; i++) {
      const run = this.#run(state.waiting[i] ?? 0);
      if (run.state !== WAITING) continue;
      const first = ends.indexOf(Math.min(...ends));
      ends[first] = (ends[first] ?? 0) + 2 * run.halfTrip + run.left / state.rate;
    }
    return ends;
  }

  #plan(spec: NodeSpec, node: number): void {
    for (const { from, to } of spec.sessions) {
      if (from <= 0) this.#join(node);
      else this.#events.push(from, JOINED, node);
      if (to < Number.POSITIVE_INFINITY) this.#events.push(to, LEFT, node);
    }
    for (const { from, to } of spec.slowdowns) {
      this.#events.push(from, SLOWED, node);
      if (to < Number.POSITIVE_INFINITY) this.#events.push(to, SLOWED, node);
    }
  }

  /** @returns how many requests have ended */
  #happen(kind: number, subject: number): number {
    switch (kind) {
      case ARRIVAL:
        return this.#arrive(subject);
      case REACHED:
        return this.#reached(subject);
      case FINISHED:
        return this.#finished(subject);
      case RETURNED:
        return this.#returned(subject);
      case JOINED:
        return this.#join(subject);
      case LEFT:
        return this.#left(subject);
      case NOTICED:
        return this.#noticed(subject);
      case SLOWED:
        return this.#slowed(subject);
      case CANCELLED:
        return this.#cancelReached(subject);
      case HEDGE:
        return this.#hedge(subject);
      case DEADLINE:
        return this.#open[subject] === 1 ? this.#end(subject, Number.NaN) : 0;
      default:
        throw new RangeError(`No event has kind ${kind}`);
    }
  }

  #arrive(request: number): number {
    const { arrivals, deadlineMs } = this.#world.workload;
    const next = request + 1;
    if (next < arrivals.length) this.#events.push(arrivals[next] ?? 0, ARRIVAL, next);
    this.#open[request] = 1;
    if (deadlineMs < Number.POSITIVE_INFINITY) this.#events.push(this.now + deadlineMs, DEADLINE, request);
    return this.#give(request) ? 0 : this.#end(request, Number.NaN);
  }

  #asking(request: number): Asking {
    const tried = this.#tried[request] ?? [];
    return { index: request, city: this.#world.workload.cities[request] ?? 0, tried };
  }

  /** Gives the request to one more node. False when there is none. */
  #give(request: number): boolean {
    const asking = this.#asking(request);
    if (asking.tried.length >= this.#world.rules.tries) return false;
    const node = this.#policy.choose(asking);
    if (node < 0) return false;
    const tried = this.#tried[request];
    if (tried === undefined) this.#tried[request] = [node];
    else tried.push(node);
    this.#openRuns[request] = (this.#openRuns[request] ?? 0) + 1;
    this.#enter(this.#newRun(request, node), node);
    if (tried === undefined) this.#awaitLateness(request, asking);
    return true;
  }

  #awaitLateness(request: number, asking: Asking): void {
    const after = this.#policy.lateAfter?.(asking) ?? null;
    if (after === null) return;
    this.#lateAfter[request] = after;
    this.#events.push(this.now + after, HEDGE, request);
  }

  #newRun(request: number, node: number): number {
    const { stalls } = this.#world.rules;
    const stalled = stalls.probability > 0 && this.#random() < stalls.probability;
    const work = (this.#world.workload.works[request] ?? 0) * (stalled ? stalls.factor : 1);
    const halfTrip = this.roundTrip(this.#world.workload.cities[request] ?? 0, node) / 2;
    const index = this.#freeRuns.pop() ?? this.#runs.length;
    const run = this.#runs[index] ?? blankRun();
    this.#runs[index] = run;
    run.request = request;
    run.node = node;
    run.state = WAITING;
    run.abandoned = false;
    run.halfTrip = halfTrip;
    run.left = work;
    run.work = work;
    return index;
  }

  #enter(index: number, node: number): void {
    const state = this.#state(node);
    state.inFlight++;
    if (state.slotsTaken < this.#spec(node).slots) this.#send(index, state);
    else state.waiting.push(index);
    this.#policy.changed?.(node);
  }

  #send(index: number, state: NodeState): void {
    const run = this.#run(index);
    state.slotsTaken++;
    run.sentAt = this.now;
    if (run.halfTrip === 0) {
      this.#begin(index, run, state);
      return;
    }
    run.state = ON_ITS_WAY;
    state.travelling.add(index);
    this.#push(run.halfTrip, REACHED, index, run);
  }

  #push(after: number, kind: number, index: number, run: Run): void {
    run.events++;
    this.#events.push(this.now + after, kind, index);
  }

  #reached(index: number): number {
    const run = this.#run(index);
    run.events--;
    const state = this.#state(run.node);
    if (run.state === ON_ITS_WAY) {
      state.travelling.delete(index);
      // To a device that is gone nothing comes; the gateway will notice.
      if (state.up) this.#begin(index, run, state);
      else run.state = RUNNING;
    }
    this.#release(index, run);
    return 0;
  }

  #begin(index: number, run: Run, state: NodeState): void {
    this.#share(state, this.#spec(run.node));
    run.state = RUNNING;
    state.running.push(index);
    this.#expect(run.node, state);
  }

  /** What has been worked since the last change. */
  #share(state: NodeState, spec: NodeSpec): void {
    const done = (this.now - state.sharedAt) * this.#pace(state, spec);
    state.sharedAt = this.now;
    if (done <= 0) return;
    for (const index of state.running) this.#run(index).left -= done;
  }

  #pace(state: NodeState, spec: NodeSpec): number {
    const { length } = state.running;
    return length <= spec.cores ? state.rate : (state.rate * spec.cores) / length;
  }

  /** Which run of the node ends next, and when. */
  #expect(node: number, state: NodeState): void {
    let next = -1;
    let least = Number.POSITIVE_INFINITY;
    for (const index of state.running) {
      const { left } = this.#run(index);
      if (left < least) {
        least = left;
        next = index;
      }
    }
    state.finishes = next;
    if (next < 0) {
      state.finishesAt = -1;
      return;
    }
    state.finishesAt = this.now + Math.max(0, least) / this.#pace(state, this.#spec(node));
    this.#events.push(state.finishesAt, FINISHED, node);
  }

  #finished(node: number): number {
    const state = this.#state(node);
    // Something changed since this was foreseen.
    if (state.finishesAt !== this.now || state.finishes < 0) return 0;
    const index = state.finishes;
    const run = this.#run(index);
    this.#share(state, this.#spec(node));
    this.#stop(index, state);
    run.left = 0;
    this.#expect(node, state);
    return this.#sendBack(index, run, state);
  }

  #stop(index: number, state: NodeState): void {
    const at = state.running.indexOf(index);
    const last = state.running.pop() ?? index;
    if (last !== index) state.running[at] = last;
  }

  #sendBack(index: number, run: Run, state: NodeState): number {
    run.state = RETURNING;
    if (run.halfTrip === 0) return this.#arrived(index, run);
    state.travelling.add(index);
    this.#push(run.halfTrip, RETURNED, index, run);
    return 0;
  }

  #returned(index: number): number {
    const run = this.#run(index);
    run.events--;
    if (run.state === RETURNING) return this.#arrived(index, run);
    this.#release(index, run);
    return 0;
  }

  /** The answer is at the gateway: the slot is free, and whoever waits for it goes. */
  #arrived(index: number, run: Run): number {
    const { node, request } = run;
    if (run.halfTrip > 0) this.#state(node).travelling.delete(index);
    const answered = !run.abandoned && this.#open[request] === 1;
    this.#account(run, !answered);
    run.state = OVER;
    if (!run.abandoned) this.#policy.observed?.(node, this.now - run.sentAt, 2 * run.halfTrip);
    this.#leaveSlot(node);
    this.#release(index, run);
    if (!answered) return 0;
    this.#answers[node] = (this.#answers[node] ?? 0) + 1;
    const elapsed = this.now - (this.#world.workload.arrivals[request] ?? 0);
    this.#policy.answered?.(this.#asking(request), elapsed);
    return this.#end(request, elapsed);
  }

  #account(run: Run, wasted: boolean): void {
    // A run that stands still waits, and does not work: what it is given at most is its request's work.
    const most = this.#world.workload.works[run.request] ?? 0;
    const done = Math.min(most, run.work - Math.max(0, run.left));
    this.#work += done;
    if (wasted) this.#wasted += done;
  }

  #leaveSlot(node: number): void {
    const state = this.#state(node);
    state.inFlight--;
    state.slotsTaken--;
    const next = this.#nextWaiting(state);
    if (next >= 0) this.#send(next, state);
    this.#policy.changed?.(node);
  }

  #nextWaiting(state: NodeState): number {
    while (state.firstWaiting < state.waiting.length) {
      const index = state.waiting[state.firstWaiting++] ?? -1;
      if (state.firstWaiting > 64 && state.firstWaiting * 2 > state.waiting.length) {
        state.waiting.splice(0, state.firstWaiting);
        state.firstWaiting = 0;
      }
      const run = this.#run(index);
      if (run.state === WAITING) return index;
      this.#freeRuns.push(index);
    }
    return -1;
  }

  /** The request has its answer or never will have one; what else runs for it is cancelled. */
  #end(request: number, latency: number): number {
    this.#latencies[request] = latency;
    this.#open[request] = 0;
    const tried = this.#tried[request];
    if ((this.#openRuns[request] ?? 0) > 1 || Number.isNaN(latency)) {
      for (const node of tried ?? []) this.#cancelOn(node, request);
    }
    this.#tried[request] = undefined;
    return 1;
  }

  #cancelOn(node: number, request: number): void {
    const state = this.#state(node);
    for (const index of [...state.running, ...state.travelling]) {
      const run = this.#run(index);
      if (run.request !== request || run.abandoned || run.state === OVER) continue;
      run.abandoned = true;
      if (run.state !== RETURNING) this.#push(run.halfTrip, CANCELLED, index, run);
    }
    for (let i = state.firstWaiting; i < state.waiting.length; i++) {
      const run = this.#run(state.waiting[i] ?? 0);
      if (run.request !== request || run.state !== WAITING) continue;
      run.state = OVER;
      state.inFlight--;
      this.#policy.changed?.(node);
    }
  }

  #cancelReached(index: number): number {
    const run = this.#run(index);
    run.events--;
    const state = this.#state(run.node);
    if (run.state === RUNNING && state.up) {
      this.#share(state, this.#spec(run.node));
      this.#stop(index, state);
      this.#expect(run.node, state);
      return this.#sendBack(index, run, state);
    }
    this.#release(index, run);
    return 0;
  }

  #hedge(request: number): number {
    if (this.#open[request] !== 1) return 0;
    const asking = this.#asking(request);
    const times = this.#timesLate[request] ?? 0;
    if (this.#openRuns[request] === 1 && this.#policy.mayHedge?.(asking, times) === true) {
      if (this.#give(request)) this.#hedges++;
    } else if (times < MOST_TIMES_LATE) {
      this.#timesLate[request] = times + 1;
      this.#events.push(this.now + (this.#lateAfter[request] ?? 0) * 2 ** times, HEDGE, request);
    }
    return 0;
  }

  #join(node: number): number {
    const state = this.#state(node);
    state.up = true;
    state.draining = false;
    state.sharedAt = this.now;
    this.#connect(node, state);
    return 0;
  }

  #connect(node: number, state: NodeState): void {
    if (state.connected) return;
    state.connected = true;
    this.#places[node] = this.connected.length;
    this.connected.push(node);
    this.#policy.changed?.(node);
  }

  #left(node: number): number {
    const state = this.#state(node);
    const session = this.#spec(node).sessions[state.session++];
    if (session?.leaving === 'drained') {
      state.draining = true;
      this.#disconnect(node, state);
      return this.#loseWaiting(state);
    }
    this.#share(state, this.#spec(node));
    state.up = false;
    state.finishes = -1;
    const noticedAfter = session?.leaving === 'silent' ? this.#world.rules.silentMs : 0;
    this.#events.push(this.now + noticedAfter, NOTICED, node);
    return 0;
  }

  #disconnect(node: number, state: NodeState): void {
    if (!state.connected) return;
    state.connected = false;
    const place = this.#places[node] ?? 0;
    const last = this.connected.pop() ?? node;
    if (last !== node) {
      this.connected[place] = last;
      this.#places[last] = place;
    }
    this.#places[node] = -1;
    this.#policy.changed?.(node);
  }

  /** What was sent to a node that is gone is lost, and given to others. */
  #noticed(node: number): number {
    const state = this.#state(node);
    this.#disconnect(node, state);
    const lost = [...new Set([...state.running, ...state.travelling, ...this.#stranded(node)])];
    state.running.length = 0;
    state.travelling.clear();
    let ended = 0;
    for (const index of lost) {
      const run = this.#run(index);
      if (run.state === OVER) continue;
      ended += this.#lose(index, run);
      state.slotsTaken--;
      state.inFlight--;
    }
    return ended + this.#loseWaiting(state);
  }

  /** Sent to the device after it was gone: nowhere to be found but in the list of all. */
  #stranded(node: number): number[] {
    const found: number[] = [];
    for (const [index, run] of this.#runs.entries()) {
      if (run.node === node && run.state === RUNNING) found.push(index);
    }
    return found;
  }

  #loseWaiting(state: NodeState): number {
    let ended = 0;
    for (let index = this.#nextWaiting(state); index >= 0; index = this.#nextWaiting(state)) {
      ended += this.#lose(index, this.#run(index));
      state.inFlight--;
    }
    return ended;
  }

  #lose(index: number, run: Run): number {
    const { request, abandoned } = run;
    if (run.state !== WAITING) this.#account(run, true);
    run.state = OVER;
    this.#release(index, run);
    if (abandoned || this.#open[request] !== 1) return 0;
    this.#openRuns[request] = (this.#openRuns[request] ?? 1) - 1;
    // Another node is at it already.
    if ((this.#openRuns[request] ?? 0) > 0) return 0;
    this.#retries++;
    return this.#give(request) ? 0 : this.#end(request, Number.NaN);
  }

  #slowed(node: number): number {
    const state = this.#state(node);
    const spec = this.#spec(node);
    this.#share(state, spec);
    const now = spec.slowdowns.find(({ from, to }) => from <= this.now && this.now < to);
    state.rate = spec.speed / (now?.factor ?? 1);
    this.#expect(node, state);
    return 0;
  }

  #release(index: number, run: Run): void {
    if (run.state === OVER && run.events === 0) this.#freeRuns.push(index);
  }

  #run(index: number): Run {
    const run = this.#runs[index];
    if (!run) throw new RangeError(`There is no run ${index}`);
    return run;
  }

  #state(node: number): NodeState {
    const state = this.#states[node];
    if (!state) throw new RangeError(`There is no node ${node}`);
    return state;
  }

  #spec(node: number): NodeSpec {
    const spec = this.nodes[node];
    if (!spec) throw new RangeError(`There is no node ${node}`);
    return spec;
  }
}
