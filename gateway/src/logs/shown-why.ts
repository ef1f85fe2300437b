/** Why a request went where it went, as its project's people may see it: of others' nodes no id. Pure. */
import { type Static, Type } from '@sinclair/typebox';
import { TypeCompiler } from '@sinclair/typebox/compiler';
import type { LoggedRequestDetail } from '@zerogpu/protocol';

type ShownWhy = NonNullable<Static<typeof LoggedRequestDetail>['why']>;
type Shown = ShownWhy[number];

/** As step 4 writes it (router/why.ts): whose it is, or the id of a node of the organization; region; milliseconds. */
const written = TypeCompiler.Compile(
  Type.Array(Type.Array(Type.Union([Type.String(), Type.Number({ minimum: 0 })]), { minItems: 2 })),
);

const CLASSES: Readonly<Record<string, Shown['class']>> = { o: 'own', e: 'edge', p: 'edge', c: 'cloud' };
const NODE_ID = /^node_/;
/** Network, queue, service, loading, failures of late. */
const PARTS = 5;

/**
 * Null where nothing was chosen from, or the text is of another version.
 * @param node that answered, if it is the organization's own: of the chosen one the text does not say the id
 */
export function shownWhy(text: string | null, node: string | null): ShownWhy | null {
  const value = text === null ? null : parsed(text);
  if (!written.Check(value)) return null;
  const candidates: Shown[] = [];
  for (const one of value) {
    const shown = candidate(one, node);
    if (shown === null) return null;
    candidates.push(shown);
  }
  return candidates;
}

function candidate([whose, region, ...ms]: readonly (string | number)[], node: string | null): Shown | null {
  if (typeof whose !== 'string' || typeof region !== 'string') return null;
  const parts = ms.filter((one) => typeof one === 'number');
  if (parts.length !== ms.length || parts.length > PARTS) return null;
  const named = NODE_ID.test(whose);
  const route = named ? 'own' : Object.hasOwn(CLASSES, whose) ? CLASSES[whose] : undefined;
  if (route === undefined) return null;
  const [network_ms = 0, queue_ms = 0, service_ms = 0, load_ms = 0, penalty_ms = 0] = parts;
  const total_ms = Math.round(parts.reduce((sum, one) => sum + one, 0) * 10) / 10;
  return {
    node: named ? whose : whose === 'o' ? node : null,
    class: route,
    region: region === '' ? null : region,
    total_ms,
    network_ms,
    queue_ms,
    service_ms,
    load_ms,
    penalty_ms,
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
