/** Composes a worker beside gateways: all that works on batches, with the nodes of the gateways in place of its own. */
import { composeBatchWork } from './compose-batch-work.ts';
import { composeBooks, composeCallers, type Ground, reporter } from './compose-parts.ts';
import { Metrics } from './metrics.ts';
import { Hedging } from './nodes/hedging.ts';
import { findGateways } from './remote-fleet/gateway-directory.ts';
import { RemoteFleet } from './remote-fleet/remote-fleet.ts';
import type { WayServices } from './way.ts';

export interface ComposedWorker {
  /** Gateways that can be reached now. */
  readonly gateways: number;
  /** Looks for gateways, then begins to work. */
  start(): Promise<void>;
  /** Finishes the lines under way within so many milliseconds, gives the others back, and ends every part. */
  close(graceMs: number): Promise<void>;
}

const now = () => Date.now();

export function composeWorker(ground: Ground): ComposedWorker {
  const { config, log } = ground;
  const fleet = composeRemoteFleet(ground);
  // Nobody reads them here: gateways tell of all batches.
  const metrics = new Metrics({ nodes: () => fleet.present, inFlight: () => 0 });
  const callers = composeCallers(ground);
  const books = composeBooks(ground, metrics);
  const work = composeBatchWork(ground, metrics);
  const way: WayServices = {
    ...callers.services,
    ...books.services,
    fleet,
    upstreams: (model, reach) => fleet.upstreams(model, reach),
    hedging: new Hedging(),
    standIns: { byDefault: config.standIns },
    maxBodyBytes: config.maxBodyBytes,
    bodyTimeoutMs: config.bodyTimeoutMs,
    now,
    random: Math.random,
    report: reporter(log),
  };
  let working = { stop: async () => {} };
  return {
    get gateways() {
      return fleet.present;
    },
    async start() {
      await fleet.look();
      working = work.start(way, () => fleet.present > 0);
    },
    async close(graceMs) {
      await work.finishLines(graceMs);
      await working.stop();
      await books.close();
      await callers.close();
      await fleet.close();
    },
  };
}

function composeRemoteFleet({ config, store: { pool }, secrets, log }: Ground): RemoteFleet {
  const { gatewayUrl } = config;
  const named = gatewayUrl === null ? null : [{ id: gatewayUrl, url: gatewayUrl }];
  return new RemoteFleet({
    seal: (text) => secrets.seal(text),
    find: async () => named ?? findGateways(pool),
    log,
    now,
  });
}
