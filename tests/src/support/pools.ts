/** Nodes of every pool, and projects whose texts may go so far. */
import type { Gateway } from '@zerogpu/gateway';
import {
  JOIN_TOKEN_PREFIX,
  makeSecret,
  maskSecret,
  type NodePool,
  type PrivacyTier,
} from '@zerogpu/protocol';

type Ground = Pick<Gateway, 'pool' | 'secrets'>;

/** A token that admits nodes to a pool, as an operator or an organization's people would make it. */
export async function poolToken(
  { pool, secrets }: Ground,
  name: NodePool,
  organizationId: string | null = null,
): Promise<string> {
  const token = makeSecret(JOIN_TOKEN_PREFIX);
  await pool.query(
    "INSERT INTO join_tokens (hash, masked, name, pool, organization_id) VALUES ($1, $2, 'test', $3, $4)",
    [secrets.hashKey(token), maskSecret(token), name, organizationId],
  );
  return token;
}

/** Says how far a project's texts may go; known everywhere a second later, so say it before its key is used. */
export async function setReach(
  { pool }: Pick<Ground, 'pool'>,
  { projectId }: { readonly projectId: string },
  reach: { readonly privacy?: PrivacyTier; readonly upstreams?: boolean },
): Promise<void> {
  await pool.query(
    'UPDATE projects SET privacy = coalesce($2, privacy), upstreams = coalesce($3, upstreams) WHERE id = $1',
    [projectId, reach.privacy ?? null, reach.upstreams ?? null],
  );
}

/** The setting for upstreams; each is trusted as it says. */
export function upstreamsSetting(
  all: readonly { readonly name: string; readonly url: string; readonly trusted: boolean }[],
  models: readonly string[],
): string {
  const named = Object.fromEntries(models.map((model) => [model, 'any']));
  return JSON.stringify(all.map(({ name, url, trusted }) => ({ name, url, trusted, models: named })));
}
