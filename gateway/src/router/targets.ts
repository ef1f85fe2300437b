import { type Inference, type ModelManifest, type Place, PRIVACY_TIERS, type Tier } from '@zerogpu/protocol';
import type { Absence, Choice, NodeView, Reach, Target } from '../flow.ts';
import { chooseAmong, chooseNodes, countFor } from './choose-nodes.ts';
import { type FleetIndex, PROBATION } from './fleet-index.ts';
import type { Candidate, RouteAsk } from './predict.ts';
import { whyOf } from './why.ts';

/** The connected nodes, as the router sees them. */
export interface Fleet {
  /** Of a fleet that is too large to be looked through for each request. */
  readonly index?: FleetIndex;
  /** Everybody who has the model, whoever may use it. */
  views(model: string): readonly NodeView[];
  /** @param reach whom the texts that it will be given may reach */
  target(id: string, reach: Reach): Target | undefined;
}

/** What is asked of the fleet, and how far its texts may go. */
export interface Asking {
  readonly inference: Inference;
  readonly manifest: ModelManifest;
  readonly tier: Tier;
  /** Of the input, counted by us. */
  readonly tokens: number;
  /** Of the caller; null when nothing tells. */
  readonly place: Place | null;
  readonly reach: Reach;
}

export interface RouterServices {
  readonly fleet: Fleet;
  /** Those that have the model and that the texts may reach, in the operator's order. */
  upstreams(model: string, reach: Reach): readonly Target[];
  now(): number;
  random(): number;
}

/**
 * One request is given to at most this many nodes, so that a poisonous one cannot walk through the whole fleet; and to one cloud
 * node more: when a whole room of nodes dies at once, the gateway learns of each only after it was chosen, and four tries
 * end there.
 */
const MAX_NODES_TRIED = 4;
/** Looked at for one choice: the chosen one, and those that the log tells of beside it. */
const CANDIDATES = 3;

/**
 * Names the targets for one request, one at a time: nodes best first, each chosen when it is asked for, from the
 * fleet as it is then; after them a cloud node, the upstreams that have the model, and at last nodes that failed so often that
 * they rest. None is named twice. When there is none it may be asked again: a node may have joined.
 */
export function targetsFor(asking: Asking, services: RouterServices): IterableIterator<Choice, undefined> {
  const ask = askOf(asking);
  const tried: Tried = { nodes: new Set(), upstreams: new Set() };
  const choices: IterableIterator<Choice, undefined> = {
    next() {
      const value =
        nextNode(ask, asking, services, tried.nodes, { awake: true }) ??
        lastNode(ask, asking, services, tried.nodes, { awake: true }) ??
        nextUpstream(asking, services, tried.upstreams) ??
        nextNode(ask, asking, services, tried.nodes, { awake: false }) ??
        lastNode(ask, asking, services, tried.nodes, { awake: false });
      return value === null ? { done: true, value: undefined } : { done: false, value };
    },
    [Symbol.iterator]: () => choices,
  };
  return choices;
}

interface Tried {
  readonly nodes: Set<string>;
  readonly upstreams: Set<string>;
}

interface Search {
  /** Leaves out those that rest. */
  readonly awake: boolean;
  /** Cloud nodes alone. */
  readonly cloud?: boolean;
  /** Nodes that may have been tried afterwards. */
  readonly most?: number;
}

function nextNode(
  ask: RouteAsk,
  { reach }: Asking,
  { fleet, now, random }: RouterServices,
  tried: Set<string>,
  { awake, cloud = false, most = MAX_NODES_TRIED }: Search,
): Choice | null {
  while (tried.size < most) {
    const options = { limit: CANDIDATES, random, tried, ...(awake ? { now: now() } : {}) };
    const candidates = choose(fleet, cloud ? { ...ask, privacy: 'cloud' } : ask, options);
    const [chosen] = candidates;
    if (chosen === undefined) return null;
    tried.add(chosen.id);
    const target = fleet.target(chosen.id, reach);
    if (target) return choiceOf(target, chosen, candidates, ask, (id) => fleet.target(id, reach));
  }
  return null;
}

function lastNode(
  ask: RouteAsk,
  asking: Asking,
  services: RouterServices,
  tried: Set<string>,
  { awake }: Search,
): Choice | null {
  if (tried.size < MAX_NODES_TRIED) return null;
  return nextNode(ask, asking, services, tried, { awake, cloud: true, most: MAX_NODES_TRIED + 1 });
}

function nextUpstream(asking: Asking, services: RouterServices, tried: Set<string>): Choice | null {
  const target = ableOf(asking, services).find(({ id }) => !tried.has(id));
  if (target === undefined) return null;
  tried.add(target.id);
  return { target, predictedMs: null, fallback: true, why: null };
}

function choose(fleet: Fleet, ask: RouteAsk, options: Parameters<typeof chooseNodes>[2]): Candidate[] {
  if (fleet.index !== undefined) return chooseNodes(fleet.index, ask, options);
  return chooseAmong(fleet.views(ask.model), ask, options);
}

function choiceOf(
  target: Target,
  chosen: Candidate,
  candidates: readonly Candidate[],
  ask: RouteAsk,
  find: (id: string) => Target | undefined,
): Choice {
  const fallback = chosen.pool === 'cloud' && ask.privacy !== 'cloud';
  const why = whyOf(candidates, (id) => find(id)?.facts?.region ?? null);
  return { target, predictedMs: chosen.totalMs, fallback, why };
}

/** True when somebody who may has the model at this moment, busy or not. */
export function canServe(asking: Asking, services: RouterServices): boolean {
  const { fleet, random } = services;
  return choose(fleet, askOf(asking), { limit: 1, random }).length > 0 || ableOf(asking, services).length > 0;
}

/** How many nodes that texts of this reach may be given to have the model. */
export function countWithin(index: FleetIndex, manifest: ModelManifest, reach: Reach): number {
  const { organizationId, privacy } = reach;
  const any = { tier: 'interactive', tokens: 0, place: null } as const;
  const strangersMay = strangersMayHave(manifest, reach);
  return countFor(index, { ...any, model: manifest.id, organizationId, privacy, strangersMay });
}

/** Of a request for which there is nobody: who is asked to change a setting that does not help asks in vain. */
export function whyNobody(asking: Asking, services: RouterServices): Absence {
  const { inference, reach } = asking;
  const helps = PRIVACY_TIERS.some((privacy) => {
    return canServe({ ...asking, reach: { ...reach, privacy, upstreams: true } }, services);
  });
  if (helps) return 'withheld';
  return strangersHave(inference.model, services) ? 'unchecked' : 'nobody';
}

function strangersHave(model: string, { fleet }: Pick<RouterServices, 'fleet'>): boolean {
  const { index } = fleet;
  if (index === undefined) return fleet.views(model).some(({ pool }) => pool === 'public');
  return index.group(model, PROBATION) !== undefined || index.group(model, 'public') !== undefined;
}

/** True when nodes have the model, whoever may use them. */
export function isThere(model: string, { fleet }: Pick<RouterServices, 'fleet'>): boolean {
  return (fleet.index?.count(model) ?? fleet.views(model).length) > 0;
}

function askOf({ inference, manifest, tier, tokens, place, reach }: Asking): RouteAsk {
  const { organizationId, privacy } = reach;
  const strangersMay = strangersMayHave(manifest, reach);
  return { model: inference.model, tier, tokens, place, organizationId, privacy, strangersMay };
}

/** Strangers' nodes get what can be checked: built-ins that say the same bytes everywhere. */
function strangersMayHave({ deterministic, family }: ModelManifest, { privacy }: Reach): boolean {
  return privacy === 'public' && deterministic && family === 'built-in';
}

/** Upstreams answer one conversation at a time; several texts in one request are for nodes. */
function ableOf({ inference, reach }: Asking, { upstreams }: RouterServices): readonly Target[] {
  return inference.texts === null ? upstreams(inference.model, reach) : [];
}
