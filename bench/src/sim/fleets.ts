/** Devices, their lives and their callers, drawn from a seed. */
import type { DeviceClass } from '@zerogpu/protocol';
import { below, type Draw, exponential } from './draws.ts';
import type { Leaving, NodeSpec, Session, Slowdown, Workload } from './simulation.ts';

export interface Device {
  readonly name: string;
  readonly deviceClass: DeviceClass;
  /** Work a millisecond on one core; 1 is a core of a rented server. */
  readonly speed: number;
  readonly cores: number;
  readonly slots: number;
  /** Added to the round trip between cities: the last mile. */
  readonly accessMs: number;
  /** Of a hundred nodes of a mixed fleet. */
  readonly share: number;
}

/**
 * From a Pi to a server. Speeds are ratios of Geekbench 6 single-core scores, rounded (browser.geekbench.com/processor-benchmarks:
 * Raspberry Pi 4 about 300, Pi 5 about 850, middle phones about 1,000, a rented server's core about 1,600, laptops of a few years
 * about 1,700, desktops about 2,600); a phone is throttled when it is warm, so its score is halved, and a page's worker is put
 * at a tenth below the laptop that it runs on. Built-in models run on one thread whatever the device, and a node announces 16
 * slots (node/src/turns.ts, node-platform/config.ts), a page 4. Last miles: a data centre 1 ms, cable and fibre at home 10 to 15 ms, mobile 40 ms.
 */
export const DEVICES: readonly Device[] = [
  { name: 'pi4', deviceClass: 'server', speed: 0.18, cores: 1, slots: 16, accessMs: 12, share: 12 },
  { name: 'pi5', deviceClass: 'server', speed: 0.5, cores: 1, slots: 16, accessMs: 12, share: 8 },
  { name: 'phone', deviceClass: 'phone', speed: 0.3, cores: 1, slots: 4, accessMs: 40, share: 20 },
  { name: 'page', deviceClass: 'browser', speed: 0.95, cores: 1, slots: 4, accessMs: 14, share: 20 },
  { name: 'laptop', deviceClass: 'desktop', speed: 1.05, cores: 1, slots: 16, accessMs: 14, share: 22 },
  { name: 'desktop', deviceClass: 'desktop', speed: 1.6, cores: 1, slots: 16, accessMs: 10, share: 12 },
  { name: 'server', deviceClass: 'server', speed: 1, cores: 1, slots: 16, accessMs: 1, share: 6 },
];

export const PLAIN: Device = {
  name: 'node',
  deviceClass: 'server',
  speed: 1,
  cores: 1,
  slots: 1,
  accessMs: 0,
  share: 100,
};

const FOREVER: readonly Session[] = [{ from: 0, to: Number.POSITIVE_INFINITY, leaving: 'drained' }];

export function nodeOf(device: Device, number: number, changes: Partial<NodeSpec> = {}): NodeSpec {
  return {
    name: `${device.name}-${number}`,
    group: device.name,
    city: 0,
    slots: device.slots,
    cores: device.cores,
    speed: device.speed,
    sessions: FOREVER,
    slowdowns: [],
    ...changes,
  };
}

/** As many of each as its share says; what is left over is servers. */
export function mixture(count: number): Device[] {
  const mixed = DEVICES.flatMap((device) =>
    Array.from({ length: Math.floor((device.share * count) / 100) }, () => device),
  );
  const last = DEVICES.at(-1) ?? PLAIN;
  while (mixed.length < count) mixed.push(last);
  return mixed;
}

/** Work a millisecond that the whole fleet can do. */
export function capacity(nodes: readonly NodeSpec[]): number {
  return nodes.reduce((sum, { speed, cores, slots }) => sum + speed * Math.min(cores, slots), 0);
}

export interface Churn {
  /** Milliseconds of the simulation for an hour of the world. */
  readonly hourMs: number;
  readonly lengthMs: number;
  /** A silent end is noticed only then; the device does not come back before. */
  readonly silentMs: number;
}

/** Between one and 22 hours there, then one to four away; some leave in order, most do not. */
export function sessionsOf({ hourMs, lengthMs, silentMs }: Churn, random: () => number): Session[] {
  const sessions: Session[] = [];
  // Everybody has been there for a while when the simulation begins.
  let from = -random() * 12 * hourMs;
  while (from < lengthMs) {
    const to = from + (1 + 21 * random()) * hourMs;
    const chance = random();
    const leaving: Leaving = chance < 0.3 ? 'drained' : chance < 0.8 ? 'broken' : 'silent';
    if (to > 0) sessions.push({ from, to, leaving });
    from = to + Math.max(2 * silentMs, (1 + 3 * random()) * hourMs);
  }
  return sessions;
}

/** Periods in which everything takes `factor` times as long. */
export function spellsOf(
  { everyMs, spellMs, factor, lengthMs }: Record<'everyMs' | 'spellMs' | 'factor' | 'lengthMs', number>,
  random: () => number,
): Slowdown[] {
  const spells: Slowdown[] = [];
  let from = exponential(random) * everyMs;
  while (from < lengthMs) {
    const to = from + exponential(random) * spellMs;
    spells.push({ from, to, factor });
    from = to + exponential(random) * everyMs;
  }
  return spells;
}

export interface Demand {
  readonly requests: number;
  /** Requests a millisecond, on average. */
  readonly rate: number;
  readonly meanWork: number;
  readonly work: Draw;
  readonly deadlineMs: number;
  /** How often each city calls; absent for one city. */
  readonly weights?: readonly number[];
  /** Hours by which each city's day is before that of Greenwich; absent where day and night are the same. */
  readonly hours?: { readonly offsets: readonly number[]; readonly hourMs: number };
}

/** What people ask at each hour of their day, the busiest being 1: least at four in the morning, most in the evening. */
const BY_HOUR = [
  0.4, 0.3, 0.2, 0.15, 0.15, 0.2, 0.3, 0.45, 0.6, 0.75, 0.8, 0.8, 0.75, 0.75, 0.8, 0.8, 0.8, 0.85, 0.9, 0.95,
  1, 1, 0.85, 0.6,
];
const MEAN_HOUR = BY_HOUR.reduce((sum, share) => sum + share, 0) / BY_HOUR.length;

export function workloadOf(demand: Demand, random: () => number): Workload {
  const { requests, rate, meanWork, deadlineMs } = demand;
  const arrivals = new Float64Array(requests);
  const works = new Float64Array(requests);
  const cities = new Int16Array(requests);
  const pick = picker(demand.weights ?? [1], random);
  // The busiest hour everywhere at once, thinned by what each city asks at its own hour.
  const peak = demand.hours ? rate / MEAN_HOUR : rate;
  let at = 0;
  for (let i = 0; i < requests; ) {
    at += exponential(random) / peak;
    const city = pick();
    if (demand.hours && random() >= shareAt(demand.hours, city, at)) continue;
    arrivals[i] = at;
    works[i] = meanWork * demand.work(random);
    cities[i++] = city;
  }
  return { arrivals, works, cities, meanWork, warmUpMs: at * 0.1, deadlineMs };
}

function shareAt({ offsets, hourMs }: NonNullable<Demand['hours']>, city: number, at: number): number {
  const hour = at / hourMs + (offsets[city] ?? 0) + 24;
  return BY_HOUR[Math.floor(hour) % 24] ?? 1;
}

/** One of them, each as often as its weight says. */
export function picker(weights: readonly number[], random: () => number): () => number {
  const sums: number[] = [];
  let total = 0;
  for (const weight of weights) {
    total += weight;
    sums.push(total);
  }
  return () => {
    const at = random() * total;
    const found = sums.findIndex((sum) => at < sum);
    return found < 0 ? below(sums.length, random) : found;
  };
}
