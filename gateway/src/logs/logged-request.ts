/** A row of the log, and how the admin API shows it. Pure. */

import type { Static } from '@sinclair/typebox';
import { dollarsText, type LoggedRequest, type NanoDollars } from '@zerogpu/protocol';

export interface LogRow {
  readonly id: string;
  readonly created_at: Date;
  readonly settled_at: Date;
  readonly cost: NanoDollars;
  readonly key_id: string | null;
  readonly key_name: string | null;
  readonly key_masked: string | null;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly queue_ms: number | null;
  readonly network_ms: number | null;
  readonly model_ms: number | null;
  readonly total_ms: number;
  readonly latency_ms: number;
  readonly status: number;
  readonly attempts: number | null;
  readonly streamed: boolean;
  readonly fallback: boolean | null;
  readonly hedged: boolean;
  readonly endpoint: string;
  readonly requested_model: string | null;
  readonly served_model: string | null;
  readonly error_code: string | null;
  readonly finish_reason: string | null;
  readonly route_class: 'edge' | 'own' | 'cloud' | 'upstream' | null;
  readonly region: string | null;
}

export type Shown = Static<typeof LoggedRequest>;

export function shown(row: LogRow): Shown {
  return {
    id: row.id,
    created_at: row.created_at.toISOString(),
    settled_at: row.settled_at.toISOString(),
    endpoint: row.endpoint,
    model: row.served_model ?? row.requested_model,
    requested_model: row.requested_model,
    status: row.status,
    error_code: row.error_code,
    finish_reason: row.finish_reason,
    streamed: row.streamed,
    input_tokens: row.input_tokens,
    output_tokens: row.output_tokens,
    cost: dollarsText(row.cost),
    key: keyOf(row),
    route: routeOf(row),
    latency: {
      total_ms: row.total_ms,
      queue_ms: row.queue_ms,
      network_ms: row.network_ms,
      model_ms: row.model_ms,
    },
  };
}

function keyOf({ key_id, key_name, key_masked }: LogRow): Shown['key'] {
  return key_id === null ? null : { id: key_id, name: key_name ?? '', masked: key_masked ?? '' };
}

/** Null when no target was tried. */
function routeOf({ route_class, region, attempts, hedged, fallback }: LogRow): Shown['route'] {
  if (attempts === null) return null;
  return { class: route_class, region, attempts, hedged, fallback: fallback ?? false };
}
