/** The worlds in which ways of choosing are compared. Each is drawn from its name, its size and the seed alone. */
import type { NodePool, Place } from '@zerogpu/protocol';
import type { Cities } from './cities.ts';
import { always, exponential, measured } from './draws.ts';
import {
  capacity,
  type Demand,
  type Device,
  mixture,
  nodeOf,
  PLAIN,
  picker,
  sessionsOf,
  spellsOf,
  workloadOf,
} from './fleets.ts';
import type { Told } from './ours.ts';
import { streams } from './random-streams.ts';
import { type NodeSpec, RULES, type Rules, type World } from './simulation.ts';

/** A world, and what a gateway is told of it. */
export interface Scene {
  readonly world: World;
  readonly told: readonly Told[];
  readonly home: Place | null;
  readonly places: readonly (Place | null)[] | null;
  /** Of the nodes' capacity, what is asked of them. */
  readonly load: number;
}

export interface Scenario {
  readonly name: string;
  readonly about: string;
  /** Requests of the full table. */
  readonly requests: number;
  /** Needs the cities, which are not committed. */
  readonly needsCities: boolean;
  /** Which of the router's goals it is to show. */
  readonly goal?: 'slow nodes' | 'equal nodes' | 'hedging';
  scene(requests: number, seed: number, cities: Cities | null): Scene;
}

/** Named entities of 400 tokens: bench/results/models.md has 8.9 ms in Node. */
const SHORT_MS = 8.9;
/** Of a caller who waits; what takes longer counts as failed. */
const DEADLINE_MS = 60_000;
/** In one rack. */
const RACK_MS = 0.5;

interface Rack {
  readonly nodes: readonly NodeSpec[];
  readonly load: number;
  readonly demand?: Partial<Demand>;
  readonly rules?: Partial<Rules>;
  readonly pools?: readonly NodePool[];
}

const TOLD: Told = {
  pool: 'operator',
  organizationId: null,
  deviceClass: 'server',
  place: null,
  rttMs: RACK_MS,
  announcedMs: null,
};

/** Nodes side by side, and a gateway among them. */
function rack(requests: number, seed: string, of: Rack): Scene {
  const { nodes, load } = of;
  const rate = (load * capacity(nodes)) / SHORT_MS;
  const shape = { meanWork: SHORT_MS, work: measured, deadlineMs: DEADLINE_MS };
  const workload = workloadOf({ requests, rate, ...shape, ...of.demand }, streams(`${seed} work`));
  const random = streams(`${seed} told`);
  const told = nodes.map((node, i): Told => {
    const pool = of.pools?.[i] ?? 'operator';
    const organizationId = pool === 'organization' ? 'org' : null;
    return { ...TOLD, pool, organizationId, announcedMs: tried(node, SHORT_MS, random) };
  });
  const world = { nodes, workload, rules: { ...RULES, ...of.rules }, roundTrip: () => RACK_MS };
  return { world, told, home: null, places: null, load };
}

/** What a node finds when it tries the model by itself, a fifth off at most. */
function tried({ speed }: NodeSpec, meanWork: number, random: () => number): number {
  return (meanWork / speed) * (0.8 + 0.4 * random());
}

function plain(count: number, device: Device = PLAIN, changes: Partial<NodeSpec> = {}): NodeSpec[] {
  return Array.from({ length: count }, (_, i) => nodeOf(device, i, changes));
}

const fourEquals = (load: number, device: Device, how: string): Scenario => ({
  name: `4 equal nodes, ${how}, load ${load}`,
  about: `four nodes of one core and ${device.slots === 1 ? 'one slot' : `${device.slots} slots`}, in one rack`,
  requests: 100_000,
  needsCities: false,
  goal: 'equal nodes',
  scene(requests, seed) {
    return rack(requests, `${seed} ${this.name}`, { nodes: plain(4, device), load });
  },
});

const fastAndSlow = (load: number, slots: number): Scenario => ({
  name: `14 fast and 2 slow nodes, ${slots === 1 ? 'one slot' : `${slots} slots on a core`}, load ${load}`,
  about: 'the slow ones take 16 times as long for everything',
  requests: 100_000,
  needsCities: false,
  goal: 'slow nodes',
  scene(requests, seed) {
    const fast = { ...PLAIN, slots };
    const slow = { ...fast, name: 'slow', speed: 1 / 16 };
    return rack(requests, `${seed} ${this.name}`, { nodes: [...plain(14, fast), ...plain(2, slow)], load });
  },
});

/** Round robin's slow nodes bear 0.05 × 14.125 ÷ 16 ÷ (1 ÷ 16) = 0.71 of what they can. */
const LIGHT = 0.05;

const RACKS: readonly Scenario[] = [
  ...[0.5, 0.7, 0.9].map((load) => fourEquals(load, PLAIN, 'one slot')),
  // As our own node announces itself: 16 slots, and one thread that its runs share.
  ...[0.5, 0.7, 0.9].map((load) => fourEquals(load, { ...PLAIN, slots: 16 }, '16 slots on a core')),
  fastAndSlow(LIGHT, 1),
  fastAndSlow(LIGHT, 16),
  fastAndSlow(0.5, 16),
  {
    name: 'slow spells',
    about:
      'sixteen equal nodes, of which two stand still (1,000 times slower) for 1 s of every 20; one run of 400 takes 100 times as long anywhere',
    requests: 100_000,
    needsCities: false,
    goal: 'hedging',
    scene(requests, seed) {
      const random = streams(`${seed} ${this.name} spells`);
      const lengthMs = (requests * SHORT_MS) / (0.3 * 16);
      const spells = { everyMs: 20_000, spellMs: 1_000, factor: 1_000, lengthMs };
      const ill = Array.from({ length: 2 }, (_, i) =>
        nodeOf({ ...PLAIN, slots: 16, name: 'ill' }, i, { slowdowns: spellsOf(spells, random) }),
      );
      const rules = { stalls: { probability: 1 / 400, factor: 100 } };
      const nodes = [...plain(14, { ...PLAIN, slots: 16 }), ...ill];
      return rack(requests, `${seed} ${this.name}`, { nodes, load: 0.3, rules });
    },
  },
  {
    name: 'eight cores each',
    about: '8 nodes of two speeds whose runs do have a core each',
    requests: 100_000,
    needsCities: false,
    scene(requests, seed) {
      const quick = { ...PLAIN, cores: 8, slots: 8 };
      const nodes = [...plain(4, quick), ...plain(4, { ...quick, name: 'half', speed: 0.5 })];
      return rack(requests, `${seed} ${this.name}`, { nodes, load: 0.8 });
    },
  },
  {
    name: 'from a Pi to a server',
    about: '32 devices of all kinds in one place',
    requests: 100_000,
    needsCities: false,
    scene(requests, seed) {
      const nodes = mixture(32).map((device, i) => nodeOf(device, i));
      return rack(requests, `${seed} ${this.name}`, { nodes, load: 0.6 });
    },
  },
  {
    name: 'saturated',
    about: '16 equal nodes that bear 95 % of what they can',
    requests: 100_000,
    needsCities: false,
    scene(requests, seed) {
      const demand = { work: exponential };
      return rack(requests, `${seed} ${this.name}`, { nodes: plain(16), load: 0.95, demand });
    },
  },
  {
    name: 'a tiny private pool',
    about: "an organization's two nodes, which its requests fill to 1.5, and 14 of the operator's",
    requests: 100_000,
    needsCities: false,
    scene(requests, seed) {
      const own = plain(2, { ...PLAIN, name: 'own' });
      const pools = [...own.map(() => 'organization' as const), ...plain(14).map(() => 'operator' as const)];
      const load = (1.5 * 2) / 16;
      return rack(requests, `${seed} ${this.name}`, { nodes: [...own, ...plain(14)], load, pools });
    },
  },
  {
    name: 'constant work',
    about: '8 equal nodes, every request the same: turns are the best there is',
    requests: 100_000,
    needsCities: false,
    scene(requests, seed) {
      const demand = { work: always };
      return rack(requests, `${seed} ${this.name}`, { nodes: plain(8), load: 0.8, demand });
    },
  },
];

/** A text of 45 times 400 tokens, or as many short ones in one request: long enough that computing outweighs the way. */
const LONG_MS = 45 * SHORT_MS;
/** A day of the world in five minutes, so that leaving in the middle of a run is common and not rare. */
const HOUR_MS = 12_500;

interface Globe {
  readonly nodes: number;
  readonly load: number;
  readonly meanWork: number;
  readonly churn: boolean;
  /** Cities' weights for nodes; for callers they are all the same but for `hot`. */
  readonly coarse?: boolean;
  /** This share of the calls comes from one city, where few nodes are. */
  readonly hot?: { readonly city: string; readonly share: number };
  /** Every run goes through a gateway in this city; otherwise there is one in every caller's city. */
  readonly gateway?: string;
  /** Callers' places are told although every run goes through that one gateway. */
  readonly callersPlaces?: boolean;
  /** Nodes do not announce how quick they are, as old ones do not. */
  readonly silentSpeeds?: boolean;
  /** Nodes of this part of the world vanish for the middle fifth. */
  readonly outage?: (place: Place) => boolean;
}

/** Where round trips are measured from while there is a gateway in every city. */
const HOME = 'Frankfurt';
const FIRST_HOME = 'Zurich';

function globe(requests: number, seed: string, cities: Cities, of: Globe): Scene {
  const random = streams(`${seed} fleet`);
  const devices = mixture(of.nodes);
  const rateOf = (nodes: readonly NodeSpec[]) => (of.load * capacity(nodes)) / of.meanWork;
  const bare = devices.map((device, i) => nodeOf(device, i));
  const lengthMs = requests / rateOf(bare);
  const anywhere = picker(new Array(cities.list.length).fill(1), random);
  const nodes = bare.map((node): NodeSpec => {
    const city = anywhere();
    const churn = { hourMs: HOUR_MS, lengthMs: lengthMs * 2, silentMs: RULES.silentMs };
    const sessions = of.churn ? sessionsOf(churn, random) : node.sessions;
    return { ...node, city, sessions: withOutage(sessions, cities, city, lengthMs, of) };
  });
  const workload = workloadOf(demandOf(requests, rateOf(bare), cities, of), streams(`${seed} work`));
  const gateway = of.gateway === undefined ? null : cityOf(cities, of.gateway);
  const trip = (from: number, node: number) =>
    (cities.roundTrips[from * cities.list.length + (nodes[node]?.city ?? 0)] ?? 0) +
    (devices[node]?.accessMs ?? 0);
  const home = gateway ?? cityOf(cities, HOME, FIRST_HOME);
  const placeOf = (city: number) =>
    of.coarse === true ? cities.list[city]?.zonePlace : cities.list[city]?.place;
  const told = nodes.map((node, i): Told => {
    const { deviceClass = 'server' } = devices[i] ?? {};
    const announcedMs = of.silentSpeeds === true ? null : tried(node, of.meanWork, random);
    return { ...TOLD, deviceClass, place: placeOf(node.city) ?? null, rttMs: trip(home, i), announcedMs };
  });
  const byCaller = gateway === null || of.callersPlaces === true;
  return {
    world: { nodes, workload, rules: RULES, roundTrip: (city, node) => trip(gateway ?? city, node) },
    told,
    home: placeOf(home) ?? null,
    places: byCaller ? cities.list.map((_, city) => placeOf(city) ?? null) : null,
    load: of.load,
  };
}

function demandOf(requests: number, rate: number, cities: Cities, of: Globe): Demand {
  const { list } = cities;
  const others = of.hot ? (1 - of.hot.share) / (list.length - 1) : 1;
  const weights = list.map(({ name }) => (name === of.hot?.city ? of.hot.share : others));
  const offsets = list.map(({ place }) => place.longitude / 15);
  const shape = { meanWork: of.meanWork, work: measured, deadlineMs: DEADLINE_MS };
  const hours = of.churn ? { hours: { offsets, hourMs: HOUR_MS } } : {};
  return { requests, rate, ...shape, weights, ...hours };
}

function cityOf({ list }: Cities, ...names: readonly string[]): number {
  const found = list.findIndex(({ name }) => names.includes(name));
  if (found < 0) throw new Error(`No city is called ${names.join(' or ')}`);
  return found;
}

/** Whoever is there when it begins vanishes without a word, and comes back when it ends. */
function withOutage(
  sessions: NodeSpec['sessions'],
  cities: Cities,
  city: number,
  lengthMs: number,
  { outage }: Globe,
): NodeSpec['sessions'] {
  const place = cities.list[city]?.place;
  if (!outage || !place || !outage(place)) return sessions;
  const begins = 0.4 * lengthMs;
  const ends = Math.max(0.6 * lengthMs, begins + 2 * RULES.silentMs);
  return sessions.flatMap((session) => {
    if (session.to <= begins || session.from >= ends) return [session];
    const before = session.from < begins ? [{ ...session, to: begins, leaving: 'silent' as const }] : [];
    return session.to > ends ? [...before, { ...session, from: ends }] : before;
  });
}

const worldwide = (name: string, about: string, requests: number, of: Globe): Scenario => ({
  name,
  about,
  requests,
  needsCities: true,
  scene(size, seed, cities) {
    if (!cities) throw new Error(`${name} needs the cities`);
    return globe(size, `${seed} world`, cities, of);
  },
});

const DAY: Globe = { nodes: 200, load: 0.4, meanWork: LONG_MS, churn: true };
const NANO: Globe = { nodes: 200, load: 0.05, meanWork: SHORT_MS, churn: false };
const isEurope = ({ latitude, longitude }: Place) => latitude > 35 && longitude > -12 && longitude < 45;

const GLOBES: readonly Scenario[] = [
  worldwide('a day of the world', '200 devices of all kinds that come and go, long texts', 40_000, DAY),
  worldwide(
    'a day of the world, places by time zone',
    'the same, but nothing is known of a place but its time zone',
    40_000,
    { ...DAY, coarse: true },
  ),
  worldwide('a day of the world, speeds not announced', 'the same, with old nodes', 40_000, {
    ...DAY,
    silentSpeeds: true,
  }),
  worldwide('short texts around the world', 'computing takes 9 ms, the way up to 300', 40_000, NANO),
  worldwide('short texts, places by time zone', 'the same, places known by their time zones', 40_000, {
    ...NANO,
    coarse: true,
  }),
  worldwide('one gateway in Zurich', 'every run goes through it, wherever its caller is', 40_000, {
    ...NANO,
    gateway: 'Zurich',
  }),
  worldwide(
    'one gateway in Zurich, told where callers are',
    'the same; ours weighs the way from the caller, which no packet takes',
    40_000,
    { ...NANO, gateway: 'Zurich', callersPlaces: true },
  ),
  worldwide('a hot city', 'half of all calls come from Sydney', 40_000, {
    ...NANO,
    hot: { city: 'Sydney', share: 0.5 },
  }),
  worldwide('an outage of Europe', "Europe's nodes vanish silently for a fifth of the time", 40_000, {
    ...DAY,
    churn: false,
    outage: isEurope,
  }),
];

export const SCENARIOS: readonly Scenario[] = [...RACKS, ...GLOBES];
