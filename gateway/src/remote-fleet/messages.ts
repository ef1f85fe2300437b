/** What a worker and a gateway say to each other over HTTP, JSON each way. */
import { type Static, Type } from '@sinclair/typebox';
import { TypeCompiler } from '@sinclair/typebox/compiler';
import { DEVICE_CLASSES, MAX_FRAME_BYTES, PRIVACY_TIERS, Run } from '@zerogpu/protocol';

export const FLEET_PATH = '/internal/fleet';
export const RUNS_PATH = '/internal/runs';
/** A conversation stands in a run twice, as messages and as a text; what is larger than a frame no node takes. */
export const MAX_RUN_BYTES = 2 * MAX_FRAME_BYTES;

const nullable = <T extends import('@sinclair/typebox').TSchema>(schema: T) =>
  Type.Union([schema, Type.Null()]);
const ms = Type.Number({ minimum: 0 });
const name = Type.String({ maxLength: 256 });

/** One model on all nodes of a gateway together. */
const ModelState = Type.Object({
  id: name,
  nodes: Type.Integer({ minimum: 0 }),
  slots: Type.Integer({ minimum: 0 }),
  inFlight: Type.Integer({ minimum: 0 }),
  batchRoom: Type.Integer(),
  resident: Type.Boolean(),
  serviceMs: nullable(ms),
  /** Whether the gateway has an upstream for it that all may use; and one that some opted in to. */
  upstream: Type.Boolean(),
  untrusted: Type.Boolean(),
});
export type ModelState = Static<typeof ModelState>;

/** What a gateway can run now; a model that it cannot is left out. */
export const FleetState = Type.Object({ models: Type.Array(ModelState, { maxItems: 1024 }) });
export type FleetState = Static<typeof FleetState>;

const oneOf = <T extends string>(...texts: readonly T[]) =>
  Type.Union(texts.map((text) => Type.Literal(text)));

export const RunAsked = Type.Object({
  /** Milliseconds left. */
  deadlineMs: ms,
  inference: Run.properties.inference,
  /** Of the input, counted by the worker. */
  tokens: Type.Integer({ minimum: 0 }),
  /** Whom the texts may reach. */
  reach: Type.Object({
    organizationId: name,
    privacy: oneOf(...PRIVACY_TIERS),
    upstreams: Type.Boolean(),
  }),
});
export type RunAsked = Static<typeof RunAsked>;

const TOOL_CALL = Type.Object({
  id: Type.String(),
  type: Type.Literal('function'),
  function: Type.Object({ name: Type.String(), arguments: Type.String() }),
});

const Answered = Type.Object({
  kind: Type.Literal('answered'),
  given: Type.Object({
    text: Type.String(),
    reasoning: nullable(Type.String()),
    toolCalls: Type.Array(TOOL_CALL, { maxItems: 1024 }),
    finishReason: oneOf('stop', 'length', 'tool_calls', 'content_filter'),
    usage: nullable(
      Type.Object({
        inputTokens: Type.Integer({ minimum: 0 }),
        outputTokens: Type.Integer({ minimum: 0 }),
        reasoningTokens: Type.Integer({ minimum: 0 }),
      }),
    ),
    queueMs: ms,
    modelMs: ms,
  }),
  /** Who answered. */
  route: Type.Object({
    kind: oneOf('node', 'upstream'),
    target: name,
    class: oneOf('edge', 'own', 'cloud', 'upstream'),
    deviceClass: nullable(oneOf(...DEVICE_CLASSES)),
    region: nullable(name),
    attempts: Type.Integer({ minimum: 1 }),
    fallback: Type.Boolean(),
    hedged: Type.Boolean(),
    why: nullable(Type.String({ maxLength: 600 })),
    queueMs: ms,
    networkMs: ms,
    modelMs: ms,
  }),
});

const Failed = Type.Object({
  kind: Type.Literal('failed'),
  /** As of a target, and `late`: the deadline passed. */
  failure: oneOf('lost', 'busy', 'unavailable', 'internal', 'too_large', 'input', 'late'),
  message: Type.String({ maxLength: 4096 }),
  param: nullable(name),
});

export const RunOutcome = Type.Union([Answered, Failed]);
export type RunOutcome = Static<typeof RunOutcome>;
export type RunFailed = Static<typeof Failed>;

export const fleetStates = TypeCompiler.Compile(FleetState);
export const runsAsked = TypeCompiler.Compile(RunAsked);
export const runOutcomes = TypeCompiler.Compile(RunOutcome);
