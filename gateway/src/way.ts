/**
 * One request's way, from the headers to the answer. This file is the table of contents: it alone knows the
 * steps, and hands each one's result to the next. ARCHITECTURE.md draws it with every error exit.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { findManifest } from '@zerogpu/catalogue';
import {
  type Answer,
  type ApiError,
  errorEnvelope,
  type Inference,
  type Place,
  type Route,
} from '@zerogpu/protocol';
import {
  type Admission,
  type Caller,
  type Origin,
  type Payload,
  RateLimited,
  type Reach,
  type RefusedCall,
  type Settlement,
  type StoredAnswer,
  type Target,
  type Trail,
} from './flow.ts';

// 1. Whose key.

import { authenticate, authenticateById, type KeyFinder } from './auth/authenticate.ts';

// 2. Read and check the body; answered before?

import { type JsonBody, readJsonBody } from './api/read-body.ts';
import type { Asked, Endpoint } from './api/shape.ts';
import { type Claim, type ClaimStore, claimIdempotency } from './idempotency/claim.ts';

// Which model runs: the one asked for, or a built-in that stands in for it.

import { chooseModel, type StandInServices } from './stand-ins/choose-model.ts';

// 3. Allowed, within context and rate limit, money held.

import { type AdmitServices, admit } from './quota/admit.ts';

// 4. Which targets, best first.

import { type Asking, canServe, type Fleet, targetsFor, whyNobody } from './router/targets.ts';

// 5. Send, wait, try the next, fall back; relay a stream. 6, running the model, is the node's.

import { dispatch } from './nodes/dispatch.ts';
import type { Hedging } from './nodes/hedging.ts';

// 7. Count, charge, log, roll up: counted here, written by `WayServices.settle` (metering/settle.ts).

import { meter } from './metering/meter.ts';
import {
  isOwned,
  type OwnedTrail,
  settlementOfAnswer,
  settlementOfFailure,
  settlementOfReplay,
} from './metering/settlement-of.ts';

// 8. Answer.

import { type Answering, toApiError } from './api/respond.ts';

/** What is asked: an HTTP request on an inference route, or a line of a batch. */
export interface Call {
  readonly endpoint: Endpoint;
  readonly requestId: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly origin: HttpOrigin | LineOrigin;
  readonly reply: Answering;
  /** Aborts with an ApiError client_closed_request when the caller goes away. */
  readonly hangup: AbortSignal;
}

export interface HttpOrigin {
  readonly kind: 'http';
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable;
  /** Of the other end of the socket; null when it is not known. */
  readonly address: string | null;
}

/** A line was read and checked when its batch was made, and is asked with the key that made it. */
export interface LineOrigin {
  readonly kind: 'line';
  readonly keyId: string;
  readonly projectId: string;
  /** Read when it is its turn, as a body that is sent. @throws as `bodyOfLine` */
  read(): Promise<JsonBody>;
}

/** What the steps work with; made once per gateway. */
export interface WayServices {
  readonly keys: KeyFinder;
  readonly claims: ClaimStore & { release(projectId: string, key: string, requestId: string): Promise<void> };
  readonly standIns: StandInServices;
  readonly admission: AdmitServices;
  readonly fleet: Fleet;
  /** Those that have the model and that texts of this reach may be given to, in the operator's order. */
  upstreams(model: string, reach: Reach): readonly Target[];
  /** What runs took, and when a second one is worth it. */
  readonly hedging: Hedging;
  /** Where a caller is; absent where nothing tells. */
  placeOf?(origin: HttpOrigin): Place | null;
  /** @throws when nothing was written, or the hold had expired */
  settle(settlement: Settlement): Promise<void>;
  /** A call whose caller never became known; for the log of the project that it names. Never throws, never waits. */
  refused(call: RefusedCall): void;
  /** What was sent and said, if the project keeps it. Never throws, never waits. */
  keep(payload: Payload): void;
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
    tier: call.origin.kind === 'line' ? 'batch' : 'interactive',
    caller: null,
    body: null,
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
  const { endpoint, requestId, startedAt, reply, hangup } = call;
  const { now } = services;
  const caller = await callerOf(call, services);
  trail.caller = caller;

  const body = await bodyOf(call, services);
  trail.body = body.bytes;
  const asked = endpoint.read(body.value);
  trail.inference = asked.inference;

  const claim = await claimOf(call, services, caller, body);
  if (claim?.kind === 'replay') {
    replay(reply, asked, claim.stored);
    trail.settled = true;
    return services.settle(settlementOfReplay({ ...trail, caller }, claim.stored, now()));
  }
  trail.claimedKey = claim?.key ?? null;

  const inference = modelFor(asked.inference, caller, endpoint.route, services);
  // The clock starts here, not when the headers came: a slow upload or a wait for another attempt is no model's time.
  const admission = await admit(
    services.admission,
    caller,
    requestId,
    endpoint.route,
    inference,
    trail.tier,
    now(),
  );
  trail.admission = admission;
  reply.limits(admission.limits);
  const { model, stream } = inference;
  if (model !== asked.inference.model) reply.requestedModel(asked.inference.model);
  const shape = asked.shape({ requestId, createdAt: startedAt, model });
  if (stream) reply.stream(shape);

  const asking = askingOf(call, admission, caller, services);
  const choices = targetsFor(asking, services);
  const { random, hedging } = services;
  const from = (origin: Origin | null) => reply.from(origin);
  const absence = () => whyNobody(asking, services);
  const { given, route } = await dispatch(choices, admission, stream ? reply : null, hangup, {
    now,
    random,
    hedging,
    from,
    absence,
  });
  trail.route = route;

  const metered = meter(admission, given);
  reply.prepare(shape, metered.answer);
  await services.settle(settlementOfAnswer({ ...trail, caller }, metered, now()));
  trail.settled = true;

  reply.answer(shape, metered.answer);
  services.keep({ ...trail, caller, status: 200, request: trail.body, answer: wordsOf(metered.answer) });
}

function callerOf({ origin, startedAt }: Call, { keys }: WayServices): Promise<Caller> {
  return origin.kind === 'line'
    ? authenticateById(keys, origin.keyId, startedAt)
    : authenticate(keys, origin.headers, startedAt);
}

function bodyOf({ origin }: Call, { maxBodyBytes, bodyTimeoutMs }: WayServices): Promise<JsonBody> {
  if (origin.kind === 'line') return origin.read();
  return readJsonBody(origin.headers, origin.body, maxBodyBytes, bodyTimeoutMs);
}

/** A line is settled once by its number in its batch, and needs no key for it. */
async function claimOf(
  { origin, endpoint, requestId, hangup }: Call,
  { claims, admission }: WayServices,
  caller: Caller,
  body: JsonBody,
): Promise<Claim | null> {
  if (origin.kind === 'line') return null;
  const { headers } = origin;
  const { deadlineMs } = admission;
  const attempt = { caller, route: endpoint.route, headers, body: body.bytes, requestId, deadlineMs, hangup };
  return claimIdempotency(claims, attempt);
}

/** What an answer says: its text, or the functions that it calls. */
function wordsOf({ text, toolCalls }: Answer): string {
  return text === '' && toolCalls.length > 0 ? JSON.stringify(toolCalls) : text;
}

/** What was asked, of the model that was asked for or of a built-in that stands in for it. */
function modelFor(asked: Inference, caller: Caller, route: Route, services: WayServices): Inference {
  const served = (model: string) => {
    const manifest = findManifest(model);
    if (manifest === undefined) return false;
    const inference = { ...asked, model };
    const asking = {
      inference,
      manifest,
      tier: 'interactive',
      tokens: 0,
      place: null,
      reach: caller,
    } as const;
    return canServe(asking, services);
  };
  return chooseModel(services.standIns, caller, route, asked, served);
}

function askingOf(
  { origin }: Call,
  { inference, manifest, tier, inputTokens }: Admission,
  reach: Reach,
  services: WayServices,
): Asking {
  const place = origin.kind === 'http' ? (services.placeOf?.(origin) ?? null) : null;
  return { inference, manifest, tier, tokens: inputTokens, place, reach };
}

function replay(reply: Answering, asked: Asked, stored: StoredAnswer): void {
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
  call.reply.prepareError(error);
  try {
    if (isOwned(trail) && !trail.settled) await settleFailure(call.reply, services, trail, error);
  } catch (cause) {
    // The hold expires by itself; the caller must not wait for a database that is away.
    services.report(call.requestId, cause);
  }
  if (error instanceof RateLimited) call.reply.limits(error.limits);
  // What was streamed, else the error as it is about to be sent.
  const said = call.reply.streamed?.text ?? JSON.stringify(errorEnvelope(error));
  call.reply.error(error);
  if (!trail.settled) remember(call, services, trail, error, said);
}

/** For people who look for what went wrong: the bodies, or that somebody was not let in. */
function remember(call: Call, services: WayServices, trail: Trail, error: ApiError, said: string): void {
  const { requestId, startedAt, endpoint, caller, body } = trail;
  const { status } = error.row;
  if (caller !== null) {
    services.keep({ requestId, startedAt, caller, status, request: body, answer: said });
  } else if (status === 401 || status === 403) {
    const totalMs = Math.max(0, services.now() - startedAt);
    services.refused({ requestId, startedAt, endpoint, project: projectNamed(call.origin), error, totalMs });
  }
}

function projectNamed(origin: Call['origin']): string | null {
  if (origin.kind === 'line') return origin.projectId;
  const project = origin.headers['x-project-id'];
  return project === undefined ? null : String(project);
}

async function settleFailure(
  reply: Answering,
  services: WayServices,
  trail: OwnedTrail,
  error: ApiError,
): Promise<void> {
  const { caller, claimedKey, requestId } = trail;
  try {
    await settleOrLog(services, settlementOfFailure(trail, error, reply.streamed, services.now()));
  } finally {
    if (claimedKey !== null) await services.claims.release(caller.projectId, claimedKey, requestId);
  }
}

/** What was produced of a broken stream is charged; where its hold is lost, it is logged and given away. */
async function settleOrLog(services: WayServices, settlement: Settlement): Promise<void> {
  try {
    await services.settle(settlement);
  } catch (error) {
    if (settlement.cost === 0n || toApiError(error).code !== 'upstream_timeout') throw error;
    await services.settle({ ...settlement, cost: 0n });
  }
}
