/** Lets many nodes in by one transaction: those that are known by their keys, and new ones by their join tokens. */
import { findManifest } from '@zerogpu/catalogue';
import { type Hello, type NodePool, newId } from '@zerogpu/protocol';
import type { Pool, PoolClient } from 'pg';
import type { NodeFacts } from '../flow.ts';
import type { Standing } from '../live-nodes.ts';
import { inTransaction } from '../store/transaction.ts';
import type { GivenPlace, Located } from './node-directory.ts';

/** A node that has proved its key. */
export interface Applicant {
  readonly hello: Hello;
  readonly address: string;
  /** Of its join token; null when it shows none worth looking for. */
  readonly joinHash: Buffer | null;
}

export type Admitted =
  | {
      readonly kind: 'known' | 'joined';
      readonly facts: NodeFacts;
      readonly session: number;
      readonly standing: Standing;
    }
  | { readonly kind: 'revoked' }
  | { readonly kind: 'unknown' }
  /** Its pool has as many nodes as it may have. */
  | { readonly kind: 'full'; readonly most: number };

export interface AdmitOptions {
  readonly pool: Pool;
  readonly gatewayId: string;
  locate(hello: Hello, address: string, given: GivenPlace | null): Located;
}

/**
 * Nodes that there may be, those that were removed not counted. Of an organization: many times what one gateway is made
 * for, and few enough for a page of totals. Strangers': each is a row, whoever comes. The operator's own are bounded by
 * whom the operator gives a token.
 */
const MOST_OF_POOL: Readonly<Record<NodePool, number | null>> = {
  organization: 10_000,
  public: 100_000,
  operator: null,
  cloud: null,
};

/** In one order, so that two gateways that let the same nodes in wait for each other once. */
const FIND = `
SELECT id, encode(public_key, 'base64') AS key, organization_id, pool, revoked_at IS NOT NULL AS revoked,
  draining_at IS NOT NULL AS draining, quarantined_at IS NOT NULL AS quarantined, given_latitude, given_longitude, given_region,
  sessions
FROM nodes WHERE public_key = ANY ($1::bytea[]) ORDER BY id FOR NO KEY UPDATE`;

const FIELDS = `name text, agent text, capabilities jsonb, device_class text, latitude real, longitude real, region text,
  place_source text, models jsonb`;
const COME_BACK = `
UPDATE nodes n SET name = u.name, agent = u.agent, capabilities = u.capabilities, device_class = u.device_class,
  latitude = u.latitude, longitude = u.longitude, region = u.region, place_source = u.place_source, models = u.models,
  gateway_id = $2, connected_at = now(), last_seen_at = now(), sessions = n.sessions + 1, away_told_at = NULL
FROM jsonb_to_recordset($1) AS u (id text, ${FIELDS}) WHERE n.id = u.id`;

/** Locked: whoever shows the same token meanwhile waits, and then finds what is left of its uses. */
const TOKENS = `
SELECT id, encode(hash, 'base64') AS hash, organization_id, pool, uses_left FROM join_tokens
WHERE hash = ANY ($1::bytea[]) AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
  AND (uses_left IS NULL OR uses_left > 0)
ORDER BY id FOR NO KEY UPDATE`;
const USE_TOKENS = `
UPDATE join_tokens t SET uses_left = t.uses_left - u.uses
FROM jsonb_to_recordset($1) AS u (id uuid, uses int) WHERE t.id = u.id AND t.uses_left IS NOT NULL`;
/** Of each pool at most one more than it may have, along an index. */
const COUNT = `
SELECT u.pool, u.organization_id, c.count FROM jsonb_to_recordset($1) AS u (pool text, organization_id uuid, most int)
CROSS JOIN LATERAL (
  SELECT count(*)::int AS count FROM (
    SELECT FROM nodes n WHERE n.pool = u.pool AND n.organization_id IS NOT DISTINCT FROM u.organization_id
      AND n.revoked_at IS NULL LIMIT u.most) n) c`;
/** Another gateway may let the same node in at this moment: then it is known in a moment. */
const JOIN = `
INSERT INTO nodes (id, public_key, organization_id, pool, join_token_id, name, agent, capabilities, device_class, latitude,
  longitude, region, place_source, models, gateway_id, connected_at, last_seen_at, sessions)
SELECT u.id, decode(u.key, 'base64'), u.organization_id, u.pool, u.join_token_id, u.name, u.agent, u.capabilities,
  u.device_class, u.latitude, u.longitude, u.region, u.place_source, u.models, $2, now(), now(), 1
FROM jsonb_to_recordset($1) AS u (id text, key text, organization_id uuid, pool text, join_token_id uuid, ${FIELDS})
ON CONFLICT (public_key) DO NOTHING RETURNING id`;

interface NodeRow {
  readonly id: string;
  readonly key: string;
  readonly organization_id: string | null;
  readonly pool: NodePool;
  readonly revoked: boolean;
  readonly draining: boolean;
  readonly quarantined: boolean;
  readonly given_latitude: number | null;
  readonly given_longitude: number | null;
  readonly given_region: string | null;
  readonly sessions: bigint;
}

interface TokenRow {
  readonly id: string;
  readonly hash: string;
  readonly organization_id: string | null;
  readonly pool: NodePool;
  readonly uses_left: number | null;
}

/**
 * PostgreSQL keeps no NUL and no half of a character, and one of them would fail a whole group.
 * @throws Error when a hello has one
 */
export function refuseUnstorable(hello: Hello): void {
  const text = JSON.stringify(hello);
  if (/\\u0000|\\ud[89a-f]/i.test(text)) throw new Error('A node says what cannot be stored');
}

/** @returns what becomes of each, in order */
export async function admitNodes(
  options: AdmitOptions,
  applicants: readonly Applicant[],
): Promise<readonly Admitted[]> {
  const admitted = new Map<Applicant, Admitted>();
  let left = [...applicants];
  // Each time of each key one: two sockets of one node are two sessions of it.
  while (left.length > 0) {
    const turn = [...new Map(left.map((one) => [one.hello.publicKey, one])).values()];
    const answers = await inTransaction(options.pool, (db) => admitOnce(db, options, turn));
    for (const [one, answer] of answers) admitted.set(one, answer);
    left = left.filter((one) => !admitted.has(one));
  }
  return applicants.map((one) => admitted.get(one) ?? { kind: 'unknown' });
}

/** @returns an answer for each; none for those that another gateway let in meanwhile */
async function admitOnce(
  db: PoolClient,
  options: AdmitOptions,
  applicants: readonly Applicant[],
): Promise<ReadonlyMap<Applicant, Admitted>> {
  const keys = applicants.map(({ hello }) => Buffer.from(hello.publicKey, 'base64url'));
  const { rows } = await db.query<NodeRow>(FIND, [keys]);
  const known = new Map(rows.map((row) => [keyText(row.key), row]));
  const answers = new Map<Applicant, Admitted>();
  const back: object[] = [];
  const strangers: Applicant[] = [];
  for (const applicant of applicants) {
    const row = known.get(keyText(applicant.hello.publicKey));
    if (row === undefined) strangers.push(applicant);
    else if (row.revoked) answers.set(applicant, { kind: 'revoked' });
    else {
      const located = locate(options, applicant, row);
      back.push({ id: row.id, ...fieldsOf(applicant.hello, located) });
      const session = Number(row.sessions) + 1;
      answers.set(applicant, admittedAs('known', row, applicant.hello, located, session));
    }
  }
  if (back.length > 0) await db.query(COME_BACK, [JSON.stringify(back), options.gatewayId]);
  for (const [applicant, answer] of await joinAll(db, options, strangers)) answers.set(applicant, answer);
  return answers;
}

async function joinAll(
  db: PoolClient,
  options: AdmitOptions,
  strangers: readonly Applicant[],
): Promise<ReadonlyMap<Applicant, Admitted>> {
  const answers = new Map<Applicant, Admitted>();
  const hashes = new Set(strangers.flatMap(({ joinHash }) => joinHash?.toString('base64') ?? []));
  const tokens = await tokensOf(db, [...hashes]);
  const room = await roomOf(db, [...tokens.values()]);
  const joining: (Joining & { readonly token: TokenRow })[] = [];
  for (const applicant of strangers) {
    const token = tokens.get(applicant.joinHash?.toString('base64') ?? '');
    const used = joining.filter((one) => one.token === token).length;
    if (token === undefined || (token.uses_left !== null && used >= token.uses_left)) {
      answers.set(applicant, { kind: 'unknown' });
      continue;
    }
    const left = room.get(ownerOf(token)) ?? Number.POSITIVE_INFINITY;
    if (left <= 0) {
      answers.set(applicant, { kind: 'full', most: MOST_OF_POOL[token.pool] ?? 0 });
      continue;
    }
    room.set(ownerOf(token), left - 1);
    joining.push({ id: newId('node'), applicant, token, located: locate(options, applicant, null) });
  }
  const made = await insert(db, options, joining);
  for (const { id, applicant, token, located } of joining) {
    if (!made.has(id)) continue;
    const row = { ...token, id, draining: false, quarantined: false };
    answers.set(applicant, admittedAs('joined', row, applicant.hello, located, 1));
  }
  const uses = Map.groupBy(
    joining.filter(({ id }) => made.has(id)),
    ({ token }) => token.id,
  );
  const used = [...uses].map(([id, { length }]) => ({ id, uses: length }));
  if (used.length > 0) await db.query(USE_TOKENS, [JSON.stringify(used)]);
  return answers;
}

interface Joining {
  readonly id: string;
  readonly applicant: Applicant;
  readonly token: TokenRow;
  readonly located: Located;
}

async function tokensOf(db: PoolClient, hashes: readonly string[]): Promise<ReadonlyMap<string, TokenRow>> {
  if (hashes.length === 0) return new Map();
  const { rows } = await db.query<TokenRow>(TOKENS, [hashes.map((hash) => Buffer.from(hash, 'base64'))]);
  return new Map(rows.map((row) => [row.hash, row]));
}

const ownerOf = ({ pool, organization_id }: Pick<TokenRow, 'pool' | 'organization_id'>) =>
  `${pool} ${organization_id ?? ''}`;

/** How many more there may be, of those pools that are bounded. */
async function roomOf(db: PoolClient, tokens: readonly TokenRow[]): Promise<Map<string, number>> {
  const bounded = [...new Map(tokens.map((token) => [ownerOf(token), token])).values()].flatMap(
    ({ pool, organization_id }) => {
      const most = MOST_OF_POOL[pool];
      return most === null ? [] : [{ pool, organization_id, most }];
    },
  );
  if (bounded.length === 0) return new Map();
  const { rows } = await db.query<TokenRow & { count: number }>(COUNT, [JSON.stringify(bounded)]);
  return new Map(rows.map((row) => [ownerOf(row), (MOST_OF_POOL[row.pool] ?? 0) - row.count]));
}

/** @returns the ids of those that are there now */
async function insert(
  db: PoolClient,
  { gatewayId }: AdmitOptions,
  joining: readonly Joining[],
): Promise<ReadonlySet<string>> {
  if (joining.length === 0) return new Set();
  const rows = joining.map(({ id, applicant: { hello }, token, located }) => ({
    id,
    key: Buffer.from(hello.publicKey, 'base64url').toString('base64'),
    organization_id: token.organization_id,
    pool: token.pool,
    join_token_id: token.id,
    ...fieldsOf(hello, located),
  }));
  const made = await db.query<{ id: string }>(JOIN, [JSON.stringify(rows), gatewayId]);
  return new Set(made.rows.map(({ id }) => id));
}

function locate(options: AdmitOptions, { hello, address }: Applicant, row: NodeRow | null): Located {
  const {
    given_latitude: latitude = null,
    given_longitude: longitude = null,
    given_region = null,
  } = row ?? {};
  const place = latitude === null || longitude === null ? null : { latitude, longitude };
  const given = place === null && given_region === null ? null : { place, region: given_region };
  return options.locate(hello, address, given);
}

/** What a node says of itself, as its row keeps it: with its models as they will be reported, so that there is nothing to report. */
function fieldsOf({ name, agent, capabilities, models }: Hello, { place, region, source }: Located) {
  const { deviceClass = 'server' } = capabilities;
  return {
    name,
    agent,
    capabilities,
    device_class: deviceClass,
    latitude: place?.latitude ?? null,
    longitude: place?.longitude ?? null,
    region,
    place_source: source,
    models: models
      .filter(({ id, version }) => findManifest(id)?.version === version)
      .map(({ id, version, slots, resident, speed }) => {
        const measured = speed ? { base_ms: speed.baseMs, per_thousand_ms: speed.perThousandMs } : null;
        return { id, version, slots, resident, in_flight: 0, service_ms: null, speed: measured };
      }),
  };
}

function admittedAs(
  kind: 'known' | 'joined',
  row: Pick<NodeRow, 'id' | 'organization_id' | 'pool' | 'draining' | 'quarantined'>,
  { capabilities: { deviceClass = 'server' } }: Hello,
  { place, region }: Located,
  session: number,
): Admitted {
  const { id, organization_id: organizationId, pool, draining, quarantined } = row;
  const facts = { id, organizationId, pool, deviceClass, place, region };
  return { kind, facts, session, standing: { draining, quarantined } };
}

/** The same for every way to write a key's bytes. */
function keyText(key: string): string {
  return Buffer.from(key, 'base64url').toString('base64');
}
