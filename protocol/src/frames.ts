/**
 * What a node and a gateway say to each other on the WebSocket `/v1/nodes/connect`, subprotocol
 * `zerogpu.node.v1`: one JSON object a text frame.
 *
 *     node                                gateway
 *      │ ◀───────────────────── challenge │  a nonce, right after the socket opens
 *      │ hello ─────────────────────────▶ │  public key, signature of the nonce, join token the first time
 *      │ ◀──────────── welcome │ refused  │
 *      │ ◀──────────────────────────  run │  up to the announced slots at once, each with its own id
 *      │ piece* ────────────────────────▶ │  only when the run streams
 *      │ done │ failed ─────────────────▶ │
 *      │ ◀─────────────────────── notice  │  for the owner's eyes
 *      │ ◀─────────────────────── cancel  │  the caller went away, or another node was quicker
 *      │ load ──────────────────────────▶ │  on every change of models or state, and as heartbeat
 *      │ ◀───────────────────────── beat  │  browsers only, which neither see pings nor stop answering them when frozen
 *      │ alive ─────────────────────────▶ │  at once
 *      │ draining ──────────────────────▶ │  no new runs; finishes what it has
 *
 * Fields and types of frames that one side does not know it ignores, so that either may be the newer one. What changes
 * the meaning of what is here gets a new number in NODE_PROTOCOLS: the node tells what it speaks, the gateway chooses.
 */
import { type Static, Type } from '@sinclair/typebox';
import { DEVICE_CLASSES } from './fleet.ts';

export const NODE_SUBPROTOCOL = 'zerogpu.node.v1';
export const NODE_CONNECT_PATH = '/v1/nodes/connect';
/** Models' files, by their SHA-256: `/v1/nodes/models/{sha256}`. Weights are open, so no key is asked for. */
export const NODE_MODELS_PATH = '/v1/nodes/models';
/** Versions of what is written here. A node or gateway from before versions were told speaks the first. */
export const NODE_PROTOCOLS = { oldest: 1, newest: 1 } as const;
/** The largest frame either side accepts; a run of 131,072 three-byte characters with options fits well. */
export const MAX_FRAME_BYTES = 4 * 1024 * 1024;
/** What a node signs, so that its signature is good for nothing else. */
export const CHALLENGE_CONTEXT = 'zerogpu.node.v1 challenge ';

const runId = Type.String({ minLength: 1, maxLength: 64 });

export const AnnouncedModel = Type.Object({
  id: Type.String({ minLength: 1, maxLength: 256 }),
  version: Type.String({ minLength: 1, maxLength: 64 }),
  /** How many runs of it the node works on at once; the gateway never has more in flight there. */
  slots: Type.Integer({ minimum: 1, maximum: 1024 }),
  /** In memory already; otherwise the first run waits for it to load. */
  resident: Type.Boolean(),
  /** How quick the node found itself when it tried the model; the gateway believes what it sees more. */
  speed: Type.Optional(
    Type.Object({
      /** Milliseconds that any run takes. */
      baseMs: Type.Number({ minimum: 0, maximum: 1e6 }),
      /** Milliseconds for a thousand tokens of input. */
      perThousandMs: Type.Number({ minimum: 0, maximum: 1e6 }),
    }),
  ),
});
export type AnnouncedModel = Static<typeof AnnouncedModel>;

const models = Type.Array(AnnouncedModel, { maxItems: 256 });

const protocolVersion = Type.Integer({ minimum: 1, maximum: 65_535 });

export const Hello = Type.Object({
  type: Type.Literal('hello'),
  /** Versions of this protocol that the node speaks; one that does not say speaks the first. */
  protocols: Type.Optional(Type.Object({ oldest: protocolVersion, newest: protocolVersion })),
  /** Version of the node's software, such as `0.1.0`. */
  software: Type.Optional(Type.String({ maxLength: 32 })),
  /** Ed25519, raw 32 bytes, base64url. */
  publicKey: Type.String({ minLength: 43, maxLength: 43 }),
  /** Over CHALLENGE_CONTEXT followed by the challenge's nonce, base64url. */
  signature: Type.String({ minLength: 86, maxLength: 86 }),
  /** Needed only until the node is known. */
  joinToken: Type.Optional(Type.String({ maxLength: 128 })),
  name: Type.String({ minLength: 1, maxLength: 128 }),
  agent: Type.String({ minLength: 1, maxLength: 64 }),
  capabilities: Type.Object({
    cores: Type.Integer({ minimum: 1, maximum: 4096 }),
    memoryBytes: Type.Integer({ minimum: 0 }),
    platform: Type.String({ maxLength: 64 }),
    timeZone: Type.String({ maxLength: 64 }),
    deviceClass: Type.Optional(Type.Union(DEVICE_CLASSES.map((name) => Type.Literal(name)))),
    runtimes: Type.Optional(Type.Array(Type.String({ maxLength: 16 }), { maxItems: 16 })),
    /** In degrees: given by the owner, or by the browser with permission. */
    place: Type.Optional(
      Type.Object({
        latitude: Type.Number({ minimum: -90, maximum: 90 }),
        longitude: Type.Number({ minimum: -180, maximum: 180 }),
      }),
    ),
  }),
  models,
});
export type Hello = Static<typeof Hello>;

export const PieceFrame = Type.Object({
  type: Type.Literal('piece'),
  id: runId,
  kind: Type.Union([Type.Literal('text'), Type.Literal('reasoning')]),
  text: Type.String(),
});

export const Done = Type.Object({
  type: Type.Literal('done'),
  id: runId,
  text: Type.String(),
  reasoning: Type.Union([Type.String(), Type.Null()]),
  finishReason: Type.Union([Type.Literal('stop'), Type.Literal('length')]),
  inputTokens: Type.Integer({ minimum: 0 }),
  outputTokens: Type.Integer({ minimum: 0 }),
  /** Milliseconds that the run took on the node: waiting for the model to load and for its turn, and running. */
  loadMs: Type.Number({ minimum: 0 }),
  modelMs: Type.Number({ minimum: 0 }),
});
export type Done = Static<typeof Done>;

export const NODE_FAILURES = [
  /** The request does not fit the model: the caller's mistake, another node would say the same. */
  'input',
  /** The model is not here (any more). */
  'model_unavailable',
  /** All slots are taken: the gateway counted wrong, or the node is shrinking. */
  'busy',
  /** The run was cancelled by a cancel frame, or its deadline passed. */
  'cancelled',
  /** Anything else; another node may do better. */
  'internal',
] as const;
export type NodeFailure = (typeof NODE_FAILURES)[number];

export const Failed = Type.Object({
  type: Type.Literal('failed'),
  id: runId,
  code: Type.Union(NODE_FAILURES.map((code) => Type.Literal(code))),
  message: Type.String({ maxLength: 4096 }),
  param: Type.Union([Type.String({ maxLength: 256 }), Type.Null()]),
});
export type Failed = Static<typeof Failed>;

/** The state of a node: on every change, and at least once per heartbeat interval. */
export const Load = Type.Object({
  type: Type.Literal('load'),
  models,
  residentBytes: Type.Integer({ minimum: 0 }),
});
export type Load = Static<typeof Load>;

export const Draining = Type.Object({ type: Type.Literal('draining') });

/** What a question and its answer have in common. */
const beatNonce = Type.Optional(Type.String({ maxLength: 64 }));

/** The answer to `beat`, with its nonce. */
export const Alive = Type.Object({ type: Type.Literal('alive'), nonce: beatNonce });

/** Everything a node may say. */
export const NodeFrame = Type.Union([Hello, PieceFrame, Done, Failed, Load, Draining, Alive]);
export type NodeFrame = Static<typeof NodeFrame>;

export const Challenge = Type.Object({
  type: Type.Literal('challenge'),
  nonce: Type.String({ minLength: 32, maxLength: 128 }),
});

/**
 * A model as the gateway's catalogue has it: enough for a node to fetch other weights of a model that its software can
 * run, and nothing to execute.
 */
export const CatalogueModel = Type.Object({
  id: Type.String({ minLength: 1, maxLength: 256 }),
  version: Type.String({ pattern: '^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$' }),
  runtime: Type.String({ maxLength: 16 }),
  files: Type.Array(
    Type.Object({
      path: Type.String({ minLength: 1, maxLength: 128 }),
      /** A terabyte would be one that nobody can hold. */
      bytes: Type.Integer({ minimum: 0, maximum: 2 ** 40 }),
      sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    }),
    { maxItems: 64 },
  ),
  needs: Type.Array(Type.String({ maxLength: 256 }), { maxItems: 16 }),
  memoryBytes: Type.Integer({ minimum: 0, maximum: 2 ** 44 }),
  maxTokens: Type.Integer({ minimum: 1, maximum: 2 ** 24 }),
  maxOutputTokens: Type.Integer({ minimum: 1, maximum: 2 ** 24 }),
});
export type CatalogueModel = Static<typeof CatalogueModel>;

export const Welcome = Type.Object({
  type: Type.Literal('welcome'),
  nodeId: Type.String(),
  /** The node says `load` at least this often. */
  heartbeatMs: Type.Integer({ minimum: 100 }),
  /** The version that both speak from here on; the first when it is not told. */
  protocol: Type.Optional(protocolVersion),
  /** There is newer software for the node, in words that say how to get it. */
  update: Type.Optional(
    Type.Object({ version: Type.String({ maxLength: 32 }), message: Type.String({ maxLength: 1024 }) }),
  ),
  /** `CatalogueModel`s. What a newer gateway says of one in other words must not cost the node its welcome: read apart. */
  models: Type.Optional(Type.Unknown()),
});

export const REFUSALS = [
  'token_invalid',
  'signature_invalid',
  'revoked',
  'version_unsupported',
  'hello_expected',
  /** It misbehaved again and again; it may come back later. */
  'banned',
] as const;

export const Refused = Type.Object({
  type: Type.Literal('refused'),
  code: Type.Union(REFUSALS.map((code) => Type.Literal(code))),
  message: Type.String(),
});

/** Shaped as `Inference`; the gateway checked it before, so a node checks only what it uses. */
export const Run = Type.Object({
  type: Type.Literal('run'),
  id: runId,
  /** Milliseconds left until nobody waits for the answer any more. */
  deadlineMs: Type.Number({ minimum: 0 }),
  /** Nobody waits for this one in person: others go first. What a node does not know, it runs like any other. */
  priority: Type.Optional(Type.Literal('batch')),
  inference: Type.Unsafe<import('./inference.ts').Inference>(
    Type.Object({
      model: Type.String(),
      messages: Type.Array(Type.Object({ role: Type.String(), content: Type.String() })),
      text: Type.String(),
      texts: Type.Union([Type.Array(Type.String()), Type.Null()]),
      instructions: Type.Union([Type.String(), Type.Null()]),
      metadata: Type.Record(Type.String(), Type.Unknown()),
      maxOutputTokens: Type.Union([Type.Integer({ minimum: 1 }), Type.Null()]),
      stream: Type.Boolean(),
    }),
  ),
});
export type Run = Static<typeof Run>;

export const Cancel = Type.Object({ type: Type.Literal('cancel'), id: runId });

/**
 * To each browser once a heartbeat, in place of the socket's ping: pages do not see pings, so they could not tell that a
 * gateway is dead, and a browser answers them also for a page that it has frozen. The way there and back is measured with it:
 * the nonce is said back, so that nobody looks nearer by answering before it was asked.
 */
export const Beat = Type.Object({ type: Type.Literal('beat'), nonce: beatNonce });

/** Something that the owner of the node should know; it changes nothing by itself. */
export const NoticeFrame = Type.Object({
  type: Type.Literal('notice'),
  /** `draining`, `quarantined` or `serving`; a newer gateway may say others. */
  kind: Type.String({ minLength: 1, maxLength: 32 }),
  message: Type.String({ maxLength: 1024 }),
});
export type NoticeFrame = Static<typeof NoticeFrame>;

/** Everything a gateway may say. */
export const GatewayFrame = Type.Union([Challenge, Welcome, Refused, Run, Cancel, Beat, NoticeFrame]);
export type GatewayFrame = Static<typeof GatewayFrame>;
