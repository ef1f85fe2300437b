/** In which states batches are, as conditions of statements: indexes are made of the same words (migrations/0012_batches.sql). */

/** Something becomes of them still. */
export const OPEN_STATES = "('validating', 'in_progress', 'finalizing', 'cancelling')";
/** Nothing becomes of them any more. */
export const ENDED_STATES = "('completed', 'failed', 'cancelled', 'expired')";
