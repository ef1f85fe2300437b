/** The worker's side: one gateway, as a target behind which are all its nodes and upstreams. */
import { ApiError, type Inference } from '@zerogpu/protocol';
import { type Dispatcher, Pool } from 'undici';
import { type FailureKind, type Reach, type Target, type TargetAnswer, TargetFailure } from '../flow.ts';
import type { GatewayAddress } from './gateway-directory.ts';
import {
  FLEET_PATH,
  type FleetState,
  fleetStates,
  MAX_RUN_BYTES,
  type ModelState,
  RUNS_PATH,
  type RunOutcome,
  runOutcomes,
} from './messages.ts';
import { isAnswerOf, PROOF_HEADER, proveCall, type Seal } from './proof.ts';

/** Each run has a connection while it is under way; eight times the lines that a worker has by default. */
const CONNECTIONS = 256;
const CONNECT_MS = 2_000;
/** A gateway that does not say how it is by then is not there. */
const LOOK_MS = 3_000;
/** The longest answer that an upstream may give, with room for how JSON writes it. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;
/** The call never got there: nothing ran, and the line was not tried. */
const NOT_REACHED: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

const NO_GATEWAY = 'What answers there is no gateway with this secret, or its clock is wrong';

export interface RemoteGatewayServices {
  readonly seal: Seal;
  now(): number;
}

interface Seen {
  readonly models: ReadonlyMap<string, ModelState>;
  /** Runs of ours that were under way there then: they are counted in it. */
  readonly underWay: number;
}

export class RemoteGateway {
  readonly id: string;
  readonly url: string;
  rttMs = 0;
  readonly #services: RemoteGatewayServices;
  readonly #pool: Pool;
  readonly #prefix: string;
  #seen: Seen | null = null;
  #underWay = 0;

  constructor({ id, url }: GatewayAddress, services: RemoteGatewayServices) {
    const { origin, pathname } = new URL(url);
    this.id = id;
    this.url = url;
    this.#services = services;
    this.#prefix = pathname.replace(/\/$/, '');
    // The run's own deadline ends it; undici's would be a second clock.
    const timeouts = { headersTimeout: 0, bodyTimeout: 0, connectTimeout: CONNECT_MS };
    this.#pool = new Pool(origin, { connections: CONNECTIONS, ...timeouts });
  }

  /** What it said last of a model, and what of ours came since; null when it does not have it, or is away. */
  state(model: string): ModelState | null {
    const state = this.#seen?.models.get(model);
    if (this.#seen === null || state === undefined) return null;
    const since = Math.max(0, this.#underWay - this.#seen.underWay);
    return { ...state, batchRoom: state.batchRoom - since };
  }

  /** True when it answered the last time that it was asked. */
  get present(): boolean {
    return this.#seen !== null;
  }

  /** Asks how it is. @throws when it does not say */
  async look(): Promise<void> {
    try {
      const startedAt = this.#services.now();
      const { models } = await this.#fleet();
      this.rttMs = Math.max(0, this.#services.now() - startedAt);
      this.#seen = { models: new Map(models.map((model) => [model.id, model])), underWay: this.#underWay };
    } catch (error) {
      this.#seen = null;
      throw error;
    }
  }

  /** The gateway for runs whose texts may reach so far: it chooses by that. */
  targetFor(reach: Reach): Target {
    const { id } = this;
    return {
      kind: 'node',
      organizationId: null,
      id,
      run: (inference, deadline, _sink, signal) => this.#run(inference, deadline, reach, signal),
    };
  }

  async #run(
    inference: Inference,
    deadline: number,
    { organizationId, privacy, upstreams }: Reach,
    signal: AbortSignal,
  ): Promise<TargetAnswer> {
    const deadlineMs = Math.max(0, deadline - this.#services.now());
    const body = JSON.stringify({
      deadlineMs,
      inference: { ...inference, stream: false },
      tokens: roughTokens(inference),
      reach: { organizationId, privacy, upstreams },
    });
    if (Buffer.byteLength(body) > MAX_RUN_BYTES) {
      throw new TargetFailure('too_large', 'The request is larger than a gateway accepts');
    }
    this.#underWay++;
    try {
      return answerOf(await this.#outcome(body, signal));
    } catch (error) {
      throw signal.aborted ? signal.reason : asFailure(error);
    } finally {
      this.#underWay--;
    }
  }

  /** Takes no more runs; resolves when those under way are over. */
  retire(): Promise<void> {
    this.#seen = null;
    return this.#pool.close();
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }

  async #fleet(): Promise<FleetState> {
    const value = await this.#call('GET', FLEET_PATH, '', AbortSignal.timeout(LOOK_MS));
    if (!fleetStates.Check(value)) throw new TargetFailure('internal', 'The gateway is of another version');
    return value;
  }

  /** What a gateway of another version said is no answer, and no attempt of the line either. */
  async #outcome(body: string, signal: AbortSignal): Promise<RunOutcome> {
    const value = await this.#call('POST', RUNS_PATH, body, signal);
    if (runOutcomes.Check(value)) return value;
    this.#seen = null;
    throw new TargetFailure('busy', 'The gateway is of another version');
  }

  async #call(method: 'GET' | 'POST', path: string, body: string, signal: AbortSignal): Promise<unknown> {
    const { seal, now } = this.#services;
    const proof = proveCall(seal, { method, path }, body, now());
    const response = await this.#pool.request({
      method,
      path: this.#prefix + path,
      headers: { [PROOF_HEADER]: proof, 'content-type': 'application/json' },
      body: body === '' ? null : body,
      signal,
    });
    const said = await readBounded(response);
    // What a gateway says to whom it does not know, or does not understand: nothing ran.
    if (response.statusCode === 404) throw new TargetFailure('busy', NO_GATEWAY);
    // What does not know the secret is no gateway of ours, whatever stands at the address.
    if (response.statusCode !== 200 || !isAnswerOf(seal, proof, said, response.headers[PROOF_HEADER])) {
      throw new TargetFailure('lost', NO_GATEWAY);
    }
    return JSON.parse(said.toString());
  }
}

/** For the choice of a node, which is made there: four characters make a token or so. */
function roughTokens({ text, texts }: Inference): number {
  const length = texts === null ? text.length : texts.reduce((sum, one) => sum + one.length, 0);
  return Math.ceil(length / 4);
}

function answerOf(outcome: RunOutcome): TargetAnswer {
  if (outcome.kind === 'answered') return { ...outcome.given, beyond: outcome.route };
  if (outcome.failure === 'late') throw new ApiError('upstream_timeout');
  throw new TargetFailure(outcome.failure, outcome.message, outcome.param);
}

function asFailure(error: unknown): Error {
  if (error instanceof TargetFailure || error instanceof ApiError) return error;
  const kind: FailureKind = NOT_REACHED.has(codeOf(error)) ? 'busy' : 'lost';
  return new TargetFailure(kind, 'The gateway could not be reached, or broke off');
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : null;
}

async function readBounded({ body }: Dispatcher.ResponseData): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) throw new TargetFailure('internal', 'The gateway answered too much');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
