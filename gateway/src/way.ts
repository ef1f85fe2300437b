/**
 * One request's way, from the headers to the answer. This file is the table of contents: it alone knows the
 * steps, and hands each one's result to the next. ARCHITECTURE.md draws it with every error exit.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { ApiError, Inference, Route } from '@zerogpu/protocol';
import {
  type Caller,
  RateLimited,
  type Settlement,
  type StoredAnswer,
  type Target,
  type Tier,
  type Trail,
} from './flow.ts';

// 1. Whose key.

import { authenticate, type KeyFinder } from './auth/authenticate.ts';

// 2. Read and check the body; answered before?

import { readJsonBody } from './api/read-body.ts';
import type { Asked, Endpoint } from './api/shape.ts';
import { type ClaimStore, claimIdempotency } from './idempotency/claim.ts';

// Which model runs: the one asked for, or a built-in that stands in for it.

import { chooseModel, type StandInServices } from './stand-ins/choose-model.ts';

// 3. Allowed, within context and rate limit, money held.

import { type AdmitServices, admit } from './quota/admit.ts';

// 4. Which targets, best first.

import { canServe, type Fleet, targetsFor } from './router/targets.ts';

// 5. Send, wait, try the next, fall back; relay a stream. 6, running the model, is the node's.

import { dispatch } from './nodes/dispatch.ts';

// 7. Count, charge, log, roll up: counted here, written by `WayServices.settle` (metering/settle.ts).

import { meter } from './metering/meter.ts';
import {
  isOwned,
  type OwnedTrail,
  settlementOfAnswer,
  settlementOfFailure,
} from './metering/settlement-of.ts';

// 8. Answer.

import { type Reply, toApiError } from './api/respond.ts';

/** One HTTP request on an inference route. */
export interface Call {
  readonly endpoint: Endpoint;
  readonly requestId: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly tier: Tier;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable;
  readonly reply: Reply;
  /** Aborts with an ApiError client_closed_request when the caller goes away. */
  readonly hangup: AbortSignal;
}

/** What the steps work with; made once per gateway. */
export interface WayServices {
  readonly keys: KeyFinder;
  readonly claims: ClaimStore & { release(projectId: string, key: string, requestId: string): Promise<void> };
  readonly standIns: StandInServices;
  readonly admission: AdmitServices;
  readonly fleet: Fleet;
  upstreams(model: string): readonly Target[];
  /** @throws when nothing was written, or the hold had expired */
  settle(settlement: Settlement): Promise<void>;
  readonly maxBodyBytes: number;
  /** For the whole body to arrive, after the headers. */
  readonly bodyTimeoutMs: number;
  now(): number;
  random(): number;
  /** Something on our side went wrong with a request. */
  report(requestId: string, cause: unknown): void;
}

/** Takes one request its whole way. Never throws: every end is an answer, or a caller who went away. */
export async function walk(call: Call, services: WayServices): Promise<void> {
  const trail: Trail = {
    requestId: call.requestId,
    startedAt: call.startedAt,
    endpoint: call.endpoint.route,
    tier: call.tier,
    caller: null,
    inference: null,
    claimedKey: null,
    admission: null,
    route: null,
    settled: false,
  };
  try {
    await serve(call, services, trail);
  } catch (error) {
    await refuse(call, services, trail, toApiError(error));
  }
}

async function serve(call: Call, services: WayServices, trail: Trail): Promise<void> {
  const { endpoint, requestId, startedAt, headers, reply, hangup } = call;
  const { now } = services;
  const caller = await authenticate(services.keys, headers, startedAt);
  trail.caller = caller;

  const body = await readJsonBody(headers, call.body, services.maxBodyBytes, services.bodyTimeoutMs);
  const asked = endpoint.read(body.value);
  trail.inference = asked.inference;

  const { deadlineMs } = services.admission;
  const attempt = { caller, route: endpoint.route, headers, body: body.bytes, requestId, deadlineMs, hangup };
  const claim = await claimIdempotency(services.claims, attempt);
  if (claim?.kind === 'replay') return replay(reply, asked, claim.stored);
  trail.claimedKey = claim?.key ?? null;

  const inference = modelFor(asked.inference, caller, endpoint.route, services);
  // The clock starts here, not when the headers came: a slow upload or a wait for another attempt is no model's time.
  const admission = await admit(services.admission, caller, requestId, endpoint.route, inference, now());
  trail.admission = admission;
  reply.limits(admission.limits);
  const { model, stream } = inference;
  if (model !== asked.inference.model) reply.requestedModel(asked.inference.model);
  const shape = asked.shape({ requestId, createdAt: startedAt, model });
  if (stream) reply.stream(shape);

  const targets = targetsFor(inference, services.fleet, services.upstreams(model), services.random);
  const { given, route } = await dispatch(targets, admission, stream ? reply : null, hangup, now);
  trail.route = route;

  const metered = meter(admission, given);
  reply.prepare(shape, metered.answer);
  await services.settle(settlementOfAnswer({ ...trail, caller }, metered, now()));
  trail.settled = true;

  reply.answer(shape, metered.answer);
}

/** What was asked, of the model that was asked for or of a built-in that stands in for it. */
function modelFor(asked: Inference, caller: Caller, route: Route, services: WayServices): Inference {
  const { standIns, fleet } = services;
  const served = (model: string) => canServe({ ...asked, model }, fleet, services.upstreams(model));
  return chooseModel(standIns, caller, route, asked, served);
}

function replay(reply: Reply, asked: Asked, stored: StoredAnswer): void {
  const { model } = stored.answer;
  if (model !== asked.inference.model) reply.requestedModel(asked.inference.model);
  const shape = asked.shape({ ...stored, model });
  reply.replayed();
  if (asked.inference.stream) reply.stream(shape);
  reply.answer(shape, stored.answer);
}

/** Every other end: what was held is given back, the log says why, the caller is told. */
async function refuse(call: Call, services: WayServices, trail: Trail, error: ApiError): Promise<void> {
  if (error.code === 'internal_error') services.report(call.requestId, error.cause);
  try {
    if (isOwned(trail) && !trail.settled) await settleFailure(call.reply, services, trail, error);
  } catch (cause) {
    // The hold expires by itself; the caller must not wait for a database that is away.
    services.report(call.requestId, cause);
  }
  if (error instanceof RateLimited) call.reply.limits(error.limits);
  call.reply.error(error);
}

async function settleFailure(
  reply: Reply,
  services: WayServices,
  trail: OwnedTrail,
  error: ApiError,
): Promise<void> {
  const { caller, claimedKey, requestId } = trail;
  try {
    await services.settle(settlementOfFailure(trail, error, reply.streamed, services.now()));
  } finally {
    if (claimedKey !== null) await services.claims.release(caller.projectId, claimedKey, requestId);
  }
}
