import type { EventKind, Severity } from '@zerogpu/protocol';

export const EVENT_COLUMNS = 'id, organization_id, project_id, kind, severity, title, details, created_at';

export interface EventRow {
  readonly id: string;
  readonly organization_id: string;
  readonly project_id: string | null;
  readonly kind: EventKind;
  readonly severity: Severity;
  readonly title: string;
  readonly details: Record<string, unknown>;
  readonly created_at: Date;
}

export function shownEvent(row: EventRow) {
  const { id, organization_id, project_id, kind, severity, title, details, created_at } = row;
  return {
    id,
    organization_id,
    project_id,
    kind,
    severity,
    title,
    details,
    created_at: created_at.toISOString(),
  };
}
