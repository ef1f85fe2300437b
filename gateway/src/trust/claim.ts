/** What a node said of a request, and whether it is what the request's right answer says. */
import { createHash } from 'node:crypto';
import type { FinishReason, Inference, Tier } from '@zerogpu/protocol';
import { type PieceSink, type Target, type TargetAnswer, TargetFailure } from '../flow.ts';

export type Claim =
  | {
      readonly kind: 'answer';
      readonly text: string;
      readonly reasoning: string | null;
      readonly finishReason: FinishReason;
    }
  /** The request does not fit the model. Its words are the node's own and are not compared. */
  | { readonly kind: 'refusal' }
  /** Pieces, and then no end. */
  | { readonly kind: 'part'; readonly text: string; readonly reasoning: string };

export type Outcome =
  | { readonly kind: 'answer'; readonly answer: TargetAnswer }
  | { readonly kind: 'refusal'; readonly failure: TargetFailure };

/** What a run is given. */
export interface RunArguments {
  readonly inference: Inference;
  /** Milliseconds since 1970. */
  readonly deadline: number;
  readonly sink: PieceSink | null;
  readonly signal: AbortSignal;
  readonly tier: Tier;
}

/** @throws TargetFailure for what says nothing of the answer; the signal's reason */
export async function outcomeOf(target: Target, run: RunArguments): Promise<Outcome> {
  const { inference, deadline, sink, signal, tier } = run;
  try {
    return { kind: 'answer', answer: await target.run(inference, deadline, sink, signal, tier) };
  } catch (error) {
    if (error instanceof TargetFailure && error.kind === 'input') return { kind: 'refusal', failure: error };
    throw error;
  }
}

/** @throws TargetFailure when it is a refusal */
export function answerIn(outcome: Outcome): TargetAnswer {
  if (outcome.kind === 'refusal') throw outcome.failure;
  return outcome.answer;
}

export function claimOf(outcome: Outcome): Claim {
  if (outcome.kind === 'refusal') return { kind: 'refusal' };
  const { text, reasoning, finishReason } = outcome.answer;
  return { kind: 'answer', text, reasoning, finishReason };
}

/** Byte for byte: text, reasoning and why it ended; of a part, that the right answer begins so. */
export function agrees(given: Claim, expected: Claim): boolean {
  if (given.kind === 'part') {
    if (expected.kind !== 'answer') return false;
    return expected.text.startsWith(given.text) && (expected.reasoning ?? '').startsWith(given.reasoning);
  }
  return hashOf(given).equals(hashOf(expected));
}

/** What is kept of an answer that was wrong. */
export function hashOf(claim: Claim): Buffer {
  const { kind } = claim;
  const said = kind === 'refusal' ? [] : [claim.text, claim.reasoning];
  const end = kind === 'answer' ? claim.finishReason : null;
  return createHash('sha256')
    .update(JSON.stringify([kind, ...said, end]))
    .digest();
}

/** In UTF-16 code units. */
export function lengthOf(claim: Claim): number {
  return claim.kind === 'refusal' ? 0 : claim.text.length + (claim.reasoning?.length ?? 0);
}

/** What was streamed so far, on its way to whoever reads it. */
export class HeardPieces implements PieceSink {
  text = '';
  reasoning = '';
  readonly #sink: PieceSink;

  constructor(sink: PieceSink) {
    this.#sink = sink;
  }

  piece(kind: 'text' | 'reasoning', text: string): void {
    this[kind] += text;
    this.#sink.piece(kind, text);
  }

  get part(): Claim | null {
    const { text, reasoning } = this;
    return text === '' && reasoning === '' ? null : { kind: 'part', text, reasoning };
  }
}
