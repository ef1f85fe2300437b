import { describe, expect, test } from 'vitest';
import { UNLIMITED } from './flow.ts';
import { Metrics } from './metrics.ts';
import { makeSettlement } from './testing/tenant.ts';

const caller = {
  keyId: 'k',
  projectId: 'p',
  organizationId: 'o',
  walletId: 'w',
  allowedModels: null,
  limits: UNLIMITED,
  standIns: null,
  privacy: 'own',
  upstreams: false,
  payloadPolicy: 'errors',
  payloadDays: 30,
} as const;

describe('Metrics', () => {
  test('counts what was settled, in the form of Prometheus', async () => {
    const metrics = new Metrics({ nodes: () => 3, inFlight: () => 2 });
    for (let i = 0; i < 2; i++) metrics.settled(makeSettlement(caller, { cost: 500_000_000n }));
    metrics.settled(
      makeSettlement(caller, { status: 404, servedModel: null, requestedModel: 'made up', cost: 0n }),
    );
    const lines = (await metrics.text()).split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'zerogpu_requests_total{endpoint="responses",status="200"} 2',
        'zerogpu_requests_total{endpoint="responses",status="404"} 1',
        'zerogpu_tokens_total{model="zlm-v1-summary-cloud",direction="input"} 60',
        'zerogpu_tokens_total{model="zlm-v1-summary-cloud",direction="output"} 10',
        'zerogpu_cost_dollars_total 1',
        'zerogpu_request_seconds_count{endpoint="responses"} 3',
        'zerogpu_nodes_connected 3',
        'zerogpu_requests_in_flight 2',
      ]),
    );
    expect(metrics.contentType).toContain('text/plain');
    // What a caller makes up must not become a label.
    expect(lines.join()).not.toContain('made up');
  });

  test('counts where answers came from, and what took more than one try', async () => {
    const metrics = new Metrics({ nodes: () => 0, inFlight: () => 0 });
    const route = makeSettlement(caller).route;
    if (route === null) throw new Error('a settlement of tests has a route');
    for (const changes of [
      {},
      { class: 'own', hedged: true, attempts: 2 },
      { class: 'cloud', hedged: true, attempts: 3, fallback: true },
    ] as const) {
      metrics.settled(makeSettlement(caller, { route: { ...route, ...changes } }));
    }
    metrics.settled(makeSettlement(caller, { route: null, servedModel: null, status: 503 }));
    const lines = (await metrics.text()).split('\n').filter((line) => line.startsWith('zerogpu_routes'));
    expect(lines.sort()).toEqual([
      'zerogpu_routes_extra_total{because="fallback"} 1',
      'zerogpu_routes_extra_total{because="hedged"} 2',
      'zerogpu_routes_extra_total{because="retry"} 1',
      'zerogpu_routes_total{route="cloud"} 1',
      'zerogpu_routes_total{route="edge"} 1',
      'zerogpu_routes_total{route="own"} 1',
    ]);
  });

  test('counts lines of batches by what became of them, and leaves them out of what callers waited', async () => {
    const metrics = new Metrics({ nodes: () => 0, inFlight: () => 0 });
    metrics.watchBatches({ linesUnderWay: () => 7, open: () => 4 });
    for (const end of ['succeeded', 'succeeded', 'back'] as const) metrics.lineEnded(end);
    metrics.settled(makeSettlement(caller, { tier: 'batch' }));
    const lines = (await metrics.text()).split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'zerogpu_batch_lines_total{outcome="succeeded"} 2',
        'zerogpu_batch_lines_total{outcome="back"} 1',
        'zerogpu_batch_lines_in_flight 7',
        'zerogpu_batches_open 4',
        'zerogpu_requests_total{endpoint="responses",status="200"} 1',
      ]),
    );
    expect(lines.join()).not.toContain('zerogpu_request_seconds_count{');
  });

  test('two of them do not meet', async () => {
    const [one, two] = [0, 0].map(() => new Metrics({ nodes: () => 0, inFlight: () => 0 }));
    one?.settled(makeSettlement(caller));
    expect(await two?.text()).not.toContain('zerogpu_requests_total{');
  });
});
