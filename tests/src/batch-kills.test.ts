/** Batches under fire: whatever is killed while lines are under way, each comes out once and is paid once. */
import { test, vi } from 'vitest';
import { expectKilled, onServer } from './support/batch-scene.ts';
import { describeOnServer } from './support/database-server.ts';

vi.setConfig({ testTimeout: 300_000 });

test('kills of a gateway and its node, on the embedded database', () =>
  expectKilled({ gateway: 1, node: 1 }, { databaseUrl: null }));

describeOnServer('kills on a server', () => {
  test('of gateway, worker and node', () =>
    onServer(({ url }) =>
      expectKilled({ gateway: 1, worker: 1, node: 1 }, { databaseUrl: url, worker: true }),
    ));
});
