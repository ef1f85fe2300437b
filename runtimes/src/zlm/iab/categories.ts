/** Entries of the IAB profile: nodes with their ids, their parents and the names of the tiers above them. */
import { roundTo } from '../numeric.ts';
import { DECIMALS } from './iab-model.ts';
import type { ListBounds, Taxonomy } from './taxonomy.ts';

/** A category of Content 1.0, as `IAB19-6`. */
export interface Content10Entry {
  readonly code: string;
  readonly name: string;
  /** 1 or 2. */
  readonly tier: number;
  readonly parent_code: string | null;
  /** 0 to 1, four decimals. */
  readonly score: number;
}

/** A category of Content 2.2 or a segment of Audience 1.1, by its official id. */
export interface TierEntry {
  readonly id: string;
  readonly parent_id: string | null;
  readonly name: string;
  readonly tier1_name: string;
  readonly tier2_name?: string;
  readonly tier3_name?: string;
  /** 0 to 1, four decimals. */
  readonly score: number;
}

const TIERS = 3;

export function content10Entries(
  taxonomy: Taxonomy,
  scores: Float64Array,
  bounds: ListBounds,
): Content10Entry[] {
  return taxonomy.best(scores, bounds).map((node) => ({
    code: taxonomy.keys[node]!,
    name: taxonomy.names[node]!,
    tier: taxonomy.depth(node) + 1,
    parent_code: taxonomy.keys[taxonomy.parents[node]!] ?? null,
    score: roundTo(scores[node]!, DECIMALS),
  }));
}

/** Down to tier 3; what scores deeper is in its parent's score. */
export function content22Entries(taxonomy: Taxonomy, scores: Float64Array, bounds: ListBounds): TierEntry[] {
  const shallow = scores.map((score, node) => (taxonomy.depth(node) < TIERS ? score : 0));
  return taxonomy.best(shallow, bounds).map((node) =>
    tierEntry(
      taxonomy.keys[node]!,
      taxonomy.keys[taxonomy.parents[node]!] ?? null,
      taxonomy.path(node).map((above) => taxonomy.names[above]!),
      scores[node]!,
    ),
  );
}

/**
 * Segments have their whole path in their name ("Interest | Sports | Soccer"), and their roots are in no list.
 * @param roots the ids of the roots by name
 */
export function audienceEntries(
  taxonomy: Taxonomy,
  scores: Float64Array,
  bounds: ListBounds,
  roots: ReadonlyMap<string, string>,
): TierEntry[] {
  return taxonomy.listed(scores, bounds).map((node) => {
    const [top = ''] = taxonomy.names[node]!.split(' | ');
    const names = taxonomy.path(node).map((above) => taxonomy.names[above]!.split(' | ').at(-1)!);
    const parent = taxonomy.keys[taxonomy.parents[node]!] ?? roots.get(top) ?? null;
    return tierEntry(taxonomy.keys[node]!, parent, [top, ...names], scores[node]!);
  });
}

/** @param path names from tier 1 down to the node's own */
function tierEntry(id: string, parent: string | null, path: readonly string[], score: number): TierEntry {
  const [tier1 = '', tier2, tier3] = path;
  return {
    id,
    parent_id: parent,
    name: path.at(-1)!,
    tier1_name: tier1,
    ...(tier2 === undefined ? {} : { tier2_name: tier2 }),
    ...(tier3 === undefined ? {} : { tier3_name: tier3 }),
    score: roundTo(score, DECIMALS),
  };
}
