/** Nodes as the database has them, and as people see them: with what this gateway knows of those that it holds. */
import type { NodePool, NodeState, PlaceSource } from '@zerogpu/protocol';
import type { LiveNode, ModelReport } from '../live-nodes.ts';

/**
 * Connected is who is held by a gateway that lives.
 * @param alive the placeholder of the ids of gateways that live
 */
export const stateIn = (alive: string) => `CASE
  WHEN n.revoked_at IS NOT NULL THEN 'removed'
  WHEN n.quarantined_at IS NOT NULL THEN 'quarantined'
  WHEN NOT coalesce(n.gateway_id = ANY (${alive}::uuid[]), false) THEN 'away'
  WHEN n.draining_at IS NOT NULL THEN 'draining'
  WHEN n.models = '[]' THEN 'paused'
  ELSE 'connected' END`;

const ofToday = (column: string) =>
  `CASE WHEN n.runs_day = (now() AT TIME ZONE 'UTC')::date THEN n.${column} ELSE 0 END`;

export const NAME = 'coalesce(n.given_name, n.name)';

export const columnsOf = (
  alive: string,
) => `n.id, n.pool, n.organization_id, ${NAME} AS name, n.name AS own_name,
  n.device_class, n.agent, n.capabilities, n.latitude, n.longitude, n.region, n.place_source, n.models, n.rtt_ms,
  n.runs_done::float8 AS done, n.runs_failed::float8 AS failed, (${ofToday('day_done')})::float8 AS day_done,
  (${ofToday('day_failed')})::float8 AS day_failed, n.sessions::float8 AS sessions, n.connected_ms::float8 AS connected_ms,
  n.created_at, (extract(epoch FROM n.created_at) * 1000000)::bigint AS micros,
  (extract(epoch FROM n.last_seen_at) * 1000000)::bigint AS seen_micros, n.connected_at, n.last_seen_at, n.draining_at,
  n.quarantined_at, n.quarantined_because, n.revoked_at, n.join_token_id, ${stateIn(alive)} AS state,
  coalesce(n.gateway_id = ANY (${alive}::uuid[]), false) AS connected`;

export interface NodeRow {
  readonly id: string;
  readonly pool: NodePool;
  readonly organization_id: string | null;
  readonly name: string;
  readonly own_name: string;
  readonly device_class: 'server' | 'desktop' | 'phone' | 'browser';
  readonly agent: string;
  readonly capabilities: Capabilities;
  readonly latitude: number | null;
  readonly longitude: number | null;
  readonly region: string | null;
  readonly place_source: PlaceSource | null;
  readonly models: readonly Partial<ModelReport>[];
  readonly rtt_ms: number | null;
  readonly done: number;
  readonly failed: number;
  readonly day_done: number;
  readonly day_failed: number;
  readonly sessions: number;
  readonly connected_ms: number;
  readonly created_at: Date;
  /** Microseconds since 1970, as the database sorts them; a Date has only milliseconds. */
  readonly micros: bigint;
  readonly seen_micros: bigint;
  readonly connected_at: Date | null;
  readonly last_seen_at: Date;
  readonly draining_at: Date | null;
  readonly quarantined_at: Date | null;
  readonly quarantined_because: string | null;
  readonly revoked_at: Date | null;
  readonly join_token_id: string | null;
  readonly state: NodeState;
  readonly connected: boolean;
}

/** As the node said them when it came; older nodes say less. */
interface Capabilities {
  readonly cores?: number;
  readonly memoryBytes?: number;
  readonly platform?: string;
  readonly timeZone?: string;
  readonly runtimes?: readonly string[];
}

type TrustName = 'vouched' | 'probation' | 'earned' | 'quarantined';
/** How far a node is believed for a model. */
export type TrustFor = (model: string, version: string) => TrustName;

export const vouched: TrustFor = () => 'vouched';

/**
 * @param live its socket, when this gateway holds it
 * @param now milliseconds since 1970
 */
export function shownNode(row: NodeRow, live: LiveNode | undefined, trust: TrustFor, now: number) {
  const { capabilities, state } = row;
  const { models, ...load } = loadOf(row, live);
  return {
    id: row.id,
    pool: row.pool,
    name: row.name,
    own_name: row.own_name,
    state: stateNow(row, live),
    device_class: row.device_class,
    agent: row.agent,
    platform: capabilities.platform ?? null,
    cores: capabilities.cores ?? null,
    memory_bytes: capabilities.memoryBytes ?? null,
    runtimes: capabilities.runtimes === undefined ? null : [...capabilities.runtimes],
    time_zone: capabilities.timeZone ?? null,
    ...placeOf(row),
    models: models.map((model) => ({ ...model, trust: trust(model.id, model.version) })),
    ...load,
    runs: { done: row.done, failed: row.failed },
    runs_today: { done: row.day_done, failed: row.day_failed },
    sessions: row.sessions,
    connected_ms: row.connected_ms + openMs(row, now),
    created_at: row.created_at.toISOString(),
    connected_at: row.connected ? textOf(row.connected_at) : null,
    away_since: row.connected || state === 'removed' ? null : row.last_seen_at.toISOString(),
    draining_at: textOf(row.draining_at),
    quarantined_at: textOf(row.quarantined_at),
    quarantined_because: row.quarantined_because,
    removed_at: textOf(row.revoked_at),
    join_token_id: row.join_token_id,
  };
}

const textOf = (time: Date | null) => time?.toISOString() ?? null;

function openMs({ connected, connected_at }: NodeRow, now: number): number {
  return connected && connected_at !== null ? Math.max(0, now - connected_at.getTime()) : 0;
}

function placeOf({ latitude, longitude, region, place_source }: NodeRow) {
  const place = latitude === null || longitude === null ? null : { latitude, longitude };
  return { place, region, place_source };
}

/** What the socket says is newer than what is written down. */
export function loadOf(row: NodeRow, live: LiveNode | undefined) {
  const models = (live?.report() ?? row.models.map(whole)).map((model) => ({
    ...model,
    in_flight: row.connected ? model.in_flight : null,
  }));
  const slots = models.reduce((sum, model) => sum + model.slots, 0);
  const inFlight = models.reduce((sum, model) => sum + (model.in_flight ?? 0), 0);
  const rtt = live === undefined || live.rttMs === 0 ? row.rtt_ms : live.rttMs;
  return { models, slots, in_flight: row.connected ? inFlight : null, rtt_ms: rtt };
}

/** A node that has just come announced no more than its models. */
function whole(model: Partial<ModelReport>): ModelReport {
  const unknown = { resident: false, in_flight: 0, service_ms: null, speed: null };
  return { id: '', version: '', slots: 0, ...unknown, ...model };
}

/** A model that came or went in the last seconds. */
export function stateNow({ state }: NodeRow, live: LiveNode | undefined): NodeState {
  if (live === undefined || (state !== 'connected' && state !== 'paused')) return state;
  return live.report().length === 0 ? 'paused' : 'connected';
}
