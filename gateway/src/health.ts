import type { Health } from '@zerogpu/protocol';

export interface HealthServices {
  databaseAnswers(): Promise<boolean>;
  /** Settlements are being written; false while they fail or pile up. */
  settling(): boolean;
  nodes(): number;
  upstreams(): number;
}

type Component = Health['components']['database'];

const OK: Component = { status: 'ok', error: null };

/** `GET /health`: every part by itself. Says nothing that a stranger should not know. */
export async function checkHealth(services: HealthServices): Promise<Health> {
  const database: Component = (await services.databaseAnswers())
    ? OK
    : { status: 'down', error: 'The database does not answer' };
  const nodes = services.nodes();
  const served = nodes + services.upstreams() > 0;
  const components: Health['components'] = {
    worker: services.settling()
      ? OK
      : { status: 'degraded', error: 'Settlements are waiting for the database' },
    deviceRegistry: nodes > 0 ? OK : { status: 'degraded', error: 'No node is connected' },
    // Keys are looked up in the database and fail closed with it.
    keys: database.status === 'ok' ? OK : { status: 'down', error: 'Keys cannot be checked' },
    database,
    cloudInference: served ? OK : { status: 'down', error: 'No node and no upstream can serve requests' },
  };
  return { status: worst(Object.values(components)), components };
}

function worst(components: readonly Component[]): Health['status'] {
  if (components.some((component) => component.status === 'down')) return 'down';
  return components.some((component) => component.status === 'degraded') ? 'degraded' : 'ok';
}
