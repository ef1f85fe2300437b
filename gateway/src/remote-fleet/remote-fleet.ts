/** The nodes and upstreams of all gateways, as a worker beside them sees them. */
import { type NodeFacts, type NodeView, type Reach, type Target, TargetFailure } from '../flow.ts';
import { type Rounds, startRounds } from '../rounds.ts';
import { type Log, reasonOf } from '../store/log.ts';
import type { GatewayAddress } from './gateway-directory.ts';
import { RemoteGateway, type RemoteGatewayServices } from './remote-gateway.ts';

export interface RemoteFleetServices extends RemoteGatewayServices {
  /** The gateways that there are now. */
  find(): Promise<readonly GatewayAddress[]>;
  readonly log: Log;
}

/** How old a view of a gateway may be: the runs that went there since are counted in. */
const LOOK_EVERY_MS = 1_000;
/** Busy, which is no attempt of a line: its batch pauses until a gateway is there again. */
const nobody: Target = {
  kind: 'node',
  // No id of any gateway.
  id: 'nobody',
  organizationId: null,
  run: () => Promise.reject(new TargetFailure('busy', 'No gateway can be reached at the moment')),
};
/** Behind a gateway are nodes of all kinds: which may have a run, it decides when it has it. All may ask a cloud node. */
const facts = (id: string): NodeFacts => {
  const kind = { pool: 'cloud', deviceClass: 'server', place: null, region: null } as const;
  return { id, organizationId: null, ...kind };
};
const NOBODY_VIEW: NodeView = {
  ...facts(nobody.id),
  slots: 1,
  inFlight: 0,
  batchRoom: 1,
  resident: true,
  serviceMs: null,
  failures: 0,
  rttMs: 0,
};

/** Each gateway stands for all that it can reach: which of its nodes a run goes to, the gateway decides when it is there. */
export class RemoteFleet {
  readonly #services: RemoteFleetServices;
  readonly #gateways = new Map<string, RemoteGateway>();
  /** No longer named, with runs of ours under way; each is over by its deadline. */
  readonly #retired = new Set<RemoteGateway>();
  readonly #rounds: Rounds;
  /** The last look for gateways failed, and that was told. */
  #blind = false;

  constructor(services: RemoteFleetServices) {
    this.#services = services;
    const { log } = services;
    const failed = 'The worker cannot look at the gateways';
    this.#rounds = startRounds({ everyMs: LOOK_EVERY_MS, round: () => this.look(), log, failed });
  }

  /** Gateways that can be reached now. */
  get present(): number {
    return this.#present().length;
  }

  /** Who has the model on a node; while no gateway can be reached, nobody, which is always busy. */
  views(model: string): NodeView[] {
    const present = this.#present();
    if (present.length === 0) return [NOBODY_VIEW];
    return present.flatMap((gateway) => {
      const state = gateway.state(model);
      if (state === null || state.nodes === 0) return [];
      const { slots, inFlight, batchRoom, resident, serviceMs } = state;
      // Slots of many nodes: what is there already is shared by them.
      const crowdMs = (serviceMs ?? 0) / Math.max(1, slots);
      const view = { slots: Math.max(1, slots), inFlight, batchRoom, resident, serviceMs, crowdMs };
      return [{ ...facts(gateway.id), ...view, failures: 0, rttMs: gateway.rttMs }];
    });
  }

  target(id: string, reach: Reach): Target | undefined {
    return id === nobody.id ? nobody : this.#gateways.get(id)?.targetFor(reach);
  }

  /** Gateways that have the model by an upstream alone; those that have nodes too fall back by themselves. */
  upstreams(model: string, reach: Reach): Target[] {
    const able = this.#present().filter((gateway) => {
      const state = gateway.state(model);
      return state?.nodes === 0 && (state.upstream || (state.untrusted && reach.upstreams));
    });
    return able.map((gateway) => gateway.targetFor(reach));
  }

  /** Whether any gateway has the model in any way. */
  serves(model: string): boolean {
    const present = this.#present();
    return present.length === 0 || present.some((gateway) => gateway.state(model) !== null);
  }

  /** Looks who is there, and how they are. */
  async look(): Promise<void> {
    await this.#find();
    await Promise.all([...this.#gateways.values()].map((gateway) => this.#lookAt(gateway)));
  }

  async close(): Promise<void> {
    await this.#rounds.stop();
    const gateways = [...this.#gateways.values(), ...this.#retired];
    this.#gateways.clear();
    await Promise.all(gateways.map((gateway) => gateway.close()));
  }

  /** Without a database the gateways are where they were. */
  async #find(): Promise<void> {
    try {
      this.#takeOver(await this.#services.find());
      this.#blind = false;
    } catch (error) {
      if (this.#blind) return;
      this.#blind = true;
      this.#services.log.warn({ reason: reasonOf(error) }, 'The worker cannot see which gateways run');
    }
  }

  #present(): RemoteGateway[] {
    return [...this.#gateways.values()].filter((gateway) => gateway.present);
  }

  /** A gateway that says that it ends finishes what it has. */
  #takeOver(found: readonly GatewayAddress[]): void {
    const urls = new Map(found.map(({ id, url }) => [id, url]));
    for (const [id, gateway] of this.#gateways) {
      if (urls.get(id) === gateway.url) continue;
      this.#gateways.delete(id);
      this.#retired.add(gateway);
      const over = () => this.#retired.delete(gateway);
      gateway.retire().then(over, over);
    }
    for (const address of found) {
      if (!this.#gateways.has(address.id) && URL.canParse(address.url))
        this.#gateways.set(address.id, new RemoteGateway(address, this.#services));
    }
  }

  async #lookAt(gateway: RemoteGateway): Promise<void> {
    const wasThere = gateway.present;
    const { log } = this.#services;
    try {
      await gateway.look();
      if (!wasThere) log.info({ url: gateway.url }, 'The worker has found a gateway');
    } catch (error) {
      const reason = error instanceof Error ? error.message : '';
      if (wasThere) log.warn({ url: gateway.url, reason }, 'The worker has lost a gateway');
    }
  }
}
