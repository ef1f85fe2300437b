/**
 * The gateway's side: workers ask what its nodes can run, and have them run it. For whoever does not know the server
 * secret there is nothing at these addresses.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { findManifest } from '@zerogpu/catalogue';
import { ApiError, type ErrorCode, type Inference, type ModelManifest } from '@zerogpu/protocol';
import { type Reach, type RouteTaken, type TargetAnswer, TargetFailure } from '../flow.ts';
import {
  FLEET_PATH,
  type FleetState,
  MAX_RUN_BYTES,
  RUNS_PATH,
  type RunAsked,
  type RunFailed,
  type RunOutcome,
  runsAsked,
} from './messages.ts';
import { digestOf, judgeCall, PROOF_HEADER, proveAnswer, type Seal } from './proof.ts';

/** A run as a worker asks for it. */
export interface InternalRun {
  readonly manifest: ModelManifest;
  readonly inference: Inference;
  /** Of the input. */
  readonly inputTokens: number;
  /** Milliseconds since 1970. */
  readonly deadline: number;
  readonly reach: Reach;
}

export interface InternalServices {
  readonly seal: Seal;
  fleet(): FleetState;
  /**
   * A batch run on whatever serves the model here.
   * @throws ApiError as step 5
   */
  run(
    asked: InternalRun,
    hangup: AbortSignal,
  ): Promise<{ readonly given: TargetAnswer; readonly route: RouteTaken }>;
  now(): number;
}

/** As many as wait for one model's slots at most (slot-queue.ts): more would only be told the same there. */
const MAX_RUNS = 1024;
const MAX_MESSAGE_LENGTH = 4096;

/** A call that is over before it is answered: nobody listens. */
class Gone extends Error {
  override readonly name = 'Gone';
}

/** Answers calls of workers; says of all others that they are none. */
export class InternalCalls {
  readonly #services: InternalServices;
  #runs = 0;

  constructor(services: InternalServices) {
    this.#services = services;
  }

  /** @returns false when the call is none of a worker's: nothing was read of it, and nothing said */
  take(request: IncomingMessage, response: ServerResponse): boolean {
    const { method = '', url: path = '', headers } = request;
    const proof = headers[PROOF_HEADER];
    if (typeof proof !== 'string') return false;
    const answer = this.#answerer(method, path);
    if (answer === null) return false;
    const digest = judgeCall(this.#services.seal, { method, path }, proof, this.#services.now());
    if (digest === null) return false;
    this.#serve(request, response, proof, () => answer(request, response, digest));
    return true;
  }

  #answerer(method: string, path: string) {
    if (method === 'GET' && path === FLEET_PATH) return async () => this.#services.fleet();
    if (method !== 'POST' || path !== RUNS_PATH) return null;
    return (request: IncomingMessage, response: ServerResponse, digest: string) =>
      this.#run(request, response, digest);
  }

  #serve(
    request: IncomingMessage,
    response: ServerResponse,
    proof: string,
    answer: () => Promise<object>,
  ): void {
    answer().then(
      (value) => this.#send(response, proof, value),
      () => {
        request.destroy();
        response.destroy();
      },
    );
  }

  #send(response: ServerResponse, proof: string, value: object): void {
    const body = JSON.stringify(value);
    response.writeHead(200, {
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(body),
      [PROOF_HEADER]: proveAnswer(this.#services.seal, proof, body),
    });
    response.end(body);
  }

  async #run(request: IncomingMessage, response: ServerResponse, digest: string): Promise<RunOutcome> {
    const hangup = new AbortController();
    response.on('close', () => {
      if (!response.writableFinished) hangup.abort(new ApiError('client_closed_request'));
    });
    const body = await readBounded(request);
    if (digestOf(body) !== digest) throw new Gone();
    const asked = parseRun(body);
    // A worker of another version, which may not even say whom the texts may reach: nothing is run, and no line loses an attempt.
    if (asked === null)
      return failed('busy', 'The gateway does not understand the run: is the worker of another version?');
    const manifest = findManifest(asked.inference.model);
    if (!manifest) return failed('unavailable', 'The gateway does not know the model');
    if (this.#runs >= MAX_RUNS) return failed('busy', 'The gateway has as many runs as it takes');
    this.#runs++;
    try {
      return await this.#outcome(manifest, asked, hangup.signal);
    } finally {
      this.#runs--;
    }
  }

  async #outcome(
    manifest: ModelManifest,
    { inference, deadlineMs, tokens, reach }: RunAsked,
    hangup: AbortSignal,
  ): Promise<RunOutcome> {
    try {
      const deadline = this.#services.now() + deadlineMs;
      const { given, route } = await this.#services.run(
        { manifest, inference, inputTokens: tokens, deadline, reach },
        hangup,
      );
      const { text, reasoning, toolCalls, finishReason, usage, queueMs, modelMs } = given;
      const answer = { text, reasoning, toolCalls: [...toolCalls], finishReason, usage, queueMs, modelMs };
      return { kind: 'answered', given: answer, route };
    } catch (error) {
      if (hangup.aborted) throw new Gone();
      if (!(error instanceof ApiError)) return failed('internal', 'The gateway failed');
      return failed(failureOf(error), error.message, error.param);
    }
  }
}

function failureOf({ code, cause }: ApiError): RunFailed['failure'] {
  if (code === 'model_unavailable' && cause instanceof TargetFailure && cause.kind === 'lost') return 'lost';
  return FAILURES[code] ?? 'internal';
}

/** What the worker's own step 5 makes the same error of again, when no other gateway does better. */
const FAILURES: Partial<Record<ErrorCode, RunFailed['failure']>> = {
  invalid_value: 'input',
  request_too_large: 'too_large',
  no_capacity: 'busy',
  model_unavailable: 'unavailable',
  upstream_timeout: 'late',
};

function failed(failure: RunFailed['failure'], message: string, param: string | null = null): RunFailed {
  return { kind: 'failed', failure, message: message.slice(0, MAX_MESSAGE_LENGTH), param };
}

/** @throws Gone when there is more than a worker may send, or it broke off */
async function readBounded(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request) {
      size += chunk.length;
      if (size > MAX_RUN_BYTES) throw new Gone();
      chunks.push(chunk);
    }
  } catch {
    throw new Gone();
  }
  return Buffer.concat(chunks);
}

function parseRun(body: Buffer): RunAsked | null {
  try {
    const value: unknown = JSON.parse(body.toString());
    return runsAsked.Check(value) ? value : null;
  } catch {
    return null;
  }
}
