import { ApiError, type ModelManifest } from '@zerogpu/protocol';
import {
  type Admission,
  type PieceSink,
  type RouteTaken,
  type Target,
  type TargetAnswer,
  TargetFailure,
} from '../flow.ts';
import { howToServe } from '../how-to-serve.ts';
import { ResumingSink } from './resuming-sink.ts';

export interface DispatchResult {
  readonly given: TargetAnswer;
  readonly route: RouteTaken;
}

/** What of an admission this step needs. */
export type Asked = Pick<Admission, 'manifest' | 'tier' | 'inference' | 'deadline'>;

/** What a caller should do when the model is in nobody's reach; the way back to service is the operator's. */
const RETRY_SOON_SECONDS = 1;
const RETRY_LATER_SECONDS = 10;

/**
 * Step 5: gives the request to one target after the other until one answers, within the deadline.
 * A stream that broke is taken up by the next target where it stopped, if the model gives the same bytes everywhere.
 * @param targets best first; asked for the next only when one failed
 * @param hangup aborts with an ApiError client_closed_request when the caller goes away
 * @throws ApiError no_capacity, model_unavailable, upstream_timeout, client_closed_request, invalid_value, request_too_large, internal_error
 */
export async function dispatch(
  targets: Iterable<Target>,
  admission: Asked,
  sink: PieceSink | null,
  hangup: AbortSignal,
  now: () => number,
): Promise<DispatchResult> {
  // One controller for both reasons: AbortSignal.any costs 13 µs, this 1 µs, on every request.
  const over = new AbortController();
  const left = Math.max(0, admission.deadline - now());
  const timer = setTimeout(() => over.abort(new ApiError('upstream_timeout')), left);
  const onHangup = () => over.abort(hangup.reason);
  if (hangup.aborted) onHangup();
  hangup.addEventListener('abort', onHangup, { once: true });
  try {
    return await tryEach(targets, admission, sink, over.signal, now);
  } finally {
    clearTimeout(timer);
    hangup.removeEventListener('abort', onHangup);
  }
}

async function tryEach(
  targets: Iterable<Target>,
  admission: Asked,
  sink: PieceSink | null,
  signal: AbortSignal,
  now: () => number,
): Promise<DispatchResult> {
  const resuming = sink === null ? null : new ResumingSink(sink);
  const failures: TargetFailure[] = [];
  let nodesTried = 0;
  for (const target of targets) {
    const startedAt = now();
    try {
      const given = await target.run(
        admission.inference,
        admission.deadline,
        resuming?.attempt() ?? null,
        signal,
        admission.tier,
      );
      resuming?.complete(given.text, given.reasoning);
      return { given, route: routeTaken(target, given, failures.length + 1, now() - startedAt) };
    } catch (error) {
      if (!(error instanceof TargetFailure)) throw error;
      if (error.kind === 'input') throw inputError(error);
      failures.push(error);
      if (resuming?.started && !admission.manifest.deterministic) break;
    }
    if (target.kind === 'node') nodesTried++;
  }
  throw nobodyAnswered(admission.manifest, failures, nodesTried);
}

function routeTaken(target: Target, given: TargetAnswer, attempts: number, elapsedMs: number): RouteTaken {
  const networkMs = Math.max(0, elapsedMs - given.queueMs - given.modelMs);
  const { beyond } = given;
  if (beyond) return { ...beyond, attempts: attempts - 1 + beyond.attempts, networkMs };
  return {
    kind: target.kind,
    target: target.id,
    organizationId: target.organizationId,
    attempts,
    fallback: target.kind === 'upstream',
    hedged: false,
    queueMs: given.queueMs,
    networkMs,
    modelMs: given.modelMs,
  };
}

function inputError(failure: TargetFailure): ApiError {
  return new ApiError('invalid_value', {
    message: failure.message,
    ...(failure.param === null ? {} : { param: failure.param }),
  });
}

function nobodyAnswered(
  manifest: ModelManifest,
  failures: readonly TargetFailure[],
  nodesTried: number,
): ApiError {
  if (failures.length === 0) {
    return new ApiError('model_unavailable', {
      message: `No connected node and no upstream has ${manifest.id} at the moment. ${howToServe(manifest)}`,
      retryAfterSeconds: RETRY_LATER_SECONDS,
    });
  }
  if (failures.every((failure) => failure.kind === 'busy')) {
    return new ApiError('no_capacity', { retryAfterSeconds: RETRY_SOON_SECONDS });
  }
  if (failures.some((failure) => failure.kind === 'too_large')) {
    return new ApiError('request_too_large', {
      message: 'The request is larger than what serves this model accepts',
    });
  }
  // Of one that was lost on the way the request may be the cause; elsewhere it was not begun.
  const cause = failures.find((failure) => failure.kind === 'lost') ?? failures.at(-1);
  if (failures.some((failure) => failure.kind === 'internal'))
    return new ApiError('internal_error', { cause });
  const tried = nodesTried === 1 ? '1 node' : `${nodesTried} nodes`;
  return new ApiError('model_unavailable', {
    message: `${manifest.id} was lost on the way (${tried} and ${failures.length - nodesTried} upstreams tried); try again`,
    retryAfterSeconds: RETRY_SOON_SECONDS,
    cause,
  });
}
