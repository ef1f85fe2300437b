/** Fleets to choose from: an even one, and those that are hard on an index. All from a seed. */
import type { NodeView } from '@zerogpu/gateway';
import type { Place } from '@zerogpu/protocol';

export interface FleetKind {
  readonly name: string;
  readonly what: string;
  readonly home: Place | null;
  node(i: number, world: World): NodeView;
  /** Where an ask comes from. */
  from(world: World): Place | null;
  /** Whose ask it is. */
  organization?(world: World): string;
}

export interface World {
  readonly random: () => number;
  readonly size: number;
  readonly cities: readonly Place[];
}

export const MODEL = 'bench-model';
const HOME: Place = { latitude: 50.1, longitude: 8.7 };
const CITIES = 400;
/** Nodes of a private pool. */
const POOL = 5;

export function worldOf(size: number, random: () => number): World {
  return { random, size, cities: Array.from({ length: CITIES }, () => anywhere(random)) };
}

/** Evenly over the globe, but for the poles. */
function anywhere(random: () => number): Place {
  return { latitude: (Math.asin(random() * 1.8 - 0.9) * 180) / Math.PI, longitude: random() * 360 - 180 };
}

/** Some cities have many more than others. */
function nearCity({ random, cities }: World): Place {
  const { latitude, longitude } = cities[Math.floor(random() ** 3 * cities.length)]!;
  const spread = () => (random() + random() - 1) * 0.4;
  return { latitude: latitude + spread(), longitude: Math.max(-180, Math.min(180, longitude + spread())) };
}

/** From a server to a Pi: the quickest are 30 times as quick as the slowest; how much a token costs goes its own way too. */
function machine({
  random,
}: World): Pick<NodeView, 'slots' | 'inFlight' | 'batchRoom' | 'serviceMs' | 'speed'> {
  const slow = 30 ** random();
  const speed = {
    baseMs: 0.5 * slow * (0.8 + 0.4 * random()),
    perThousandMs: 4 * slow * (0.7 + 0.6 * random()),
  };
  const slots = 2 ** Math.floor(random() * 4);
  const inFlight = random() < 0.5 ? 0 : Math.floor(random() * slots * 1.5);
  return {
    slots,
    inFlight,
    batchRoom: slots - inFlight,
    serviceMs: speed.baseMs + speed.perThousandMs * 0.2,
    speed,
  };
}

function usual(i: number, world: World): NodeView {
  const { random } = world;
  return {
    id: `node_${i.toString(36).padStart(8, '0')}`,
    organizationId: null,
    pool: 'operator',
    deviceClass: 'server',
    region: null,
    place: nearCity(world),
    ...machine(world),
    resident: random() < 0.8,
    failures: random() < 0.02 ? 1 + Math.floor(random() * 3) : 0,
    rttMs: 0,
  };
}

const usualFrom = (world: World): Place => nearCity(world);

/** As a gateway in Frankfurt sees a node that it has pinged. */
function pinged(view: NodeView, world: World): NodeView {
  return { ...view, rttMs: measured(view, world) };
}

/** As a gateway measured it: the distance by some, and a last mile. */
function measured(view: NodeView, { random }: World): number {
  if (view.place === null) return 20;
  const way = Math.hypot(view.place.latitude - HOME.latitude, view.place.longitude - HOME.longitude) * 1.8;
  return 1 + way * (0.7 + random()) + random() ** 4 * 80;
}

export const FLEETS: readonly FleetKind[] = [
  {
    name: 'world',
    what: '400 cities of very different size, nothing measured',
    home: null,
    node: usual,
    from: usualFrom,
  },
  {
    name: 'even',
    what: 'anywhere on the globe, nothing measured',
    home: null,
    node: (i, world) => ({ ...usual(i, world), place: anywhere(world.random) }),
    from: ({ random }) => anywhere(random),
  },
  {
    name: 'measured',
    what: 'cities, round trips measured from Frankfurt; asks from there',
    home: HOME,
    node: (i, world) => pinged(usual(i, world), world),
    from: () => HOME,
  },
  {
    name: 'measured, asked from elsewhere',
    what: 'the same, asks within 1,000 km of Frankfurt',
    home: HOME,
    node: (i, world) => pinged(usual(i, world), world),
    from: ({ random }) => ({
      latitude: HOME.latitude + (random() - 0.5) * 16,
      longitude: HOME.longitude + (random() - 0.5) * 20,
    }),
  },
  {
    name: 'one city',
    what: 'all within 50 km, asks from there',
    home: HOME,
    node: (i, world) => {
      const spread = () => (world.random() + world.random() - 1) * 0.3;
      const place = { latitude: 48.8 + spread(), longitude: 2.3 + spread() };
      return pinged({ ...usual(i, world), place }, world);
    },
    from: () => ({ latitude: 48.8, longitude: 2.3 }),
  },
  {
    name: 'placeless',
    what: 'no place known, round trips alone',
    home: null,
    node: (i, world) => ({ ...usual(i, world), place: null, rttMs: 1 + 100 * world.random() }),
    from: () => null,
  },
  {
    name: 'private pools',
    what: `${POOL} nodes for each organization, 1,000 of the operator's behind them`,
    home: HOME,
    node: (i, world) => {
      const view = pinged(usual(i, world), world);
      if (i < 1000) return view;
      return { ...view, pool: 'organization', organizationId: `org_${Math.floor(i / POOL)}` };
    },
    from: () => HOME,
    organization: ({ random, size }) => `org_${Math.floor((random() * size) / POOL)}`,
  },
  {
    name: 'saturated',
    what: '95 % have queues of up to ten rounds',
    home: HOME,
    node: (i, world) => {
      const view = pinged(usual(i, world), world);
      if (world.random() > 0.95) return { ...view, inFlight: 0, batchRoom: view.slots };
      const inFlight = Math.floor(view.slots * (1 + 9 * world.random()));
      return { ...view, inFlight, batchRoom: view.slots - inFlight };
    },
    from: () => HOME,
  },
  {
    name: 'slow near, fast far',
    what: 'near nodes take 500 ms and more, one in 1,000 far away 5 ms',
    home: HOME,
    node: (i, world) => {
      const view = usual(i, world);
      const fast = i % 1000 === 0;
      const baseMs = fast ? 5 : 500 + 500 * world.random();
      const place = fast
        ? { latitude: -33.9, longitude: 151.2 }
        : { latitude: 50 + world.random(), longitude: 8 };
      return pinged({ ...view, place, serviceMs: baseMs, speed: { baseMs, perThousandMs: 1 } }, world);
    },
    from: () => ({ latitude: 50.1, longitude: 8.2 }),
  },
  {
    name: 'cold',
    what: '1 % have the model in memory; loading takes 50 to 3,000 ms',
    home: HOME,
    node: (i, world) => ({
      ...pinged(usual(i, world), world),
      resident: world.random() < 0.01,
      loadMs: 50 * 60 ** world.random(),
    }),
    from: () => HOME,
  },
  {
    name: 'equals',
    what: 'idle twins in one place',
    home: HOME,
    node: (i, world) => ({
      ...usual(i, world),
      place: HOME,
      slots: 4,
      inFlight: 0,
      batchRoom: 3,
      serviceMs: 3,
      speed: { baseMs: 1, perThousandMs: 10 },
      resident: true,
      failures: 0,
    }),
    from: () => HOME,
  },
];
