/** Why a request went where it went, as its project's people may see it: of others' nodes no id. Pure. */
import { type Static, Type } from '@sinclair/typebox';
import { TypeCompiler } from '@sinclair/typebox/compiler';
import { type LoggedRequestDetail, NODE_POOLS, type NodePool } from '@zerogpu/protocol';

type ShownWhy = NonNullable<Static<typeof LoggedRequestDetail>['why']>;

const ms = Type.Number();
/** As step 4 writes it (router/why.ts): id, pool, region, then predicted milliseconds. */
const Candidates = TypeCompiler.Compile(
  Type.Array(
    Type.Tuple([
      Type.String(),
      Type.Union(NODE_POOLS.map((pool) => Type.Literal(pool))),
      Type.Union([Type.String(), Type.Null()]),
      ms,
      ms,
      ms,
      ms,
      ms,
      ms,
    ]),
  ),
);

const CLASSES: Record<NodePool, ShownWhy[number]['class']> = {
  organization: 'own',
  operator: 'edge',
  public: 'edge',
  cloud: 'cloud',
};

/** Null where nothing was chosen from, or the text is of another version. */
export function shownWhy(text: string | null): ShownWhy | null {
  const value = text === null ? null : parsed(text);
  if (!Candidates.Check(value)) return null;
  return value.map(([id, pool, region, total_ms, network_ms, queue_ms, service_ms, load_ms, penalty_ms]) => ({
    node: pool === 'organization' ? id : null,
    class: CLASSES[pool],
    region,
    total_ms,
    network_ms,
    queue_ms,
    service_ms,
    load_ms,
    penalty_ms,
  }));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
