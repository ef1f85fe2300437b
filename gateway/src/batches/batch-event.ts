import type { BatchStatus, EventKind, Severity } from '@zerogpu/protocol';
import type { NewEvent } from '../admin/event.ts';
import type { BatchRow } from './batch.ts';

/** What is told of a batch; its own row, as it stands in the transaction that ended it. */
export type EndedBatch = Pick<
  BatchRow,
  | 'id'
  | 'project_id'
  | 'endpoint'
  | 'status'
  | 'errors'
  | 'input_file_id'
  | 'output_file_id'
  | 'error_file_id'
  | 'total'
  | 'completed'
  | 'failed'
>;

type Telling = readonly [EventKind, Severity, (batch: EndedBatch) => string];

/** What each ending is called, and how urgent it is: a warning where somebody's lines did not all run. */
const ENDINGS: { readonly [Status in BatchStatus]?: Telling } = {
  completed: ['batch.completed', 'info', (batch) => `A batch has ended: ${linesOf(batch)}`],
  failed: ['batch.failed', 'warning', (batch) => `A batch was not begun: ${faultTitle(batch)}`],
  cancelled: ['batch.cancelled', 'info', (batch) => `A batch was cancelled: ${linesOf(batch)}`],
  expired: [
    'batch.expired',
    'warning',
    (batch) => `A batch did not end within its 24 hours: ${linesOf(batch)}`,
  ],
};

/**
 * The event that tells of a batch's end, for `notify` in the transaction that ends it: then it is told once.
 *
 * @example
 * await notify(db, batchEvent(row, organizationId));
 * @throws Error when the batch has not ended
 */
export function batchEvent(batch: EndedBatch, organizationId: string): NewEvent {
  const ending = ENDINGS[batch.status];
  if (ending === undefined) throw new Error(`A batch that is ${batch.status} has not ended`);
  const [kind, severity, titleOf] = ending;
  const { project_id: projectId } = batch;
  return { organizationId, projectId, kind, severity, title: titleOf(batch), details: detailsOf(batch) };
}

/** No metadata: a caller's own, which may be long. */
function detailsOf(batch: EndedBatch): Readonly<Record<string, unknown>> {
  const { total, completed, failed } = batch;
  return {
    batch_id: batch.id,
    project_id: batch.project_id,
    endpoint: batch.endpoint,
    status: batch.status,
    input_file_id: batch.input_file_id,
    output_file_id: batch.output_file_id,
    error_file_id: batch.error_file_id,
    request_counts: { total, completed, failed },
    // The first fault alone: its code and line lead to it, its message may quote the file.
    ...(batch.errors === null ? {} : { fault: faultOf(batch.errors) }),
  };
}

/** Where the file is not at fault. */
const UNREAD: readonly unknown[] = ['internal_error', 'storage_error', 'file_not_found'];

function faultTitle({ errors }: EndedBatch): string {
  const unread = errors !== null && UNREAD.includes(faultOf(errors)?.code);
  return unread ? 'its input file could not be read' : 'its input file did not pass validation';
}

function faultOf(errors: string): { readonly code: unknown; readonly line: unknown } | null {
  const list: unknown = JSON.parse(errors);
  const [first] = Array.isArray(list) ? (list as readonly unknown[]) : [];
  if (typeof first !== 'object' || first === null) return null;
  return { code: Reflect.get(first, 'code') ?? null, line: Reflect.get(first, 'line') ?? null };
}

function linesOf({ total, completed, failed }: EndedBatch): string {
  return `${completed} of ${total} lines answered, ${failed} failed`;
}
