import type { Answer, ApiError } from '@zerogpu/protocol';
import { ApiError as Failure } from '@zerogpu/protocol';
import type { LineOutcome } from '../flow.ts';
import { type Answering, wholeText } from './respond.ts';
import type { Shape } from './shape.ts';

/** Takes a line's answer in place of a socket: the body that a caller would have been sent, or the error. */
export class LineReply implements Answering {
  readonly #requestId: string;
  #outcome: LineOutcome | null = null;
  /** Lines are never streamed. */
  readonly streamed = null;

  constructor(requestId: string) {
    this.#requestId = requestId;
  }

  /** What became of the line; before anything did, an error of ours. */
  get outcome(): LineOutcome {
    const requestId = this.#requestId;
    return this.#outcome ?? { kind: 'failed', requestId, error: new Failure('internal_error') };
  }

  prepare(shape: Shape, answer: Answer): void {
    this.#outcome = { kind: 'answered', requestId: this.#requestId, body: wholeText(shape, answer) };
  }

  prepareError(error: ApiError): void {
    this.#outcome = { kind: 'failed', requestId: this.#requestId, error };
  }

  answer(shape: Shape, answer: Answer): void {
    this.#outcome ??= { kind: 'answered', requestId: this.#requestId, body: wholeText(shape, answer) };
  }

  error(error: ApiError): void {
    this.prepareError(error);
  }

  limits(): void {}
  from(): void {}
  requestedModel(): void {}
  replayed(): void {}
  stream(): void {}
  piece(): void {}
}
