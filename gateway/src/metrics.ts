import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Settlement } from './flow.ts';

export interface MetricsSources {
  nodes(): number;
  inFlight(): number;
}

/** What there is of batches, as this gateway sees it. */
export interface BatchSources {
  linesUnderWay(): number;
  open(): number;
}

/** One run of a line: `done` with an answer or an error, to be tried `again`, given `back` uncounted, `lost` to another. */
export type LineEnd = 'succeeded' | 'failed' | 'again' | 'back' | 'lost';

/** What operators watch, in Prometheus's form. Labels are bounded: models of the catalogue, statuses, routes. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #requests: Counter<'endpoint' | 'status'>;
  readonly #seconds: Histogram<'endpoint'>;
  readonly #tokens: Counter<'model' | 'direction'>;
  readonly #cost: Counter;
  readonly #payloadsLost: Counter;
  readonly #lines: Counter<'outcome'>;
  readonly #routes: Counter<'route'>;
  readonly #extra: Counter<'because'>;
  readonly #gauge: (name: string, help: string, read: () => number) => void;

  constructor(sources: MetricsSources) {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.#requests = new Counter({
      name: 'zerogpu_requests_total',
      help: 'Requests of known keys that came to their end, by endpoint and HTTP status (499: the caller went away)',
      labelNames: ['endpoint', 'status'],
      registers,
    });
    this.#seconds = new Histogram({
      name: 'zerogpu_request_seconds',
      help: 'From the headers to the settlement; without lines of batches, for which nobody waits',
      labelNames: ['endpoint'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
      registers,
    });
    this.#tokens = new Counter({
      name: 'zerogpu_tokens_total',
      help: 'Tokens metered',
      labelNames: ['model', 'direction'],
      registers,
    });
    this.#cost = new Counter({ name: 'zerogpu_cost_dollars_total', help: 'Dollars charged', registers });
    this.#payloadsLost = new Counter({
      name: 'zerogpu_payloads_lost_total',
      help: 'Requests whose bodies should have been kept and were not, because the database was slow or failed',
      registers,
    });
    this.#lines = new Counter({
      name: 'zerogpu_batch_lines_total',
      help: 'Runs of lines of batches, by what became of them: succeeded, failed, again, back (uncounted), lost',
      labelNames: ['outcome'],
      registers,
    });
    this.#routes = new Counter({
      name: 'zerogpu_routes_total',
      help: 'Requests that were answered, by where: own, edge, cloud, upstream',
      labelNames: ['route'],
      registers,
    });
    this.#extra = new Counter({
      name: 'zerogpu_routes_extra_total',
      help: 'Answered requests that took more than one try: hedged, retry (elsewhere), fallback (to a cloud node or upstream)',
      labelNames: ['because'],
      registers,
    });
    this.#gauge = (name, help, read) => {
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read());
        },
      });
    };
    this.#gauge('zerogpu_nodes_connected', 'Nodes connected to this gateway', sources.nodes);
    this.#gauge('zerogpu_requests_in_flight', 'Inference requests under way', sources.inFlight);
  }

  watchBatches({ linesUnderWay, open }: BatchSources): void {
    this.#gauge('zerogpu_batch_lines_in_flight', 'Lines of batches under way in this gateway', linesUnderWay);
    this.#gauge('zerogpu_batches_open', 'Batches that have not ended, of all gateways together', open);
  }

  lineEnded(end: LineEnd): void {
    this.#lines.inc({ outcome: end });
  }

  settled(settlement: Settlement): void {
    const { endpoint, status, servedModel, inputTokens, outputTokens, cost, totalMs, tier } = settlement;
    this.#requests.inc({ endpoint, status: String(status) });
    // Nobody waits for a line.
    if (tier === 'interactive') this.#seconds.observe({ endpoint }, totalMs / 1000);
    if (settlement.route !== null) this.#routed(settlement.route);
    if (servedModel === null) return;
    this.#tokens.inc({ model: servedModel, direction: 'input' }, inputTokens);
    this.#tokens.inc({ model: servedModel, direction: 'output' }, outputTokens);
    this.#cost.inc(Number(cost) / 1e9);
  }

  #routed({ class: route, hedged, attempts, fallback }: NonNullable<Settlement['route']>): void {
    this.#routes.inc({ route });
    if (hedged) this.#extra.inc({ because: 'hedged' });
    // A hedge is an attempt too.
    if (attempts > (hedged ? 2 : 1)) this.#extra.inc({ because: 'retry' });
    if (fallback) this.#extra.inc({ because: 'fallback' });
  }

  payloadLost(): void {
    this.#payloadsLost.inc();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
