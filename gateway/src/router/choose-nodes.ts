/**
 * Step 4: which nodes, best first. Pure: the fleet's state and the randomness come in, an order comes out. The filters that
 * no prediction outweighs are the groups that are looked in: no node of another group is ever seen.
 */
import type { NodePool } from '@zerogpu/protocol';
import { JUDGING_POOLS, type NodeView } from '../flow.ts';
import { FleetIndex, type Group, groupKey, PROBATION } from './fleet-index.ts';
import { HAS_BATCH_ROOM, HAS_ROOM } from './fleet-table.ts';
import { asBatch, type Candidate, predicted, type RouteAsk } from './predict.ts';
import type { Quest } from './search.ts';

export interface ChooseOptions {
  /** At most this many are named: the first, and those to try when it fails. */
  readonly limit: number;
  /** 0 ≤ x < 1; among equals it picks, so that none is favoured. */
  readonly random: () => number;
  /** Nodes that are not to be named. */
  readonly tried?: ReadonlySet<string>;
  /** Milliseconds since 1970: nodes that are closed until later are left out; absent takes them after all others. */
  readonly now?: number;
}

/** The best nodes for an ask, best first; among nodes that differ by less than 1 % chance decides. */
export function chooseNodes(index: FleetIndex, ask: RouteAsk, options: ChooseOptions): Candidate[] {
  if (options.now !== undefined) index.wake(options.now);
  const tiers = tiersOf(index, ask);
  const except = rowsOf(index, ask.model, options.tried);
  const found: number[] = [];
  for (const tier of tiers) {
    if (found.length >= options.limit) break;
    if (roomIn(index, tier, ask, except)) look(index, ask, options, tier, true, except, found);
  }
  if (found.length < options.limit) look(index, ask, options, tiers.flat(), false, except, found);
  const candidates = found.map((entry) => index.candidate(entry, ask));
  return options.now === undefined ? withClosed(candidates, index, ask, options) : candidates;
}

/** How many nodes may have it, busy or not. */
export function countFor(index: FleetIndex, ask: RouteAsk): number {
  return tiersOf(index, ask)
    .flat()
    .reduce((sum, group) => sum + group.count, 0);
}

/** The same among a few nodes that are in no index. */
export function chooseAmong(views: Iterable<NodeView>, ask: RouteAsk, options: ChooseOptions): Candidate[] {
  const index = new FleetIndex();
  for (const view of views) index.put(ask.model, view);
  return chooseNodes(index, ask, options);
}

/** The hard filters: whose nodes a text may reach at all. */
export function mayHave(view: NodeView, ask: RouteAsk): boolean {
  return view.trust !== 'quarantined' && tierKeys(ask, true).flat().includes(groupKey(view));
}

/**
 * Keys of groups, in the order in which they are asked: nodes of a later tier have a run only where none of an earlier one
 * has room.
 * @param probation strangers on probation too
 */
function tierKeys({ privacy, organizationId, strangersMay }: RouteAsk, probation: boolean): string[][] {
  const key = (pool: NodePool) => groupKey({ pool, organizationId });
  if (privacy === 'cloud') return [[key('cloud')]];
  const operator = [key('operator')];
  if (privacy === 'public' && strangersMay) operator.push('public', ...(probation ? [PROBATION] : []));
  return [[key('organization')], operator, [key('cloud')]];
}

function tiersOf(index: FleetIndex, ask: RouteAsk): Group[][] {
  const group = (key: string) => index.group(ask.model, key);
  const { organizationId } = ask;
  // What strangers on probation say is checked before it leaves: without a judge it never would.
  const probation = JUDGING_POOLS.some((pool) => group(groupKey({ pool, organizationId })) !== undefined);
  return tierKeys(ask, probation).map((keys) => keys.flatMap((key) => group(key) ?? []));
}

function rowsOf(index: FleetIndex, model: string, ids: ReadonlySet<string> = new Set()): Set<number> {
  return new Set([...ids].flatMap((id) => index.entry(model, id) ?? []));
}

/** Whether any node of a tier has room, those aside that were tried. */
function roomIn(
  index: FleetIndex,
  tier: readonly Group[],
  ask: RouteAsk,
  except: ReadonlySet<number>,
): boolean {
  const batch = ask.tier === 'batch';
  const flag = batch ? HAS_BATCH_ROOM : HAS_ROOM;
  let room = 0;
  for (const group of tier) room += batch ? group.batchRoom : group.room;
  for (const entry of except) {
    if (index.table.flags[entry]! & flag && tier.includes(index.groupOfEntry(entry))) room--;
  }
  return room > 0;
}

/** @param roomy of a batch run: only nodes with room for it */
function look(
  index: FleetIndex,
  ask: RouteAsk,
  { limit, random }: ChooseOptions,
  groups: readonly Group[],
  roomy: boolean,
  except: Set<number>,
  found: number[],
): void {
  const batch = ask.tier === 'batch';
  const quest: Quest = {
    roots: groups.flatMap(({ globe, nowhere }) => [globe, nowhere]),
    tokens: ask.tokens,
    from: index.fromOf(ask),
    batch,
    shelves: batch && roomy ? 'room' : 'all',
    limit: limit - found.length,
    random,
    except,
  };
  for (const entry of index.search(quest)) {
    found.push(entry);
    except.add(entry);
  }
}

/** Nodes whose breaker is open, when all others are named. Few at a time; of very many the longest closed. */
const MAX_CLOSED = 64;

function withClosed(
  candidates: Candidate[],
  index: FleetIndex,
  ask: RouteAsk,
  { limit, tried }: ChooseOptions,
): Candidate[] {
  if (candidates.length >= limit) return candidates;
  const closed = index
    .closed(ask.model, MAX_CLOSED)
    .filter((view) => mayHave(view, ask) && !tried?.has(view.id))
    .map((view) => predicted(ask.tier === 'batch' ? asBatch(view) : view, ask, index.home))
    .sort((a, b) => a.totalMs - b.totalMs);
  return [...candidates, ...closed].slice(0, limit);
}
