/**
 * How far a stranger's node is believed for one model. Pure: what was seen comes in, the next state comes out.
 *
 *     probation ── 10 right in a row ──▶ earned
 *         ▲                                │
 *         │ let out by the operator        │ wrong
 *     quarantined ◀────────────────────────┴──── wrong, on probation too
 */
import type { NodePool } from '@zerogpu/protocol';
import type { Trust } from '../flow.ts';

/** What a node has shown for one model, version and runtime. */
export interface TrackRecord {
  /** Checked and right, since the last wrong one. */
  readonly rightInRow: number;
  readonly right: number;
  readonly wrong: number;
  /** Answers that left and were not checked. */
  readonly unchecked: number;
}

export const NOTHING_SHOWN: TrackRecord = { rightInRow: 0, right: 0, wrong: 0, unchecked: 0 };

/** Right answers in a row, all checked, until a node's answers leave at once. */
export const RIGHT_TO_EARN = 10;
/** Of answers that left at once: with it a node that lies in one of ten is found within 460 with 99 % (0.99^460 < 0.01). */
export const LEAST_RECHECKED = 0.1;
/** Of every answer of a node that has just earned trust half are rechecked, of its fiftieth a tenth. */
const RECHECKED_AT_FIRST = 5;
/** Known answers that are asked for each answer that left at once: one for five rechecks. */
export const KNOWN_SHARE = 0.02;

export function afterRight(record: TrackRecord): TrackRecord {
  return { ...record, rightInRow: record.rightInRow + 1, right: record.right + 1 };
}

export function afterWrong(record: TrackRecord): TrackRecord {
  return { ...record, rightInRow: 0, wrong: record.wrong + 1 };
}

export function afterUnchecked(record: TrackRecord): TrackRecord {
  return { ...record, unchecked: record.unchecked + 1 };
}

/** Checked before release again, until enough in a row were right; what it has shown stays known. */
export function afterDoubt(record: TrackRecord): TrackRecord {
  return { ...record, rightInRow: 0 };
}

export function trustAt(pool: NodePool, quarantined: boolean, record: TrackRecord): Trust {
  if (pool !== 'public') return 'vouched';
  if (quarantined) return 'quarantined';
  return record.rightInRow >= RIGHT_TO_EARN ? 'earned' : 'probation';
}

/** How likely an answer that left at once is rechecked. */
export function recheckShare({ rightInRow }: TrackRecord): number {
  return Math.max(LEAST_RECHECKED, Math.min(1, RECHECKED_AT_FIRST / Math.max(1, rightInRow)));
}
