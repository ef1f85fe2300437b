import type { Answer, ApiError, Inference, Route } from '@zerogpu/protocol';

/** What every id and time in an answer derives from, so that a replay gives the same bytes. */
export interface AnswerIdentity {
  readonly requestId: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** The model that runs, which is not always the one that was asked for. */
  readonly model: string;
}

/** What an endpoint read from a body. */
export interface Asked {
  readonly inference: Inference;
  /** Writes this request's answer in the endpoint's form. */
  shape(identity: AnswerIdentity): Shape;
}

/** One endpoint: how its body is read and its answer written. */
export interface Endpoint {
  readonly route: Route;
  /** @throws ApiError as `checker` */
  read(body: Record<string, unknown>): Asked;
}

/** An answer in an endpoint's form. Pure: the event methods give the text of server-sent events. */
export interface Shape {
  /**
   * The answer in one piece; a string is JSON already, so that the keys of a model's own JSON keep their order.
   * @throws ApiError when it cannot be given in this form
   */
  whole(answer: Answer): object | string;
  /** Events before the first piece. */
  open(): string;
  piece(kind: 'text' | 'reasoning', text: string): string;
  /** Events after the last piece. */
  close(answer: Answer): string;
  /** The last event of a stream that broke. */
  fail(error: ApiError): string;
}

/** The random part of a request's id, shared by the ids inside its answer. */
export function idTail(requestId: string): string {
  return requestId.slice(requestId.indexOf('_') + 1);
}

/** The text of one server-sent event. */
export function sse(data: unknown, event?: string): string {
  const json = `data: ${JSON.stringify(data)}\n\n`;
  return event === undefined ? json : `event: ${event}\n${json}`;
}
