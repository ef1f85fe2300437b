import type { NodeFacts } from '../flow.ts';

/** A server of the operator's, somewhere. */
export function factsOf(id: string, changes: Partial<NodeFacts> = {}): NodeFacts {
  const facts = {
    organizationId: null,
    pool: 'operator',
    deviceClass: 'server',
    place: null,
    region: null,
  } as const;
  return { id, ...facts, ...changes };
}
