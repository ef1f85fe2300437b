import type { EventKind, Severity } from '@zerogpu/protocol';
import type { ClientBase } from 'pg';

/** Something that people are told: in the feed of their organization, and by its webhooks. */
export interface NewEvent {
  readonly organizationId: string;
  /** Null when it concerns the organization as a whole. */
  readonly projectId: string | null;
  readonly kind: EventKind;
  readonly severity: Severity;
  /** One sentence without a full stop. Never a secret. */
  readonly title: string;
  /** For programs: JSON, amounts as decimal dollars. Never a secret. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Writes an event in the transaction of what it tells of: both are there or neither. */
export type Notify = (db: ClientBase, event: NewEvent) => Promise<void>;
